"""Terminals: what keys send, what a screen shows, and how that travels to a page. Pure."""

__all__ = ["emulation", "keys", "markup", "osc133", "screen", "typist", "visible", "waits"]
