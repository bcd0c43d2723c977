"""A test that would hang fails instead. What Python itself does is counted by `work`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 30.0
"""Seconds of processor time, of which what is linear takes a fraction of one, and what isn't, hours."""


@contextmanager
def patience() -> Iterator[None]:
    """Fail, rather than hang, where something comes to no end: also within `re`, which looks at signals."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"it was still at work after {PATIENCE:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
