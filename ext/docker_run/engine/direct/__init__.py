"""The runner `direct`: `docker run` lines as requests to the engine."""

__all__ = ["direct_runner"]
