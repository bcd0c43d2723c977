"""Termination signals, handled like Ctrl-C, so that the program cleans up before it ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TERMINATION_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK")  # the last two are not on every system
    if hasattr(signal, name)
)
"""Sent by build servers, `kill` and `timeout`, by a terminal that is closed, and by Ctrl-Break on Windows."""


@contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """Raise `KeyboardInterrupt` at the first termination signal, as Ctrl-C does; ignore further ones.

    A closed terminal or a build server may send several, and the later ones would interrupt the cleanup.
    Signals that are ignored (`nohup`) stay ignored. Handlers can be set in the main thread only; in other
    threads this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = [number for number in TERMINATION_SIGNALS if signal.getsignal(number) == signal.SIG_DFL]

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
