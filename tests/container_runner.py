"""A runner of a project's own: commands run in a container that is there already."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import docker

import docker_run


@dataclass(frozen=True)
class ContainerSession(docker_run.RunnerSession):
    api: docker.APIClient
    container: str
    context: docker_run.RunContext

    def environment(self) -> docker_run.Environment:
        return docker_run.Environment("Docker", f"container {self.container}", self.api.version()["Arch"])

    def run(self, step: docker_run.Step) -> docker_run.StepOutput:
        seconds = step.timeout or self.context.timeout
        return docker_run.StepOutput(tuple(self._run(command.text, seconds) for command in step.commands))

    def _run(self, text: str, seconds: float) -> docker_run.CommandResult:
        began, output, size = time.monotonic(), [], 0
        # It sleeps first: docker-py can lose what is printed at once (docker-py#3332).
        words = ["sh", "-c", 'sleep 0.2; exec timeout "$0" sh -c "$1"', str(seconds), text]
        job = self.api.exec_create(self.container, words)["Id"]
        for out, err in self.api.exec_start(job, stream=True, demux=True):
            stream = docker_run.Stream.OUT if out else docker_run.Stream.ERR
            size += len(out or err)
            output += [docker_run.Chunk(stream, out or err)] if size <= self.context.max_output else []
        if size > self.context.max_output:
            raise docker_run.TooMuchOutput(f"`{text}` printed over {self.context.max_output} bytes")
        if (took := time.monotonic() - began) > seconds:
            raise docker_run.TimedOut(f"`{text}` was still running after {seconds:g} s")
        return docker_run.CommandResult(text, self.api.exec_inspect(job)["ExitCode"], took, tuple(output))


@dataclass(frozen=True)
class ContainerRunner(docker_run.Runner):
    container: str
    traits = docker_run.RunnerTraits(console=True)

    @contextmanager
    def session(self, _: docker_run.Session, context: docker_run.RunContext) -> Iterator[ContainerSession]:
        with closing(docker.from_env()) as client:
            yield ContainerSession(client.api, self.container, context)
