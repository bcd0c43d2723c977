"""The values of flags, read as the CLI reads them. Pure."""

__all__ = ["choices", "devices", "env_file", "mounts", "networks", "ports", "rates", "restart", "scalars"]
