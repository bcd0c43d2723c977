"""The size of a terminal is asked for until the engine takes it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from docker.errors import APIError

from docker_run.engine import terminal_size
from docker_run.engine.terminal_size import set_terminal_size
from docker_run.errors import EngineProblem, LabProblem


def refusing(times: int) -> tuple[list[int], Callable[[], None]]:
    """Return a request that is refused so many times, and where it counts."""
    asked: list[int] = []

    def request() -> None:
        asked.append(len(asked))
        if len(asked) <= times:
            raise APIError("no such process")

    return asked, request


def test_it_is_asked_for_until_the_program_is_there() -> None:
    asked, request = refusing(3)
    set_terminal_size(request, terminal_of="`sh`", is_over=lambda: False)
    assert len(asked) == 4


def test_nothing_is_asked_for_a_program_that_is_over() -> None:
    asked, request = refusing(3)
    set_terminal_size(request, terminal_of="`sh`", is_over=lambda: len(asked) == 2)
    assert len(asked) == 2


@pytest.mark.parametrize("problem", [EngineProblem, LabProblem])
def test_an_engine_that_never_takes_it_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, problem: type[EngineProblem]
) -> None:
    monkeypatch.setattr(terminal_size, "_SECONDS", 0.0)
    _, request = refusing(1_000_000)
    with pytest.raises(problem, match="can't set the size of the terminal of `sh`: no such process"):
        set_terminal_size(request, terminal_of="`sh`", is_over=lambda: False, problem=problem)


def test_whoever_waits_may_be_interrupted() -> None:
    def check() -> None:
        raise KeyboardInterrupt

    _, request = refusing(1)
    with pytest.raises(KeyboardInterrupt):
        set_terminal_size(request, terminal_of="`sh`", is_over=lambda: False, check=check)
