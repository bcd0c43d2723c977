"""Setting the size of a terminal whose program has just been started."""

from __future__ import annotations

import time
from collections.abc import Callable

from docker.errors import APIError

from docker_run.errors import EngineProblem

_SECONDS = 10.0
"""How long a terminal may take, after its program has started, until it can be given its size."""
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
    """Make `request`, as the CLI does, until the engine takes it: it can't before the program is there.

    It is given up where the program `is_over`. `check` is called before each pause, and may raise.
    Raises `problem` where the engine doesn't take it in time; `terminal_of` is what the message calls
    the program.
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
