"""One `docker run` on an engine, from the container's creation to the last byte of its output."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field

from docker import APIClient
from docker.errors import APIError, NotFound

from docker_run.engine.cleanup import removal
from docker_run.engine.cleanup.labels import NAME
from docker_run.engine.cleanup.sweep import engine_errors
from docker_run.engine.connection.answers import NotAnEngine
from docker_run.engine.connection.product import Product
from docker_run.engine.direct.attach import Foreground
from docker_run.engine.direct.confinement import Confinement
from docker_run.engine.direct.create_request import Creation, client_warnings
from docker_run.engine.direct.name_prefix import Json, Names, named_volumes
from docker_run.engine.error_classification import FAILED, exit_status, is_before_program
from docker_run.engine.settings import Limits
from docker_run.errors import EngineProblem
from docker_run.model import Chunk, Stream

_HELP = "\n\nRun 'docker run --help' for more information\n"
_LONGEST = 400
"""Limit of an engine's message in a quotation, in characters."""
_REMOVAL_SECONDS = 10.0


@dataclass(slots=True)
class CommandOutput:
    """The output of a command so far, and how it ended."""

    exit_code: int = 0
    container: str = ""
    """The ID of the container, started or not; empty if there was none."""
    refusal: str = ""
    """Why it was not run, in the words of the engine or the CLI; empty if it was."""
    chunks: list[Chunk] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Print a warning, as the CLI does."""
        self.chunks.append(Chunk(Stream.ERR, f"WARNING: {text}\n".encode()))

    def refuse(self, message: str, exit_code: int = FAILED) -> None:
        """Print why nothing was run, as the CLI does, and set its exit status."""
        self.chunks.append(Chunk(Stream.ERR, f"{message}{_HELP}".encode()))
        self.exit_code = exit_code
        self.refusal = message.removeprefix("docker: ")


def run_command(
    api: APIClient,
    creation: Creation,
    *,
    names: Names,
    labels: Mapping[str, str],
    confinement: Confinement,
    limits: Limits,
    command: str,
    created: Callable[[str], None] = lambda _: None,
) -> CommandOutput:
    """Create the container, start it, and follow it unless it is detached.

    `labels` are set on its named volumes, `confinement` adds to what its line asks for; `command` names it
    in messages. `created` gets the container's ID before it is started. Names in the result are still those
    on the engine.
    Raises `EngineProblem` if the engine fails, `RuntimeDied` among them, and what `Foreground.follow` raises.
    """
    printed = CommandOutput()
    for warning in client_warnings(creation.body):
        printed.warn(warning)
    with engine_errors(f"while `{command}` ran"):
        try:
            body = confinement.confined(names.private_config(creation.body, name=creation.name))
            container = _create(api, creation, body, names=names, labels=labels, printed=printed)
            created(container)
            if creation.detach:
                printed.chunks.append(Chunk(Stream.OUT, f"{container}\n".encode()))
                _start(api, container, creation)
            else:
                _follow(api, container, creation, limits=limits, command=command, printed=printed)
        except _Refusal as error:
            said = confinement.as_written(str(error))
            printed.refuse(f"docker: Error response from daemon: {said}", error.exit_code)
        except APIError as error:
            kind = EngineProblem
            if printed.container and is_before_program(str(error.explanation)):
                kind = RuntimeDied
                _remove(api, printed.container)
            raise kind(
                f"the engine failed while `{command}` ran: {names.public(_brief(error))}; fix that, and "
                "build again"
            ) from error
    return printed


class RuntimeDied(EngineProblem):
    """The container's runtime died before it executed the program, and the container is removed.

    To run the command again repeats nothing, and usually succeeds.
    """


class _Refusal(Exception):
    """The engine refuses to create a container or to start it."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def _brief(error: APIError) -> str:
    """Return the first line of an engine's message: some messages end with a memory dump."""
    first, more, _ = str(error.explanation or error).strip().partition("\n")
    return first[:_LONGEST] + (" …" if more or len(first) > _LONGEST else "")


@contextmanager
def _refusals() -> Iterator[None]:
    """Raise `_Refusal` for an `APIError` that is a refusal; let others pass."""
    try:
        yield
    except APIError as error:
        message = str(error.explanation)
        answer = error.response.status_code if error.response is not None else None
        status = exit_status(answer, message)
        if status is None:
            raise
        raise _Refusal(message, status) from error


def _create(
    api: APIClient,
    creation: Creation,
    body: Json,
    *,
    names: Names,
    labels: Mapping[str, str],
    printed: CommandOutput,
) -> str:
    name = names.private(creation.name) if creation.name else None
    # Also without a name: neither the line nor the image may set this label.
    body["Labels"] = {**(body.get("Labels") or {}), NAME: name or ""}
    with _refusals():
        for volume in named_volumes(body):
            _create_volume(api, volume, labels)
        answer = api.create_container_from_config(  # type: ignore[no-untyped-call]
            body, name=name, platform=creation.platform
        )
    if not isinstance(answer, dict) or not isinstance(answer.get("Id"), str):
        raise NotAnEngine("the answer to the creation of a container does not have its id")
    printed.container = answer["Id"]
    for warning in answer.get("Warnings") or ():
        printed.warn(warning)
    return printed.container


def _create_volume(api: APIClient, volume: Json, labels: Mapping[str, str]) -> None:
    """Create a named volume before its container, so that it has our labels; an existing one is kept."""
    api.create_volume(
        name=volume["Name"],
        driver=volume.get("Driver"),
        driver_opts=volume.get("DriverOpts"),
        labels={**volume.get("Labels", {}), **labels},
    )


def _follow(
    api: APIClient,
    container: str,
    creation: Creation,
    *,
    limits: Limits,
    command: str,
    printed: CommandOutput,
) -> None:
    try:
        opened = Foreground(api, container, creation.attached, limits=limits, command=command)
        with _attached(opened, creation) as foreground:
            _start(api, container, creation)
            printed.exit_code = foreground.follow()
            printed.chunks += foreground.output()
    except _Refusal:
        if creation.is_removed_here:
            _remove(api, container)
        raise
    if creation.is_removed_here and foreground.is_over:
        _remove(api, container)


@contextmanager
def _attached(foreground: Foreground, creation: Creation) -> Iterator[Foreground]:
    """Attach to a container; Podman already refuses here what Docker refuses at the start."""
    with ExitStack() as closing:
        with _refusals() if creation.attached.product is Product.PODMAN else nullcontext():
            closing.enter_context(foreground)
        yield foreground


def _remove(api: APIClient, container: str) -> None:
    """Remove a container with `--rm` that has ended or could not be started. Raises `EngineProblem`."""
    with engine_errors("while a container was removed that has ended (`--rm`)"):
        removal.remove(api, removal.Resource.CONTAINER, container)


def _start(api: APIClient, container: str, creation: Creation) -> None:
    try:
        with _refusals():
            api.start(container)
    except _Refusal:
        if creation.attached.auto_remove:
            _await_removal(api, container)
        raise


def _await_removal(api: APIClient, container: str) -> None:
    """Wait until the engine has removed a container that it could not start, so that its name is free."""
    give_up = time.monotonic() + _REMOVAL_SECONDS
    with suppress(NotFound):
        while time.monotonic() < give_up:
            api.inspect_container(container)
            time.sleep(0.02)
        raise EngineProblem(
            f"the engine did not remove a container that it could not start within {_REMOVAL_SECONDS:g} s"
        )
