"""Podman without one: whether a container's output is whole, and the manual's table.

Each row of that names tests that exist, and each test is named in a row.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from docker_run.engine import podman
from docker_run.engine.connection.answers import NotAnEngine

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "authors" / "podman.md"
TESTS = PROJECT / "tests" / "engine" / "test_podman.py"


def had_ended(about: dict[str, Any], seconds: float) -> bool:
    return podman.had_ended(Mock(inspect_container=lambda _: about), "id", seconds)


@pytest.mark.parametrize("zone", ["Z", "+00:00"])
def test_no_container_runs_for_longer_than_it_was_listened_to(zone: str) -> None:
    times = {"StartedAt": "2026-11-28T23:59:59.5+00:00", "FinishedAt": f"2026-11-29T00:00:01.500000001{zone}"}
    assert [had_ended({"State": times}, seconds) for seconds in (0.0, 1.9, 2.0, 60.0)] == [
        False,
        False,
        True,
        True,
    ]


def test_output_that_ended_before_the_start_is_not_whole() -> None:
    now = "2026-11-28T23:59:59Z"
    assert not had_ended({"State": {"StartedAt": now, "FinishedAt": now}}, -0.01)


def test_the_times_of_a_restarted_container_say_nothing() -> None:
    assert had_ended({"RestartCount": 1}, 0.0)


@pytest.mark.parametrize("about", [{}, {"State": {}}, {"State": {"StartedAt": 1, "FinishedAt": "soon"}}, []])
def test_an_answer_without_times_is_not_podmans(about: Any) -> None:  # noqa: ANN401 - JSON
    with pytest.raises(NotAnEngine):
        had_ended(about, 1.0)


def rows() -> list[list[str]]:
    """Return the cells of each row of the page's table, without its head."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    table = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines if line[:2] == "| "]
    return table[1:]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_each_row_says_works_differs_or_refused_and_has_tests(row: list[str]) -> None:
    assert len(row) == 3, row
    assert re.match(r"(?:works|differs|refused)\b", row[1]), row[1]
    assert re.fullmatch(r"`test_\w+`(?:, `test_\w+`)*", row[2]), row[2]


def test_rows_and_tests_are_the_same() -> None:
    named = {name for row in rows() for name in re.findall(r"`(test_\w+)`", row[2])}
    assert named == set(re.findall(r"^def (test_\w+)\(", TESTS.read_text(encoding="utf-8"), re.MULTILINE))
