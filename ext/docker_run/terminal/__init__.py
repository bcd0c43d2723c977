"""Terminals: what keys send, what a screen shows, and how that travels to a page. Pure."""
