"""Images: pulled, or built from the catalogue."""

__all__ = ["docker_build", "lab_image", "provider", "pull"]
