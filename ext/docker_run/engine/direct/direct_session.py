"""Sessions directly on an engine: each `docker run` line is executed by requests of docker-py.

The output is that of the CLI for the same line, with the messages of version 28 (docker/cli,
`cli/command/container/run.go`).
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from docker.errors import DockerException

from docker_run.catalogue.lock_file import full_name
from docker_run.catalogue.recorded_images import recorded_images
from docker_run.docker_cli import run_line
from docker_run.docker_cli.container_options import RunLine
from docker_run.engine.cleanup.anonymous_volumes import anonymous_volume_names
from docker_run.engine.cleanup.sweep import engine_errors
from docker_run.engine.direct.command import CommandOutput, RuntimeDied, run_command
from docker_run.engine.direct.confinement import Confinement, SupportedLimits, needs_default_network
from docker_run.engine.direct.create_request import creation
from docker_run.engine.direct.name_prefix import Names
from docker_run.engine.direct.page_network import PageNetworks
from docker_run.engine.error_classification import FAILED
from docker_run.engine.host import Host
from docker_run.engine.images.image_store import ProvidedImage
from docker_run.engine.images.provider import Images
from docker_run.engine.out_of_memory import KILLED, may_be_killed, was_out_of_memory
from docker_run.errors import (
    EngineProblem,
    EngineRefusal,
    FlagProblem,
    ImageProblem,
    Interrupted,
    Unfinished,
)
from docker_run.model import (
    Command,
    CommandResult,
    DirectLimits,
    Environment,
    Image,
    Input,
    Session,
    Step,
    StepOutput,
    Stream,
)

_RUN = re.compile(r"\s*docker\s+run\b(?P<rest>.*)", re.DOTALL)


class DirectSessions:
    """Opens sessions directly on an engine, without a lab.

    `images` provides images. `allow` names the flags that may reach into the host; None allows all.
    `environ` has the values for `-e NAME`; `limits` are those of a container whose line sets none.
    """

    def __init__(
        self,
        host: Host,
        *,
        images: Images,
        allow: Collection[str] | None,
        environ: Mapping[str, str] | None = None,
        limits: DirectLimits | None = None,
    ) -> None:
        self._host = host
        self._images = images
        self._allow = None if allow is None else frozenset(allow)
        self._environ = environ or {}
        self._limits = limits or DirectLimits()
        self._networks = PageNetworks(host)
        self._lock = threading.Lock()
        self._supported: SupportedLimits | None = None

    def close(self) -> None:
        """Remove what the sessions shared."""
        self._networks.close()

    @contextmanager
    def open(self, session: Session) -> Iterator[DirectSession]:
        """Open `session`; leaving the context removes all that it created. Raises `EngineProblem`."""
        host = self._host
        host.clients()
        names = Names(f"{secrets.token_hex(8)}-")
        confinement = self._confinement(session)
        opened = DirectSession(
            session,
            host=host,
            images=self._images,
            allow=self._allow,
            environ=self._environ,
            names=names,
            labels=host.labels(page=session.page, session=names.prefix),
            confinement=confinement,
        )
        try:
            yield opened
        except BaseException as error:
            host.remove_after(names.prefix, error)
            raise
        else:
            host.remove(names.prefix)
            if confinement.network:
                self._networks.give_back(confinement.network)
        finally:
            opened.remove_id_files()

    def _confinement(self, session: Session) -> Confinement:
        with self._lock, engine_errors("when it was asked for its limits"):
            if self._supported is None:
                self._supported = SupportedLimits.of(self._host.clients().api.info())
        network = (lambda: "") if needs_default_network(session.steps) else self._networks.take
        return Confinement(self._limits, self._supported, network)


class DirectSession:
    """A session on an engine, without a lab. Implements `protocols.RunnerSession`.

    All objects that it creates get `labels`; for the other arguments see `DirectSessions`.
    """

    def __init__(
        self,
        session: Session,
        *,
        host: Host,
        images: Images,
        allow: frozenset[str] | None,
        environ: Mapping[str, str],
        names: Names,
        labels: Mapping[str, str],
        confinement: Confinement,
    ) -> None:
        self._session = session
        self._host = host
        self._clients = host.clients
        self._provider = images
        self._recorded = recorded_images(session.reproduces)
        self._allow = allow
        self._environ = environ
        self._names = names
        self._labels = labels
        self._confinement = confinement
        self._limits = host.limits
        self._used: dict[str, Image] = {}
        self._id_files: list[Path] = []
        self._ended = ""

    def environment(self) -> Environment:
        """Return the machine's environment. Raises `EngineProblem`."""
        return self._host.environment()

    def images(self) -> tuple[Image, ...]:
        """Return the images used so far, sorted by name."""
        return tuple(self._used[name] for name in sorted(self._used))

    def run(self, step: Step) -> StepOutput:
        """Run the commands of `step`. Raises what `protocols.RunnerSession.run` says."""
        if self._ended:
            raise EngineProblem(f"nothing more can be run on this page: {self._ended}")
        statuses = step.expect.statuses(len(step.commands))
        try:
            results = [
                self._run(command, step, expected)
                for command, expected in zip(step.commands, statuses, strict=True)
            ]
        except EngineProblem as error:
            self._ended = str(error)
            if self._limits.interrupted.is_set():
                # The requests to the engine have been abandoned.
                raise Interrupted("the build was interrupted while a command ran") from error
            raise
        except Unfinished as error:
            self._ended = str(error)
            raise
        return StepOutput(tuple(results))

    def _run(self, command: Command, step: Step, expected: int | None) -> CommandResult:
        line = self._parse(command, step)
        self._check_interrupted(command)
        began = time.monotonic()
        try:
            provided = self._provider.provide(
                line.image,
                pull=line.client.pull,
                platform=line.platform or None,
                recorded=self._recorded.get(full_name(line.image)),
            )
        except ImageProblem as problem:
            # A refusal that the author expects is output; otherwise it is an error.
            if not problem.answer or expected != FAILED:
                raise
            printed = CommandOutput()
            printed.refuse(problem.answer)
        else:
            self._used[line.image] = provided.image
            self._check_interrupted(command)
            began = time.monotonic()
            printed = self._create_and_run(command, line, provided, step)
        if printed.refusal and printed.exit_code != expected:
            raise self._refused(command, printed, expected)
        if expected != KILLED and not line.resources.limits_memory:
            self._check_killed(command, printed, expected)
        return CommandResult(
            command=command.text,
            exit_code=printed.exit_code,
            seconds=time.monotonic() - began,
            output=self._names.public_chunks(printed.chunks),
            typed=_sent(command, printed),
        )

    def _refused(self, command: Command, printed: CommandOutput, expected: int | None) -> EngineRefusal:
        """Return the error for a refusal whose exit status the page does not expect."""
        wanted = "" if expected is None else f", expected {expected}"
        covers = ", which `any` does not cover" if expected is None else ""
        return EngineRefusal(
            f"`{command.text}` is refused, with exit status {printed.exit_code}{wanted}: "
            f"{self._names.public(printed.refusal)} (if that is what the page is to show{covers}, say "
            f"`:exit-code: {printed.exit_code}`)"
        )

    def _check_killed(self, command: Command, printed: CommandOutput, expected: int | None) -> None:
        """Raise `EngineProblem` if something in a container was killed for want of memory, or may have been.

        The engine can miss that a container was out of memory (`engine.out_of_memory`). So a container that
        was killed is never taken for an output that `any` covers.
        """
        output = (chunk.data for chunk in printed.chunks)
        if not printed.container or not may_be_killed(printed.exit_code, output):
            return
        with engine_errors(f"when it was asked whether `{command.text}` was out of memory"):
            if was_out_of_memory(self._clients().api, printed.container):
                raise EngineProblem(
                    f"`{command.text}` was out of memory, and something in its container was killed; let it "
                    "need less, raise `docker_run_memory`, or set the limit that the page is about with `-m`"
                )
        if printed.exit_code == KILLED and expected is None:
            raise EngineProblem(
                f"`{command.text}` ended with exit status {KILLED}, that of a killed program, which `any` "
                "does not cover: it may have been out of memory (`docker_run_memory`); if that is what the "
                f"page is to show, say `:exit-code: {KILLED}`"
            )

    def _parse(self, command: Command, step: Step) -> RunLine:
        found = _RUN.fullmatch(command.text)
        if found is None:
            raise FlagProblem(
                f"`{command.text}` can't be run directly on the engine: only `docker run` lines can"
            )

        files = dict(step.files)

        def read(name: str) -> str:
            if name not in files:
                raise FileNotFoundError(name)
            return files[name]

        return run_line.parse(
            found["rest"].strip(),
            allow=self._allow,
            read=read,
            environ=self._environ,
            proxies=self._host.proxies,
            directory=str(Path(step.location.path).parent),
        )

    def _create_and_run(
        self, command: Command, line: RunLine, image: ProvidedImage, step: Step
    ) -> CommandOutput:
        id_file = line.client.id_file
        id_path = Path(step.location.path).parent / id_file
        if id_file and id_path.exists():
            refused = CommandOutput()
            refused.refuse(
                "docker: container ID file found, make sure the other container isn't running or delete "
                f"{id_file}"
            )
            return refused
        api = self._clients().api
        try:
            asked = creation(
                line,
                reference=image.reference,
                typed=command.typed,
                labels=self._labels,
                terminal=self._session.terminal,
                api=api,
                product=self._host.product(),
            )
        except (DockerException, TypeError, ValueError) as error:
            # docker-py checks some values itself, and whether the API's version supports them.
            raise FlagProblem(f"`{command.text}` can't be run by this engine: {error}") from error
        run = partial(
            run_command,
            api,
            asked,
            names=self._names,
            labels=self._labels,
            confinement=self._confinement,
            limits=self._limits.within(step.timeout),
            command=command.text,
            created=self._note_volumes if image.has_volumes or line.storage.has_volumes else _nothing,
        )
        try:
            printed = run()
        except RuntimeDied:
            printed = run()
        if id_file and printed.container:
            try:
                id_path.write_text(printed.container, encoding="ascii")
            except OSError as error:
                raise FlagProblem(f"--cidfile {id_file} can't be written: {error.strerror}") from error
            self._id_files.append(id_path)
        return printed

    def _note_volumes(self, container: str) -> None:
        """Note the anonymous volumes of a new container."""
        about = self._clients().api.inspect_container(container)
        self._host.note_volumes(self._names.prefix, anonymous_volume_names(about))

    def remove_id_files(self) -> None:
        """Remove the files of `--cidfile`, which exist until the page ends, like the containers."""
        for path in self._id_files:
            path.unlink(missing_ok=True)

    def _check_interrupted(self, command: Command) -> None:
        if self._limits.interrupted.is_set():
            raise Interrupted(f"the build was interrupted before `{command.text}` ran")


def _sent(command: Command, printed: CommandOutput) -> int | None:
    """Return how many of the lines of input were sent; to a pipe, all are sent at once."""
    if not command.typed:
        return None
    if command.input is Input.PIPE:
        return len(command.typed)
    return sum(chunk.stream is Stream.TYPED for chunk in printed.chunks)


def _nothing(_container: str) -> None:
    """Do nothing: without volumes, the container doesn't have to be inspected."""
