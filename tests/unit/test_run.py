"""Sessions run at the same time, stop at what does not finish, and cost no other whatever happens."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

import pytest

from contract import session, step
from docker_run.errors import EngineProblem
from docker_run.model import Session, Step
from docker_run.workflow.run import Outcome, execute
from fake_engine import FakeEngine, FakeSession
from worker_pool import FakeSettings, TickingClock, outcomes, process_pool


@pytest.fixture(scope="module", params=["threads", "processes"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor | None]:
    """Give what runs the sessions: the threads that `execute` makes for itself, or a pool of processes."""
    if request.param == "threads":
        yield None
    else:
        with process_pool() as pool:
            yield pool


Run = Callable[..., Outcome]


@pytest.fixture
def run(executor: Executor | None) -> Run:
    """Give a function that runs a session, and returns what came out."""

    def run(asked: Session, source: FakeSettings | None = None) -> Outcome:
        (outcome,) = outcomes([asked], source or FakeSettings(), executor=executor)
        return outcome

    return run


def optional(asked: Step) -> Step:
    return dataclasses.replace(asked, optional=True)


def test_a_session_becomes_a_recording(run: Run) -> None:
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

    found = list[Outcome]()
    sessions = [session(step(f"busybox echo {page}"), page=page) for page in "abc"]
    execute(sessions, runners=Meeting(), clock=TickingClock(), jobs=3, settle=found.append)
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
    execute(sessions, runners=engine, clock=TickingClock(), jobs=2, settle=settle)
    assert set(settled[:5]) == set("abcde")
    assert settled[5] == "slow"


def test_no_more_than_the_given_number_at_once() -> None:
    engine = FakeEngine()
    sessions = [session(step("busybox sleep 0.05"), page=str(number)) for number in range(6)]
    execute(sessions, runners=engine, clock=TickingClock(), jobs=2, settle=lambda _: None)
    assert 1 <= engine.most_open <= 2
    assert engine.open_sessions == 0


def test_what_is_not_settled_yet_is_bounded() -> None:
    engine, opened = FakeEngine(), list[int]()

    def settle(_outcome: Outcome) -> None:
        # Whoever settles slowly must not be overrun: what is waiting is in memory.
        time.sleep(0.2 if not opened else 0)
        opened.append(engine.calls.count("session") - len(opened))

    sessions = [session(step("busybox true"), page=str(number)) for number in range(50)]
    execute(sessions, runners=engine, clock=TickingClock(), jobs=2, settle=settle)
    assert len(opened) == 50
    assert max(opened) <= 4


@pytest.mark.parametrize(
    ("line", "subtype"),
    [("no-such-image", "image"), ("busybox sleep 1000", "timeout"), ("busybox yes", "output-limit")],
)
def test_what_does_not_finish_ends_the_session_and_is_not_recorded(run: Run, line: str, subtype: str) -> None:
    source = FakeSettings(timeout=0.05)
    bad = step(line)
    outcome = run(session(step("busybox echo one"), bad, step("busybox echo three")), source)
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


def test_an_engine_that_goes_away_is_a_finding_of_each_page() -> None:
    sessions = [session(step("busybox true"), page=page) for page in "ab"]
    found = outcomes(sessions, FakeSettings(gone_after=1), jobs=1)
    assert [outcome.complete for outcome in found] == [True, False]
    assert found[1].problem is not None
    assert found[1].problem.subtype == "engine"
    assert found[1].recording is None


def test_an_optional_step_goes_without_its_image(run: Run) -> None:
    outcome = run(session(optional(step("ubuntu true")), step("busybox true")))
    assert outcome.complete
    assert outcome.recording is not None
    assert "ubuntu" in outcome.recording.steps[0].not_run
    assert outcome.recording.steps[1].commands[0].exit_code == 0
    assert outcome.commands == 1


def test_only_a_missing_image_excuses_an_optional_step(run: Run) -> None:
    outcome = run(session(optional(step("busybox sleep 1000"))), FakeSettings(timeout=0.05))
    assert not outcome.complete


@pytest.mark.parametrize("point", ["open", "run", "images"])
@pytest.mark.parametrize("error", [KeyError("Config"), EngineProblem("500"), RuntimeError(), SystemExit(1)])
def test_whatever_is_raised_costs_its_own_page_only(
    executor: Executor | None, point: str, error: BaseException
) -> None:
    sessions = [session(step("busybox true"), page=page) for page in ("a", "bad", "c")]
    source = FakeSettings(point=point, error=error)
    found = {each.session.page: each for each in outcomes(sessions, source, executor=executor)}
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
def test_a_removal_that_fails_leaves_the_run_as_it_was(run: Run, error: Exception) -> None:
    outcome = run(session(step("busybox echo one"), page="bad"), FakeSettings(point="remove", error=error))
    assert outcome.complete
    assert outcome.recording is not None
    assert outcome.left == str(error)


def test_what_can_not_be_prepared_is_asked_for_later(run: Run) -> None:
    assert run(session(step("busybox true")), FakeSettings(point="prepare", error=KeyError())).complete


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
        execute(sessions, runners=engine, clock=TickingClock(), jobs=4, settle=settle)
    assert engine.calls.count("interrupt") == 1
    assert engine.open_sessions == 0
    assert settled["a"].complete
    ended = [outcome.problem.subtype for outcome in settled.values() if outcome.problem is not None]
    assert set(ended) <= {"interrupted"}
    assert all(outcome.complete for page, outcome in settled.items() if page in "ab")
