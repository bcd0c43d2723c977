"""The operating system: processes, locks, signals and files, on any platform."""
