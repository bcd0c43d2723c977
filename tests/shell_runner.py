"""A runner without Docker: commands run in a shell of this machine, in a directory of their own."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from docker_run import (
    Chunk,
    Command,
    CommandResult,
    Environment,
    Interrupted,
    RunContext,
    Runner,
    RunnerSession,
    RunnerTraits,
    Session,
    Step,
    StepOutput,
    Stream,
    TimedOut,
    TooMuchOutput,
)


@dataclass(frozen=True)
class ShellRunner(Runner):
    greeting: str = "hello"
    """What `$GREETING` is; pages run again when it is another."""

    traits = RunnerTraits(console=True, files=True)

    def definition(self, _place: str) -> str:
        return self.greeting

    def title(self, _place: str) -> str:
        return "this machine"

    @contextmanager
    def session(self, _session: Session, context: RunContext) -> Iterator[RunnerSession]:
        with TemporaryDirectory() as folder:
            yield ShellSession(Path(folder), self.greeting, context)


@dataclass(frozen=True)
class ShellSession(RunnerSession):
    folder: Path
    greeting: str
    context: RunContext

    def environment(self) -> Environment:
        return Environment("no engine", platform.system(), platform.machine())

    def run(self, step: Step) -> StepOutput:
        if step.file is not None:
            (self.folder / step.file.path).write_bytes(step.file.data)
        seconds = step.timeout or self.context.timeout
        return StepOutput(tuple(self._run(command, seconds) for command in step.commands))

    def _run(self, command: Command, seconds: float) -> CommandResult:
        began = time.monotonic()
        with (self.folder / ".out").open("w+b") as out, (self.folder / ".err").open("w+b") as err:
            process = subprocess.Popen(
                ["sh", "-c", command.text],
                cwd=self.folder,
                env=os.environ | {"GREETING": self.greeting},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            try:
                while process.poll() is None:
                    self._check(command.text, out.seek(0, os.SEEK_END), time.monotonic() - began, seconds)
                    time.sleep(0.01)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            self._check(command.text, out.seek(0, os.SEEK_END), 0, seconds)
            printed = []
            for stream, file in ((Stream.OUT, out), (Stream.ERR, err)):
                file.seek(0)
                printed += [Chunk(stream, data)] if (data := file.read()) else []
        return CommandResult(command.text, process.returncode, time.monotonic() - began, tuple(printed))

    def _check(self, text: str, size: int, passed: float, seconds: float) -> None:
        if self.context.interrupted.is_set():
            raise Interrupted(f"`{text}` was interrupted")
        if size > self.context.max_output:
            raise TooMuchOutput(f"`{text}` printed more than {self.context.max_output} bytes")
        if passed > seconds:
            raise TimedOut(f"`{text}` was still running after {seconds:g} s")
