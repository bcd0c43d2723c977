"""The settings in `conf.py`, and what their values may be."""
