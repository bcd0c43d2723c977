"""Enumerated values: streams, pull policies, namespaces.

Each member equals its word in the CLI and the Engine API.
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
    """When an image is pulled before a container is created."""

    ALWAYS = "always"
    MISSING = "missing"
    """If the engine has no image of that name."""
    NEVER = "never"


class Namespace(StrEnum):
    """The kernel namespace that a container uses."""

    DEFAULT = ""
    """The engine's default."""
    HOST = "host"
    PRIVATE = "private"


def stream(text: str) -> StandardStream:
    """Parse the value of `-a`."""
    try:
        return StandardStream(text.lower())
    except ValueError:
        raise BadValue("valid streams are STDIN, STDOUT and STDERR") from None


def pull_policy(text: str) -> PullPolicy:
    """Parse the value of `--pull`; empty is the CLI's default."""
    try:
        return PullPolicy(text or PullPolicy.MISSING)
    except ValueError:
        raise BadValue(
            f'invalid pull option: \'{text}\': must be one of "always", "missing" or "never"'
        ) from None
