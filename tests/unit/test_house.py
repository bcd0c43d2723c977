"""The house: its rooms are those that CONTRIBUTING.md lists, and none is too large."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "ext" / "docker_run"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)
ROOMS = sorted({path.parent for path in MODULES} - {PACKAGE})

LINES, FUNCTION_LINES, MODULES_OF_A_ROOM = 400, 50, 12


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def listed() -> set[str]:
    """Return what the first column of the table names: rooms as `engine/`, modules as `model.py`."""
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| in `ext/docker_run/` \|.*\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    return {each for row in table.splitlines() for each in re.findall(r"`([^`]+)`", row.split("|")[1])}


def test_every_room_is_in_the_table_and_there_is_no_other() -> None:
    modules = {path.name for path in MODULES if path.parent == PACKAGE and path.name != "__init__.py"}
    assert listed() == {f"{name(room)}/" for room in ROOMS} | modules | {"engine/labs/image/"}


def walk() -> list[tuple[str, str]]:
    """Return the functions that the walk through the rooms names: file, and name in it."""
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    steps = re.findall(r"^\d+\. .*$", text, re.MULTILINE)
    assert len(steps) == 15
    found = [re.findall(r"`([\w/]+\.py)`: `([\w.]+)`", step) for step in steps]
    assert all(found)
    return [each for step in found for each in step]


@pytest.mark.parametrize(("file", "function"), walk())
def test_the_walk_through_the_rooms_names_functions_that_there_are(file: str, function: str) -> None:
    body = ast.parse((PACKAGE / file).read_text(encoding="utf-8")).body
    names = {
        f"{node.name}.{each.name}"
        for node in body
        if isinstance(node, ast.ClassDef)
        for each in node.body
        if isinstance(each, ast.FunctionDef)
    } | {node.name for node in body if isinstance(node, ast.FunctionDef)}
    assert function in names


@pytest.mark.parametrize("room", [PACKAGE, *ROOMS], ids=name)
def test_a_room_says_what_it_is_for_and_is_not_too_large(room: Path) -> None:
    assert ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    modules = [path for path in MODULES if path.parent == room and path.name != "__init__.py"]
    assert len(modules) <= MODULES_OF_A_ROOM, [path.name for path in modules]


def test_no_two_modules_or_rooms_have_one_name() -> None:
    names = Counter(path.stem for path in MODULES if path.name != "__init__.py")
    assert [each for each, count in names.items() if count > 1] == []
    # A module may be the first thing in a room of its name, as `engine/engine.py`: nowhere else.
    rooms = {room.name: room for room in ROOMS}
    both = [path for path in MODULES if path.stem in rooms and path.parent != rooms[path.stem]]
    assert both == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_and_its_functions_are_not_too_long(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LINES
    functions = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {each: length for each, length in lengths.items() if length > FUNCTION_LINES} == {}
