"""What authors write, parsed: the text of a directive → a `Step`. Pure."""

__all__ = ["console", "file_directive", "options", "presentation", "run_directive"]
