"""The registry of a build, from which labs pull the catalogue's images."""

__all__ = ["registry"]
