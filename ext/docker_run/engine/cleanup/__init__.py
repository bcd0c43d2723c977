"""Removing what builds leave on an engine or on this machine: ownership, leases, sweeps."""

__all__ = ["anonymous_volumes", "build_directory", "labels", "lease", "removal", "sweep"]
