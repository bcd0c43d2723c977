"""How much work something is, so that tests can say that it grows no faster than its input."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 30.0
"""Seconds of processor time, of which what is linear takes a fraction of one, and what isn't, hours."""


def lines_executed(call: Callable[[], object]) -> int:
    """Count the lines of Python that `call` executes: the same number on every machine."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Callable[..., object]:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


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
