"""Removing what builds leave on an engine or on this machine, and knowing what is whose."""
