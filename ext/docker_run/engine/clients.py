"""Clients of one engine: docker-py's are not to be shared between threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

from docker import DockerClient


class Clients:
    """Gives each thread a client of its own, and closes them all at the end.

    `connect` makes a client, and raises `EngineProblem` where no engine answers.
    """

    def __init__(self, connect: Callable[[], DockerClient]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._all: list[DockerClient] = []
        self._mine = threading.local()

    def __call__(self) -> DockerClient:
        """Return the calling thread's client. Raises `EngineProblem`."""
        mine: DockerClient | None = getattr(self._mine, "client", None)
        if mine is None:
            mine = self._connect()
            self._mine.client = mine
            with self._lock:
                self._all.append(mine)
        return mine

    def renew(self) -> None:
        """Give the calling thread a new client, after an error. Raises `EngineProblem`.

        Where nobody answers any more, docker-py would leave a socket open at each further request.
        """
        mine: DockerClient | None = getattr(self._mine, "client", None)
        if mine is not None:
            with self._lock:
                self._all.remove(mine)
            del self._mine.client
            mine.close()
        self()

    def close(self) -> None:
        """Close all clients; no thread may use one any more."""
        with self._lock:
            for client in self._all:
                client.close()
            self._all.clear()
        self._mine = threading.local()
