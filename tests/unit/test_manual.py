"""The author's manual names everything that there is: options, settings, warnings, flags."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from docker_run import errors
from docker_run.authoring.file_directive import FILE_OPTIONS
from docker_run.authoring.run_directive import OPTIONS
from docker_run.docker_cli.flag_table import FLAGS
from docker_run.sphinx_ext.config import Settings

MANUAL = Path(__file__).parents[2] / "docs" / "authors"
SOURCES = Path(__file__).parents[2] / "ext" / "docker_run"


def subtypes() -> list[str]:
    """Return the subtypes of all warnings: those of exceptions, and those of findings."""
    found = {
        each.subtype
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.DockerRunError)
    }
    for path in SOURCES.rglob("*.py"):
        found |= set(re.findall(r'subtype="([a-z-]+)"', path.read_text()))
        found |= set(
            re.findall(
                r'^ +"([a-z]+(?:-[a-z]+)+|drift|value|match|capture)",$', path.read_text(), re.MULTILINE
            )
        )
    # Bases of the tree, never raised themselves; and a build that is interrupted reports nothing.
    return sorted(found - {"error", "interrupted"} - set(OPTIONS) | {"exit-code", "match", "capture"})


@pytest.mark.parametrize("subtype", subtypes())
def test_every_subtype_is_explained(subtype: str) -> None:
    assert f"`{subtype}`" in (MANUAL / "warnings.md").read_text()


@pytest.mark.parametrize("setting", [field.name for field in dataclasses.fields(Settings)])
def test_every_setting_is_explained(setting: str) -> None:
    assert f"docker_run_{setting}" in (MANUAL / "configuration.md").read_text()


@pytest.mark.parametrize("option", sorted({*OPTIONS, *FILE_OPTIONS}))
def test_every_option_is_explained(option: str) -> None:
    assert f":{option}:" in (MANUAL / "directive.md").read_text()


@pytest.mark.parametrize("flag", sorted({flag.name for flag in FLAGS.values() if flag.reaches}))
def test_every_flag_that_is_refused_is_named(flag: str) -> None:
    assert f"`{flag}`" in (MANUAL / "directive.md").read_text()
