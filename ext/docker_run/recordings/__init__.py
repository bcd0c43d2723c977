"""Recordings: their keys, their text, how two are compared, and where they are kept."""
