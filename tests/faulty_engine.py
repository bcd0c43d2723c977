"""A real engine with faults in between: it lies, hangs and cuts connections when a test wants it to."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
"""What a proxy shows that has lost its engine."""
_VERSION = re.compile(r"^/v1\.\d+")
_ID = re.compile(r"\b[0-9a-f]{64}\b")
_UPGRADE = re.compile(rb"^upgrade:", re.IGNORECASE | re.MULTILINE)
_CONNECTION = re.compile(rb"\r\nconnection:[^\r]*", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PIECE = 65536


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is done to requests that match; what is not given here is done as the engine does it."""

    request: str
    """A regular expression for requests, as in `FaultyEngine.requests`."""
    times: int | None = None
    """To how many of them; None: to all."""
    skip: int = 0
    """How many of them are let through before the first."""
    delay: float = 0.0
    """Seconds that the request is kept before it is answered or handed on; `float("inf")` hangs."""
    answer: bytes | None = None
    """What is answered instead of asking the engine, see `answered`; empty: the connection is cut."""
    cut_after: int | None = None
    """Bytes of the engine's answer after which the connection is cut; its head does not count.

    The engine has done what it was asked for by then. With 0 also what follows a head of its own is lost.
    """
    cut_head: bool = False
    """Whether the connection is cut before the engine's answer, which has done what it was asked for."""
    insert: bytes = b""
    """Bytes that are put in front of the answer's body."""
    cut_with: threading.Event | None = None
    """Set by the test when the connection is to be cut; the engine's own end of it stays open."""


def answered(status: int, body: bytes = PAGE, *, kind: str = "text/html") -> bytes:
    """Return an answer in HTTP, for `Fault.answer`."""
    head = f"HTTP/1.1 {status} Whatever\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


@dataclass
class _Armed:
    fault: Fault
    seen: int = 0
    hit: int = 0

    def hits(self, request: str) -> bool:
        """Tell whether the fault is for this request; counts it."""
        if not re.search(self.fault.request, request):
            return False
        self.seen += 1
        past = self.seen - self.fault.skip
        hits = past > 0 and (self.fault.times is None or past <= self.fault.times)
        self.hit += hits
        return hits


@dataclass
class FaultyEngine:
    """A Unix socket in front of the socket of a real engine. Each request is one connection.

    ```python
    with FaultyEngine("unix:///var/run/docker.sock", tmp_path / "engine.sock") as faulty:
        faulty.inject(Fault(request="POST /containers/create", answer=answered(500, b"…", kind="text/plain")))
        faulty.inject(Fault(request="POST .*/attach", cut_after=11))
        ...  # use the engine at faulty.url
        faulty.heal()
    ```

    The first fault that matches a request is done to it. All methods can be called from any thread.
    """

    engine: str
    """The URL of the real engine, on a Unix socket."""
    path: Path
    """Where to listen; the file is made, and removed at the end."""
    requests: list[str] = field(default_factory=list)
    """What was asked for so far, without version, query and ids: `POST /containers/ID/start`."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[_Armed] = []
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._closed = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        self._start(self._accept)

    @property
    def url(self) -> str:
        """Where to find the engine with its faults."""
        return f"unix://{self.path}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def inject(self, fault: Fault) -> None:
        """Do `fault` to requests from now on."""
        with self._lock:
            self._faults.append(_Armed(fault))

    def hits(self) -> int:
        """Return to how many requests something was done; faults that were healed don't count."""
        with self._lock:
            return sum(armed.hit for armed in self._faults)

    def heal(self) -> None:
        """Do no faults any more; what hangs goes on to hang."""
        with self._lock:
            self._faults.clear()

    def cut(self) -> None:
        """Cut all connections that are open now."""
        with self._lock:
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let nobody connect any more, and cut all connections, as if the engine had died."""
        if self._closed.is_set():
            return
        self._closed.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        while any(thread.is_alive() for thread in self._threads):
            self.cut()
            for thread in list(self._threads):
                thread.join(0.05)
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def _start(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._start(lambda near=near: self._serve(near))  # type: ignore[misc]

    def _serve(self, near: socket.socket) -> None:
        far = socket.socket(socket.AF_UNIX)
        with near, far:
            with self._lock:
                self._open |= {near, far}
            try:
                self._exchange(near, far)
            except OSError:
                pass  # one end is gone: so is the other
            finally:
                with self._lock:
                    self._open -= {near, far}

    def _exchange(self, near: socket.socket, far: socket.socket) -> None:
        head, rest = _head(near)
        if not head:
            return
        request = _request(head)
        with self._lock:
            self.requests.append(request)
            fault = next((armed.fault for armed in self._faults if armed.hits(request)), Fault(request=""))
        self._sleep(fault.delay)
        if fault.answer is not None:
            _swallow(near, head, rest)
            near.sendall(fault.answer)
            return
        far.connect(self.engine.removeprefix("unix://"))
        if not _UPGRADE.search(head):
            # One request a connection: then the end of the answer is the end of the connection.
            head = _CONNECTION.sub(b"", head[:-4]) + b"\r\nConnection: close\r\n\r\n"
        far.sendall(head + rest)
        asking = self._start(lambda: _pump(near, far))
        try:
            self._hand_back(near, far, fault)
        finally:
            for end in (near, far):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            asking.join()

    def _hand_back(self, near: socket.socket, far: socket.socket, fault: Fault) -> None:
        """Hand the engine's answer to who has asked."""
        head, body = _head(far)
        if fault.cut_head:
            return
        near.sendall(head + fault.insert)
        left = fault.cut_after
        while left is None or left > 0:
            piece = body if left is None else body[:left]
            near.sendall(piece)
            left = None if left is None else left - len(piece)
            if left == 0:
                return
            if fault.cut_with is not None and _wait_for(far, fault.cut_with, self._closed):
                return
            body = far.recv(_PIECE)
            if not body:
                return

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._closed.is_set() and time.monotonic() < until:
            self._closed.wait(min(0.05, max(0.0, until - time.monotonic())))


def _wait_for(end: socket.socket, cut: threading.Event, closed: threading.Event) -> bool:
    """Wait until something comes from `end`; say whether the connection is to be cut instead."""
    end.settimeout(0.02)
    try:
        while not cut.is_set() and not closed.is_set():
            with suppress(TimeoutError):
                end.recv(1, socket.MSG_PEEK)
                return False
    finally:
        end.settimeout(None)
    return True


def _head(end: socket.socket) -> tuple[bytes, bytes]:
    """Read the head of a request or an answer; return it, and what came with it of the rest."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = end.recv(_PIECE)
        if not piece:
            return b"", b""
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def _request(head: bytes) -> str:
    method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
    return f"{method} {_ID.sub('ID', _VERSION.sub('', target).partition('?')[0])}"


def _swallow(near: socket.socket, head: bytes, rest: bytes) -> None:
    """Read the body of a request, so that who sends it gets the answer."""
    length = _LENGTH.search(head)
    left = int(length[1]) - len(rest) if length else 0
    while left > 0 and (piece := near.recv(_PIECE)):
        left -= len(piece)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_PIECE):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
