"""Streaming connections to a running container: its output, its input, its exit status.

The API is described at
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
"""The function that a thread runs."""

_PIECE = 65536
_TAIL = 4000
"""Bytes of output from which the last lines for a message are taken."""
_LONGEST = 400
"""Limit of a line in a message, in characters."""
_WHOLE = re.compile(rb"[\r\n\x1b]")
"""Where output can be cut: before the end of a line, and before a control sequence."""
_CHARACTER = re.compile(rb"[^\x80-\xbf]")
"""The first byte of a UTF-8 character."""
_HIJACKED = "application/vnd.docker."
"""Prefix of the content type of a response after which the connection carries a container's streams."""


class Connection:
    """A dedicated connection to the engine, kept open after the response.

    Raises docker-py's `APIError` if the engine refuses the request, and `requests.RequestException` if it
    does not respond, or something in between does.
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
            # A connection that is not hijacked must not be pooled, either: it may be aborted while it waits.
            headers={"Connection": "Upgrade", "Upgrade": "tcp"} if hijack else {"Connection": "close"},
            stream=True,
            timeout=api.timeout,
        )
        try:
            response.raise_for_status()
        except requests.HTTPError as error:
            with response:
                create_api_error_from_http_exception(error)
        if hijack and not _is_hijacked(response):
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
        # Over ssh there is no socket, but a paramiko channel.
        channel = getattr(self._reader, "channel", None)
        self._socket: Any = channel or self._reader.raw._sock  # noqa: SLF001 - the same
        self._socket.settimeout(None)
        self.aborted = False
        """Whether it was ended by `abort`."""

    def read(self) -> bytes:
        """Wait for output and return it; empty at its end.

        Reads through the HTTP client's buffer, which may already hold the first bytes of the output.
        """
        read: Callable[[int], bytes] = getattr(self._reader, "read1", None) or self._socket.recv
        return read(_PIECE)

    def answer(self) -> Any:  # noqa: ANN401 - JSON
        """Wait for the body of the response, and return it."""
        return self._response.json()

    def send(self, data: bytes) -> None:
        """Send `data`; blocks while the container does not read. Raises `OSError`."""
        self._socket.sendall(data)

    def end_input(self) -> None:
        """Signal the end of the container's input. Raises `OSError`."""
        self._socket.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """Shut the connection down, so that a thread that waits on it continues."""
        self.aborted = True
        with suppress(OSError):  # the engine has closed it already
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection. No other thread may be using it: see `abort`."""
        self._response.close()
        self._reader.close()


def open_output(
    api: APIClient, container: str, *, stdout: bool, stderr: bool, detach_keys: str = ""
) -> Connection:
    """Attach to the output of `container`. To get all of it, attach before the container starts."""
    params = {"stream": "1", "stdout": _number(stdout), "stderr": _number(stderr)}
    return _attach(api, container, params, detach_keys)


def open_input(api: APIClient, container: str, *, detach_keys: str = "") -> Connection:
    """Attach to the input of `container`.

    The connection is separate from that of the output, so that the end of the input can be signalled over TLS
    as well, where a connection can't be closed in one direction only.
    """
    # Podman's defaults are true: it would send the output here, too, and block until it is read.
    streams = {"stream": "1", "stdin": "1", "stdout": "0", "stderr": "0"}
    return _attach(api, container, streams, detach_keys)


def open_terminal(api: APIClient, container: str, *, detach_keys: str = "") -> Connection:
    """Attach to the terminal of `container`: input and output on one connection."""
    return _attach(api, container, {"stream": "1", "stdin": "1", "stdout": "1", "stderr": "1"}, detach_keys)


def open_wait(api: APIClient, container: str, *, removed: bool) -> Connection:
    """Wait for `container` to exit, or to be removed after that (`--rm`).

    The engine has registered the wait when this returns: call it before the container starts.
    """
    condition = "removed" if removed else "next-exit"
    return Connection(api, f"/containers/{container}/wait", {"condition": condition})


def open_exec(api: APIClient, execution: str, *, tty: bool) -> Connection:
    """Start the exec `execution`, and attach to its input and output."""
    body = {"Detach": False, "Tty": tty}
    return Connection(api, f"/exec/{execution}/start", {}, hijack=True, body=body)


def _attach(api: APIClient, container: str, params: dict[str, str], detach_keys: str) -> Connection:
    keys = {"detachKeys": detach_keys} if detach_keys else {}
    return Connection(api, f"/containers/{container}/attach", params | keys, hijack=True)


def _number(switch: bool) -> str:  # noqa: FBT001 - the form of the engine's API
    return str(int(switch))


def _is_hijacked(response: requests.Response) -> bool:
    switched = response.status_code == requests.codes.switching_protocols
    return switched or response.headers.get("Content-Type", "").startswith(_HIJACKED)


class Transcript:
    """A container's output and exit status so far; written by reader threads, read by the one that follows.

    `max_output` is the number of bytes after which no more output is accepted.
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
        """Why the connection to the engine was lost."""

    def add(self, chunk: Chunk) -> bool:
        """Add a chunk; return whether more is accepted."""
        with self._changed:
            self._size += len(chunk.data)
            if chunk.stream is Stream.TYPED or not self._pieces or self._pieces[-1][0] is not chunk.stream:
                self._pieces.append((chunk.stream, bytearray()))
            # Joined at once: a program may print byte by byte, and an object per byte takes a lot of memory.
            self._pieces[-1][1].extend(chunk.data)
            if chunk.stream is not Stream.TYPED:
                self._fresh += chunk.data
            self._changed.notify_all()
            return not self.overflown

    def end(self) -> None:
        """Note the end of the output."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def exited(self, code: int) -> None:
        """Note the exit status."""
        with self._changed:
            self.exit_code = code
            self._changed.notify_all()

    def stop_input(self, error: BaseException) -> None:
        """Note that the rest of the input can't be sent."""
        with self._changed:
            self.unread = error
            self._changed.notify_all()

    def mark_incomplete(self, error: BaseException) -> None:
        """Note that the engine failed, or the connection to it."""
        with self._changed:
            self.lost = self.lost or error
            self._ended = True
            self._changed.notify_all()

    def wait(self, seconds: float) -> bytes:
        """Wait for a change, at most `seconds`; return the output since the last call."""
        with self._changed:
            if not self._fresh and not self.complete:
                self._changed.wait(seconds)
            fresh = bytes(self._fresh)
            self._fresh.clear()
        return fresh

    @property
    def ended(self) -> bool:
        """Whether the output has ended."""
        return self._ended

    @property
    def overflown(self) -> bool:
        """Whether there was more output than allowed."""
        return self._size > self._max_output

    @property
    def prints(self) -> bool:
        """Whether there may be more output."""
        return not self._ended

    @property
    def complete(self) -> bool:
        """Whether the container has exited and all of its output is read, or the connection is lost."""
        return self.lost is not None or (self._ended and self.exit_code is not None)

    def position(self) -> tuple[int, int]:
        """Return the current position in the transcript, for `cut`."""
        with self._changed:
            return len(self._pieces), len(self._pieces[-1][1]) if self._pieces else 0

    def cut(self, position: tuple[int, int]) -> None:
        """Remove everything after `position`."""
        count, length = position
        with self._changed:
            del self._pieces[count:]
            if self._pieces:
                del self._pieces[-1][1][length:]

    def chunks(self) -> tuple[Chunk, ...]:
        """Return the output, and the typed input, so far."""
        with self._changed:
            return tuple(Chunk(stream, bytes(data)) for stream, data in self._pieces)

    def last_lines(self, size: TerminalSize, count: int = 5) -> str:
        """Return the last lines of output, as a terminal of `size` shows them, for a message."""
        tail: list[Chunk] = []
        left = _TAIL
        for chunk in reversed(self.chunks()):
            if left and chunk.stream is not Stream.TYPED:
                data = chunk.data[-left:]
                left -= len(data)
                # Without the rest of a control sequence or character whose beginning is cut off.
                if len(data) < len(chunk.data):
                    start = _WHOLE.search(data) or _CHARACTER.search(data)
                    data = data[start.start() :] if start else b""
                tail.insert(0, Chunk(chunk.stream, data))
        shown = screen.text(screen.lines(tail, size))
        return "\n".join(line[:_LONGEST] for line in shown.split("\n")[-count:])


def read_output(
    connection: Connection, transcript: Transcript, *, tty: bool, is_over: Callable[[], bool]
) -> None:
    """Read the output from `connection` into `transcript`, until it ends or exceeds the limit.

    `is_over` is called at the end, at once: if the container has not ended, the connection was cut.
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
    except Exception as error:  # noqa: BLE001 (else the thread that follows would wait for its timeout)
        transcript.mark_incomplete(error)


def _exit_status(answer: Any) -> int:  # noqa: ANN401 - JSON, unvalidated
    """Return the exit status from the response to a wait. Raises `BrokenStream` if it has none.

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
        # The program has ended or closed its input, or the connection was cut.
        transcript.stop_input(error)


def start_thread(name: str, work: Work) -> threading.Thread:
    """Run `work` in a daemon thread."""
    thread = threading.Thread(target=work, name=f"docker-run {name}", daemon=True)
    thread.start()
    return thread
