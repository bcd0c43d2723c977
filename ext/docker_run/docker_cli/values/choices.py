"""Values that are one of a few words: streams, when an image is pulled, whose namespace is used.

Each member equals its word, as the CLI and the Engine API have it.
"""

from __future__ import annotations

from enum import StrEnum

from docker_run.docker_cli.values.scalars import BadValue


class StandardStream(StrEnum):
    """A stream of a container's first process that a client can attach to."""

    STDIN = "stdin"
    STDOUT = "stdout"
    STDERR = "stderr"


class PullPolicy(StrEnum):
    """When an image is pulled before a container is made of it."""

    ALWAYS = "always"
    MISSING = "missing"
    """Where the engine has none of that name."""
    NEVER = "never"


class Namespace(StrEnum):
    """Whose namespace of the kernel a container is in."""

    DEFAULT = ""
    """What the engine is configured to."""
    HOST = "host"
    PRIVATE = "private"


def stream(text: str) -> StandardStream:
    """Read a stream's name for `-a`."""
    try:
        return StandardStream(text.lower())
    except ValueError:
        raise BadValue("valid streams are STDIN, STDOUT and STDERR") from None


def pull_policy(text: str) -> PullPolicy:
    """Read the value of `--pull`; empty is the CLI's own."""
    try:
        return PullPolicy(text or PullPolicy.MISSING)
    except ValueError:
        raise BadValue(
            f'invalid pull option: \'{text}\': must be one of "always", "missing" or "never"'
        ) from None
