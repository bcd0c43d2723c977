"""What others may import is written down: of the package, and of each of its rooms."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import docker_run
from docker_run import errors, model, protocols

EXT = Path(__file__).parents[2] / "ext"
MODULES = {
    ".".join(path.relative_to(EXT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(EXT.glob("docker_run/**/*.py"))
}
ROOMS = [name for name, path in MODULES.items() if path.name == "__init__.py"]

NOT_PUBLIC = {
    model: {"DirectLimits", "LabSettings"},
    errors: set[str](),
    protocols: {"BuildProgress", "Clock", "Reporter"},
}
"""Classes of the modules with public names that are not public themselves."""

CHEAP = """
import sys
before = set(sys.modules)
import docker_run
loaded = sorted(set(sys.modules) - before)
print(*(name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names))
from docker_run import *
print(*sorted({"docker", "docutils", "pyte", "regex", "requests", "sphinx"} & set(sys.modules)))
print(*sorted(set(docker_run.__all__) - set(globals())))
"""


def test_the_exported_names_are_these() -> None:
    expected = {"add_runner", "setup", "Failure", "WarningType"}
    for module, left_out in NOT_PUBLIC.items():
        own = {
            name
            for name, each in vars(module).items()
            if inspect.isclass(each) and each.__module__ == module.__name__ and not name.startswith("_")
        }
        assert left_out <= own
        expected |= own - left_out
    assert set(docker_run.__all__) == expected
    assert docker_run.__all__ == sorted(docker_run.__all__)


def test_the_manual_has_all_of_them_and_no_other() -> None:
    page = (EXT.parent / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    named = re.findall(r"^\.\. auto(?:class|exception|function):: (\w+)$", page, re.MULTILINE)
    assert sorted(named) == docker_run.__all__


@pytest.mark.parametrize("name", docker_run.__all__)
def test_each_exported_name_is_there_and_explained(name: str) -> None:
    assert inspect.getdoc(getattr(docker_run, name))
    assert name in dir(docker_run)


def test_another_name_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'RunLine'"):
        docker_run.RunLine  # type: ignore[attr-defined]  # noqa: B018 (asking is the point)


def test_importing_the_package_imports_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHEAP],
        env={"PYTHONPATH": str(EXT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["docker_run", "", ""]


def imported(path: Path) -> Iterator[str]:
    """Yield the modules of the package that a module imports, or takes of a room that loads them itself."""
    rooms: dict[str, str] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module in MODULES:
            for each in node.names:
                name = f"{node.module}.{each.name}"
                yield name if name in MODULES else node.module
                rooms |= {each.name: name} if name in ROOMS else {}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{rooms.get(node.value.id)}.{node.attr}"
            if name in MODULES:
                yield name


@cache
def used_from_outside() -> dict[str, set[str]]:
    """Return which modules of each room, and which rooms within it, are imported from outside of it."""
    used: dict[str, set[str]] = {room: set() for room in ROOMS}
    for importer, path in MODULES.items():
        for name in imported(path):
            inner = name
            while "." in inner:
                room, _, inside = inner.rpartition(".")
                if not f"{importer}.".startswith(f"{room}."):
                    used[room].add(inside)
                inner = room
    return used


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "docker_run"])
def test_a_room_names_what_the_others_import_of_it(room: str) -> None:
    names = sorted(used_from_outside()[room])
    assert importlib.import_module(room).__all__ == names, f"__all__ = {names}"
