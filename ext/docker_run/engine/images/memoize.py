"""Thread-safe memoization, failures included."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from copy import copy
from typing import Generic, TypeVar

from docker_run.errors import ImageProblem

T = TypeVar("T")


class Memo(Generic[T]):
    """Memoizes results and `ImageProblem`s, by key. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._known: dict[Hashable, T | ImageProblem] = {}

    def get(self, key: Hashable, make: Callable[[], T], *, lock_key: Hashable = None) -> T:
        """Return the result of `make` for `key`, or raise the `ImageProblem` that it raised.

        For each `lock_key` (by default, each key) one `make` runs at a time.
        """
        with self._lock:
            lock = self._locks.setdefault(key if lock_key is None else lock_key, threading.Lock())
        with lock:
            if key not in self._known:
                try:
                    self._known[key] = make()
                except ImageProblem as problem:
                    self._known[key] = problem
            known = self._known[key]
        if isinstance(known, ImageProblem):
            # A copy for each caller: raising an exception sets its traceback.
            raise copy(known) from known
        return known
