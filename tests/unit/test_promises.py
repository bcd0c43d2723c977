"""The manual's page "What is promised": each promise names the tests that hold it, and those exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "authors" / "promises.md"
_TEST = re.compile(r"`(?P<path>(?:unit|sphinx|engine|browser)/test_\w+)(?:::(?P<name>test_\w+))?`")


def rows() -> list[list[str]]:
    """Return the cells of each row of the page's tables, without the tables' heads."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [line.removeprefix("| ").removesuffix("|") for line in lines if line.startswith("| ")]
    cells = [[cell.strip() for cell in row.split(" | ")] for row in rows]
    return [row for row in cells if row[0] != "what happens"]


def test_there_are_promises() -> None:
    assert len(rows()) > 40


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_each_promise_is_held_by_tests_that_exist(row: list[str]) -> None:
    assert len(row) == 4, row
    held = list(_TEST.finditer(row[2]))
    assert held, f"no test holds: {row[0]}"
    assert len(held) == row[2].count("`") / 2, f"something else than a test: {row[2]}"
    for test in held:
        path = PROJECT / "tests" / f"{test['path']}.py"
        assert path.is_file(), path
        if test["name"]:
            assert re.search(rf"def {test['name']}\(", path.read_text(encoding="utf-8")), test[0]
