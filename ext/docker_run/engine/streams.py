"""What goes between us and a running container: its output, its input, its exit status.

The engine's side is described at
https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import requests
from docker import APIClient
from docker.errors import create_api_error_from_http_exception

from docker_run.engine.connection.answers import NotAnEngine
from docker_run.engine.frames import BrokenStream, Frames
from docker_run.model import Chunk, Stream, TerminalSize
from docker_run.terminal import screen

Work = Callable[[], None]
"""What a thread does."""

_PIECE = 65536
_TAIL = 4000
"""Bytes that the last lines in a message are made of."""
_LONGEST = 400
"""Characters of a line in a message."""
_WHOLE = re.compile(rb"[\r\n\x1b]")
"""Where output can be cut: before the end of a line, and before a control sequence."""
_CHARACTER = re.compile(rb"[^\x80-\xbf]")
"""Where a character of UTF-8 begins."""
_TAKEN_OVER = "application/vnd.docker."
"""How the type of an answer begins after which a connection carries what a container reads and prints."""


class Connection:
    """A connection of its own to the engine, kept open past the request's answer.

    Raises docker-py's `APIError` where the engine refuses, and `requests.RequestException` where it
    does not answer, or something in between does.
    """

    def __init__(
        self,
        api: APIClient,
        path: str,
        params: Mapping[str, str],
        *,
        hijack: bool = False,
        body: Mapping[str, object] | None = None,
    ) -> None:
        response = api.post(
            f"{api.base_url}/v{api.api_version}{path}",
            params=params,
            json=body,
            # What is not taken over must not be used again either: it may be cut while it waits.
            headers={"Connection": "Upgrade", "Upgrade": "tcp"} if hijack else {"Connection": "close"},
            stream=True,
            timeout=api.timeout,
        )
        try:
            response.raise_for_status()
        except requests.HTTPError as error:
            with response:
                create_api_error_from_http_exception(error)
        if hijack and not _is_taken_over(response):
            kind = response.headers.get("Content-Type", "no type")
            response.close()
            raise NotAnEngine(
                f"the connection is not given to the container (HTTP {response.status_code}, {kind}); "
                "is there a proxy in between?",
                response=response,
            )
        self._response = response
        raw: Any = response.raw
        self._reader: Any = raw._fp.fp  # noqa: SLF001 - the buffered reader has no public name
        # Over ssh there is no socket: a channel of paramiko's takes its place.
        channel = getattr(self._reader, "channel", None)
        self._socket: Any = channel or self._reader.raw._sock  # noqa: SLF001 - the same
        self._socket.settimeout(None)
        self.aborted = False
        """Whether it was ended from here."""

    def read(self) -> bytes:
        """Wait for output and return it; empty at its end.

        Reads through the HTTP client's buffer, which may hold the output's first bytes already.
        """
        read: Callable[[int], bytes] = getattr(self._reader, "read1", None) or self._socket.recv
        return read(_PIECE)

    def answer(self) -> Any:  # noqa: ANN401 - JSON
        """Wait for the request's answer, and return it."""
        return self._response.json()

    def send(self, data: bytes) -> None:
        """Send `data`; waits where the container does not read. Raises `OSError`."""
        self._socket.sendall(data)

    def end_input(self) -> None:
        """Tell the container that its input is at its end. Raises `OSError`."""
        self._socket.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """End what another thread is waiting for on this connection."""
        self.aborted = True
        with suppress(OSError):  # the engine has closed it already
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection. No other thread may be using it: see `abort`."""
        self._response.close()
        self._reader.close()


def open_output(
    api: APIClient, container: str, *, stdout: bool, stderr: bool, detach_keys: str = ""
) -> Connection:
    """Attach to what `container` prints. To have all of it, attach before the container starts."""
    params = {"stream": "1", "stdout": _number(stdout), "stderr": _number(stderr)}
    return _attach(api, container, params, detach_keys)


def open_input(api: APIClient, container: str, *, detach_keys: str = "") -> Connection:
    """Attach to what `container` reads.

    It is a connection apart from that of the output, so that its end can be told over TLS as well,
    where a connection can't be closed in one direction only.
    """
    # Podman takes for granted what is not said: it would send the output here, too, and wait for its reader.
    streams = {"stream": "1", "stdin": "1", "stdout": "0", "stderr": "0"}
    return _attach(api, container, streams, detach_keys)


def open_terminal(api: APIClient, container: str, *, detach_keys: str = "") -> Connection:
    """Attach to the terminal of `container`: what it reads and what it prints, on one connection."""
    return _attach(api, container, {"stream": "1", "stdin": "1", "stdout": "1", "stderr": "1"}, detach_keys)


def open_wait(api: APIClient, container: str, *, removed: bool) -> Connection:
    """Ask to be told when `container` exits, or is removed after that (`--rm`).

    The engine has noted the question when this returns: ask before the container starts.
    """
    condition = "removed" if removed else "next-exit"
    return Connection(api, f"/containers/{container}/wait", {"condition": condition})


def open_exec(api: APIClient, execution: str, *, tty: bool) -> Connection:
    """Start what was created as the exec `execution`, and attach to what it reads and prints."""
    body = {"Detach": False, "Tty": tty}
    return Connection(api, f"/exec/{execution}/start", {}, hijack=True, body=body)


def _attach(api: APIClient, container: str, params: dict[str, str], detach_keys: str) -> Connection:
    keys = {"detachKeys": detach_keys} if detach_keys else {}
    return Connection(api, f"/containers/{container}/attach", params | keys, hijack=True)


def _number(switch: bool) -> str:  # noqa: FBT001 - the form of the engine's API
    return str(int(switch))


def _is_taken_over(response: requests.Response) -> bool:
    switched = response.status_code == requests.codes.switching_protocols
    return switched or response.headers.get("Content-Type", "").startswith(_TAKEN_OVER)


class Transcript:
    """What has come of a container so far; written by the threads that wait for it, read by one that follows.

    `max_output` is the number of bytes after which nothing more is taken.
    """

    def __init__(self, *, max_output: int, has_output: bool) -> None:
        self._max_output = max_output
        self._size = 0
        self._changed = threading.Condition()
        self._pieces: list[tuple[Stream, bytearray]] = []
        self._fresh = bytearray()
        self._ended = not has_output
        self.exit_code: int | None = None
        self.unread: BaseException | None = None
        """Why not all of the input could be sent."""
        self.lost: BaseException | None = None
        """Why the engine will tell nothing more."""

    def add(self, chunk: Chunk) -> bool:
        """Add a piece; say whether more may come."""
        with self._changed:
            self._size += len(chunk.data)
            if chunk.stream is Stream.TYPED or not self._pieces or self._pieces[-1][0] is not chunk.stream:
                self._pieces.append((chunk.stream, bytearray()))
            # Joined at once: a program may print byte by byte, and a byte by itself takes a lot of memory.
            self._pieces[-1][1].extend(chunk.data)
            if chunk.stream is not Stream.TYPED:
                self._fresh += chunk.data
            self._changed.notify_all()
            return not self.overflown

    def end(self) -> None:
        """Note that no more output will come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def exited(self, code: int) -> None:
        """Note the exit status."""
        with self._changed:
            self.exit_code = code
            self._changed.notify_all()

    def stop_input(self, error: BaseException) -> None:
        """Note that no more of the input can be sent."""
        with self._changed:
            self.unread = error
            self._changed.notify_all()

    def mark_incomplete(self, error: BaseException) -> None:
        """Note that the engine went away, or failed."""
        with self._changed:
            self.lost = self.lost or error
            self._ended = True
            self._changed.notify_all()

    def wait(self, seconds: float) -> bytes:
        """Wait for something to happen, at most `seconds`; return what was printed since the last time."""
        with self._changed:
            if not self._fresh and not self.complete:
                self._changed.wait(seconds)
            fresh = bytes(self._fresh)
            self._fresh.clear()
        return fresh

    @property
    def ended(self) -> bool:
        """Whether no more output will come."""
        return self._ended

    @property
    def overflown(self) -> bool:
        """Whether more was printed than may be."""
        return self._size > self._max_output

    @property
    def prints(self) -> bool:
        """Whether output may still come."""
        return not self._ended

    @property
    def complete(self) -> bool:
        """Whether the container has exited and all of its output is here, or no more can come."""
        return self.lost is not None or (self._ended and self.exit_code is not None)

    def position(self) -> tuple[int, int]:
        """Return where the transcript is now, for `cut`."""
        with self._changed:
            return len(self._pieces), len(self._pieces[-1][1]) if self._pieces else 0

    def cut(self, position: tuple[int, int]) -> None:
        """Take out what came after `position`."""
        count, length = position
        with self._changed:
            del self._pieces[count:]
            if self._pieces:
                del self._pieces[-1][1][length:]

    def chunks(self) -> tuple[Chunk, ...]:
        """Return what was printed and typed so far."""
        with self._changed:
            return tuple(Chunk(stream, bytes(data)) for stream, data in self._pieces)

    def last_lines(self, size: TerminalSize, count: int = 5) -> str:
        """Return the last lines that were printed, as a terminal of `size` shows them, for a message."""
        tail: list[Chunk] = []
        left = _TAIL
        for chunk in reversed(self.chunks()):
            if left and chunk.stream is not Stream.TYPED:
                data = chunk.data[-left:]
                left -= len(data)
                # Not the end of a sequence or of a character whose beginning is cut off.
                if len(data) < len(chunk.data):
                    start = _WHOLE.search(data) or _CHARACTER.search(data)
                    data = data[start.start() :] if start else b""
                tail.insert(0, Chunk(chunk.stream, data))
        shown = screen.text(screen.lines(tail, size))
        return "\n".join(line[:_LONGEST] for line in shown.split("\n")[-count:])


def read_output(
    connection: Connection, transcript: Transcript, *, tty: bool, is_over: Callable[[], bool]
) -> None:
    """Take down everything that comes out of `connection`, until it ends or is too much.

    `is_over` is asked at its end, at once, whether the container has ended: else this is a cut.
    """
    frames = Frames()
    try:
        while data := connection.read():
            chunks = [Chunk(Stream.TERMINAL, data)] if tty else frames.feed(data)
            if not all(transcript.add(chunk) for chunk in chunks):
                return
        frames.finish()
        if not connection.aborted and not is_over():
            cut = BrokenStream("the connection to its output ended before the container did")
            transcript.mark_incomplete(cut)
    except Exception as error:  # noqa: BLE001 (a thread that ends with a defect has not read all of it)
        transcript.mark_incomplete(error)
    finally:
        transcript.end()


def await_exit(connection: Connection, transcript: Transcript) -> None:
    """Wait for the container's exit status."""
    try:
        transcript.exited(_exit_status(connection.answer()))
    except Exception as error:  # noqa: BLE001 (or whoever follows would wait until its time is over)
        transcript.mark_incomplete(error)


def _exit_status(answer: Any) -> int:  # noqa: ANN401 - JSON, of whoever has answered
    """Return the status in the answer to the question for it. Raises `BrokenStream` where there is none.

    See https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerWait.
    """
    status, problem = (
        (answer.get("StatusCode"), answer.get("Error")) if isinstance(answer, dict) else (None, None)
    )
    if problem:
        said = problem.get("Message") if isinstance(problem, dict) else problem
        raise BrokenStream(f"the engine could not wait for the container: {said}")
    if not isinstance(status, int):
        raise BrokenStream("the engine did not say how the container ended")
    return status


def feed_input(connection: Connection, data: bytes, transcript: Transcript) -> None:
    """Send all of `data`, then the end of the input."""
    try:
        connection.send(data)
        connection.end_input()
    except OSError as error:
        # The program has ended, or reads no more; or the connection was cut.
        transcript.stop_input(error)


def start_thread(name: str, work: Work) -> threading.Thread:
    """Run `work` aside."""
    thread = threading.Thread(target=work, name=f"docker-run {name}", daemon=True)
    thread.start()
    return thread
