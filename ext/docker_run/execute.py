"""Sessions are run, several at a time; what came out of each is an `Outcome`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from docker_run.errors import DockerRunError, ImageProblem
from docker_run.model import Finding, Image, Recording, Session, Step, StepRecording
from docker_run.protocols import Clock, Engine, EngineSession, Progress
from docker_run.recordings.compare import Difference, differences
from docker_run.recordings.volatile import Patterns
from docker_run.verify import held_steps, is_current


@dataclass(frozen=True, slots=True)
class Task:
    """A session to be run, and the recording that there is of its page."""

    session: Session
    earlier: Recording | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of running a session."""

    task: Task
    recording: Recording | None
    """What was recorded: of all steps, or of those before `problem`; None where none finished."""
    problem: Finding | None
    """What ended the session before its last step."""
    commands: int
    """How many commands were run to their end."""
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether every step was run, or was optional and could not be."""
        return self.problem is None


def execute(
    tasks: Sequence[Task], *, engine: Engine, clock: Clock, jobs: int, progress: Progress
) -> Iterator[Outcome]:
    """Run `tasks`, at most `jobs` at a time; yield their outcomes in the order of the tasks.

    If the caller stops early, or is interrupted (Ctrl-C), everything under way is ended and cleaned
    up before that goes on.
    """
    pool = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="docker-run")
    finished = False
    try:
        engine.prepare([task.session for task in tasks])
        futures: list[Future[Outcome]] = [
            pool.submit(run_session, task, engine=engine, clock=clock, progress=progress) for task in tasks
        ]
        for future in futures:
            yield future.result()
        finished = True
    finally:
        if not finished:
            engine.interrupt()
        pool.shutdown(wait=True, cancel_futures=True)


def run_session(task: Task, *, engine: Engine, clock: Clock, progress: Progress) -> Outcome:
    """Run one session from its first step to its last, or to the first that does not finish."""
    session = task.session
    began, date = clock.monotonic(), _timestamp(clock.now())
    steps: list[StepRecording] = []
    carried: list[Image] = []
    problem: Finding | None = None
    try:
        with engine.session(session) as running:
            environment = running.environment()
            for step, key in zip(session.steps, session.keys, strict=True):
                for command in step.commands:
                    progress.command(session.page, command.text)
                recorded, images = _run_step(running, step, key, task.earlier)
                steps.append(recorded)
                carried += images
            used = running.images()
    except DockerRunError as error:
        problem = _finding(session, len(steps), error)
        used = running.images() if steps else ()
    recording = None
    if steps:
        recording = Recording(
            page=session.page,
            place=session.place.name,
            terminal=session.terminal,
            date=date,
            environment=environment,
            images=_merged(used, carried),
            steps=tuple(steps),
        )
    commands = sum(len(step.commands) for step in steps if not step.date)
    return Outcome(task, recording, problem, commands, clock.monotonic() - began)


def found_differences(outcome: Outcome, patterns: Patterns) -> tuple[Difference, ...]:
    """Return where the outcome differs from the earlier recording, beyond volatile text, as far as it got.

    `patterns` are those of the whole project; each step's own are added.
    """
    earlier = outcome.task.earlier
    if earlier is None or outcome.recording is None:
        return ()
    if not outcome.complete:
        earlier = replace(earlier, steps=earlier.steps[: len(outcome.recording.steps)])
    session = outcome.task.session
    return differences(
        earlier,
        outcome.recording,
        volatile=volatile_patterns(session, patterns),
        any_exit={
            key: [status is None for status in step.expect.statuses(len(step.commands))]
            for key, step in zip(session.keys, session.steps, strict=True)
        },
    )


def volatile_patterns(session: Session, patterns: Patterns) -> Mapping[str, Patterns]:
    """Return what to ignore in each step of `session`, by the step's key."""
    return {key: (*patterns, *step.volatile) for key, step in zip(session.keys, session.steps, strict=True)}


def recording_to_keep(outcome: Outcome, patterns: Patterns) -> Recording | None:
    """Return the recording that the page is to have from now on; None where there is none.

    The earlier one stays, byte for byte, if nothing but volatile text differs. What did not finish
    never replaces a recording that holds as much.
    """
    session, earlier = outcome.task.session, outcome.task.earlier
    if outcome.recording is None:
        return earlier
    if outcome.complete:
        unchanged = is_current(session, earlier) and not found_differences(outcome, patterns)
        return earlier if unchanged else outcome.recording
    holds_as_much = held_steps(session, earlier) >= len(outcome.recording.steps)
    return earlier if holds_as_much else outcome.recording


def _run_step(
    running: EngineSession, step: Step, key: str, earlier: Recording | None
) -> tuple[StepRecording, Sequence[Image]]:
    """Run one step; an optional one whose image can't be had keeps what was recorded of it before."""
    try:
        return StepRecording(key, running.run(step)), ()
    except ImageProblem as error:
        if not step.optional:
            raise
        before = next((old for old in earlier.steps if old.key == key), None) if earlier else None
        if earlier is None or before is None or before.not_run:
            return StepRecording(key, error.ran, not_run=error.reason), ()
        return StepRecording(key, before.commands, date=before.date or earlier.date), earlier.images


def _finding(session: Session, done: int, error: DockerRunError) -> Finding:
    after = len(session.steps) - done - 1
    tail = f"\nNot run because of it: the {after} step(s) after it on this page." if after else ""
    return Finding(session.steps[done].location, error.subtype, f"{error}{tail}")


def _merged(used: Sequence[Image], carried: Sequence[Image]) -> tuple[Image, ...]:
    """Return all images by name; one that was used now stands before one of an earlier recording."""
    images = {image.name: image for image in carried} | {image.name: image for image in used}
    return tuple(images[name] for name in sorted(images))


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
