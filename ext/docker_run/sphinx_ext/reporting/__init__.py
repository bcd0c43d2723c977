"""Reporting a build through Sphinx's log."""

__all__ = ["log", "log_reporters", "progress"]
