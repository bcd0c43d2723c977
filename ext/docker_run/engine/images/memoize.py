"""What is looked for once, by whoever asks first, and remembered: also that it can't be had."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from copy import copy
from typing import Generic, TypeVar

from docker_run.errors import ImageProblem

T = TypeVar("T")


class Memoized(Generic[T]):
    """Remembers results, and `ImageProblem`s, by key. Its method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._known: dict[Hashable, T | ImageProblem] = {}

    def get(self, key: Hashable, make: Callable[[], T], *, turn: Hashable = None) -> T:
        """Return what `make` returned for `key`, or raise the `ImageProblem` that it raised.

        One `make` at a time runs for each `turn`, by default for each key.
        """
        with self._lock:
            lock = self._locks.setdefault(key if turn is None else turn, threading.Lock())
        with lock:
            if key not in self._known:
                try:
                    self._known[key] = make()
                except ImageProblem as problem:
                    self._known[key] = problem
            known = self._known[key]
        if isinstance(known, ImageProblem):
            # A new one for each who asks: an exception carries the traceback of where it was raised.
            raise copy(known) from known
        return known
