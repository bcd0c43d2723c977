"""Steps on a lab whose shell is made up: what counts as an image that can't be had, and what ends a page."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import MagicMock

import pytest

from docker_run.engine.labs import tool_failures
from docker_run.engine.labs.lab_session import Lab, LabSession
from docker_run.engine.settings import Limits
from docker_run.errors import EngineRefusal, ImageProblem, LabProblem, SlowPattern, TimedOut
from docker_run.model import Chunk, Command, CommandResult, Expectation, Stream, TerminalSize
from lab_sessions import shown, step
from patience import patience

NO_SUCH_HOST = (
    "Unable to find image 'ubuntu:latest' locally\n"
    'docker: Error response from daemon: Get "https://registry.example/v2/": dial tcp: lookup '
    "registry.example on 10.0.0.2:53: no such host.\nSee 'docker run --help'.\n"
)
DENIED = (
    "Unable to find image 'nobody/none:latest' locally\n"
    "docker: Error response from daemon: pull access denied for nobody/none, repository does not exist or "
    "may require 'docker login': denied: requested access to the resource is denied.\n"
)
MISSING = (
    "Error response from daemon: manifest for debian:no-such not found: manifest unknown: manifest unknown\n"
)
MIRRORED = (
    "Unable to find image 'alpine:latest' locally\n"
    'docker: Error response from daemon: failed to resolve reference "docker.io/library/alpine:latest": '
    "docker.io/library/alpine:latest: not found\n\nRun 'docker run --help' for more information\n"
)
PLATFORMS = [
    f"Unable to find image 'archlinux:latest' locally\ndocker: Error response from daemon: {said}\n"
    for said in (
        "no matching manifest for linux/arm64/v8 in the manifest list entries",
        "no match for platform in manifest: not found",
    )
]
LIMITED = (
    "Error response from daemon: toomanyrequests: You have reached your unauthenticated pull rate limit.\n"
)
BUILD = (
    "#2 [internal] load metadata for docker.io/library/alpine:latest\n"
    "ERROR: failed to solve: alpine: failed to resolve source metadata for docker.io/library/alpine:latest: "
    'failed to do request: Head "https://registry.example/v2/library/alpine/manifests/latest": dial tcp: '
    "lookup registry.example on 10.0.0.2:53: no such host\n"
)


class Shell:
    """A shell that prints what a test says."""

    def __init__(self, output: str, status: int) -> None:
        self.output, self.status = output, status
        self.ran: list[str] = []
        self.error: Exception | None = None
        self.console = self
        self.lost = None

    def run(self, command: Command, limits: Limits, **_: object) -> CommandResult:
        assert limits.seconds
        self.ran.append(command.text)
        if self.error is not None:
            raise self.error
        chunk = Chunk(Stream.TERMINAL, self.output.replace("\n", "\r\n").encode())
        return CommandResult(command.text, self.status, 0.1, (chunk,))


class Machine:
    """A lab whose disk is full, or not."""

    name = "lab"

    def __init__(self, *, full: bool = False, out_of_memory: bool = False) -> None:
        self.full = full
        self.out_of_memory = out_of_memory

    def was_out_of_memory(self, _api: object) -> bool:
        return self.out_of_memory

    def is_full(self, _api: object) -> bool:
        return self.full

    def why_it_ended(self, _api: object) -> str:
        return ""


def session(
    shell: Shell,
    problem: Callable[[str], ImageProblem | None] = lambda _: None,
    machine: Any = None,  # noqa: ANN401 - in the place of the real one
) -> LabSession:
    nothing: Any = None
    machine: Any = machine or Machine()
    limits = Limits(seconds=5, max_output=1000, interrupted=threading.Event())
    lab = Lab(machine, shell)  # type: ignore[arg-type]
    return LabSession(
        {"lab": lab},
        clients=MagicMock(),
        images=lambda _: (),
        environment=lambda: nothing,
        problem=problem,
        limits=limits,
        size=TerminalSize(),
    )


@pytest.mark.parametrize(
    ("output", "image", "reason"),
    [
        (NO_SUCH_HOST, "ubuntu", "the registry can't be reached"),
        (DENIED, "nobody/none", "shows it to others only"),
        (MISSING, "debian:no-such", "no registry that could be reached has it"),
        (MIRRORED, "alpine", "no registry that could be reached has it"),
        (LIMITED, "", "the registry limits how many images are pulled"),
        (BUILD, "alpine", "the registry can't be reached"),
        *((said, "archlinux", "there is none for this platform") for said in PLATFORMS),
    ],
)
def test_an_image_that_cannot_be_had_is_named(output: str, image: str, reason: str) -> None:
    asked = step("docker run something", optional=True)
    with pytest.raises(ImageProblem) as caught:
        session(Shell(output, 1)).run(asked)
    assert f"`{image}`" in caught.value.reason or not image
    assert reason in caught.value.reason
    assert "`docker run something`" in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "status", "is_problem"),
    [
        ({}, 125, True),
        ({"optional": True}, 125, True),
        ({"optional": True}, 0, True),  # `docker run … | head` ends with the status of `head`
        ({}, 0, False),
        ({"expect": Expectation(exit_codes=(125,))}, 125, False),
        ({"expect": Expectation(exit_codes=None)}, 125, True),
        ({"expect": Expectation(exit_codes=(125,))}, 1, True),
        ({"expect": Expectation(exit_codes=(125,)), "optional": True}, 125, True),
    ],
)
def test_a_failure_that_is_expected_is_a_result(
    settings: dict[str, Any], status: int, *, is_problem: bool
) -> None:
    asked = step("docker run ubuntu", **settings)
    running = session(Shell(NO_SUCH_HOST, status))
    if is_problem:
        with pytest.raises(ImageProblem):
            running.run(asked)
    else:
        (recording,) = running.run(asked)
        assert shown(recording).startswith("Unable to find image")


@pytest.mark.parametrize(
    "output",
    [
        "ls: cannot access 'x': No such file or directory\n",
        "sh: 1: /opt/tool: not found\n",
        'Get "http://localhost:8080/": dial tcp 127.0.0.1:8080: connect: connection refused\n',
        "ERROR: failed to solve: failed to compute cache key: /x: not found\n",
        'ERROR: failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 1\n',
    ],
)
def test_other_failures_are_results(output: str) -> None:
    (recording,) = session(Shell(output, 2)).run(step("something", optional=True))
    assert recording.exit_code == 2


def test_an_image_that_the_catalogue_could_not_build_is_told_so() -> None:
    known = ImageProblem(
        "images/ubuntu can't be built; its last lines were: no", reason="it could not be built"
    )
    running = session(Shell(NO_SUCH_HOST, 125), lambda name: known if name == "ubuntu" else None)
    with pytest.raises(ImageProblem, match="its last lines were: no") as caught:
        running.run(step("docker run ubuntu"))
    assert caught.value.reason == "it could not be built"


def test_what_ran_before_a_missing_image_is_kept() -> None:
    shell = Shell("fine\n", 0)
    asked = step("one", "docker run ubuntu", "three", optional=True)
    running = session(shell)

    def run(command: Command, limits: Limits, **_: object) -> CommandResult:
        shell.output = NO_SUCH_HOST if "docker" in command.text else "fine\n"
        return Shell.run(shell, command, limits)

    shell.run = run  # type: ignore[method-assign]
    output = running.run(asked)
    assert [result.command for result in output] == ["one"]
    assert "ubuntu" in output.not_run
    with pytest.raises(ImageProblem):
        running.run(replace(asked, optional=False, expect=Expectation(exit_codes=(3,))))


def test_of_several_commands_each_has_its_own_status() -> None:
    asked = step("one", "two", expect=Expectation(exit_codes=(0, 125)))
    with pytest.raises(ImageProblem, match="`one`"):
        session(Shell(NO_SUCH_HOST, 125)).run(asked)


def test_after_a_missing_image_the_page_goes_on() -> None:
    shell = Shell(NO_SUCH_HOST, 125)
    running = session(shell)
    with pytest.raises(ImageProblem):
        running.run(step("docker run ubuntu", optional=True))
    running.run(step("docker run ubuntu", expect=Expectation(exit_codes=(125,))))
    assert len(shell.ran) == 2


def test_after_a_time_out_nothing_more_is_run() -> None:
    shell = Shell("", 0)
    running = session(shell)
    shell.error = TimedOut("it took too long")
    with pytest.raises(TimedOut):
        running.run(step("sleep"))
    shell.error = None
    with pytest.raises(LabProblem, match=r"nothing more can be run on this page: it took too long"):
        running.run(step("true"))
    assert shell.ran == ["sleep"]


GONE = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n"
FAILED = (
    "docker: Error response from daemon: failed to start shim: start failed: io.containerd.runc.v2: "
    "fork/exec /usr/bin/containerd-shim-runc-v2: resource temporarily unavailable: exit status 1\n"
)
SHIM = "failed to start shim: start failed: "
FULL = "cp: error writing '/root/x': No space left on device\n"


@pytest.mark.parametrize(
    "output",
    [
        GONE,
        FAILED,
        f"docker: {GONE}",
        f"error during connect: EOF\n{FULL}",
        (
            "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is "
            "correct and if the daemon is running: dial unix /var/run/docker.sock: connect: refused\n"
        ),
        f"ERROR: failed to solve: {SHIM}daemon\n",
        f"ERROR: failed to build: failed to solve: {SHIM}daemon\n",
    ],
)
@pytest.mark.parametrize(
    "expect",
    [
        Expectation(exit_codes=None),
        Expectation(exit_codes=None, match=("daemon",)),
        Expectation(exit_codes=(125,)),
        Expectation(exit_codes=(125,), match=("something else",)),
        Expectation(exit_codes=(0,), match=(".",)),
    ],
)
def test_a_lab_whose_engine_has_failed_ends_its_page(output: str, expect: Expectation) -> None:
    running = session(Shell(f"before\n{output}after\n", 125))
    with pytest.raises(LabProblem, match="the engine of lab failed at `docker ps`"):
        running.run(step("docker ps", expect=expect))
    with pytest.raises(LabProblem, match="nothing more"):
        running.run(step("true"))


@pytest.mark.parametrize("output", [GONE, FAILED])
def test_a_page_about_a_failure_says_status_and_words(output: str) -> None:
    expect = Expectation(exit_codes=(125,), match=("daemon",))
    (recording,) = session(Shell(output, 125)).run(step("docker ps", expect=expect))
    assert recording.exit_code == 125


@pytest.mark.parametrize("full", [True, False])
def test_a_full_disk_counts_if_it_is_the_labs(*, full: bool) -> None:
    running = session(Shell(FULL, 1), machine=Machine(full=full))
    asked = step("cp x y", expect=Expectation(exit_codes=(1,)))
    if full:
        with pytest.raises(LabProblem, match="No space left"):
            running.run(asked)
    else:
        assert running.run(asked)[0].exit_code == 1


@pytest.mark.parametrize("out_of_memory", [True, False])
@pytest.mark.parametrize(
    ("output", "status", "expected"),
    [
        ("Killed\n", 137, None),
        ("Killed\n", 137, 0),
        ("gcc: fatal error: Killed signal terminated program cc1\n", 1, 1),
        ("the command 'make' returned a non-zero code: 137\n", 1, None),
        ("Killed\nnothing is known of it at the end\n", 0, 0),
        ("", 137, None),
    ],
)
def test_a_lab_that_was_out_of_memory_ends_its_page(
    output: str, status: int, expected: int | None, *, out_of_memory: bool
) -> None:
    running = session(Shell(output, status), machine=Machine(out_of_memory=out_of_memory))
    asked = step("make", expect=Expectation(exit_codes=None if expected is None else (expected,)))
    if out_of_memory:
        with pytest.raises(LabProblem, match="`docker_run_lab_memory`"):
            running.run(asked)
        with pytest.raises(LabProblem, match="nothing more"):
            running.run(step("true"))
    else:
        assert running.run(asked)[0].exit_code == status


def test_a_page_about_an_end_by_a_signal_says_its_status() -> None:
    running = session(Shell("Killed\n", 137), machine=Machine(out_of_memory=True))
    (recording,) = running.run(step("make", expect=Expectation(exit_codes=(137,))))
    assert recording.exit_code == 137


def test_a_pattern_that_takes_too_long_ends_the_page() -> None:
    expect = Expectation(exit_codes=(125,), match=(r"(a|a)+$",))
    said = f"docker: Error response from daemon: no space left on device: {'a' * 60}!\n"
    with patience(), pytest.raises(SlowPattern):
        session(Shell(said, 125)).run(step("docker ps", expect=expect))


@pytest.mark.parametrize(
    "piece",
    [
        "failed to solve: ",
        "failed to solve: docker.io/",
        "Error response from daemon: ",
        "no space left ",
        "daemon ",
        "manifest for ",
        "Unable to find image '",
    ],
)
def test_a_long_line_is_looked_through_in_time_that_grows_with_it(piece: str) -> None:
    size = 1_000_000 // len(piece)
    with patience():
        (recording,) = session(Shell(piece * size, 1)).run(step("cat x", optional=True))
        beginning = "ERROR: failed to solve: removal "
        assert not tool_failures.failure(beginning + "removal " * size)
    assert recording.exit_code == 1


def test_the_line_that_tells_of_a_full_disk_is_found_whole() -> None:
    assert tool_failures.full_disk(f"one\n{FULL}two\n") == FULL.strip()
    assert tool_failures.full_disk("all is well\n") == ""


TAKEN = 'docker: Error response from daemon: Conflict. The container name "/web" is already in use.\n'


def test_any_does_not_cover_a_refusal() -> None:
    with pytest.raises(EngineRefusal, match=r"Conflict.*say `:exit-code: 125`"):
        session(Shell(TAKEN, 125)).run(step("docker run web", expect=Expectation(exit_codes=None)))
    for expect in (Expectation(exit_codes=(125,)), Expectation()):
        # What is not expected is a finding of `verify`, as with any other program at the shell.
        assert session(Shell(TAKEN, 125)).run(step("docker run web", expect=expect))[0].exit_code == 125
