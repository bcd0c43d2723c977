"""The subcommands of `python -m docker_run` that need an engine: reports, lock files, project images."""

__all__ = ["catalogue_report", "lock_update", "project_image"]
