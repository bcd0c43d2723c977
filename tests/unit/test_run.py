"""Sessions run at the same time, stop at what does not finish, and cost no other whatever happens."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from contract import session, step
from docker_run.errors import EngineProblem
from docker_run.model import CommandRecording, Image, Session, Step
from docker_run.workflow.run import Outcome, execute
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


def outcomes(sessions: list[Session], engine: FakeEngine, jobs: int = 4) -> list[Outcome]:
    """Return what came out of `sessions`, in the order in which it came."""
    found: list[Outcome] = []
    progress = SilentProgress()
    execute(sessions, runners=engine, clock=TickingClock(), jobs=jobs, progress=progress, settle=found.append)
    return found


def run(asked: Session, engine: FakeEngine | None = None) -> Outcome:
    (outcome,) = outcomes([asked], engine or FakeEngine())
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
    assert [each.commands[0].output[0].text for each in recording.steps] == ["one\n", "two\n"]


def test_sessions_run_at_the_same_time() -> None:
    barrier = threading.Barrier(3, timeout=60)

    class Meeting(FakeEngine):
        """Its sessions wait for each other: they only get on if all three are under way."""

        @contextmanager
        def session(self, session: Session) -> Iterator[FakeSession]:
            with super().session(session) as running:
                barrier.wait()
                yield running

    found = outcomes([session(step(f"busybox echo {page}"), page=page) for page in "abc"], Meeting(), jobs=3)
    assert sorted(outcome.session.page for outcome in found if outcome.complete) == ["a", "b", "c"]


class Gate(FakeEngine):
    """The session of the page `slow` goes on only when the gate is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = threading.Event()

    @contextmanager
    def session(self, session: Session) -> Iterator[FakeSession]:
        with super().session(session) as running:
            if session.page == "slow":
                assert self.opened.wait(60)
            yield running

    def interrupt(self) -> None:
        super().interrupt()
        self.opened.set()


def test_each_outcome_is_settled_as_it_comes() -> None:
    engine, settled = Gate(), list[str]()

    def settle(outcome: Outcome) -> None:
        settled.append(outcome.session.page)
        if len(settled) == 5:  # all but the first, which waits for that
            engine.opened.set()

    sessions = [session(step("busybox true"), page=page) for page in ("slow", *"abcde")]
    execute(sessions, runners=engine, clock=TickingClock(), jobs=2, progress=SilentProgress(), settle=settle)
    assert set(settled[:5]) == set("abcde")
    assert settled[5] == "slow"


def test_no_more_than_the_given_number_at_once() -> None:
    engine = FakeEngine()
    outcomes([session(step("busybox sleep 0.05"), page=str(number)) for number in range(6)], engine, jobs=2)
    assert 1 <= engine.most_open <= 2
    assert engine.open_sessions == 0


def test_what_is_not_settled_yet_is_bounded() -> None:
    engine, opened = FakeEngine(), list[int]()

    def settle(_outcome: Outcome) -> None:
        # Whoever settles slowly must not be overrun: what is waiting is in memory.
        time.sleep(0.2 if not opened else 0)
        opened.append(engine.calls.count("session") - len(opened))

    sessions = [session(step("busybox true"), page=str(number)) for number in range(50)]
    execute(sessions, runners=engine, clock=TickingClock(), jobs=2, progress=SilentProgress(), settle=settle)
    assert len(opened) == 50
    assert max(opened) <= 4


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
    assert outcome.problem.step == 1
    assert outcome.problem.transient == (subtype == "image")
    finding = outcome.problem.finding(outcome.session)
    assert finding.location == bad.location
    assert "the step after it" in finding.message
    assert outcome.recording is not None
    assert len(outcome.recording.steps) == 1
    assert engine.commands[-1] == f"docker run {line}"


def test_an_engine_that_goes_away_is_a_finding_of_each_page() -> None:
    engine = FakeEngine(gone_after=1)
    found = outcomes([session(step("busybox true"), page=page) for page in "ab"], engine, jobs=1)
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


def test_only_a_missing_image_excuses_an_optional_step() -> None:
    outcome = run(session(optional(step("busybox sleep 1000"))), FakeEngine(timeout=0.05))
    assert not outcome.complete


class Broken(FakeEngine):
    """Fails at one point of a session, with an error that nobody expects of it."""

    def __init__(self, point: str, error: Exception) -> None:
        super().__init__()
        self.point = point
        self.error = error

    @contextmanager
    def session(self, session: Session) -> Iterator[FakeSession]:
        if self.point == "open" and session.page == "bad":
            raise self.error
        with super().session(session) as running:
            yield BrokenSession(running, self) if session.page == "bad" else running
        if self.point == "remove" and session.page == "bad":
            raise self.error

    def prepare(self, sessions: Sequence[Session]) -> None:
        super().prepare(sessions)
        if self.point == "prepare":
            raise self.error


class BrokenSession(FakeSession):
    """The session of the page `bad`."""

    def __init__(self, running: FakeSession, engine: Broken) -> None:
        self.__dict__.update(running.__dict__)
        self._broken = engine

    def run(self, step: Step) -> tuple[CommandRecording, ...]:
        if self._broken.point == "run":
            raise self._broken.error
        return super().run(step)

    def images(self) -> tuple[Image, ...]:
        if self._broken.point == "images":
            raise self._broken.error
        return super().images()


@pytest.mark.parametrize("point", ["open", "run", "images"])
@pytest.mark.parametrize("error", [KeyError("Config"), EngineProblem("500"), RuntimeError()])
def test_whatever_is_raised_costs_its_own_page_only(point: str, error: Exception) -> None:
    sessions = [session(step("busybox true"), page=page) for page in ("a", "bad", "c")]
    found = {each.session.page: each for each in outcomes(sessions, Broken(point, error))}
    assert found["a"].complete
    assert found["c"].complete
    problem = found["bad"].problem
    assert problem is not None
    assert problem.transient
    assert problem.finding(sessions[1]).location == sessions[1].steps[0].location
    defect = not isinstance(error, EngineProblem)
    assert problem.subtype == ("defect" if defect else "engine")
    assert type(error).__name__ in problem.message or not defect
    assert "Traceback" not in problem.message
    assert (type(error).__name__ in found["bad"].traceback) == defect


@pytest.mark.parametrize("error", [KeyError("x"), EngineProblem("500")])
def test_a_removal_that_fails_leaves_the_run_as_it_was(error: Exception) -> None:
    outcome = run(session(step("busybox echo one"), page="bad"), Broken("remove", error))
    assert outcome.complete
    assert outcome.recording is not None
    assert outcome.left == str(error)


def test_what_can_not_be_prepared_is_asked_for_later() -> None:
    assert run(session(step("busybox true")), Broken("prepare", KeyError())).complete


def test_an_interrupted_run_ends_all_sessions_and_settles_what_had_finished() -> None:
    engine, settled = Gate(), dict[str, Outcome]()

    def settle(outcome: Outcome) -> None:
        if outcome.session.page == "a" and "a" not in settled:
            settled["a"] = outcome
            raise KeyboardInterrupt
        settled[outcome.session.page] = outcome

    engine.timeout = 600
    sessions = [session(step("busybox true"), page=page) for page in "ab"]
    sessions += [session(step("busybox sleep 500"), page=page) for page in "cde"]
    with pytest.raises(KeyboardInterrupt):
        execute(
            sessions, runners=engine, clock=TickingClock(), jobs=4, progress=SilentProgress(), settle=settle
        )
    assert engine.calls.count("interrupt") == 1
    assert engine.open_sessions == 0
    assert settled["a"].complete
    ended = [outcome.problem.subtype for outcome in settled.values() if outcome.problem is not None]
    assert set(ended) <= {"interrupted"}
    assert all(outcome.complete for page, outcome in settled.items() if page in "ab")
