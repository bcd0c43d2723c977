"""Programs run in a container aside: what they read, print, and how they end."""

from __future__ import annotations

import codecs
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from docker import APIClient

from docker_run.engine.cleanup.sweep import engine_errors
from docker_run.engine.connection.answers import NotAnEngine
from docker_run.engine.frames import Frames
from docker_run.engine.streams import Connection, open_exec, start_thread
from docker_run.errors import Interrupted, LabProblem
from docker_run.model import Chunk, Stream

DETACH_KEYS = "ctrl-],ctrl-],ctrl-],ctrl-]"
"""What nobody types. The engine's own, `ctrl-p,ctrl-q`, would be taken from a container within a lab."""
_LARGEST = 1_000_000
_SECONDS = 600.0
_TICK = 0.05


class ExecResult(NamedTuple):
    """How a program ended."""

    status: int
    output: str
    """Both streams, in the order in which they came; at most a million bytes."""


def create(api: APIClient, container: str, command: Sequence[str], *, tty: bool = False) -> str:
    """Create an exec of `command` in `container`, and return its id."""
    made = api.exec_create(container, list(command), stdin=True, tty=tty, detach_keys=DETACH_KEYS)
    return str(made["Id"])


def execute(
    api: APIClient,
    container: str,
    command: Sequence[str],
    *,
    data: bytes = b"",
    interrupted: threading.Event,
    seconds: float = _SECONDS,
) -> ExecResult:
    """Run `command` in `container` without a terminal, with `data` to read; wait for its end.

    The command has to know how much it reads: an end of its input can't be told over TLS.
    Raises `EngineProblem` where the engine, or the container, is gone, `LabProblem` where it takes
    longer than `seconds`, or its output did not come to its end, and `Interrupted`.
    """
    with engine_errors(f"while it ran `{command[0]}` in a lab"):
        execution = create(api, container, command)
        connection = open_exec(api, execution, tty=False)
        printed = _Printed()
        # Apart: a program that ends before it has read everything is not waited for.
        writing = start_thread("exec input", lambda: _write(connection, data))
        reading = start_thread("exec output", lambda: _read(connection, printed))
        give_up = time.monotonic() + seconds
        try:
            while reading.is_alive():
                reading.join(_TICK)
                if interrupted.is_set():
                    raise Interrupted(f"the build was interrupted while `{command[0]}` ran in a lab")
                if time.monotonic() > give_up:
                    raise LabProblem(f"`{command[0]}` was still running in a lab after {seconds:g} s")
        finally:
            connection.abort()
            reading.join()
            writing.join()
            connection.close()
        if printed.lost is not None:
            raise LabProblem(f"what `{command[0]}` printed in a lab is not whole: {printed.lost}")
        status = _status(api, execution, command[0])
    return ExecResult(status, printed.text())


def _decoders() -> dict[Stream, codecs.IncrementalDecoder]:
    return {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in (Stream.OUT, Stream.ERR)}


@dataclass(slots=True)
class _Printed:
    """What a program has printed, both streams together; each is UTF-8 of its own."""

    lost: BaseException | None = None
    """Why not all of it came."""
    _texts: list[str] = field(default_factory=list)
    _decoders: dict[Stream, codecs.IncrementalDecoder] = field(default_factory=_decoders)
    _size: int = 0

    def add(self, chunk: Chunk) -> None:
        """Add a piece, as far as it is kept."""
        data = chunk.data[: _LARGEST - self._size]
        self._size += len(data)
        self._texts.append(self._decoders[chunk.stream].decode(data))

    def text(self) -> str:
        """Return all of it. What is not UTF-8 is U+FFFD."""
        rests = (decoder.decode(b"", final=True) for decoder in self._decoders.values())
        return "".join([*self._texts, *rests])


def _status(api: APIClient, execution: str, name: str) -> int:
    """Return how a program ended whose output has just ended. Raises `LabProblem` where it goes on.

    Engines 20.10 and 28.5 know of the end of a program by the time that they end its output.
    """
    about: object = api.exec_inspect(execution)
    if not isinstance(about, dict) or "Running" not in about:
        raise NotAnEngine("the answer about a program does not say whether it runs")
    if about["Running"]:
        raise LabProblem(f"the connection to `{name}` in a lab ended before the program did")
    status = about.get("ExitCode")
    if not isinstance(status, int):
        raise LabProblem(f"the lab ended while `{name}` ran in it")
    return status


def _write(connection: Connection, data: bytes) -> None:
    with suppress(OSError):  # it reads no more, and says why
        connection.send(data)


def _read(connection: Connection, printed: _Printed) -> None:
    frames = Frames()
    try:
        while data := connection.read():
            for chunk in frames.feed(data):
                printed.add(chunk)
        frames.finish()
    except Exception as error:  # noqa: BLE001 (a thread that ends with a defect has not read all of it)
        if not connection.aborted:  # by who waits
            printed.lost = error
