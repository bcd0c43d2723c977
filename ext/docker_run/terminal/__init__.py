"""Terminals: keys, typing, shell marks, the emulated screen, and its markup for pages. Pure."""

__all__ = ["emulation", "keys", "markup", "osc133", "screen", "segments", "typist", "visible", "waits"]
