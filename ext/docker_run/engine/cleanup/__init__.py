"""Removing what builds leave on an engine or on this machine, and knowing what is whose."""

__all__ = ["anonymous_volumes", "build_folder", "labels", "lease", "removal", "sweep"]
