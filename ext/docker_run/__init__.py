"""A Sphinx extension whose directive `docker-run` runs commands and embeds their real output."""

from __future__ import annotations

__version__ = "0.1.0"
