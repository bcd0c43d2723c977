"""The settings in `conf.py`, and what their values may be."""

__all__ = ["config_settings", "validators"]
