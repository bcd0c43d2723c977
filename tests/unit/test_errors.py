"""Errors: the tree at the top of the module is the tree of classes, and each has a type of warning."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from docker_run import errors
from docker_run.errors import DockerRunError, Unfinished
from docker_run.warning_types import WarningType


def drawn(of: type[Exception], indent: str = "") -> Iterator[str]:
    """Yield the lines of the tree below a class."""
    below = [each for each in vars(errors).values() if isinstance(each, type) and each.__base__ is of]
    for each in below:
        last = each is below[-1]
        yield f"{indent}{'└── ' if last else '├── '}{each.__name__}"
        yield from drawn(each, indent + ("    " if last else "│   "))


def classes(of: type[DockerRunError]) -> Iterator[type[DockerRunError]]:
    for each in of.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each
            yield from classes(each)


def test_the_tree_that_is_drawn_is_that_of_the_classes() -> None:
    lines = ["DockerRunError", *drawn(DockerRunError)]
    assert "::\n\n" + "".join(f"    {line}\n" for line in lines) + "\n" in (errors.__doc__ or "")


@pytest.mark.parametrize("error", [each for each in classes(DockerRunError) if each is not Unfinished])
def test_each_names_its_type_of_warning_or_has_that_of_a_base(error: type[DockerRunError]) -> None:
    bases = error.__mro__[: error.__mro__.index(DockerRunError)]
    assert any(isinstance(vars(base).get("subtype"), WarningType) for base in bases)


def test_a_type_of_warning_is_its_text() -> None:
    assert f"docker_run.{WarningType.EXIT_CODE}" == "docker_run.exit-code"
    assert all(each == each.value and WarningType(str(each)) is each and each.help for each in WarningType)
