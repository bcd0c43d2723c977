"""Labs: throwaway machines with an engine of their own, and a shell into which pages are typed."""

__all__ = ["lab_pool"]
