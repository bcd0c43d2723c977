"""Recordings: their keys, their text, how two are compared, and where they are kept."""

__all__ = ["compare", "failed_runs", "key", "key_parts", "masks", "record", "run_cache", "store"]
