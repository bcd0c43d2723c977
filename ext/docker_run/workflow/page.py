"""Pages: what they show, and their findings."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import NamedTuple, Protocol

from docker_run.errors import Defect, NewerRecording, RecordingProblem
from docker_run.model import Finding, Location, Recording, Session, StepRecording
from docker_run.recordings.failed_runs import FailedRun, FailedRuns
from docker_run.recordings.store import Signature, Store
from docker_run.shell.invocations import calls
from docker_run.workflow.expectations import captured, held_steps, is_current, verify, verify_presence

_MOST_AHEAD = 4 * 1024**2
"""Limit of the recordings that are kept in memory between examining pages and writing them, in bytes."""


class PageState(NamedTuple):
    """The state of a page, without its output."""

    page: str
    failures: tuple[Finding, ...] = ()
    """What its commands did unexpectedly, or why they could not be run: shown on the page."""
    notices: tuple[Finding, ...] = ()
    """Problems of its recording, e.g. that there is none: only reported."""
    current: bool = False
    """Whether its recording has all its steps in their current form."""
    held: int = 0
    """The number of first steps whose output it shows."""
    commands: int = 0
    """The number of commands whose output it shows."""
    failed: FailedRun | None = None
    """The failed run of its current form."""
    shows_failed: bool = False
    """Whether it shows the output of that failed run, instead of its recording."""
    fixed: bool = False
    """Whether that failed run meets all current expectations."""
    locked: bool = False
    """Whether its recording must not be replaced (see `LoadedRecording`)."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of its findings."""
        return self.failures + self.notices

    @property
    def right(self) -> bool:
        """Whether there is a recording of its current form, without failures."""
        return self.current and not self.failures

    def also(self, *failures: Finding) -> PageState:
        """Return this state with more `failures`."""
        return self._replace(failures=self.failures + failures)


class Examination(NamedTuple):
    """The result of examining a page whose recording is right, valid until its key or signature changes."""

    key: str
    """The key of its session."""
    signature: Signature
    """The signature of its recording."""
    fingerprint: str
    """The fingerprint of its recording (`Store.fingerprint`)."""
    commands: int
    """The number of commands whose output it shows."""


class LoadedRecording(NamedTuple):
    """The recording of a page, if there is one."""

    recording: Recording | None
    notices: tuple[Finding, ...] = ()
    """Why it can't be read."""
    locked: bool = False
    """Whether it must not be replaced: a later version of the extension wrote it."""


class PageText(Protocol):
    """The part of a page's data that it shows."""

    @property
    def anchors(self) -> Mapping[int, str]:
        """The IDs of the blocks that a reader sees, by the index of the step."""

    @property
    def problems(self) -> Sequence[Finding]:
        """Problems of its directives."""


@dataclass(frozen=True)
class Page:
    """A page to be shown: its session, its recording, and its state.

    All that pages show of it comes from this value. The recording is loaded on first use.
    """

    session: Session | None
    """None for a page without steps."""
    state: PageState
    text: PageText | None
    load: Callable[[], Recording | None] = field(repr=False)
    """Loads the recording."""

    @cached_property
    def recording(self) -> Recording | None:
        """The recording; None if it is missing or unreadable."""
        return self.load() if self.session else None

    @cached_property
    def held(self) -> tuple[StepRecording, ...]:
        """The recordings of its first steps, as far as they are of the current form."""
        if self.session is None or self.recording is None:
            return ()
        return self.recording.steps[: held_steps(self.session, self.recording)]

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that the page shows to its readers."""
        return (*self.state.failures, *(self.text.problems if self.text else ()))

    @property
    def not_run(self) -> int:
        """The number of steps that were not run, or only in part."""
        steps = self.session.steps if self.session else ()
        return len(steps) - sum(not step.not_run for step in self.held)

    def recorded(self, step: int) -> StepRecording | None:
        """Return the recording of the step with this index, if it is of its current form."""
        return self.held[step] if 0 <= step < len(self.held) else None

    def commands(self, step: int) -> list[str]:
        """Return the texts of the step's commands; empty for a step that can't be run."""
        if self.session is None or step < 0:
            return []
        return [command.text for command in self.session.steps[step].commands]

    def anchor(self, step: int) -> str | None:
        """Return the ID of the block that shows the step with this index; None if there is none."""
        return self.text.anchors.get(step) if self.text else None

    def first_call(self, name: str) -> str | None:
        """Return the ID of the first block in which a reader sees the command `name` called."""
        if self.session is None or self.text is None:
            return None
        for number, anchor in sorted(self.text.anchors.items()):
            commands = self.session.steps[number].commands
            if any(calls(line, name) for each in commands for line in (each.text, *each.typed)):
                return anchor
        return None

    def values(self) -> dict[str, str]:
        """Return all values that the page's steps capture, by name."""
        return captured_values(self.session, self.recording) if self.session else {}


class Pages:
    """Examines and loads pages from disk, on demand."""

    def __init__(
        self,
        recordings: Store,
        failed: FailedRuns,
        *,
        examined: MutableMapping[str, Examination] | None = None,
        on_defect: Callable[[str, str], None] = lambda _page, _traceback: None,
    ) -> None:
        """`on_defect` is called with the page and the traceback of each defect.

        `examined` is a cache of the results of examinations, which is updated.
        """
        self._recordings = recordings
        self._failed = failed
        self._examined = {} if examined is None else examined
        self._on_defect = on_defect
        self._ahead: dict[str, tuple[LoadedRecording, Signature]] = {}
        self._room = _MOST_AHEAD

    def examine(self, session: Session) -> PageState:
        """Return the state of a page that is not run, by its failed run, if it has one, or its recording.

        Raises nothing: a page that can't be examined gets a finding.
        """
        page, signature = session.page, self._recordings.signature(session.page)
        known = self._examined.get(page)
        if known and (known.key, known.signature) == (session.key, signature) and not self._failed.has(page):
            return PageState(page, current=True, held=len(session.steps), commands=known.commands)
        self._examined.pop(page, None)
        try:
            state = self._state(session)
            if signature and state == PageState(page, current=True, held=state.held, commands=state.commands):
                fingerprint = self._recordings.fingerprint(page)
                self._examined[page] = Examination(session.key, signature, fingerprint, state.commands)
        except Exception as error:  # noqa: BLE001 (a defect of one page must not end the others)
            return PageState(page).also(self.defect(session, error))
        return state

    def defect(self, session: Session, error: Exception) -> Finding:
        """Return the finding of a defect, `error`, raised while the output of a page was examined."""
        self._on_defect(session.page, "".join(traceback.format_exception(error)))
        defect = Defect.of(error, "what this page printed could not be examined")
        return Finding(session.steps[0].location, defect.subtype, str(defect))

    def recording(self, session: Session, state: PageState) -> Recording | None:
        """Return the recording that the page of `session` shows; None if it is missing or unreadable."""
        if state.shows_failed:
            return self._failed.recording(session.page)
        loaded, signature = self._ahead.pop(session.page, (None, None))
        if loaded is None or signature != self._recordings.signature(session.page):
            loaded = self.load(session)
        return loaded.recording

    def load(self, session: Session) -> LoadedRecording:
        """Return the recording of a page, or why there is none."""
        try:
            return LoadedRecording(self._recordings.load(session.page))
        except RecordingProblem as error:
            where = Location(str(self._recordings.path(session.page)), error.line)
            finding = Finding(where, error.subtype, str(error))
            return LoadedRecording(None, (finding,), locked=isinstance(error, NewerRecording))

    def _loaded_ahead(self, session: Session) -> LoadedRecording:
        """Load the recording of a page; within a limit, keep it until the page is written."""
        # In this order: a recording that is written in between must not match the signature.
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
            held=held_steps(session, recording),
            commands=shown_commands(session, recording),
            locked=locked,
        )
        failed = self._failed.load(session.page)
        if failed is not None and failed.key == session.key:
            printed = self._failed.recording(session.page)
            # The failure of an engine does not invalidate a recording that is right.
            if not (failed.transient and state.right) or verify(session, printed):
                state = with_failed(session, state, failed, printed)
        if state.failed is None and not locked:
            state = state._replace(notices=state.notices + verify_presence(session, recording))
        return state


class ShownPages:
    """All pages as a build shows them, loaded on demand."""

    def __init__(
        self,
        sessions: Mapping[str, Session],
        states: Mapping[str, PageState],
        texts: Mapping[str, PageText],
        pages: Pages,
    ) -> None:
        """`sessions`, `states` and `texts` are by page; a page may lack any."""
        self._sessions = sessions
        self._states = states
        self._texts = texts
        self._pages = pages
        self._values: dict[str, Mapping[str, str]] = {}
        self._last: tuple[str, Page] | None = None

    def page(self, name: str) -> Page:
        """Return a page.

        Only the last one is cached: if a builder joins all pages into one document, all recordings would be
        in memory at once.
        """
        if self._last is None or self._last[0] != name:
            self._last = name, self._page(name)
        return self._last[1]

    def with_steps(self) -> Iterator[tuple[str, Page]]:
        """Yield the pages that run something, with their names; none is cached."""
        return ((name, self._page(name)) for name in self._sessions)

    def values(self, name: str) -> Mapping[str, str]:
        """Return the values that a page captures, by name."""
        if name not in self._values:
            # Not by `page`: the page that shows the value stays cached.
            page = self._last[1] if self._last and self._last[0] == name else self._page(name)
            self._values[name] = page.values()
        return self._values[name]

    def called(self, name: str, *, pages: str = "*") -> list[tuple[str, str]]:
        """Return the pages where readers see `name` called, with the ID of the first such block on each.

        `pages` is a glob that the names of pages have to match.
        """
        found = (
            (docname, page.first_call(name))
            for docname, page in self.with_steps()
            if fnmatchcase(docname, pages)
        )
        return [(docname, anchor) for docname, anchor in found if anchor is not None]

    def _page(self, name: str) -> Page:
        session, state = self._sessions.get(name), self._states.get(name, PageState(name))

        def load() -> Recording | None:
            return self._pages.recording(session, state) if session else None

        return Page(session, state, self._texts.get(name), load)


def with_failed(
    session: Session, state: PageState, failed: FailedRun, printed: Recording | None
) -> PageState:
    """Return the state of a page with a failed run of its current form, whose output is `printed`.

    `state` is that of its recording. The output is shown if it does not meet an
    expectation, or if a run that did not finish got further than the recording.
    """
    broken = verify(session, printed)
    if not broken and failed.problem is None:
        return state._replace(fixed=is_current(session, printed))
    held = held_steps(session, printed)
    shows_failed = bool(broken) or held > state.held
    problem = (failed.problem.finding(session),) if failed.problem else ()
    return state._replace(
        failures=(broken if shows_failed else state.failures) + problem,
        failed=failed,
        shows_failed=shows_failed,
        held=held if shows_failed else state.held,
        commands=shown_commands(session, printed) if shows_failed else state.commands,
    )


def shown_commands(session: Session, recording: Recording | None) -> int:
    """Return the number of commands of `session` whose output the recording has."""
    steps = recording.steps[: held_steps(session, recording)] if recording else ()
    return sum(len(step.commands) for step in steps)


def captured_values(session: Session, recording: Recording | None) -> dict[str, str]:
    """Return all values that are captured from the recording of a page, by name."""
    return dict(_captured(session, recording))


def _captured(session: Session, recording: Recording | None) -> Iterator[tuple[str, str]]:
    held = held_steps(session, recording)
    for step, recorded in zip(session.steps[:held], recording.steps if recording else (), strict=False):
        yield from captured(step, recorded).items()
