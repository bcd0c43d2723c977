"""The connection between a build and the processes that run sessions for it.

Through it a build notifies its workers of an interruption and of its end, and they report their progress. It
ends with either process: a worker whose build has died cleans up and exits; a build notices that a worker has
died. Executors (`concurrent.futures`) don't provide this.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Client,
    Connection,
    Listener,
    answer_challenge,
    deliver_challenge,
)

from docker_run.errors import EngineProblem
from docker_run.protocols import Progress

Address = tuple[str, int]
"""A host and a TCP port: available on all platforms, and a killed process leaves no files."""

_HOST = "127.0.0.1"
_BACKLOG = 64
_CLOSING_SECONDS = 60.0
"""Time limit for workers to close their engines."""

_INTERRUPT, _CLOSE = "interrupt", "close"
"""The messages of a build to its workers."""
_CLOSED = "closed"
"""The last message of a worker, with its error, if any; the messages before are of its progress."""


class Workers:
    """The build's side: its workers, which connect to it. Thread-safe."""

    def __init__(self, progress: Progress) -> None:
        self.authkey = os.urandom(32)
        self._tell: dict[str, Callable[..., None]] = {
            "note": progress.note,
            "image": progress.image,
            "command": progress.command,
        }
        self._listener = Listener((_HOST, 0), backlog=_BACKLOG)
        self._lock = threading.Lock()
        self._workers: dict[Connection, threading.Thread] = {}
        self._errors: list[str] = []
        self._interrupted, self._closing = threading.Event(), threading.Event()
        self._accepting = self._start(self._accept)

    @property
    def address(self) -> Address:
        """The address to which workers connect."""
        host, port = self._listener.address
        return host, port

    def interrupt(self) -> None:
        """Interrupt all workers, including those that connect later."""
        with self._lock:
            self._interrupted.set()
            for worker in self._workers:
                _send(worker, _INTERRUPT)

    def close(self) -> None:
        """Let all workers close their engines, and wait for them; no sessions may be running.

        Raises `EngineProblem` if one could not.
        """
        with self._lock:
            self._closing.set()
            workers = dict(self._workers)
            for worker in workers:
                _send(worker, _CLOSE)
        for worker, listening in workers.items():
            listening.join(_CLOSING_SECONDS)
            worker.close()
        with suppress(OSError):
            # Wakes up the accepting thread, unless it has ended already.
            socket.create_connection(self.address).close()
        self._accepting.join()
        self._listener.close()
        if self._errors:
            raise EngineProblem("; ".join(self._errors))

    @staticmethod
    def _start(work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, name="docker-run workers", daemon=True)
        thread.start()
        return thread

    def _accept(self) -> None:
        while not self._closing.is_set():
            with suppress(OSError):
                connection = self._listener.accept()
                # In another thread: whoever connects and says nothing must not hold up the workers.
                self._start(partial(self._serve, connection))

    def _serve(self, connection: Connection) -> None:
        """Serve a worker, if it is one of ours."""
        with connection:
            try:
                deliver_challenge(connection, self.authkey)
                answer_challenge(connection, self.authkey)
            except (OSError, EOFError, AuthenticationError):
                return
            with self._lock:
                if self._closing.is_set():
                    return
                if self._interrupted.is_set():
                    _send(connection, _INTERRUPT)
                self._workers[connection] = threading.current_thread()
            self._listen(connection)

    def _listen(self, worker: Connection) -> None:
        """Forward a worker's messages, until it has closed its engines or is dead."""
        with suppress(EOFError, OSError):
            while True:
                kind, *words = worker.recv()
                if kind == _CLOSED:
                    self._errors += filter(None, words)
                    return
                self._tell[kind](*words)


class BuildProcess:
    """The worker's side: the process of its build. Implements `protocols.Progress`."""

    def __init__(self, address: Address, authkey: bytes) -> None:
        """Connect. Raises `OSError` if the build has ended."""
        try:
            self._connection = Client(address, authkey=authkey)
        except (EOFError, AuthenticationError) as error:
            raise ConnectionError(f"another program answers at {address}: {error}") from error
        self._lock = threading.Lock()

    def note(self, message: str) -> None:
        """Forward a notice."""
        self._send("note", message)

    def image(self, name: str, status: str) -> None:
        """Forward the status of an image."""
        self._send("image", name, status)

    def command(self, page: str, text: str) -> None:
        """Forward the beginning of a command."""
        self._send("command", page, text)

    def watch(self, *, interrupt: Callable[[], None], close: Callable[[], None]) -> None:
        """Call `interrupt` and `close`, in a thread, on the build's request, or when it is dead."""
        threading.Thread(
            target=self._watch, args=(interrupt, close), name="docker-run build", daemon=True
        ).start()

    def _watch(self, interrupt: Callable[[], None], close: Callable[[], None]) -> None:
        try:
            while self._connection.recv() != _CLOSE:
                interrupt()
        except (EOFError, OSError):
            interrupt()
        error = ""
        try:
            close()
        except Exception as raised:  # noqa: BLE001 (the build, which waits, has to be told)
            error = str(raised) or type(raised).__name__
        self._send(_CLOSED, error)
        self._connection.close()

    def _send(self, *words: str) -> None:
        with self._lock:
            _send(self._connection, words)


def _send(connection: Connection, message: object) -> None:
    """Send `message`, unless the other process has ended."""
    with suppress(OSError):
        connection.send(message)
