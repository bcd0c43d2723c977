"""A private engine for machines where none answers: installed, started, and ended with its last user."""

__all__ = ["private_engine"]
