"""Running sessions concurrently; the result of each is an `Outcome`."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Protocol

from docker_run.build_result import PageRun, StepRun
from docker_run.errors import Defect, DockerRunError, EngineProblem, ImageProblem, Interrupted
from docker_run.model import (
    Environment,
    Image,
    Problem,
    Recording,
    Session,
    Step,
    StepOutput,
    StepRecording,
    TerminalSize,
)
from docker_run.protocols import Clock, Progress, RunnerSession
from docker_run.recordings.record import record
from docker_run.workflow.reproduction import LEFT_OUT

_AHEAD = 2
"""Sessions that are submitted per worker. Outcomes are kept in memory until they are settled, so this limits
the memory."""


class Runners(Protocol):
    """Opens sessions (see `docker_run.workflow.open_runners`). Pickled if they run in other processes."""

    @property
    def progress(self) -> Progress:
        """Notified of each command."""

    def prepare(self, sessions: Sequence[Session]) -> None:
        """Announce the sessions that will be opened, in this order; does not wait."""

    def session(self, session: Session) -> AbstractContextManager[RunnerSession]:
        """Open `session`; leaving the context removes all that it created. Raises `EngineProblem`."""

    def interrupt(self) -> None:
        """End all sessions: running commands raise `Interrupted`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of running a session."""

    session: Session
    recording: Recording | None
    """The recording of all steps, or of those before `problem`; None if none finished."""
    problem: Problem | None = None
    """What ended the session before its last step."""
    left: str = ""
    """Why not everything that the session created could be removed; empty if it was."""
    seconds: float = 0.0
    traceback: str = ""
    """The traceback of a defect."""

    @property
    def complete(self) -> bool:
        """Whether all steps were run, except optional ones that could not be."""
        return self.problem is None

    @property
    def commands(self) -> int:
        """The number of commands that finished."""
        return sum(len(step.commands) for step in self.recording.steps) if self.recording else 0


def execute(
    sessions: Sequence[Session],
    *,
    runners: Runners,
    clock: Clock,
    jobs: int,
    settle: Callable[[Outcome], None],
    executor: Executor | None = None,
) -> None:
    """Run `sessions`, at most `jobs` at a time; each outcome is settled on completion, in any order.

    They run in threads of this process, or in `executor`, which is not shut down; with one, `jobs` should be
    the number of its workers. With a `ProcessPoolExecutor` they run in other processes.

    On an interruption (Ctrl-C), running sessions are ended and cleaned up, and finished ones settled, before
    the exception is raised again. `settle` may then be called again with the outcome that it was settling.
    """
    if executor is not None:
        _Execution(executor, runners, clock, settle).run(sessions, jobs=jobs)
        return
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="docker-run") as threads:
        execution = _Execution(threads, runners, clock, settle)
        execution.run(sessions, jobs=jobs, prepare=runners.prepare)


class _Execution:
    """The sessions that run in an executor."""

    def __init__(
        self, executor: Executor, runners: Runners, clock: Clock, settle: Callable[[Outcome], None]
    ) -> None:
        self._executor = executor
        self._runners = runners
        self._clock = clock
        self._settle = settle
        self._running: dict[Future[Outcome], Session] = {}

    def run(
        self,
        sessions: Sequence[Session],
        *,
        jobs: int,
        prepare: Callable[[Sequence[Session]], None] = lambda _: None,
    ) -> None:
        """Run and settle all sessions; `prepare` is called first, if they are opened in this process."""
        waiting = iter(sessions)
        try:
            # What can't be prepared ahead is prepared, or reported, when its session needs it.
            with suppress(Exception):
                prepare(sessions)
            self._submit(islice(waiting, _AHEAD * jobs))
            while self._running:
                done, _ = wait(self._running, return_when=FIRST_COMPLETED)
                for future in done:
                    self._settle(_outcome(future, self._running[future]))
                    del self._running[future]
                    self._submit(islice(waiting, 1))
        except BaseException:
            self._runners.interrupt()
            ending = {future: session for future, session in self._running.items() if not future.cancel()}
            wait(ending)
            for future, session in ending.items():
                self._settle(_outcome(future, session))
            raise

    def _submit(self, sessions: Iterable[Session]) -> None:
        for session in sessions:
            try:
                future = self._executor.submit(run_session, session, runners=self._runners, clock=self._clock)
            except BrokenExecutor as error:
                future = Future()
                future.set_exception(error)
            self._running[future] = session


def _outcome(future: Future[Outcome], session: Session) -> Outcome:
    """Return the outcome of `session`, whose task in the executor has ended."""
    if future.cancelled():
        error: BaseException | None = KeyboardInterrupt()
    else:
        error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, KeyboardInterrupt):
        error = Interrupted("the process that runs this page was interrupted")
    elif isinstance(error, BrokenExecutor):
        error = EngineProblem(
            f"a process that runs pages has died, and this page could not be run: {error}; see whether it "
            "was killed, e.g. because memory ran out"
        )
    elif not isinstance(error, Exception):
        raise error
    elif not isinstance(error, DockerRunError):
        error = _not_sent(session, error)
    return Outcome(session, None, _problem(0, error))


def _not_sent(session: Session, error: Exception) -> DockerRunError:
    return EngineProblem(
        f"this page can't be run in another process: its runner, `{session.place.runner}`, can't be pickled "
        f"({type(error).__name__}: {error}); define its class in a module, not in conf.py"
    )


def run_session(session: Session, *, runners: Runners, clock: Clock) -> Outcome:
    """Run one session from its first step to its last, or to the first that does not finish.

    Raises nothing: errors are part of the outcome, and don't affect other pages.
    """
    began = clock.monotonic()
    run = _Run(session, date=_timestamp(clock.now()))
    problem, left, trace = None, "", ""
    try:
        with runners.session(session) as running:
            run.through(running, runners.progress)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a defect of one page must not end the others)
        if run.finished:
            left = str(error) or type(error).__name__
        else:
            problem = _problem(len(run.steps), error)
        if not isinstance(error, DockerRunError):
            trace = traceback.format_exc()
    return Outcome(session, run.recording(), problem, left, clock.monotonic() - began, trace)


def page_run(outcome: Outcome, why: str) -> PageRun:
    """Return the results of `outcome` for reporters; its session was run because of `why`."""
    steps = outcome.recording.steps if outcome.recording else ()
    return PageRun(
        why,
        outcome.commands,
        outcome.seconds,
        tuple(StepRun(sum(each.seconds for each in step.commands), step.not_run) for step in steps),
        outcome.problem,
    )


class _Run:
    """One session while it runs, with its recordings so far."""

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
            for index, (step, key) in enumerate(zip(session.steps, session.keys, strict=True)):
                if index in session.left_out:
                    self.steps.append(StepRecording(key, not_run=LEFT_OUT))
                    continue
                for command in step.commands:
                    progress.command(session.page, command.text)
                self.steps.append(_run_step(running, step, key, session.terminal))
        except DockerRunError:
            with suppress(Exception):  # the error that ended the session matters more
                self._images = running.images()
            raise
        self._images = running.images()
        self.finished = True

    def recording(self) -> Recording | None:
        """Return the recording of the finished steps; None if none finished."""
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
    """Run one step; the recording of an optional one without its image has the reason."""
    try:
        output = running.run(step)
    except ImageProblem as error:
        if not step.optional:
            raise
        output = StepOutput(not_run=error.reason)
    return StepRecording(key, tuple(record(result, size) for result in output), not_run=output.not_run)


def _problem(step: int, error: BaseException) -> Problem:
    if not isinstance(error, DockerRunError):
        error = Defect.of(error, "this could not be run")
    return Problem(step, error.subtype, str(error), error.cause)


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
