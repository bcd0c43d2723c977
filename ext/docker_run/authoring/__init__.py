"""What authors write, parsed: the text of a directive → a `Step`. Pure."""
