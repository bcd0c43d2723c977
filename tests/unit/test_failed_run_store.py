"""Failed runs are kept whole or not at all, and outlive builds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contract import session, step
from docker_run.errors import UnsavedRecording
from docker_run.model import Environment, Problem, Recording, Session, StepRecording, TerminalSize
from docker_run.recordings.failed_runs import FailedRun, FailedRuns
from docker_run.warning_types import WarningType

PROBLEM = Problem(1, WarningType.TIMEOUT, "it took `long`\nand longer")


def printed(asked: Session) -> Recording:
    steps = tuple(StepRecording(key, not_run="because") for key in asked.keys)
    nowhere = Environment("", "", "")
    return Recording(asked.page, "direct", TerminalSize(), "2026-11-23T00:00:00Z", nowhere, (), steps)


def test_a_type_of_warning_that_there_is_not_counts_as_damage(tmp_path: Path) -> None:
    kept, asked = FailedRuns(tmp_path), session(step("busybox true"))
    kept.save(asked, None, PROBLEM, engine="e")
    (description,) = tmp_path.glob("*.json")
    described = description.read_text()
    assert '"subtype": "timeout"' in described
    assert kept.load("page") == FailedRun(asked.key, "e", PROBLEM)
    description.write_text(described.replace('"timeout"', '"of-a-later-version"'))
    assert kept.load("page") is None


@pytest.mark.parametrize("problem", [None, PROBLEM])
@pytest.mark.parametrize("page", ["page", "a/b", "../x", "a.json", "con"])
def test_what_was_kept_is_loaded(tmp_path: Path, page: str, problem: Problem | None) -> None:
    asked = session(step("busybox true"), page=page)
    assert FailedRuns(tmp_path / "failed").load(page) is None
    saved = FailedRuns(tmp_path / "failed").save(asked, printed(asked), problem, engine="unix:///x")
    kept = FailedRuns(tmp_path / "failed")
    assert kept.load(page) == saved
    assert saved == FailedRun(asked.key, "unix:///x", problem, saved.printed)
    assert kept.recording(page) == printed(asked)
    kept.discard(page)
    assert kept.load(page) is None
    assert [path for path in (tmp_path / "failed").rglob("*") if path.is_file()] == []


def test_nothing_need_have_been_printed(tmp_path: Path) -> None:
    kept, asked = FailedRuns(tmp_path), session(step("busybox true"))
    kept.save(asked, printed(asked), None, engine="e")
    kept.save(asked, None, PROBLEM, engine="e")
    assert kept.load("page") == FailedRun(asked.key, "e", PROBLEM)
    assert kept.recording("page") is None


def test_text_and_description_belong_together(tmp_path: Path) -> None:
    kept, asked = FailedRuns(tmp_path), session(step("busybox true"))
    kept.save(asked, printed(asked), None, engine="e")
    (description,) = tmp_path.glob("*.json")
    of_before = description.read_text()
    other = session(step("busybox false"))
    kept.save(other, printed(other), None, engine="e")
    description.write_text(of_before)  # as if the build had been killed between the two
    assert kept.load("page") is None


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"problem": {"step": 1}}',
        "{",
        json.dumps(FailedRun("k", "e")._asdict() | {"x": 1}),
    ],
)
def test_a_damaged_description_is_none(tmp_path: Path, damage: str) -> None:
    kept, asked = FailedRuns(tmp_path), session(step("busybox true"))
    kept.save(asked, printed(asked), PROBLEM, engine="e")
    (description,) = tmp_path.glob("*.json")
    description.write_text(damage)
    assert kept.load("page") is None
    assert kept.save(asked, printed(asked), PROBLEM, engine="e") == kept.load("page")


def test_pages_that_are_gone_leave_nothing(tmp_path: Path) -> None:
    kept = FailedRuns(tmp_path)
    for page in ("a", "b/c", "d"):
        asked = session(step("busybox true"), page=page)
        kept.save(asked, None if page == "d" else printed(asked), PROBLEM, engine="e")
    kept.discard_others(["a"])
    assert kept.load("a") is not None
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


def test_what_can_not_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "failed").touch()
    kept, asked = FailedRuns(tmp_path / "failed"), session(step("busybox true"))
    for recording in (printed(asked), None):
        with pytest.raises(UnsavedRecording, match="the failed run of the page `page` can't be kept"):
            kept.save(asked, recording, PROBLEM, engine="e")
    assert kept.load("page") is None
    kept.discard("page")
    kept.discard_others([])
