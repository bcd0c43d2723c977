"""The image catalogue, read: references, build contexts, Dockerfiles, the lock file. Needs no engine."""

__all__ = ["build_context", "dockerfile", "lock_file", "reference"]
