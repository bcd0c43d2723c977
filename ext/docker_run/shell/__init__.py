"""A shell's view of a command line: words, continuation lines, invoked programs. Pure."""

__all__ = ["argv", "continuation", "invocations"]
