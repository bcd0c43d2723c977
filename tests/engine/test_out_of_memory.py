"""What is killed because memory has run out is an output only where the page has set the limit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import contract
import lab_sessions
from docker_run.engine.engine import DockerEngine
from docker_run.errors import EngineProblem, LabProblem
from docker_run.model import DirectLimits, Expectation, LabSettings

pytestmark = pytest.mark.engine

ANY = Expectation(exit_codes=None)
MEGABYTE = 1 << 20
EATS = "tail -c 900000000 /dev/zero"
"""It keeps all that it reads."""
NOTICES_LATER = f"sh -c '{EATS}; sleep 1; echo done'"
"""Its container does not end with the killed program: the engine has time to hear of it."""


@pytest.mark.parametrize("line", [EATS, NOTICES_LATER])
@pytest.mark.parametrize("flags", ["--rm ", ""])
def test_directly_by_the_limit_of_conf(
    open_engine: Callable[..., DockerEngine], flags: str, line: str
) -> None:
    engine = open_engine(limits=DirectLimits(memory=32 * MEGABYTE))
    asked = contract.step(f"{flags}busybox {line}", expect=ANY)
    with (
        engine.session(contract.session(asked)) as running,
        # An engine can miss it when the container ends with the program; then the exit status tells.
        pytest.raises(EngineProblem, match=r"(was|may have been) out of memory.*`docker_run_memory`"),
    ):
        running.run(asked)


@pytest.mark.parametrize(
    ("expect", "is_error"),
    [(Expectation(exit_codes=None), True), (Expectation(exit_codes=(137,)), False)],
    ids=["any", "137"],
)
def test_a_killed_program_is_expected_by_its_number(
    open_engine: Callable[..., DockerEngine], expect: Expectation, *, is_error: bool
) -> None:
    """As an engine can miss that memory was the reason."""
    asked = contract.step("busybox sh -c 'exit 137'", expect=expect)
    with open_engine().session(contract.session(asked)) as running:
        if is_error:
            with pytest.raises(EngineProblem, match=r"which `any` does not cover.*`:exit-code: 137`"):
                running.run(asked)
        else:
            assert running.run(asked)[0].exit_code == 137


@pytest.mark.parametrize("flags", ["--rm ", ""])
def test_directly_by_the_limit_of_the_line(open_engine: Callable[..., DockerEngine], flags: str) -> None:
    engine = open_engine(limits=DirectLimits(memory=512 * MEGABYTE))
    asked = contract.step(f"{flags}-m 16m --memory-swap 16m busybox {EATS}", expect=ANY)
    killed = contract.step(f"{flags}busybox sh -c 'kill -9 $$'", expect=ANY)
    with engine.session(contract.session(asked, killed)) as running:
        assert running.run(asked)[0].exit_code == 137
        running.run(killed)


def test_on_a_lab(open_labs: Callable[..., DockerEngine]) -> None:
    """A limit on the lab is the page's, that of the lab is not."""
    engine = open_labs(labs=LabSettings(memory=512 * MEGABYTE))
    by_line = lab_sessions.step(f"docker run --rm -m 16m --memory-swap 16m busybox {EATS}", expect=ANY)
    by_lab = lab_sessions.step("cat /dev/zero | tail -c 900000000 > /dev/null", expect=ANY)
    with engine.session(lab_sessions.session(by_line, by_lab)) as running:
        assert running.run(by_line)[0].exit_code == 137
        with pytest.raises(LabProblem, match="was out of memory at `cat"):
            running.run(by_lab)


def test_on_a_lab_by_what_runs_in_a_container(open_labs: Callable[..., DockerEngine]) -> None:
    engine = open_labs(labs=LabSettings(memory=512 * MEGABYTE))
    asked = lab_sessions.step(f"docker run --rm busybox {EATS}", expect=ANY)
    with (
        engine.session(lab_sessions.session(asked)) as running,
        pytest.raises(LabProblem, match="was out of memory at `docker run"),
    ):
        running.run(asked)
