"""What is known of a page's recording is not found out twice; what has changed is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contract import session, step
from docker_run.model import (
    CommandRecording,
    Environment,
    Problem,
    Recording,
    Segment,
    Session,
    StepRecording,
    Stream,
    TerminalSize,
)
from docker_run.recordings.failed_runs import FailedRuns
from docker_run.recordings.store import Store
from docker_run.workflow import page as page_module
from docker_run.workflow.page import Examination, Pages, PageState


class CountingStore(Store):
    """Counts how often a recording is read."""

    loads = 0
    fingerprints = 0

    def load(self, page: str) -> Recording | None:
        self.loads += 1
        return super().load(page)

    def fingerprint(self, page: str) -> str:
        self.fingerprints += 1
        return super().fingerprint(page)


def printed(asked: Session, text: str) -> Recording:
    output = (Segment(Stream.OUT, f"{text}\n"),)
    steps = (StepRecording(asked.key, (CommandRecording(asked.steps[0].commands[0].text, 0, 0.1, output),)),)
    where = Environment("Engine", "System", "x86_64")
    return Recording(asked.page, "direct", TerminalSize(), "2026-11-23T00:00:00Z", where, (), steps)


ASKED = session(step("busybox echo"))


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    store = CountingStore(tmp_path / "recordings")
    store.save(printed(ASKED, "one"))
    return store


@pytest.fixture
def failed(tmp_path: Path) -> FailedRuns:
    return FailedRuns(tmp_path / "failed")


def test_a_recording_that_was_right_is_not_read_again(store: CountingStore, failed: FailedRuns) -> None:
    examined: dict[str, Examination] = {}
    state = Pages(store, failed, examined=examined).examine(ASKED)
    assert state == PageState("page", current=True, held=1, commands=1)
    assert (store.loads, store.fingerprints) == (1, 1)
    assert Pages(store, failed, examined=examined).examine(ASKED) == state
    assert (store.loads, store.fingerprints) == (1, 1)


def test_it_is_where_the_page_asks_for_something_else(store: CountingStore, failed: FailedRuns) -> None:
    examined: dict[str, Examination] = {}
    Pages(store, failed, examined=examined).examine(ASKED)
    state = Pages(store, failed, examined=examined).examine(session(step("busybox true")))
    assert [each.subtype for each in state.findings] == ["recording-stale"]
    assert examined == {}


def test_it_is_where_the_file_was_edited_in_its_place(store: CountingStore, failed: FailedRuns) -> None:
    examined: dict[str, Examination] = {}
    pages = Pages(store, failed, examined=examined)
    pages.examine(ASKED)
    path = store.path("page")
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes().replace(b"out|one", b"out|on\x07"))
    os.utime(path, ns=times)  # of the same size, and dated back
    assert "recording-unreadable" in [each.subtype for each in pages.examine(ASKED).findings]


def test_it_is_where_there_is_a_failed_run(store: CountingStore, failed: FailedRuns) -> None:
    examined: dict[str, Examination] = {}
    pages = Pages(store, failed, examined=examined)
    pages.examine(ASKED)
    failed.save(ASKED, None, Problem(0, "timeout", "it took long"), engine="unix:///one")
    assert [each.subtype for each in pages.examine(ASKED).findings] == ["timeout"]


def test_what_is_wrong_is_found_each_time(store: CountingStore, failed: FailedRuns) -> None:
    store.path("page").write_text("nonsense")
    examined: dict[str, Examination] = {}
    for _ in range(2):
        findings = Pages(store, failed, examined=examined).examine(ASKED).findings
        assert "recording-unreadable" in [each.subtype for each in findings]
    assert examined == {}


def test_a_recording_is_read_once_to_be_examined_and_shown(store: CountingStore, failed: FailedRuns) -> None:
    pages = Pages(store, failed)
    state = pages.examine(ASKED)
    assert pages.recording(ASKED, state) == printed(ASKED, "one")
    assert store.loads == 1
    assert pages.recording(ASKED, state) == printed(ASKED, "one"), "where a builder asks again"


def test_what_is_shown_is_what_was_recorded_meanwhile(store: CountingStore, failed: FailedRuns) -> None:
    pages = Pages(store, failed)
    state = pages.examine(ASKED)
    store.save(printed(ASKED, "two"))
    assert pages.recording(ASKED, state) == printed(ASKED, "two")


def test_what_is_written_while_a_recording_is_read_is_not_taken_for_it(
    failed: FailedRuns, tmp_path: Path
) -> None:
    class OvertakenStore(Store):
        def load(self, page: str) -> Recording | None:
            loaded = super().load(page)
            Store(tmp_path).save(printed(ASKED, "two"))
            return loaded

    store = OvertakenStore(tmp_path)
    store.save(printed(ASKED, "one"))
    pages = Pages(store, failed)
    state = pages.examine(ASKED)
    assert pages.recording(ASKED, state) == printed(ASKED, "two")


def test_not_all_recordings_are_in_memory_at_once(
    store: CountingStore, failed: FailedRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "_MOST_AHEAD", 1000)
    pages = Pages(store, failed)
    many = [session(step("busybox echo"), page=f"page-{number}") for number in range(10)]
    for asked in many:
        store.save(printed(asked, "one"))
        pages.examine(asked)
    assert store.loads == len(many)
    for asked in many:
        assert pages.recording(asked, PageState(asked.page)) == printed(asked, "one")
    assert len(many) < store.loads < 2 * len(many)


def test_where_the_recording_is_gone_that_is_a_finding(store: CountingStore, failed: FailedRuns) -> None:
    examined: dict[str, Examination] = {}
    pages = Pages(store, failed, examined=examined)
    pages.examine(ASKED)
    store.path("page").unlink()
    assert [each.subtype for each in pages.examine(ASKED).findings] == ["recording-missing"]
