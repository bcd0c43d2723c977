"""How much work a call does, as a number that is the same on every machine and at any load."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def instructions(call: Callable[[], object]) -> int:
    """Return how many instructions of Python's virtual machine `call` takes; C code counts as none."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:  # noqa: ANN401 (sys.settrace's)
        nonlocal count
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        count += event == "opcode"
        return trace

    before, collects = sys.gettrace(), gc.isenabled()
    gc.disable()  # or finalizers of what other tests left behind would count
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
        if collects:
            gc.enable()
    return count


def grows_linearly(work: Callable[[int], int], size: int, *, factor: float = 2.3) -> bool:
    """Tell whether twice the input takes about twice the `work` and not four times as much."""
    return work(2 * size) <= factor * work(size)
