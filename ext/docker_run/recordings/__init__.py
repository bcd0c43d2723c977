"""Recordings: keys, text format, comparison, storage."""

__all__ = ["compare", "failed_runs", "key", "key_parts", "masks", "record", "run_cache", "store"]
