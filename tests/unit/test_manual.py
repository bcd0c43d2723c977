"""The author's manual names everything that there is: options, settings, warnings, flags."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from docker_run.authoring.file_directive import FILE_OPTIONS
from docker_run.authoring.run_directive import OPTIONS
from docker_run.docker_cli.flag_table import FLAGS
from docker_run.sphinx_ext.config.config_settings import Settings
from docker_run.warning_types import WarningType

MANUAL = Path(__file__).parents[2] / "docs" / "authors"
SOURCES = Path(__file__).parents[2] / "ext" / "docker_run"


REPORTED = [each for each in WarningType if each is not WarningType.INTERRUPTED]


def table_of_warnings() -> str:
    """Return the manual's table of all types of warnings."""
    rows = [(f"`docker_run.{each}`", each.help) for each in REPORTED]
    return "\n".join(
        f"| {name} | {meaning} |" for name, meaning in [("type", "what it means"), ("---",) * 2, *rows]
    )


def test_the_table_of_warnings_is_made_from_the_code() -> None:
    text = (MANUAL / "warnings.md").read_text(encoding="utf-8")
    (found,) = re.findall(r"^\| type \|.*\n(?:\|.*\n)+", text, re.MULTILINE)
    assert found.rstrip() == table_of_warnings(), f"make it:\n{table_of_warnings()}"


def test_each_type_of_warning_has_a_paragraph_and_there_is_no_other() -> None:
    text = (MANUAL / "warnings.md").read_text(encoding="utf-8")
    explained = dict.fromkeys(re.findall(r"^`([a-z-]+)`\n: ", text, re.MULTILINE))
    assert list(explained) == REPORTED, "in the order of the code"


def test_a_type_of_warning_is_written_only_once() -> None:
    """Everywhere else it is a member of the enum: those with a dash mean nothing else, but for an option."""
    own = SOURCES / "warning_types.py"
    for path in sorted(set(SOURCES.rglob("*.py")) - {own}):
        text = path.read_text(encoding="utf-8")
        for each in REPORTED:
            if "-" in each and each not in OPTIONS:
                assert f'"{each}"' not in text, path
        assert not re.search(r'subtype=f?"', text), path


@pytest.mark.parametrize("setting", [field.name for field in dataclasses.fields(Settings)])
def test_every_setting_is_explained(setting: str) -> None:
    assert f"docker_run_{setting}" in (MANUAL / "configuration.md").read_text()


@pytest.mark.parametrize("option", sorted({*OPTIONS, *FILE_OPTIONS}))
def test_every_option_is_explained(option: str) -> None:
    assert f":{option}:" in (MANUAL / "directive.md").read_text()


@pytest.mark.parametrize("flag", sorted({flag.name for flag in FLAGS.values() if flag.reaches}))
def test_every_flag_that_is_refused_is_named(flag: str) -> None:
    assert f"`{flag}`" in (MANUAL / "directive.md").read_text()
