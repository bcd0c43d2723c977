"""Programs run in a container aside: what they read, print, and how they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from docker import APIClient

from docker_run.engine.cleanup import engine_errors
from docker_run.engine.streams import Connection, Frames, open_exec

DETACH_KEYS = "ctrl-],ctrl-],ctrl-],ctrl-]"
"""What nobody types. The engine's own, `ctrl-p,ctrl-q`, would be taken from a container within a lab."""
_LARGEST = 1_000_000


class Ended(NamedTuple):
    """How a program ended."""

    status: int
    output: str
    """Both streams, in the order in which they came; at most a million bytes."""


def create(
    api: APIClient,
    container: str,
    command: Sequence[str],
    *,
    tty: bool = False,
    environment: Mapping[str, str] | None = None,
    directory: str = "",
) -> str:
    """Create an exec of `command` in `container`, and return its id."""
    made = api.exec_create(
        container,
        list(command),
        stdin=True,
        tty=tty,
        environment=dict(environment or {}),
        workdir=directory or None,
        detach_keys=DETACH_KEYS,
    )
    return str(made["Id"])


def execute(
    api: APIClient, container: str, command: Sequence[str], *, data: bytes = b"", directory: str = ""
) -> Ended:
    """Run `command` in `container` without a terminal, with `data` to read; wait for its end.

    The command has to know how much it reads: an end of its input can't be told over TLS.
    Raises `EngineProblem` where the engine, or the container, is gone.
    """
    with engine_errors(f"while it ran `{command[0]}` in a lab"):
        execution = create(api, container, command, directory=directory)
        connection = open_exec(api, execution, tty=False)
        try:
            if data:
                connection.send(data)
            printed = _read(connection)
        finally:
            connection.close()
        status = api.exec_inspect(execution)["ExitCode"]
    # The engine knows no status where the container ended before the program did.
    return Ended(137 if status is None else int(status), printed.decode(errors="replace"))


def _read(connection: Connection) -> bytes:
    frames, printed = Frames(), bytearray()
    while data := connection.read():
        for chunk in frames.feed(data):
            printed += chunk.data[: _LARGEST - len(printed)]
    return bytes(printed)
