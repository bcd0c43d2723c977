"""One `docker run` on an engine, from the container's creation to the last byte of its output."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from docker import APIClient
from docker.errors import APIError, NotFound

from docker_run.engine.cleanup import engine_errors
from docker_run.engine.creation import Creation, client_warnings
from docker_run.engine.foreground import Foreground, Limits
from docker_run.engine.labels import NAME
from docker_run.engine.names import Json, Names, named_volumes
from docker_run.model import Chunk, Stream

_HELP = "\n\nRun 'docker run --help' for more information\n"
REFUSED = 125
"""The CLI's exit status where Docker itself has failed, and not the program that it ran."""
_NOT_FOUND = (
    "executable file not found",
    "no such file or directory",
    "system cannot find the file specified",
)
_NOT_EXECUTABLE = ("permission denied", "is a directory")
_REMOVAL_SECONDS = 10.0


@dataclass(slots=True)
class Printed:
    """What a command has printed so far, and how it ended."""

    exit_code: int = 0
    container: str = ""
    """The id of the container, started or not; empty where there was none."""
    chunks: list[Chunk] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Print a warning, as the CLI does."""
        self.chunks.append(Chunk(Stream.ERR, f"WARNING: {text}\n".encode()))

    def refuse(self, answer: str) -> None:
        """Print that there is no image to run, in the words of `ImageProblem.answer`."""
        self.chunks.append(Chunk(Stream.ERR, f"{answer}{_HELP}".encode()))
        self.exit_code = REFUSED

    def fail(self, message: str) -> None:
        """Print why the container could not be created or started, with the CLI's exit status."""
        self.chunks.append(Chunk(Stream.ERR, f"docker: {message}{_HELP}".encode()))
        self.exit_code = _status(message)


def run_command(
    api: APIClient,
    creation: Creation,
    *,
    names: Names,
    labels: Mapping[str, str],
    limits: Limits,
    command: str,
) -> Printed:
    """Create the container, start it, and follow it unless it is detached.

    `labels` are given to the volumes that it names; `command` is what messages call it. Names in what
    is returned are still those on the engine.
    Raises `EngineProblem` and the reasons of `Foreground.follow`.
    """
    printed = Printed()
    for warning in client_warnings(creation.body):
        printed.warn(warning)
    with engine_errors(f"while `{command}` ran"):
        try:
            container = _create(api, creation, names=names, labels=labels, printed=printed)
            if creation.detach:
                printed.chunks.append(Chunk(Stream.OUT, f"{container}\n".encode()))
                _start(api, container, creation)
            else:
                _follow(api, container, creation, limits=limits, command=command, printed=printed)
        except APIError as error:
            printed.fail(f"Error response from daemon: {error.explanation}")
    return printed


def _create(
    api: APIClient, creation: Creation, *, names: Names, labels: Mapping[str, str], printed: Printed
) -> str:
    body = names.private_config(creation.body, name=creation.name)
    name = names.private(creation.name) if creation.name else None
    if name:
        body["Labels"] = {**(body.get("Labels") or {}), NAME: name}
    for volume in named_volumes(body):
        _create_volume(api, volume, labels)
    answer = api.create_container_from_config(  # type: ignore[no-untyped-call]
        body, name=name, platform=creation.platform
    )
    printed.container = str(answer["Id"])
    for warning in answer.get("Warnings") or ():
        printed.warn(warning)
    return printed.container


def _create_volume(api: APIClient, volume: Json, labels: Mapping[str, str]) -> None:
    """Create a named volume ahead of its container, so that it has our labels; one that is there stays."""
    api.create_volume(
        name=volume["Name"],
        driver=volume.get("Driver"),
        driver_opts=volume.get("DriverOpts"),
        labels={**volume.get("Labels", {}), **labels},
    )


def _follow(
    api: APIClient, container: str, creation: Creation, *, limits: Limits, command: str, printed: Printed
) -> None:
    with Foreground(api, container, creation.attached, limits=limits, command=command) as foreground:
        _start(api, container, creation)
        printed.exit_code = foreground.follow()
        printed.chunks += foreground.output()


def _start(api: APIClient, container: str, creation: Creation) -> None:
    try:
        api.start(container)
    except APIError:
        if creation.attached.auto_remove:
            _await_removal(api, container)
        raise


def _await_removal(api: APIClient, container: str) -> None:
    """Wait until the engine has removed what it could not start, so that its name is free again."""
    give_up = time.monotonic() + _REMOVAL_SECONDS
    with suppress(NotFound):
        while time.monotonic() < give_up:
            api.inspect_container(container)
            time.sleep(0.02)


def _status(message: str) -> int:
    """Return the CLI's exit status for a container that was not started, by the engine's message.

    125 is an error of Docker's own, 126 a command that can't be invoked, 127 one that can't be found
    (https://docs.docker.com/reference/cli/docker/container/run/#exit-status).
    """
    if any(sign in message for sign in _NOT_FOUND):
        return 127
    if any(sign in message for sign in _NOT_EXECUTABLE):
        return 126
    return 125
