"""Running the steps of one page at the shells of its labs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from docker import DockerClient

from docker_run.engine.images.pull import Refusal, refusal
from docker_run.engine.labs import tool_failures
from docker_run.engine.labs.lab_shell import Shell
from docker_run.engine.labs.machine import Machine
from docker_run.engine.out_of_memory import KILLED, may_be_killed
from docker_run.engine.settings import Limits
from docker_run.errors import (
    DockerRunError,
    EngineProblem,
    EngineRefusal,
    ImageProblem,
    Interrupted,
    LabProblem,
)
from docker_run.model import Command, CommandResult, Environment, Image, Step, StepOutput, TerminalSize
from docker_run.patterns import Pattern
from docker_run.terminal import screen

_FAILURES = re.compile(
    r"Error response from daemon: (?P<daemon>(?:(?:Get|Head|Post) \"https?://|pull access denied|manifest for"
    r"|manifest unknown|no match(?:ing manifest)? for|toomanyrequests"
    r"|failed to (?:resolve|do request|fetch|authorize)).*)"
    # Bounded by the next such words, and by the end of a name: linear on a line that repeats either.
    r"|failed to solve: (?P<build>(?:(?!failed to solve: ).)*?"
    r"(?:failed to (?:resolve (?:source|reference)|do request|fetch|authorize)"
    r"|pull access denied|toomanyrequests|docker\.io/\S{1,300}: not found).*)"
)
"""Messages of the CLI and BuildKit when an image is unavailable."""
_NAMES = re.compile(
    r"Unable to find image '(?P<run>[^']+)' locally"
    r"|load metadata for (?P<build>\S+)"
    r"|pull access denied for (?P<denied>[^\s,]+)"
    r"|manifest for (?P<missing>\S+) not found"
)

_IN_NONE = "no registry that could be reached has it"
"""With containerd's store, engines report that the lab's mirror has no such image, and not that Docker Hub
could not be reached."""

_REFUSED = (125, 126, 127)
"""The exit statuses of a `docker run` that has not run a program."""


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab that is ready: its machine, and its shell."""

    machine: Machine
    shell: Shell


class LabSession:
    """A session on labs. Implements `protocols.RunnerSession`.

    `labs` are the page's, by name; `clients` returns the calling thread's client, `images` the images that
    the labs have used so far, `environment` their description, `problem` why an image of the catalogue is
    unavailable.
    """

    def __init__(
        self,
        labs: Mapping[str, Lab],
        *,
        clients: Callable[[], DockerClient],
        images: Callable[[Sequence[Machine]], tuple[Image, ...]],
        environment: Callable[[], Environment],
        problem: Callable[[str], ImageProblem | None],
        limits: Limits,
        size: TerminalSize,
    ) -> None:
        self._labs = labs
        self._clients = clients
        self._images = images
        self._environment = environment
        self._problem = problem
        self._limits = limits
        self._size = size
        self._ended = ""

    def environment(self) -> Environment:
        """Describe the machine. Raises `EngineProblem`."""
        return self._environment()

    def images(self) -> tuple[Image, ...]:
        """Return the images used so far, by name."""
        return self._images([lab.machine for lab in self._labs.values()])

    def run(self, step: Step) -> StepOutput:
        """Run the commands of `step`. Raises what `protocols.RunnerSession.run` says."""
        if self._ended:
            raise LabProblem(f"nothing more can be run on this page: {self._ended}")
        lab = self._labs[step.lab]
        results: list[CommandResult] = []
        try:
            if step.file is not None:
                self._check_interrupted(step)
                lab.machine.put(self._clients().api, step.file)
            for index, command in enumerate(step.commands):
                results.append(self._run(lab, command, step, index))
        except ImageProblem as error:
            # The shell is at its prompt again, so the steps after an optional one can be run.
            if results and step.optional:
                return StepOutput(tuple(results), not_run=error.reason)
            raise
        except EngineProblem as error:
            self._ended = str(error)
            ended = lab.shell.console.lost is not None
            if why_it_ended := lab.machine.why_it_ended(self._clients().api) if ended else "":
                raise LabProblem(f"{error}\n{why_it_ended}") from error
            raise
        except DockerRunError as error:
            self._ended = str(error)
            raise
        return StepOutput(tuple(results))

    def _run(self, lab: Lab, command: Command, step: Step, index: int) -> CommandResult:
        recording = lab.shell.run(
            command,
            self._limits.within(step.timeout),
            is_canonical=lambda: lab.machine.is_canonical(self._clients().api),
        )
        expected = step.expect.statuses(len(step.commands))[index]
        self._check_memory(lab, recording, expected)
        is_other = step.optional or expected != recording.exit_code
        if is_other or tool_failures.may_speak(chunk.data for chunk in recording.output):
            text = screen.text(screen.lines(recording.output, self._size, joined=True))
            if is_other:
                self._check_images(recording, text)
            if told := self._failure(lab, text):
                _check_failure(recording, told, step, expected, name=lab.machine.name)
            if expected is None:
                _check_refusal(recording, text)
        return recording

    def _check_memory(self, lab: Lab, recording: CommandResult, expected: int | None) -> None:
        """Raise `LabProblem` if the lab was out of memory, unless the page expects that exit status."""
        is_expected = recording.exit_code == KILLED == expected
        if is_expected or not may_be_killed(recording.exit_code, (chunk.data for chunk in recording.output)):
            return
        if lab.machine.was_out_of_memory(self._clients().api):
            raise LabProblem(
                f"the lab {lab.machine.name} was out of memory at `{recording.command}`, and something on it "
                "was killed; let the page need less, or raise `docker_run_lab_memory`"
            )

    def _failure(self, lab: Lab, text: str) -> str:
        """Return the line that reports a failure of the lab's engine or a full disk; empty if none does."""
        told = tool_failures.failure(text)
        if (
            not told
            and (told := tool_failures.full_disk(text))
            and not lab.machine.is_full(self._clients().api)
        ):
            return ""  # a disk that the page has created
        return told

    def _check_images(self, recording: CommandResult, text: str) -> None:
        """Raise `ImageProblem` if a command reports that it could not get an image."""
        found = _FAILURES.search(text)
        if found is None:
            return
        failure = found["daemon"] or found["build"]
        named = _NAMES.search(text)
        image = next(group for group in named.groups() if group) if named else ""
        image = image.removeprefix("docker.io/").removeprefix("library/").removesuffix(":latest")
        if known := self._problem(image) if image else None:
            raise ImageProblem(f"`{recording.command}`: {known}", reason=known.reason)
        what = f"the image `{image}`" if image else "an image"
        refused = refusal(failure)
        why = _IN_NONE if refused is Refusal.NOT_FOUND else refused.value
        raise ImageProblem(
            f"`{recording.command}` could not get {what}: {why} ({failure}); check the name, "
            "try again with a network, or give the image a Dockerfile in the catalogue (`docker_run_images`)",
            reason=f"it could not get {what}: {why}",
        )

    def _check_interrupted(self, step: Step) -> None:
        if self._limits.interrupted.is_set():
            what = step.file.path if step.file else "a step"
            raise Interrupted(f"the build was interrupted before {what} was put on its lab")


def _check_failure(
    recording: CommandResult, told: str, step: Step, expected: int | None, *, name: str
) -> None:
    """Raise `LabProblem`, unless the page expects the failure, by exit status and by `:match:`."""
    is_matched = any(Pattern(pattern).search(told) for pattern in step.expect.match)
    if expected != recording.exit_code or not is_matched:
        raise LabProblem(
            f"the engine of {name} failed at `{recording.command}`: {told}; a page that is "
            "about that says the exit status, and with `:match:` what is printed"
        )


def _check_refusal(recording: CommandResult, text: str) -> None:
    """Raise `EngineRefusal` if `docker run` has refused to run a program: `any` does not cover that."""
    status = recording.exit_code
    if status in _REFUSED and (said := tool_failures.refusal(text)):
        raise EngineRefusal(
            f"`{recording.command}` is refused, with exit status {status}: {said} (if that is what the "
            f"page is to show, which `any` does not cover, say `:exit-code: {status}`)"
        )
