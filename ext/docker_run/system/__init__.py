"""The operating system: processes, locks, signals and files, on any platform."""

__all__ = ["closing", "files", "locks", "processes", "signals"]
