"""Images: pulled, or built from the catalogue."""

__all__ = ["docker_build", "image_store", "lab_image", "provider", "pull"]
