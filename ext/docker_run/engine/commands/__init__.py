"""What `python -m docker_run` does on an engine: reports, lock files, images of projects."""

__all__ = ["catalogue_report", "lock_update", "project_image"]
