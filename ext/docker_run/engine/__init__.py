"""Everything that uses Docker: connections, images, containers, terminals, cleanup."""

__all__ = ["cleanup", "commands", "connection", "host", "private", "runners", "settings"]
