"""Clients of one engine, one per thread: docker-py's are not thread-safe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager

from docker import DockerClient

from docker_run.engine.connection.answers import guard
from docker_run.engine.connection.cancellation import Connections
from docker_run.errors import EngineProblem

_GRACE_SECONDS = 8.0
"""How long an interrupted build may take to clean up; on a hanging engine it would take forever."""


class Clients:
    """Creates a client for each thread, and closes them all at the end.

    `connect` creates a client, and raises `EngineProblem` if no engine answers.
    """

    def __init__(
        self, connect: Callable[[], DockerClient], *, interrupted: threading.Event | None = None
    ) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._all: list[DockerClient] = []
        self._mine = threading.local()
        self._connections: dict[int, Connections] = {}
        self._cancellable: set[int] = set()
        self._abandoned = threading.Event()
        self.interrupted = interrupted or threading.Event()
        """Set when running commands are to be ended."""

    def __call__(self) -> DockerClient:
        """Return the calling thread's client. Raises `EngineProblem`."""
        mine: DockerClient | None = getattr(self._mine, "client", None)
        if mine is None:
            mine = self._open()
            self._mine.client = mine
        self._check()
        return mine

    def renew(self) -> None:
        """Replace the calling thread's client, after an error. Raises `EngineProblem`.

        Once the engine is gone, docker-py would leak a socket with each further request.
        """
        mine: DockerClient | None = getattr(self._mine, "client", None)
        if mine is not None:
            del self._mine.client
            self._close(mine)
        self()

    @contextmanager
    def cancellable(self) -> Iterator[DockerClient]:
        """Yield a client for a long request, which is cancelled as soon as the build is interrupted.

        Raises `EngineProblem`.
        """
        client = self._open()
        try:
            with self._lock:
                self._cancellable.add(id(client))
            if self.interrupted.is_set():
                self._connections[id(client)].cut()
            yield client
        finally:
            self._close(client)

    def interrupt(self) -> None:
        """Cancel long requests and, after a grace period for cleaning up, all other requests."""
        self.interrupted.set()
        with self._lock:
            cancelled = [self._connections[each] for each in self._cancellable]
        for connections in cancelled:
            connections.cut()
        timer = threading.Timer(_GRACE_SECONDS, self.abandon)
        timer.daemon = True
        timer.start()

    def abandon(self) -> None:
        """Cancel all requests, and refuse further ones."""
        self._abandoned.set()
        with self._lock:
            everything = list(self._connections.values())
        for connections in everything:
            connections.cut()

    def close(self) -> None:
        """Close all clients; no thread may use one afterwards."""
        with self._lock:
            clients = list(self._all)
        for client in clients:
            self._close(client)
        self._mine = threading.local()

    def _open(self) -> DockerClient:
        """Create a client, in a thread of its own: connecting can't be cancelled, only abandoned."""
        self._check()
        made: Future[DockerClient] = Future()

        def make() -> None:
            try:
                made.set_result(self._connect())
            except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
                made.set_exception(error)

        threading.Thread(target=make, name="docker-run connecting", daemon=True).start()
        try:
            while not wait([made], timeout=0.1).done:
                self._check()
        except BaseException:
            made.add_done_callback(_hang_up)
            raise
        client = made.result()
        with self._lock:
            self._all.append(client)
            self._connections[id(client)] = Connections(client)
        guard(client.api)
        return client

    def _check(self) -> None:
        if self._abandoned.is_set():
            raise EngineProblem("the build was interrupted, and the engine did not answer in time")

    def _close(self, client: DockerClient) -> None:
        with self._lock:
            self._all.remove(client)
            self._cancellable.discard(id(client))
            del self._connections[id(client)]
        client.close()


def _hang_up(made: Future[DockerClient]) -> None:
    """Close a client that was abandoned while it connected."""
    if made.exception() is None:
        made.result().close()
