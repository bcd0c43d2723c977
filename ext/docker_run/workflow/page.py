"""What a page shows, and what is wrong with it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from docker_run.errors import Defect, NewerRecording, RecordingProblem
from docker_run.model import Finding, Location, Recording, Session, StepRecording
from docker_run.recordings.failed_runs import FailedRun, FailedRuns
from docker_run.recordings.store import Signature, Store
from docker_run.workflow.verify import captured, held_steps, is_current, verify, verify_presence

_MOST_AHEAD = 4 * 1024**2
"""Bytes of recordings that are kept from when pages are examined to when they are written."""


@dataclass(frozen=True, slots=True)
class PageState:
    """What is known of a page without holding what it printed."""

    page: str
    failures: tuple[Finding, ...] = ()
    """What its commands did that was not expected, or why they could not be run: shown on the page."""
    notices: tuple[Finding, ...] = ()
    """What is wrong with its recording, or that there is none: reported only."""
    current: bool = False
    """Whether its recording holds all its steps in their present form."""
    commands: int = 0
    """How many commands it shows the output of."""
    failed: FailedRun | None = None
    """The failed run that is kept of its present form."""
    shows_failed: bool = False
    """Whether it shows what that one printed, instead of its recording."""
    fixed: bool = False
    """Whether that one meets all expectations as they are now."""
    locked: bool = False
    """Whether its recording must not be replaced (see `Loaded`)."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that is to be reported of it."""
        return self.failures + self.notices

    @property
    def right(self) -> bool:
        """Whether there is a recording of its present form, and nothing to say against what it shows."""
        return self.current and not self.failures

    def also(self, *failures: Finding) -> PageState:
        """Return this state with more `failures`."""
        return replace(self, failures=self.failures + failures)


class Examined(NamedTuple):
    """What was found of a page whose recording is right: true until its key or signature is another."""

    key: str
    """The key of its session."""
    signature: Signature
    """Of its recording."""
    fingerprint: str
    """Of its recording (`Store.fingerprint`)."""
    commands: int
    """How many commands it shows the output of."""


class Loaded(NamedTuple):
    """The recording of a page, as far as there is one."""

    recording: Recording | None
    notices: tuple[Finding, ...] = ()
    """Why it can't be read."""
    locked: bool = False
    """Whether it must not be replaced: a later version of the extension wrote it."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is to be shown: its session, what was recorded of it, and what is wrong."""

    session: Session | None
    recording: Recording | None
    state: PageState

    def recorded(self, step: int) -> StepRecording | None:
        """Return what was recorded of the step with this index, in its present form."""
        if self.session and self.recording and 0 <= step < held_steps(self.session, self.recording):
            return self.recording.steps[step]
        return None

    def commands(self, step: int) -> list[str]:
        """Return the texts of the step's commands; none for a step that can't be run."""
        if self.session is None or step < 0:
            return []
        return [command.text for command in self.session.steps[step].commands]

    def values(self) -> dict[str, str]:
        """Return all values that the page's steps capture, by name."""
        return captured_values(self.session, self.recording) if self.session else {}


class Pages:
    """Finds out what pages show, from what is on disk; each is loaded when it is asked for."""

    def __init__(
        self,
        recordings: Store,
        failed: FailedRuns,
        *,
        examined: MutableMapping[str, Examined] | None = None,
        on_defect: Callable[[str, str], None] = lambda _page, _traceback: None,
    ) -> None:
        """`on_defect` is called with the page and the traceback of each defect that shows.

        `examined` has what was found of pages in their present form, and is kept up to date.
        """
        self._recordings = recordings
        self._failed = failed
        self._examined = {} if examined is None else examined
        self._on_defect = on_defect
        self._ahead: dict[str, tuple[Loaded, Signature]] = {}
        self._room = _MOST_AHEAD

    def examine(self, session: Session) -> PageState:
        """Return the state of a page that is not run: of its failed run if it has one, or its recording.

        Nothing is raised: what can't be examined is a finding.
        """
        page, signature = session.page, self._recordings.signature(session.page)
        known = self._examined.get(page)
        if known and (known.key, known.signature) == (session.key, signature) and not self._failed.has(page):
            return PageState(page, current=True, commands=known.commands)
        self._examined.pop(page, None)
        try:
            state = self._state(session)
            if signature and state == PageState(page, current=True, commands=state.commands):
                fingerprint = self._recordings.fingerprint(page)
                self._examined[page] = Examined(session.key, signature, fingerprint, state.commands)
        except Exception as error:  # noqa: BLE001 (a defect of one page must not end the others)
            return PageState(page).also(self.defect(session, error))
        return state

    def defect(self, session: Session, error: Exception) -> Finding:
        """Return the finding of a defect, `error`, that showed when what a page printed was looked at."""
        self._on_defect(session.page, "".join(traceback.format_exception(error)))
        defect = Defect.of(error, "what this page printed could not be examined")
        return Finding(session.steps[0].location, defect.subtype, str(defect))

    def recording(self, session: Session, state: PageState) -> Recording | None:
        """Return what the page of `session` shows; None where nothing is recorded of it, or readable."""
        if state.shows_failed:
            return self._failed.recording(session.page)
        loaded, signature = self._ahead.pop(session.page, (None, None))
        if loaded is None or signature != self._recordings.signature(session.page):
            loaded = self.load(session)
        return loaded.recording

    def load(self, session: Session) -> Loaded:
        """Return the recording of a page, or why there is none."""
        try:
            return Loaded(self._recordings.load(session.page))
        except RecordingProblem as error:
            where = Location(str(self._recordings.path(session.page)), error.line)
            finding = Finding(where, error.subtype, str(error))
            return Loaded(None, (finding,), locked=isinstance(error, NewerRecording))

    def _loaded_ahead(self, session: Session) -> Loaded:
        """Load the recording of a page; while there is room, keep it for when the page is written."""
        # In this order: what is written in between is not what was loaded.
        signature = self._recordings.signature(session.page)
        loaded = self.load(session)
        if signature and signature.size <= self._room:
            self._room -= signature.size
            self._ahead[session.page] = loaded, signature
        return loaded

    def _state(self, session: Session) -> PageState:
        recording, notices, locked = self._loaded_ahead(session)
        state = PageState(
            session.page,
            verify(session, recording),
            notices,
            current=is_current(session, recording),
            commands=shown_commands(session, recording),
            locked=locked,
        )
        failed = self._failed.load(session.page)
        if failed is not None and failed.key == session.key:
            printed = self._failed.recording(session.page)
            # An engine's failure alone says nothing against a recording that is right.
            if not (failed.transient and state.right) or verify(session, printed):
                state = with_failed(session, state, failed, printed, held=held_steps(session, recording))
        if state.failed is None and not locked:
            state = replace(state, notices=state.notices + verify_presence(session, recording))
        return state


class ShownPages:
    """All pages as a build shows them, each loaded when it is asked for."""

    def __init__(
        self, sessions: Mapping[str, Session], states: Mapping[str, PageState], pages: Pages
    ) -> None:
        """`sessions` and `states` are by page; a page may lack either."""
        self._sessions = sessions
        self._states = states
        self._pages = pages
        self._values: dict[str, Mapping[str, str]] = {}
        self._last: tuple[str, Page] | None = None

    def page(self, name: str) -> Page:
        """Return what is known of a page.

        Only the last is kept: where a builder joins all pages into one document, their recordings would
        be in memory at once.
        """
        if self._last is None or self._last[0] != name:
            self._last = name, self._loaded(name)
        return self._last[1]

    def values(self, name: str) -> Mapping[str, str]:
        """Return the values that a page captures, by name."""
        if name not in self._values:
            self._values[name] = self.page(name).values()
        return self._values[name]

    def _loaded(self, name: str) -> Page:
        session, state = self._sessions.get(name), self._states.get(name, PageState(name))
        return Page(session, self._pages.recording(session, state) if session else None, state)


def with_failed(
    session: Session, state: PageState, failed: FailedRun, printed: Recording | None, *, held: int
) -> PageState:
    """Return the state of a page of whose present form there is a failed run, which `printed` something.

    `state` is that of its recording, which holds `held` steps. What broke an expectation is shown; of a
    run that only did not get to its end, what it printed is, if it got further than the recording.
    """
    broken = verify(session, printed)
    if not broken and failed.problem is None:
        return replace(state, fixed=is_current(session, printed))
    shows_failed = bool(broken) or held_steps(session, printed) > held
    problem = (failed.problem.finding(session),) if failed.problem else ()
    return replace(
        state,
        failures=(broken if shows_failed else state.failures) + problem,
        failed=failed,
        shows_failed=shows_failed,
        commands=shown_commands(session, printed) if shows_failed else state.commands,
    )


def shown_commands(session: Session, recording: Recording | None) -> int:
    """Return of how many commands of `session` the recording has the output."""
    steps = recording.steps[: held_steps(session, recording)] if recording else ()
    return sum(len(step.commands) for step in steps)


def captured_values(session: Session, recording: Recording | None) -> dict[str, str]:
    """Return all values that the recording of a page gives, by name."""
    return dict(_captured(session, recording))


def _captured(session: Session, recording: Recording | None) -> Iterator[tuple[str, str]]:
    held = held_steps(session, recording)
    for step, recorded in zip(session.steps[:held], recording.steps if recording else (), strict=False):
        yield from captured(step, recorded).items()
