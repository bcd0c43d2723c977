"""What becomes of an outcome; without Sphinx, and without an engine."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from contract import session, step
from docker_run.errors import Defect
from docker_run.model import (
    Cause,
    CommandRecording,
    Environment,
    Expectation,
    Image,
    Problem,
    Recording,
    Segment,
    Session,
    StepRecording,
    Stream,
    TerminalSize,
)
from docker_run.recordings.failed_runs import FailedRuns
from docker_run.recordings.key_parts import KeyPartsCache
from docker_run.recordings.run_cache import RunCache
from docker_run.recordings.store import Store
from docker_run.warning_types import WarningType
from docker_run.workflow.page import Pages, PageState
from docker_run.workflow.rerun_reasons import Changes
from docker_run.workflow.run import Outcome
from docker_run.workflow.settle import Comparer, Recorder, carried, found_differences, recording_to_keep
from docker_run.workflow.stores import Stores

ENGINE = "unix:///one"
TIMEOUT = Problem(1, WarningType.TIMEOUT, "it took long")
CUT = Problem(1, WarningType.ENGINE, "the connection was cut", Cause.ENGINE)
INTERRUPTED = Problem(0, WarningType.INTERRUPTED, "Ctrl-C", Cause.INTERRUPTION)


def asking(*lines: str, **expect: object) -> Session:
    steps = (step(f"busybox {line}") for line in lines)
    return session(*(dataclasses.replace(each, expect=Expectation(**expect)) for each in steps))  # type: ignore[arg-type]


def printed(asked: Session, *texts: str, code: int = 0) -> Recording:
    """Return what a run of the first steps of `asked` printed."""
    steps = tuple(
        StepRecording(
            key,
            (CommandRecording(each.commands[0].text, code, 0.1, (Segment(Stream.OUT, f"{text}\n"),)),),
        )
        for each, key, text in zip(asked.steps, asked.keys, texts, strict=False)
    )
    somewhere = Environment("Engine", "System", "x86_64")
    image = Image("busybox", "sha256:0", "made up")
    return Recording(asked.page, "direct", TerminalSize(), "2026-11-23T00:00:00Z", somewhere, (image,), steps)


class Desk:
    """A settler with its stores."""

    def __init__(self, folder: Path) -> None:
        self.recordings = Store(folder / "recordings")
        self.failed = FailedRuns(folder / "failed")
        self.memory = RunCache(folder / "memory")
        self.defects: list[str] = []
        self.pages = Pages(
            self.recordings, self.failed, on_defect=lambda page, trace: self.defects.append(page + trace)
        )
        parts = KeyPartsCache(folder / "parts")
        stores = Stores(self.recordings, self.failed, self.memory, parts)
        self.settler = Recorder(self.pages, stores, Changes(self.pages, parts, {}), volatile=())
        self.comparer = Comparer(self.pages, volatile=())

    def settle(
        self, asked: Session, recording: Recording | None, problem: Problem | None = None, *, left: str = ""
    ) -> PageState:
        outcome = Outcome(asked, recording, problem, left)
        state = self.settler.settle(outcome, engine=ENGINE).state
        # What a later build finds is what this one has found, but for what says nothing of the page.
        if not left and not (problem and problem.transient):
            assert self.pages.examine(asked) == state
        return state

    @property
    def text(self) -> str:
        """What the recording's file holds."""
        path = self.recordings.path("page")
        return path.read_text() if path.exists() else ""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def subtypes(state: PageState) -> list[str]:
    return [finding.subtype for finding in state.findings]


def test_what_met_its_expectations_becomes_the_recording(desk: Desk) -> None:
    asked = asking("echo one", "echo two")
    state = desk.settle(asked, printed(asked, "one", "two"))
    assert state == PageState("page", current=True, held=2, commands=2)
    assert desk.recordings.load("page") == printed(asked, "one", "two")
    assert desk.memory.has_run("page", asked.key, [ENGINE])


@pytest.mark.parametrize("before", [False, True])
def test_what_broke_an_expectation_is_kept_apart(desk: Desk, *, before: bool) -> None:
    asked = asking("echo one", match=("one",))
    if before:
        desk.settle(asked, printed(asked, "one"))
    text = desk.text
    state = desk.settle(asked, printed(asked, "two"))
    assert subtypes(state) == ["match"]
    assert state.shows_failed
    assert desk.text == text
    assert desk.failed.recording("page") == printed(asked, "two")
    assert desk.pages.recording(asked, state) == printed(asked, "two")
    assert not desk.memory.has_run("page", asked.key, [ENGINE])
    # The next that is right takes it away.
    assert desk.settle(asked, printed(asked, "one")).findings == ()
    assert desk.failed.load("page") is None
    assert desk.recordings.load("page") == printed(asked, "one")


@pytest.mark.parametrize("problem", [TIMEOUT, CUT])
def test_what_did_not_get_to_its_end_replaces_no_recording(desk: Desk, problem: Problem) -> None:
    old = asking("echo one", "echo two")
    desk.settle(old, printed(old, "one", "two"))
    text = desk.text
    asked = asking("echo one", "echo three", "echo four")
    state = desk.settle(asked, printed(asked, "one"), problem)
    assert subtypes(state) == [problem.subtype]
    assert desk.text == text
    assert "the step after it" in state.failures[0].message


def test_an_engine_that_fails_leaves_no_trace_of_a_page_that_has_its_recording(desk: Desk) -> None:
    asked = asking("echo one", "echo two")
    desk.settle(asked, printed(asked, "one", "two"))
    state = desk.settle(asked, None, CUT)
    assert subtypes(state) == ["engine"]
    assert not state.shows_failed
    assert desk.failed.load("page") is None
    assert desk.pages.examine(asked).findings == ()
    # It is run again all the same.
    assert not desk.memory.has_run("page", asked.key, [ENGINE])


def test_a_recording_that_comes_from_elsewhere_ends_what_an_engine_left(desk: Desk) -> None:
    asked = asking("echo one", "echo two")
    desk.settle(asked, printed(asked, "one"), CUT)
    assert subtypes(desk.pages.examine(asked)) == ["engine"]
    desk.recordings.save(printed(asked, "one", "two"))  # as `git pull` does
    assert desk.pages.examine(asked).findings == ()


def test_what_broke_an_expectation_before_the_engine_failed_is_kept(desk: Desk) -> None:
    asked = asking("echo one", "echo two", match=("[a-z]",))
    state = desk.settle(asked, printed(asked, "1"), CUT)
    assert subtypes(state) == ["match", "engine"]
    assert subtypes(desk.pages.examine(asked)) == ["match", "engine"]


def test_what_broke_an_expectation_before_the_engine_failed_is_told_beside_a_right_recording(
    desk: Desk,
) -> None:
    asked = asking("echo one", "echo two", match=("[a-z]",))
    desk.settle(asked, printed(asked, "one", "two"))
    text = desk.text
    state = desk.settle(asked, printed(asked, "1"), CUT)
    assert subtypes(state) == ["match", "engine"]
    assert desk.pages.examine(asked) == state
    assert desk.text == text


def test_an_interrupted_run_changes_nothing(desk: Desk) -> None:
    asked = asking("echo one")
    desk.settle(asked, printed(asked, "one"))
    assert desk.settle(asked, None, INTERRUPTED).findings == ()
    assert desk.memory.has_run("page", asked.key, [ENGINE])
    assert desk.failed.load("page") is None


def test_a_removal_that_failed_is_said_and_the_recording_kept(desk: Desk) -> None:
    asked = asking("echo one", "echo two")
    state = desk.settle(asked, printed(asked, "one", "two"), left="409 Conflict")
    (finding,) = state.failures
    assert finding.subtype == "engine"
    assert "409 Conflict" in finding.message
    assert finding.location == asked.steps[-1].location
    assert state.current
    assert desk.recordings.load("page") == printed(asked, "one", "two")
    assert desk.memory.has_run("page", asked.key, [ENGINE])


def test_a_recording_that_can_not_be_written(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "recordings").touch()
    asked = asking("echo one")
    outcome = Outcome(asked, printed(asked, "one"))
    state = desk.settler.settle(outcome, engine=ENGINE).state
    assert subtypes(state) == ["recording-unreadable"]
    assert not desk.memory.has_run("page", asked.key, [ENGINE])


def test_a_defect_in_settling_is_a_finding(desk: Desk) -> None:
    class Odd:
        """Has nothing of what is asked of it."""

    asked = asking("echo one")
    for settled in (
        desk.settler.settle(Outcome(asked, Odd()), engine=ENGINE),  # type: ignore[arg-type]
        desk.comparer.settle(Outcome(asked, Odd()), engine=ENGINE),  # type: ignore[arg-type]
    ):
        assert Defect.subtype in subtypes(settled.state)
        assert "AttributeError" in settled.state.failures[-1].message
    assert "Traceback" in desk.defects[0]


def test_what_is_fixed_is_known_to_be(desk: Desk) -> None:
    asked = asking("echo one", match=("two",))
    desk.settle(asked, printed(asked, "one"))
    edited = asking("echo one", match=("one",))
    assert desk.pages.examine(edited).fixed
    assert not desk.pages.examine(asked).fixed


def test_a_failed_run_of_another_form_says_nothing(desk: Desk) -> None:
    asked = asking("echo one", match=("two",))
    desk.settle(asked, printed(asked, "one"))
    assert subtypes(desk.pages.examine(asking("echo three"))) == ["recording-missing"]


class TestChecking:
    """A check compares, and writes nothing."""

    def compare(
        self, desk: Desk, asked: Session, recording: Recording, problem: Problem | None = None
    ) -> list[str]:
        before = desk.text
        state = desk.comparer.settle(Outcome(asked, recording, problem), engine=ENGINE).state
        assert desk.text == before
        assert desk.failed.load("page") is None
        return subtypes(state)

    def test_nothing_has_drifted(self, desk: Desk) -> None:
        asked = asking("echo one")
        desk.settle(asked, printed(asked, "one"))
        assert self.compare(desk, asked, printed(asked, "one")) == []
        assert desk.memory.has_run("page", asked.key, [ENGINE])

    def test_drift_and_broken_expectations(self, desk: Desk) -> None:
        asked = asking("echo one", match=("one",))
        desk.settle(asked, printed(asked, "one"))
        assert self.compare(desk, asked, printed(asked, "two")) == ["match", "drift"]

    def test_nothing_was_recorded(self, desk: Desk) -> None:
        asked = asking("echo one")
        assert self.compare(desk, asked, printed(asked, "one")) == ["recording-missing"]

    def test_as_far_as_it_got(self, desk: Desk) -> None:
        asked = asking("echo one", "echo two")
        desk.settle(asked, printed(asked, "one", "two"))
        assert self.compare(desk, asked, printed(asked, "one"), TIMEOUT) == ["timeout"]


class TestKeeping:
    """Which of two recordings a page has after a run."""

    def test_the_earlier_one_if_nothing_but_volatile_text_differs(self) -> None:
        asked = asking("date")
        earlier, later = printed(asked, "22:10:04"), printed(asked, "22:10:05")
        assert recording_to_keep(asked, later, earlier, ()) is earlier

    def test_the_new_one_if_the_output_differs(self) -> None:
        asked = asking("echo")
        earlier, later = printed(asked, "one"), printed(asked, "two")
        assert found_differences(asked, later, earlier, ())
        assert recording_to_keep(asked, later, earlier, ()) is later
        assert recording_to_keep(asked, later, earlier, ("one|two",)) is earlier

    def test_the_new_one_if_the_step_is_another(self) -> None:
        asked, before = asking("echo  one"), asking("echo one")
        later = printed(asked, "one")
        assert recording_to_keep(asked, later, printed(before, "one"), ()) is later

    def test_the_new_one_if_only_that_is_right(self) -> None:
        asked = asking("date", match=(":05",))
        earlier, later = printed(asked, "22:10:04"), printed(asked, "22:10:05")
        assert recording_to_keep(asked, later, earlier, ()) is later


class TestOptionalSteps:
    """What could not be run now has what it printed before."""

    def asked(self) -> Session:
        first, second = step("ubuntu echo hi"), step("busybox true")
        return session(dataclasses.replace(first, optional=True), second)

    def test_it_keeps_its_date_however_often_it_is_carried_on(self) -> None:
        asked = self.asked()
        earlier = dataclasses.replace(printed(asked, "hi", ""), date="2020-01-01T00:00:00Z")
        missing = StepRecording(asked.keys[0], not_run="there is no image")
        for day in ("2", "3"):
            now = printed(asked, "", "")
            now = dataclasses.replace(
                now, date=f"2021-01-0{day}T00:00:00Z", images=(), steps=(missing, now.steps[1])
            )
            earlier = carried(now, asked, earlier)
            assert earlier.steps[0].date == "2020-01-01T00:00:00Z"
            assert earlier.steps[0].commands == printed(asked, "hi").steps[0].commands
            assert [image.name for image in earlier.images] == ["busybox"]
            assert earlier.date == now.date

    def test_only_what_was_run_before_is_carried(self) -> None:
        asked = self.asked()
        missing = StepRecording(asked.keys[0], not_run="there is no image")
        before = dataclasses.replace(printed(asked, ""), steps=(missing,))
        now = dataclasses.replace(printed(asked, ""), steps=(missing,))
        assert carried(now, asked, before) is now
        assert carried(now, asked, None) is now
