"""Parsers for the values of flags, by the CLI's rules. Pure."""

__all__ = ["choices", "devices", "env_file", "mounts", "networks", "ports", "rates", "restart", "scalars"]
