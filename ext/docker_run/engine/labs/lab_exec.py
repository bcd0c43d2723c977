"""Running a program in a container with `docker exec`: its input, output and exit status."""

from __future__ import annotations

import codecs
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from docker import APIClient

from docker_run.engine.cleanup.sweep import engine_errors
from docker_run.engine.connection.answers import NotAnEngine
from docker_run.engine.error_classification import is_before_program
from docker_run.engine.frames import Frames
from docker_run.engine.streams import Connection, open_exec, start_thread
from docker_run.errors import Interrupted, LabProblem
from docker_run.model import Chunk, Stream

DETACH_KEYS = "ctrl-],ctrl-],ctrl-],ctrl-]"
"""Keys that nobody types. The default, `ctrl-p,ctrl-q`, would be taken away from containers in the lab."""
_LARGEST = 1_000_000
_SECONDS = 600.0
_CHECK_SECONDS = 0.05


class ExecResult(NamedTuple):
    """The exit status and output of a program."""

    status: int
    output: str
    """Both streams, in order of arrival; at most a million bytes."""


def create(api: APIClient, container: str, command: Sequence[str], *, tty: bool = False) -> str:
    """Create an exec of `command` in `container`, and return its ID."""
    made = api.exec_create(container, list(command), stdin=True, tty=tty, detach_keys=DETACH_KEYS)
    return str(made["Id"])


def _execute(
    api: APIClient,
    container: str,
    command: Sequence[str],
    *,
    data: bytes,
    interrupted: threading.Event,
    seconds: float,
) -> ExecResult:
    with engine_errors(f"while it ran `{command[0]}` in a lab"):
        execution = create(api, container, command)
        connection = open_exec(api, execution, tty=False)
        printed = _Output()
        # A thread of its own: a program may end before it has read everything.
        writing = start_thread("exec input", lambda: _write(connection, data))
        reading = start_thread("exec output", lambda: _read(connection, printed))
        give_up = time.monotonic() + seconds
        try:
            while reading.is_alive():
                reading.join(_CHECK_SECONDS)
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


def execute(
    api: APIClient,
    container: str,
    command: Sequence[str],
    *,
    data: bytes = b"",
    interrupted: threading.Event,
    seconds: float = _SECONDS,
) -> ExecResult:
    """Run `command` in `container` without a terminal, with `data` as input; wait for its end.

    The command has to know how much to read: over TLS the end of its input can't be signalled. If the
    runtime dies before it executes the command, that is done a second time.
    Raises `EngineProblem` if the engine or the container is gone, `LabProblem` if the command takes longer
    than `seconds` or its output is incomplete, and `Interrupted`.
    """
    run = partial(_execute, api, container, command, data=data, interrupted=interrupted, seconds=seconds)
    result = run()
    return run() if result.status and is_before_program(result.output) else result


def _decoders() -> dict[Stream, codecs.IncrementalDecoder]:
    return {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in (Stream.OUT, Stream.ERR)}


@dataclass(slots=True)
class _Output:
    """The output of a program, both streams merged; each is decoded from UTF-8 separately."""

    lost: BaseException | None = None
    """Why it is incomplete."""
    _texts: list[str] = field(default_factory=list)
    _decoders: dict[Stream, codecs.IncrementalDecoder] = field(default_factory=_decoders)
    _size: int = 0

    def add(self, chunk: Chunk) -> None:
        """Add a chunk, up to the limit."""
        data = chunk.data[: _LARGEST - self._size]
        self._size += len(data)
        self._texts.append(self._decoders[chunk.stream].decode(data))

    def text(self) -> str:
        """Return all of it, with U+FFFD for invalid UTF-8."""
        rests = (decoder.decode(b"", final=True) for decoder in self._decoders.values())
        return "".join([*self._texts, *rests])


def _status(api: APIClient, execution: str, name: str) -> int:
    """Return the exit status of a program whose output has just ended. Raises `LabProblem` if it still runs.

    Engines 20.10 and 28.5 note the end of a program before they close its output.
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
    with suppress(OSError):  # the program has closed its input; its status and output say why
        connection.send(data)


def _read(connection: Connection, printed: _Output) -> None:
    frames = Frames()
    try:
        while data := connection.read():
            for chunk in frames.feed(data):
                printed.add(chunk)
        frames.finish()
    except Exception as error:  # noqa: BLE001 (a thread that ends with a defect has not read all of it)
        if not connection.aborted:  # by `execute`
            printed.lost = error
