"""Restart policies: the value of `--restart`.

Source of the rules: docker/cli, `opts/parse.go`.
"""

from __future__ import annotations

from typing import NamedTuple

from docker_run.docker_cli.values.scalars import BadValue, decimal_integer


class RestartPolicy(NamedTuple):
    """The restart policy of a container."""

    name: str = "no"
    """`no`, `always`, `unless-stopped` or `on-failure`; empty for the engine's default."""
    retries: int = 0
    """The maximum number of restarts; 0 is unlimited."""


def restart(text: str) -> RestartPolicy:
    """Parse `NAME[:TIMES]`, e.g. `on-failure:3`; the engine validates the name."""
    name, colon, times = text.partition(":")
    if colon and not name:
        raise BadValue("invalid restart policy format: no policy provided before colon")
    try:
        count = decimal_integer(times) if times else 0
    except BadValue as error:
        raise BadValue("invalid restart policy format: maximum retry count must be an integer") from error
    return RestartPolicy(name, count)
