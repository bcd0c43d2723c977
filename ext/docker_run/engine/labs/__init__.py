"""Labs: throwaway machines with an engine of their own, each with a shell that pages are typed into."""

__all__ = ["lab_runner"]
