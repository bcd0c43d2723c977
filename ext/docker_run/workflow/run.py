"""Sessions are run, several at a time; what came out of each is an `Outcome`."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Protocol

from docker_run.errors import Defect, DockerRunError, ImageProblem
from docker_run.model import (
    Environment,
    Image,
    Problem,
    Recording,
    Session,
    Step,
    StepRecording,
    TerminalSize,
)
from docker_run.protocols import Clock, Progress, RunnerSession
from docker_run.recordings.record import record
from docker_run.results import PageRun, StepRun

_AHEAD = 2
"""How many sessions are handed to the workers for each that can run. What came out of one is kept in
memory until it is settled, so this bounds how much is."""


class Runners(Protocol):
    """What opens sessions (see `docker_run.workflow.open_runners`)."""

    def prepare(self, sessions: Sequence[Session]) -> None:
        """Take note of the sessions that will be opened, in this order; nothing is waited for."""

    def session(self, session: Session) -> AbstractContextManager[RunnerSession]:
        """Open `session`; leaving the context removes all that it made. Raises `EngineProblem`."""

    def interrupt(self) -> None:
        """End all sessions: what they are running raises `Interrupted`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of running a session."""

    session: Session
    recording: Recording | None
    """What was recorded: of all steps, or of those before `problem`; None where none finished."""
    problem: Problem | None = None
    """What ended the session before its last step."""
    left: str = ""
    """Why what the session made could not all be removed; empty where it was."""
    seconds: float = 0.0
    traceback: str = ""
    """Where a defect showed, for those who fix it."""

    @property
    def complete(self) -> bool:
        """Whether every step was run, or was optional and could not be."""
        return self.problem is None

    @property
    def commands(self) -> int:
        """How many commands were run to their end."""
        return sum(len(step.commands) for step in self.recording.steps) if self.recording else 0


def execute(
    sessions: Sequence[Session],
    *,
    runners: Runners,
    clock: Clock,
    jobs: int,
    progress: Progress,
    settle: Callable[[Outcome], None],
) -> None:
    """Run `sessions`, at most `jobs` at a time; each outcome is settled as it comes, in any order.

    If it is interrupted (Ctrl-C), everything under way is ended and cleaned up, and what had finished
    is settled, before that goes on. `settle` may then be called again with the outcome in hand.
    """
    pool = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="docker-run")
    waiting, running = iter(sessions), set[Future[Outcome]]()

    def submit(ready: Iterable[Session]) -> None:
        for session in ready:
            running.add(pool.submit(run_session, session, runners=runners, clock=clock, progress=progress))

    try:
        # What can't be made ready ahead is made ready, or reported, when its session asks for it.
        with suppress(Exception):
            runners.prepare(sessions)
        submit(islice(waiting, _AHEAD * jobs))
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            while done:
                future = done.pop()
                settle(future.result())
                running.discard(future)
                submit(islice(waiting, 1))
    except BaseException:
        runners.interrupt()
        pool.shutdown(wait=True, cancel_futures=True)
        for future in running:
            if not future.cancelled():
                settle(future.result())
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def run_session(session: Session, *, runners: Runners, clock: Clock, progress: Progress) -> Outcome:
    """Run one session from its first step to its last, or to the first that does not finish.

    Nothing is raised: whatever happens is part of the outcome, and costs no other page.
    """
    began = clock.monotonic()
    run = _Run(session, date=_timestamp(clock.now()))
    problem, left, trace = None, "", ""
    try:
        with runners.session(session) as running:
            run.through(running, progress)
    except Exception as error:  # noqa: BLE001 (a defect of one page must not end the others)
        if run.finished:
            left = str(error) or type(error).__name__
        else:
            problem = _problem(len(run.steps), error)
        if not isinstance(error, DockerRunError):
            trace = traceback.format_exc()
    return Outcome(session, run.recording(), problem, left, clock.monotonic() - began, trace)


def page_run(outcome: Outcome, why: str) -> PageRun:
    """Return what is to be told of `outcome`, whose session was run because of `why`."""
    steps = outcome.recording.steps if outcome.recording else ()
    return PageRun(
        why,
        outcome.commands,
        outcome.seconds,
        tuple(StepRun(sum(each.seconds for each in step.commands), step.not_run) for step in steps),
        outcome.problem,
    )


class _Run:
    """What one session has printed so far."""

    def __init__(self, session: Session, *, date: str) -> None:
        self._session = session
        self._date = date
        self._environment: Environment | None = None
        self._images: tuple[Image, ...] = ()
        self.steps: list[StepRecording] = []
        self.finished = False

    def through(self, running: RunnerSession, progress: Progress) -> None:
        """Run all steps. Raises what `protocols.RunnerSession.run` says."""
        session = self._session
        self._environment = running.environment()
        try:
            for step, key in zip(session.steps, session.keys, strict=True):
                for command in step.commands:
                    progress.command(session.page, command.text)
                self.steps.append(_run_step(running, step, key, session.terminal))
        except DockerRunError:
            with suppress(Exception):  # what ended the session is what matters
                self._images = running.images()
            raise
        self._images = running.images()
        self.finished = True

    def recording(self) -> Recording | None:
        """Return what finished; None where nothing did."""
        if not self.steps or self._environment is None:
            return None
        return Recording(
            page=self._session.page,
            place=self._session.place.name,
            terminal=self._session.terminal,
            date=self._date,
            environment=self._environment,
            images=self._images,
            steps=tuple(self.steps),
        )


def _run_step(running: RunnerSession, step: Step, key: str, size: TerminalSize) -> StepRecording:
    """Run one step; an optional one whose image can't be had says why it was not run."""
    not_run = ""
    try:
        results = running.run(step)
    except ImageProblem as error:
        if not step.optional:
            raise
        results, not_run = error.ran, error.reason
    return StepRecording(key, tuple(record(result, size) for result in results), not_run=not_run)


def _problem(step: int, error: Exception) -> Problem:
    if not isinstance(error, DockerRunError):
        error = Defect.of(error, "this could not be run")
    return Problem(step, error.subtype, str(error), error.cause)


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
