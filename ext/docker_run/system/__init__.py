"""The operating system: processes, locks, signals and files, on any platform."""

__all__ = ["files", "locks", "processes", "signals"]
