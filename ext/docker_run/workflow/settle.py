"""Settling outcomes: they are saved as the page's recording, refused, or only compared."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, overload

from docker_run.errors import RecordingProblem, SlowPattern
from docker_run.model import Cause, Finding, Problem, Recording, Session, StepRecording
from docker_run.warning_types import WarningType
from docker_run.workflow.expectations import is_current, verify, verify_presence
from docker_run.workflow.page import Pages, PageState, shown_commands
from docker_run.workflow.rerun_reasons import Changes
from docker_run.workflow.stores import Stores

if TYPE_CHECKING:
    from docker_run.recordings.compare import Difference
    from docker_run.recordings.masks import Patterns
    from docker_run.workflow.run import Outcome


class Settlement(NamedTuple):
    """The result of settling an outcome."""

    state: PageState
    changed: bool = False
    """Whether the page's recording was changed."""


class Settler(Protocol):
    """Settles outcomes independently: an error affects only its own page."""

    def begin(self) -> None:
        """Prepare, before pages are examined."""

    def settle_earlier(self, session: Session, state: PageState) -> Settlement | None:
        """Settle a failed run of an earlier build that meets the current expectations, if `state` has one."""

    def settle(self, outcome: Outcome, *, engine: str) -> Settlement:
        """Settle the outcome of a session that ran on `engine`. Raises nothing."""

    def end(
        self, pages: Collection[str], *, broken: Collection[str], has_run: bool
    ) -> Sequence[tuple[str, Finding]]:
        """Remove what is stored of pages other than `pages` and `broken`, whose directives are invalid.

        `has_run` is whether this build has run any session. Returns the findings that concern several pages,
        each with the page that it belongs to.
        """


class Recorder:
    """The settler of ordinary builds.

    A complete run that met its expectations becomes the page's recording. Any other is refused: it is stored
    as a failed run, and the recording is not touched.
    """

    def __init__(self, pages: Pages, stores: Stores, changes: Changes, *, volatile: Patterns) -> None:
        """`volatile` are the patterns of the whole project."""
        self._pages = pages
        self._recordings = stores.recordings
        self._failed = stores.failed
        self._memory = stores.memory
        self._changes = changes
        self._volatile = volatile

    def begin(self) -> None:
        """Remove the temporary files of killed builds."""
        self._recordings.remove_unfinished()
        self._failed.remove_unfinished()

    def settle_earlier(self, session: Session, state: PageState) -> Settlement | None:
        """Settle a failed run that meets the expectations since they were edited."""
        kept = self._failed.load(session.page) if state.fixed else None
        if kept is None:
            return None
        from docker_run.workflow.run import Outcome  # noqa: PLC0415 (replay runs nothing)

        self._memory.begin()
        return self.settle(Outcome(session, self._failed.recording(session.page)), engine=kept.engine)

    def settle(self, outcome: Outcome, *, engine: str) -> Settlement:
        """Save or refuse the outcome of a session that ran on `engine`. Raises nothing."""
        session = outcome.session
        try:
            settled = self._settled(outcome, engine)
        except Exception as error:  # noqa: BLE001 (a defect of one page must not end the others)
            settled = Settlement(self._pages.examine(session).also(self._pages.defect(session, error)))
        return settled._replace(state=settled.state.also(*_left(outcome)))

    def end(self, pages: Collection[str], *, broken: Collection[str], has_run: bool) -> tuple[()]:
        """Save the caches, and remove pages that no longer exist."""
        known = {*pages, *broken}
        self._memory.save(pages)
        self._failed.discard_others(known)
        if has_run:
            self._changes.discard_others(known)
        return ()

    def _settled(self, outcome: Outcome, engine: str) -> Settlement:
        session, problem = outcome.session, outcome.problem
        if problem is not None and problem.cause is Cause.INTERRUPTION:
            return Settlement(self._pages.examine(session))
        earlier = self._pages.load(session).recording
        recording = carried(outcome.recording, session, earlier)
        if problem is None and recording is not None and not verify(session, recording):
            return self._keep(session, recording, earlier, engine)
        return Settlement(self._refuse(session, recording, problem, engine))

    def _keep(
        self, session: Session, recording: Recording, earlier: Recording | None, engine: str
    ) -> Settlement:
        try:
            kept = recording_to_keep(session, recording, earlier, self._volatile)
        except SlowPattern as error:
            self._memory.forget(session.page, engine)
            return Settlement(self._pages.examine(session).also(_slow(session, error)))
        try:
            # Also what stays: a recording in an earlier format is written in today's.
            changed = self._recordings.save(kept)
        except RecordingProblem as error:
            # The page was run, but can't be saved: that is its only finding.
            self._memory.forget(session.page, engine)
            finding = Finding(session.steps[0].location, error.subtype, str(error))
            return Settlement(self._pages.examine(session)._replace(notices=()).also(finding))
        self._memory.note(session.page, session.key, engine)
        self._changes.note_recorded(session)
        self._failed.discard(session.page)
        state = PageState(
            session.page,
            current=True,
            held=len(session.steps),
            commands=shown_commands(session, kept),
        )
        return Settlement(state, changed=changed)

    def _refuse(
        self, session: Session, recording: Recording | None, problem: Problem | None, engine: str
    ) -> PageState:
        self._memory.forget(session.page, engine)
        before = self._pages.examine(session)
        broken = verify(session, recording)
        if problem is not None and problem.transient and not broken and _is_worth_showing(before):
            # It was not the page's fault, and there is something to show.
            return before.also(problem.finding(session))
        try:
            self._failed.save(session, recording, problem, engine=engine)
        except RecordingProblem as error:
            unsaved = Finding(session.steps[0].location, error.subtype, str(error))
            ended = (problem.finding(session),) if problem is not None else ()
            return before._replace(notices=()).also(*broken, *ended, unsaved)
        return self._pages.examine(session)


class Comparer:
    """The settler of checks: compares, and writes nothing."""

    def __init__(self, pages: Pages, *, volatile: Patterns) -> None:
        """`volatile` are the patterns of the whole project."""
        self._pages = pages
        self._volatile = volatile
        # Not at the top: only a check compares images.
        from docker_run.workflow.reproduction import Deviations  # noqa: PLC0415

        self._deviations = Deviations()

    def begin(self) -> None:
        """Do nothing."""

    def settle_earlier(self, session: Session, state: PageState) -> None:
        """Do nothing."""

    def settle(self, outcome: Outcome, *, engine: str) -> Settlement:  # noqa: ARG002 (the protocol's)
        """Compare the outcome with the recording. Raises nothing."""
        session = outcome.session
        try:
            state = self._compared(outcome)
        except Exception as error:  # noqa: BLE001 (a defect of one page must not end the others)
            state = PageState(session.page).also(self._pages.defect(session, error))
        return Settlement(state.also(*_left(outcome)))

    def end(
        self,
        pages: Collection[str],  # noqa: ARG002 (the protocol's)
        *,
        broken: Collection[str],  # noqa: ARG002 (the protocol's)
        has_run: bool,  # noqa: ARG002 (the protocol's)
    ) -> Sequence[tuple[str, Finding]]:
        """Return what could not be run as it was recorded."""
        return tuple(self._deviations.findings())

    def _compared(self, outcome: Outcome) -> PageState:
        session, problem = outcome.session, outcome.problem
        earlier, notices, _ = self._pages.load(session)
        self._deviations.note(session, outcome.recording)
        recording = carried(outcome.recording, session, earlier)
        failures = verify(session, recording)
        if recording is not None:
            try:
                failures += tuple(drift(session, recording, earlier, self._volatile))
            except SlowPattern as error:
                failures += (_slow(session, error),)
        if problem is not None:
            failures += (problem.finding(session),)
        else:
            notices += verify_presence(session, earlier)
        return PageState(session.page, failures, notices)


def recording_to_keep(
    session: Session, recording: Recording, earlier: Recording | None, patterns: Patterns
) -> Recording:
    """Return the recording that the page of `session` should have: the new one, or the earlier one.

    The earlier one is kept unchanged if it is right and differs in volatile text only.
    """
    if (
        earlier is not None
        and is_current(session, earlier)
        and not found_differences(session, recording, earlier, patterns)
        and not verify(session, earlier)
    ):
        return earlier
    return recording


def found_differences(
    session: Session, recording: Recording, earlier: Recording, patterns: Patterns
) -> tuple[Difference, ...]:
    """Return the differences of `recording` from the earlier one, without volatile text, as far as it got.

    `patterns` are those of the whole project; each step's own are added.
    """
    steps = list(zip(session.keys, session.steps, strict=True))
    from docker_run.recordings.compare import differences  # noqa: PLC0415 (replay compares nothing)

    return differences(
        earlier,
        recording,
        volatile={key: (*patterns, *step.volatile) for key, step in steps},
        any_exit={
            key: [status is None for status in step.expect.statuses(len(step.commands))]
            for key, step in steps
        },
    )


def drift(
    session: Session, recording: Recording, earlier: Recording | None, patterns: Patterns
) -> Iterator[Finding]:
    """Yield a finding for each command whose output has changed; steps not run before can't drift."""
    if earlier is None:
        return
    for difference in found_differences(session, recording, earlier, patterns):
        step = difference.step
        if not (step < len(earlier.steps) and earlier.steps[step].not_run):
            location = session.steps[min(step, len(session.steps) - 1)].location
            message = f"`{difference.command}` prints something else now:\n{difference.diff}"
            yield Finding(location, WarningType.DRIFT, message)


@overload
def carried(recording: Recording, session: Session, earlier: Recording | None) -> Recording: ...
@overload
def carried(recording: None, session: Session, earlier: Recording | None) -> None: ...
def carried(recording: Recording | None, session: Session, earlier: Recording | None) -> Recording | None:
    """Return `recording` with the earlier recordings of optional steps that could not be run now."""
    if recording is None or earlier is None:
        return recording
    optional = {key for key, step in zip(session.keys, session.steps, strict=True) if step.optional}
    before = {step.key: step for step in earlier.steps if step.key in optional and not step.not_run}
    steps = tuple(
        StepRecording(step.key, old.commands, date=old.date or earlier.date)
        if step.not_run and (old := before.get(step.key))
        else step
        for step in recording.steps
    )
    if steps == recording.steps:
        return recording
    # An image that was used now replaces that of the earlier recording.
    images = {image.name: image for image in (*earlier.images, *recording.images)}
    return replace(recording, steps=steps, images=tuple(images[name] for name in sorted(images)))


def _slow(session: Session, error: SlowPattern) -> Finding:
    """Return the finding for a slow pattern of volatile text, at the step that has it, if one has."""
    own = next((step for step in session.steps if error.pattern in step.volatile), None)
    where = "`docker_run_volatile` in conf.py" if own is None else "`:volatile:`"
    return Finding((own or session.steps[0]).location, error.subtype, f"{where}: {error}")


def _is_worth_showing(state: PageState) -> bool:
    """Return whether a page's state on disk is better than a run that an engine's failure ended."""
    return not state.failed.transient if state.failed is not None else state.current


def _left(outcome: Outcome) -> Iterator[Finding]:
    if outcome.left:
        session = outcome.session
        message = (
            f"not everything that this page made could be removed: {outcome.left}. "
            "The next build with this engine removes the rest"
        )
        yield Finding(session.steps[-1].location, WarningType.ENGINE, message)
