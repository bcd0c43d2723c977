"""Setting the size of a terminal whose program has just started."""

from __future__ import annotations

import time
from collections.abc import Callable

from docker.errors import APIError

from docker_run.errors import EngineProblem

_SECONDS = 10.0
"""How long to retry after the program has started, until the engine can set the size."""
_PAUSE = 0.01
"""Seconds between two attempts."""


def set_terminal_size(
    request: Callable[[], object],
    *,
    terminal_of: str,
    is_over: Callable[[], bool],
    check: Callable[[], object] = bool,
    problem: type[EngineProblem] = EngineProblem,
) -> None:
    """Repeat `request` until it succeeds, as the CLI does: it fails until the program is running.

    Returns when the program `is_over`. `check` is called before each pause, and may raise.
    Raises `problem` if the engine can't set the size in time; `terminal_of` names the program in the
    message.
    """
    give_up = time.monotonic() + _SECONDS
    while not is_over():
        try:
            request()
        except APIError as error:
            check()
            if time.monotonic() > give_up:
                raise problem(
                    f"the engine can't set the size of the terminal of {terminal_of}: "
                    f"{error.explanation or error}"
                ) from error
            time.sleep(_PAUSE)
        else:
            return
