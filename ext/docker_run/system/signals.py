"""Signals that end a program: all of them end it as Ctrl-C does, so that it cleans up first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK")  # the last two are not on every system
    if hasattr(signal, name)
)
"""What build servers, `kill` and `timeout` send, what a closed terminal sends, and Windows' Ctrl-Break."""


@contextmanager
def ending_as_interrupt() -> Iterator[None]:
    """Raise `KeyboardInterrupt` at the first signal that would end the program, as at Ctrl-C.

    A terminal that is closed, or a build server, may send several: more would only end the cleaning up.
    What is ignored stays ignored, as `nohup` has it. Signals belong to the main thread; elsewhere
    this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = [number for number in ENDING if signal.getsignal(number) == signal.SIG_DFL]

    def interrupt(_number: int, _frame: object) -> None:
        for number in taken:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in taken:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
