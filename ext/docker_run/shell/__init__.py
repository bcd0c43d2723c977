"""How a shell would read a command line: words, continued lines, invoked programs. Pure."""

__all__ = ["argv", "continuation", "invocations"]
