"""An engine for unit tests, on which both runners of the extension run, without Docker.

Its one image, `busybox`, has a handful of commands that do what the real ones do; so have its labs, at
whose shell these are typed. The contract suite
(`tests/contract.py`) holds it and the real engine to the same promises.
"""

from __future__ import annotations

import hashlib
import shlex
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sphinx.application import Sphinx

from docker_run import add_runner
from docker_run.docker_cli import run_line
from docker_run.docker_cli.container_options import RunLine
from docker_run.engine.runners import DirectRunner, LabRunner
from docker_run.errors import (
    EngineProblem,
    EngineRefusal,
    ImageProblem,
    Interrupted,
    LabProblem,
    TimedOut,
    TooMuchOutput,
)
from docker_run.model import (
    Chunk,
    Command,
    CommandResult,
    Environment,
    Image,
    Session,
    Step,
    StepOutput,
    Stream,
)
from docker_run.protocols import EngineSource, Progress, RunContext, Runner
from docker_run.sphinx_ext.runner_registration import runners_of
from told import Quiet

IMAGES = ("busybox",)


@dataclass
class FakeEngine:
    """Runs `echo`, `cat`, `sh -c 'exit N'`, `sleep`, `yes`, `date`, `true` and `false`.

    On a lab also `cat FILE`, `hostname`, and `poweroff`, after which the lab is gone.
    """

    url: str = "fake://engine"
    images: tuple[str, ...] = IMAGES
    timeout: float = 5.0
    max_output: int = 10_000
    version: str = "1"
    gone_after: int | None = None
    """After how many commands the engine goes away; None: never."""
    progress: Progress = field(default_factory=Quiet)
    calls: list[str] = field(default_factory=list)
    """The names of all calls, in order."""
    commands: list[str] = field(default_factory=list)
    """The texts of all commands that were run, in order."""
    prepared: list[str] = field(default_factory=list)
    """The pages of the sessions that were announced, in order."""
    threads: set[str] = field(default_factory=set)
    open_sessions: int = 0
    most_open: int = 0
    interrupted: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def sweep(self) -> str:
        self.calls.append("sweep")
        return ""

    def prepare(self, sessions: Sequence[Session]) -> None:
        self.prepared += [session.page for session in sessions]

    @contextmanager
    def session(self, session: Session) -> Iterator[FakeSession]:
        self.calls.append("session")
        with self.lock:
            self.open_sessions += 1
            self.most_open = max(self.most_open, self.open_sessions)
        try:
            yield FakeSession(self, session)
        finally:
            with self.lock:
                self.open_sessions -= 1

    def share(self) -> str:
        self.calls.append("share")
        return "a build"

    def interrupt(self) -> None:
        self.calls.append("interrupt")
        self.interrupted.set()

    def close(self) -> None:
        self.calls.append("close")


class FakeSession:
    """A session on a `FakeEngine`."""

    def __init__(self, engine: FakeEngine, session: Session) -> None:
        self._engine = engine
        self._session = session
        self._names: dict[str, str] = {}
        self._used: set[str] = set(session.images)
        self._files: dict[tuple[str, str], bytes] = {}

    def run(self, step: Step) -> StepOutput:
        if step.file:
            self._files[step.lab, step.file.path] = step.file.data
        results = [self._run(command, step) for command in step.commands]
        if self._session.place.traits.console:
            results = list(map(_at_terminal, results))
        return StepOutput(tuple(results))

    def environment(self) -> Environment:
        return Environment(f"Fake Engine {self._engine.version}", "Fakix 1, Linux 6.1.0", "x86_64")

    def images(self) -> tuple[Image, ...]:
        return tuple(Image(name, "sha256:" + "0" * 64, "made up") for name in sorted(self._used))

    def _run(self, command: Command, step: Step) -> CommandResult:
        engine = self._engine
        with engine.lock:
            if engine.gone_after is not None and len(engine.commands) >= engine.gone_after:
                raise EngineProblem(f"the engine went away while `{command.text}` ran")
            engine.commands.append(command.text)
            engine.threads.add(threading.current_thread().name)
        if self._session.place.traits.console and not command.text.startswith("docker run "):
            return self._on_lab(command, step)
        files = dict(step.files)
        line = run_line.parse(command.text.removeprefix("docker run "), allow=None, read=files.__getitem__)
        if line.image not in engine.images:
            raise ImageProblem(f"there is no image `{line.image}`")
        self._used.add(line.image)
        name = line.name
        if name in self._names:
            return self._failed(
                command,
                step,
                125,
                f'docker: Error response from daemon: Conflict. The container name "/{name}" is already in '
                f'use by container "{self._names[name]}".',
            )
        identity = hashlib.sha256(f"{self._session.page}{len(engine.commands)}".encode()).hexdigest()
        if name and not line.auto_remove:
            self._names[name] = identity
        if line.detach:
            return self._printed(command, Stream.OUT, f"{identity}\n".encode())
        return self._execute(command, line, step)

    def _execute(self, command: Command, line: RunLine, step: Step) -> CommandResult:
        program, *arguments = line.command or ("true",)
        tty = line.tty
        stream, end = (Stream.TERMINAL, "\r\n") if tty else (Stream.OUT, "\n")
        match program:
            case "echo":
                data = (" ".join(arguments) + end).encode()
            case "cat":
                data = "".join(f"{text}{end}" for text in command.typed).encode()
            case "printf":
                data = arguments[0].encode().decode("unicode_escape").encode("latin-1")
            case "true":
                data = b""
            case "false" | "sh":  # the latter is for `sh -c 'exit N'`
                code = int(arguments[1].rpartition("exit ")[2]) if arguments else 1
                return CommandResult(command.text, code, 0.01)
            case "sleep":
                self._sleep(command, float(arguments[0]), step.timeout or self._engine.timeout)
                data = b""
            case "yes":
                data = b"y\n" * self._engine.max_output
            case _:
                message = f'exec: "{program}": executable file not found in $PATH'
                return self._failed(command, step, 127, message)
        if len(data) > self._engine.max_output:
            raise TooMuchOutput(f"`{command.text}` printed more than {self._engine.max_output} bytes")
        return self._printed(command, stream, data)

    def _on_lab(self, command: Command, step: Step) -> CommandResult:
        """Run what is typed at a lab's shell."""
        words = tuple(shlex.split(command.text.replace("\\\n", "")))
        match words:
            case ("poweroff",):
                raise LabProblem(f"the lab `{step.lab}` ended while `{command.text}` ran")
            case ("hostname",):
                return self._printed(command, Stream.OUT, f"{step.lab}\n".encode())
            case ("cat", str(path)) if (step.lab, path) in self._files:
                return self._printed(command, Stream.OUT, self._files[step.lab, path])
            case _:
                return self._execute(command, RunLine(image="", command=words), step)

    def _sleep(self, command: Command, seconds: float, timeout: float) -> None:
        if self._engine.interrupted.wait(min(seconds, timeout)):
            raise Interrupted(f"`{command.text}` was interrupted")
        if seconds > timeout:
            raise TimedOut(f"`{command.text}` was still running after {timeout:g} s")

    @staticmethod
    def _printed(command: Command, stream: Stream, data: bytes) -> CommandResult:
        chunks = (Chunk(stream, data),) if data else ()
        return CommandResult(command.text, 0, 0.01, chunks, len(command.typed) or None)

    def _failed(self, command: Command, step: Step, code: int, message: str) -> CommandResult:
        expected = step.expect.statuses(len(step.commands))[step.commands.index(command)]
        if not self._session.place.traits.console and code != expected:
            raise EngineRefusal(f"`{command.text}` is refused: {message} (say `:exit-code: {code}`)")
        return CommandResult(command.text, code, 0.01, (Chunk(Stream.ERR, f"{message}\n".encode()),))


def _at_terminal(recording: CommandResult) -> CommandResult:
    """Make of what a program printed what its terminal got."""
    output = tuple(
        chunk
        if chunk.stream is Stream.TERMINAL
        else Chunk(Stream.TERMINAL, chunk.data.replace(b"\n", b"\r\n"))
        for chunk in recording.output
    )
    return recording._replace(output=output)


@dataclass(frozen=True, eq=False)
class FakeSource(EngineSource[FakeEngine]):
    """Where a build comes by a fake engine."""

    engine: FakeEngine
    dead: bool = False
    """Whether builds of this machine died on it."""

    def expected(self) -> tuple[str, ...]:
        return (self.engine.url,)

    def has_dead_builds(self) -> bool:
        return self.dead

    def open(self, _context: RunContext) -> FakeEngine:
        return self.engine


def fake_runners(source: FakeSource) -> dict[str, Runner]:
    """Return the two runners of the extension, on a fake engine."""
    return {"direct": DirectRunner(source), "lab": LabRunner(source)}


def use_fake_engine(app: Sphinx, engine: FakeEngine) -> None:
    """Let the runners of a project run on `engine`, as its settings have them else."""
    for name in ("direct", "lab"):
        runner = runners_of(app).by_name[name]
        assert isinstance(runner, DirectRunner | LabRunner)
        add_runner(app, name, replace(runner, source=FakeSource(engine)), override=True)
