"""Images: pulled, or built from the catalogue."""
