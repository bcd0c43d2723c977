"""The part that talks to Docker: connecting, images, containers, terminals, cleaning up."""

__all__ = ["cleanup", "commands", "connection", "host", "opening", "private"]
