"""Sessions run at the same time, stop at what does not finish, and never lose a recording."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from contract import session, step
from docker_run.execute import Outcome, Task, execute, found_differences, recording_to_keep
from docker_run.model import Recording, Session, Step
from fake_engine import FakeEngine, FakeSession


class TickingClock:
    """A clock on which each look takes a second."""

    def __init__(self) -> None:
        self.ticks = 0

    def now(self) -> datetime:
        return datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        self.ticks += 1
        return float(self.ticks)


class SilentProgress:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, str]] = []

    def note(self, message: str) -> None:
        raise AssertionError(message)

    def image(self, name: str, status: str) -> None:
        raise AssertionError((name, status))

    def command(self, page: str, text: str) -> None:
        self.commands.append((page, text))


def outcomes(tasks: list[Task], engine: FakeEngine, jobs: int = 4) -> list[Outcome]:
    return list(execute(tasks, engine=engine, clock=TickingClock(), jobs=jobs, progress=SilentProgress()))


def run(asked: Session, engine: FakeEngine | None = None, earlier: Recording | None = None) -> Outcome:
    (outcome,) = outcomes([Task(asked, earlier)], engine or FakeEngine())
    return outcome


def optional(asked: Step) -> Step:
    return dataclasses.replace(asked, optional=True)


def test_a_session_becomes_a_recording() -> None:
    asked = session(step("busybox echo one"), step("busybox echo two"), page="folder/page")
    outcome = run(asked)
    assert outcome.complete
    assert outcome.commands == 2
    assert outcome.seconds > 0
    recording = outcome.recording
    assert recording is not None
    assert recording.page == "folder/page"
    assert recording.date == "2026-11-23T12:00:00Z"
    assert recording.environment.engine == "Fake Engine 1"
    assert [image.name for image in recording.images] == ["busybox"]
    assert [each.key for each in recording.steps] == list(asked.keys)
    assert [each.commands[0].output[0].data for each in recording.steps] == [b"one\n", b"two\n"]


def test_sessions_run_at_the_same_time_and_come_back_in_order() -> None:
    barrier = threading.Barrier(3, timeout=60)

    class Meeting(FakeEngine):
        """Its sessions wait for each other: they only get on if all three are under way."""

        @contextmanager
        def session(self, session: Session) -> Iterator[FakeSession]:
            with super().session(session) as running:
                barrier.wait()
                yield running

    engine = Meeting()
    tasks = [Task(session(step(f"busybox echo {page}"), page=page)) for page in "abc"]
    assert [outcome.task.session.page for outcome in outcomes(tasks, engine, jobs=3)] == ["a", "b", "c"]


def test_no_more_than_the_given_number_at_once() -> None:
    engine = FakeEngine()
    outcomes(
        [Task(session(step("busybox sleep 0.05"), page=str(number))) for number in range(6)], engine, jobs=2
    )
    assert 1 <= engine.most_open <= 2
    assert engine.open_sessions == 0


@pytest.mark.parametrize(
    ("line", "subtype"),
    [("no-such-image", "image"), ("busybox sleep 1000", "timeout"), ("busybox yes", "output-limit")],
)
def test_what_does_not_finish_ends_the_session_and_is_not_recorded(line: str, subtype: str) -> None:
    engine = FakeEngine(timeout=0.05)
    bad = step(line)
    outcome = run(session(step("busybox echo one"), bad, step("busybox echo three")), engine)
    assert not outcome.complete
    assert outcome.problem is not None
    assert outcome.problem.subtype == subtype
    assert outcome.problem.location == bad.location
    assert "1 step(s) after it" in outcome.problem.message
    assert outcome.recording is not None
    assert len(outcome.recording.steps) == 1
    assert engine.commands[-1] == f"docker run {line}"


def test_an_engine_that_goes_away_is_a_finding_of_each_page() -> None:
    engine = FakeEngine(gone_after=1)
    found = outcomes([Task(session(step("busybox true"), page=page)) for page in "ab"], engine, jobs=1)
    assert [outcome.complete for outcome in found] == [True, False]
    assert found[1].problem is not None
    assert found[1].problem.subtype == "engine"
    assert found[1].recording is None


def test_an_optional_step_goes_without_its_image() -> None:
    outcome = run(session(optional(step("ubuntu true")), step("busybox true")))
    assert outcome.complete
    assert outcome.recording is not None
    assert "ubuntu" in outcome.recording.steps[0].not_run
    assert outcome.recording.steps[1].commands[0].exit_code == 0
    assert outcome.commands == 1


def test_an_optional_step_keeps_what_was_recorded_of_it() -> None:
    asked = session(optional(step("ubuntu echo hi")), step("busybox true"))
    earlier = run(asked, FakeEngine(images=("busybox", "ubuntu"))).recording
    assert earlier is not None
    earlier = dataclasses.replace(earlier, date="2020-01-01T00:00:00Z")
    for _ in range(2):  # the date stays that of the run, however often it is carried on
        outcome = run(asked, earlier=earlier)
        assert outcome.recording is not None
        assert outcome.recording.steps[0].date == "2020-01-01T00:00:00Z"
        assert outcome.recording.steps[0].commands == earlier.steps[0].commands
        assert [image.name for image in outcome.recording.images] == ["busybox", "ubuntu"]
        earlier = outcome.recording


def test_only_a_missing_image_excuses_an_optional_step() -> None:
    outcome = run(session(optional(step("busybox sleep 1000"))), FakeEngine(timeout=0.05))
    assert not outcome.complete


class TestKeeping:
    """Which recording a page has after a run."""

    def test_the_first_one(self) -> None:
        outcome = run(session(step("busybox echo one")))
        assert recording_to_keep(outcome, ()) is outcome.recording

    def test_the_earlier_one_if_nothing_but_volatile_text_differs(self) -> None:
        asked = session(step("-d busybox"), step("busybox echo one"))
        earlier = run(asked, FakeEngine(commands=["another id"])).recording
        outcome = run(asked, earlier=earlier)
        assert outcome.recording != earlier
        assert recording_to_keep(outcome, ()) is earlier

    def test_the_new_one_if_the_output_differs(self) -> None:
        asked = session(step("busybox cat", "x"))
        outcome = run(asked)
        assert outcome.recording is not None
        old_step = run(session(step("busybox echo y"))).recording
        assert old_step is not None
        earlier = dataclasses.replace(
            outcome.recording,
            steps=(dataclasses.replace(old_step.steps[0], key=asked.keys[0]),),
        )
        changed = run(asked, earlier=earlier)
        assert found_differences(changed, ())
        assert recording_to_keep(changed, ()) is changed.recording

    def test_the_new_one_if_the_step_is_another(self) -> None:
        earlier = run(session(step("busybox echo one"))).recording
        outcome = run(session(step("busybox  echo one")), earlier=earlier)
        assert recording_to_keep(outcome, ()) is outcome.recording

    def test_the_earlier_one_if_the_new_run_did_not_get_as_far(self) -> None:
        asked = session(step("busybox echo one"), step("busybox sleep 1"))
        earlier = run(asked).recording
        outcome = run(asked, FakeEngine(timeout=0.05), earlier)
        assert not outcome.complete
        assert recording_to_keep(outcome, ()) is earlier

    def test_what_finished_if_there_was_nothing(self) -> None:
        outcome = run(session(step("busybox echo one"), step("busybox yes")))
        kept = recording_to_keep(outcome, ())
        assert kept is not None
        assert len(kept.steps) == 1

    def test_nothing_if_nothing_finished(self) -> None:
        outcome = run(session(step("busybox yes")))
        assert recording_to_keep(outcome, ()) is None


def test_an_interrupted_run_ends_all_sessions() -> None:
    engine = FakeEngine(timeout=600)
    tasks = [Task(session(step("busybox true"), page="a"))]
    tasks += [Task(session(step("busybox sleep 500"), page=page)) for page in "bcd"]
    running = execute(tasks, engine=engine, clock=TickingClock(), jobs=2, progress=SilentProgress())
    next(running)
    running.close()  # what a KeyboardInterrupt in the caller's loop comes to
    assert engine.calls.count("interrupt") == 1
    assert engine.open_sessions == 0
    assert len(engine.commands) < len(tasks)
