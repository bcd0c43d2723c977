"""The runner `direct`: runs `docker run` lines as requests to the engine."""

__all__ = ["direct_session"]
