"""Reading the image catalogue: references, build contexts, Dockerfiles, the lock file. Without an engine."""

__all__ = ["build_context", "dockerfile", "lock_file", "recorded_images", "reference"]
