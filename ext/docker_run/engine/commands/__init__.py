"""What `python -m docker_run` does on an engine: reports, lock files, images of projects."""
