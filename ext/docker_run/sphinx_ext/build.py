"""One build: after all pages are read, sessions are run, recorded and verified."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.application import Sphinx
from sphinx.util import logging

from docker_run.errors import EngineProblem, RecordingProblem
from docker_run.execute import Outcome, Task, execute, found_differences, recording_to_keep
from docker_run.model import Finding, Location, Recording, Session
from docker_run.protocols import Engine
from docker_run.recordings.memory import Memory
from docker_run.recordings.store import Store
from docker_run.signals import ending_as_interrupt
from docker_run.sphinx_ext.check import DockerCheckBuilder
from docker_run.sphinx_ext.config import REPLAY, Settings
from docker_run.sphinx_ext.domain import DockerRunDomain
from docker_run.sphinx_ext.engines import NoEngineError, expected_engines, identity, open_engine
from docker_run.sphinx_ext.log import get_logger
from docker_run.sphinx_ext.place import Definitions
from docker_run.sphinx_ext.progress import LoggedProgress, SystemClock, counted
from docker_run.verify import captured, held_steps, is_current, verify, verify_presence

if TYPE_CHECKING:
    from sphinx.environment import BuildEnvironment

logger = get_logger(__name__)


@dataclass(slots=True)
class Tally:
    """What a build did, for the line at its end."""

    pages: int = 0
    commands_run: int = 0
    commands_replayed: int = 0
    changed: int = 0
    failed: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        """Return the line."""
        return (
            f"docker-run: {counted(self.pages, 'page')}, {counted(self.commands_run, 'command')} run, "
            f"{self.commands_replayed} shown from recordings, {counted(self.changed, 'recording')} changed, "
            f"{self.failed} failed, {self.seconds:.1f} s"
        )


class Build:
    """The state of one build, from `env-updated` to `build-finished`."""

    def __init__(self, app: Sphinx) -> None:
        """Take the settings from `app`; nothing is read or asked yet."""
        self._app = app
        self._settings = Settings.of(app.config)
        self._store = Store(recordings_directory(app.srcdir, self._settings))
        self._memory = Memory(Path(app.doctreedir, "docker_run.json"))
        self._check = isinstance(app.builder, DockerCheckBuilder)
        self._clock = SystemClock()
        self._recordings: dict[str, Recording | None] = {}
        self._checked: dict[str, Recording] = {}
        """What a check has run: expectations are held against that, and not against what was recorded."""
        self._findings: list[Finding] = []
        self._unfinished: set[str] = set()
        self._ran: set[str] = set()
        self.tally = Tally()

    def run(self, env: BuildEnvironment) -> list[str]:
        """Run what has to be, verify everything; returns the pages to be written again."""
        began = self._clock.monotonic()
        domain = DockerRunDomain.of(env)
        kinds = self._settings.lab_settings(self._app.srcdir).kinds
        domain.definitions = Definitions(
            {name: Path(folder) for name, folder in kinds},
            catalogue=self._settings.catalogue(self._app.srcdir),
        )
        sessions = domain.sessions(terminal=self._settings.terminal)
        self._load(sessions)
        tasks = self._tasks(sessions, broken=domain.problems)
        if tasks or (self._asks and self._memory.was_killed()):
            self._run(tasks)
        self._verify(domain, sessions, env.found_docs)
        self._drop_suppressed()
        self._count(sessions)
        if not self._check:
            self._memory.save([session.page for session in sessions])
        elif self._findings:
            self._app.statuscode = 1
        self.tally.seconds = self._clock.monotonic() - began
        report(self._findings)
        return [] if self._check else self._pages_to_write(env, sessions)

    @property
    def _asks(self) -> bool:
        """Whether this build may talk to an engine at all."""
        return self._check or self._settings.mode != REPLAY

    def _load(self, sessions: Iterable[Session]) -> None:
        for session in sessions:
            try:
                self._recordings[session.page] = self._store.load(session.page)
            except RecordingProblem as error:
                self._recordings[session.page] = None
                where = Location(str(self._store.path(session.page)), error.line)
                self._findings.append(Finding(where, error.subtype, str(error)))
                if error.subtype == "recording-newer":
                    self._unfinished.add(session.page)

    def _tasks(self, sessions: Iterable[Session], *, broken: Collection[str]) -> list[Task]:
        """Choose the sessions to run, by the mode, the recordings and what this engine has run before."""
        if not self._asks:
            return []
        everything = self._check or self._settings.mode == "always"
        engines = expected_engines(self._app, self._settings)
        tasks = []
        for session in sessions:
            if session.page in broken or session.page in self._unfinished:
                continue
            recording = self._recordings[session.page]
            has_run = self._memory.has_run(session.page, session.key, engines)
            if everything or not has_run or not is_current(session, recording):
                tasks.append(Task(session, recording))
        return tasks

    def _run(self, tasks: list[Task]) -> None:
        progress = LoggedProgress(pages=[task.session.page for task in tasks])
        try:
            with (
                ending_as_interrupt(),
                closing(open_engine(self._app, self._settings, progress)) as engine,
            ):
                if swept := engine.sweep():
                    progress.note(swept)
                elif self._memory.was_killed():
                    # A private engine ended with that build, and has removed its `--rm` containers.
                    progress.note("an earlier build was killed; nothing of it is left on the engine")
                self._run_on(engine, tasks, progress)
        except EngineProblem as error:
            reason = "; ".join(str(error).splitlines())
            if self._check or self._settings.mode == "always":
                # What Sphinx makes of the exception is long; this says it in one line.
                logger.error("everything was to be run, and there is no engine: %s", reason)  # noqa: TRY400 (no traceback)
                raise NoEngineError(reason) from error
            logger.info("docker-run: no engine, so the pages show their recordings (%s)", reason)

    def _run_on(self, engine: Engine, tasks: list[Task], progress: LoggedProgress) -> None:
        self._memory.begin()
        left_behind = False
        for outcome in execute(
            tasks, engine=engine, clock=self._clock, jobs=self._settings.jobs, progress=progress
        ):
            progress.finished(outcome.task.session.page, outcome.commands, outcome.seconds)
            self._settle(outcome, identity(self._app, engine))
            # An engine that went away could not be told to remove anything.
            left_behind |= outcome.problem is not None and outcome.problem.subtype == EngineProblem.subtype
        if not left_behind:
            self._memory.end()

    def _settle(self, outcome: Outcome, engine: str) -> None:
        """Keep what came out of one session, or, for a check, compare it."""
        page = outcome.task.session.page
        self.tally.commands_run += outcome.commands
        self._ran.add(page)
        if outcome.problem is not None:
            self._findings.append(outcome.problem)
            self._unfinished.add(page)
            self._memory.forget(page)
        if self._check:
            self._report_drift(outcome)
            if outcome.recording is not None:
                self._checked[page] = outcome.recording
            return
        kept = recording_to_keep(outcome, self._settings.volatile)
        if kept is not None and kept is not outcome.task.earlier:
            try:
                self.tally.changed += self._store.save(kept)
            except RecordingProblem as error:
                location = outcome.task.session.steps[0].location
                self._findings.append(Finding(location, error.subtype, str(error)))
                # It could be run, and not be kept: that is all there is to say of this page.
                self._unfinished.add(page)
                return
        self._recordings[page] = kept
        if outcome.complete:
            self._memory.note(page, outcome.task.session.key, engine)

    def _report_drift(self, outcome: Outcome) -> None:
        session = outcome.task.session
        for difference in found_differences(outcome, self._settings.volatile):
            if self._was_not_run(outcome, difference.step):
                continue
            location = session.steps[min(difference.step, len(session.steps) - 1)].location
            message = f"`{difference.command}` prints something else now:\n{difference.diff}"
            self._findings.append(Finding(location, "drift", message))

    def _was_not_run(self, outcome: Outcome, step: int) -> bool:
        """Tell whether the recording holds no output of a step: there is nothing to have drifted from."""
        earlier = outcome.task.earlier
        return earlier is not None and step < len(earlier.steps) and bool(earlier.steps[step].not_run)

    def _verify(self, domain: DockerRunDomain, sessions: Iterable[Session], found: Collection[str]) -> None:
        self._findings += domain.duplicates()
        for docname in sorted(domain.problems):
            self._findings += domain.problems[docname]
        by_page = {session.page: session for session in sessions}
        for page, session in by_page.items():
            recording = self._recordings[page]
            self._findings += verify(session, self._checked.get(page, recording))
            if page not in self._unfinished and page not in domain.problems:
                self._findings += verify_presence(session, recording)
        # Of a page on a kind of lab that there isn't, no step was read: that is all there is to say of it.
        unread = {docname for docname, place in domain.places.items() if place is None}
        for docname in sorted(domain.uses.keys() - unread):
            self._findings += self._missing_values(domain, by_page, docname, found)
        if not unread and not domain.problems:
            self._findings += _not_called(domain)
        # A page that is gone, or that runs nothing any more, leaves its recording behind.
        pages = set(by_page) | (set(domain.problems) & set(found))
        for path in self._store.orphans(sorted(pages)):
            self._findings.append(
                Finding(
                    Location(str(path), 1),
                    "recording-orphan",
                    "no page runs what this is a recording of: delete it, or restore the page",
                )
            )

    def _missing_values(
        self, domain: DockerRunDomain, sessions: Mapping[str, Session], docname: str, found: Collection[str]
    ) -> Iterable[Finding]:
        for use in domain.uses[docname]:
            session = sessions.get(use.page)
            asked = {capture.name for step in (session.steps if session else ()) for capture in step.captures}
            if use.page not in found:
                yield Finding(use.location, "value", f"there is no page `{use.page}` to take a value from")
            elif use.name not in asked:
                page = "this page" if use.page == docname else f"the page `{use.page}`"
                names = ", ".join(f"`{name}`" for name in sorted(asked)) or "none"
                yield Finding(
                    use.location,
                    "value",
                    f"no step of {page} captures a value `{use.name}` (captured there: {names}); "
                    f"add `:capture: {use.name} = …` to the step that prints it",
                )

    def _drop_suppressed(self) -> None:
        """Forget what `suppress_warnings` silences: it makes nothing fail, and is not counted."""
        suppressed = self._app.config.suppress_warnings
        self._findings = [
            finding
            for finding in self._findings
            if not logging.is_suppressed_warning("docker_run", finding.subtype, suppressed)
        ]

    def _count(self, sessions: Collection[Session]) -> None:
        self.tally.pages = len(sessions)
        for session in sessions:
            recording = self._recordings[session.page]
            if recording is not None and session.page not in self._ran:
                steps = recording.steps[: held_steps(session, recording)]
                self.tally.commands_replayed += sum(len(step.commands) for step in steps)
        self.tally.failed = len({finding.location for finding in self._findings})

    def _fingerprint(self, page: str) -> str:
        try:
            return self._store.fingerprint(page)
        except RecordingProblem:
            return "unreadable"

    def _pages_to_write(self, env: BuildEnvironment, sessions: Iterable[Session]) -> list[str]:
        """Return the pages whose recording is not the one that this builder's output shows."""
        domain = DockerRunDomain.of(env)
        # A recording that no longer holds, because a lab is another now, is not shown.
        own = {session.page: f"{self._fingerprint(session.page)} {session.key}" for session in sessions}
        shows = own | _with_values(domain, own) | dict.fromkeys(domain.reports, _everything(env, own))
        shown = domain.shown(self._app.builder.name)
        changed = sorted(page for page, mark in shows.items() if shown.get(page) != mark)
        shown.clear()
        shown.update(shows)
        return changed


def recordings_directory(srcdir: str | os.PathLike[str], settings: Settings) -> Path:
    """Return the folder in which the recordings are kept."""
    return Path(srcdir, settings.recordings)


def captured_values(session: Session, recording: Recording | None) -> dict[str, str]:
    """Return all values that the recording of a page gives, by name."""
    values: dict[str, str] = {}
    held = held_steps(session, recording)
    for step, recorded in zip(session.steps[:held], recording.steps if recording else (), strict=False):
        values.update(captured(step, recorded, session.terminal))
    return values


def _with_values(domain: DockerRunDomain, own: Mapping[str, str]) -> dict[str, str]:
    """Return what pages show that have values of others: also what is captured on those, and from what.

    `own` has what each page shows of its own recording.
    """
    shows = {}
    for docname, uses in domain.uses.items():
        if others := sorted({use.page for use in uses} - {docname}):
            captures = [step.captures for page in others for step in domain.steps.get(page, ())]
            shows[docname] = " ".join([*(own.get(page, "") for page in (docname, *others)), repr(captures)])
    return shows


def _everything(env: BuildEnvironment, own: Mapping[str, str]) -> str:
    """Return what a page shows that tells of all others: their recordings, blocks and titles."""
    titles = {docname: title.astext() for docname, title in env.titles.items()}
    told = [sorted(each.items()) for each in (own, DockerRunDomain.of(env).anchors, titles)]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _not_called(domain: DockerRunDomain) -> Iterator[Finding]:
    """Find the entries of indexes of commands that no page runs."""
    for docname in sorted(domain.indexed):
        for entry in domain.indexed[docname]:
            if not domain.called(entry.name, pages=entry.pages):
                message = f"no page runs `{entry.name}` where a reader sees it: take it out of the index"
                yield Finding(entry.location, "index", message)


def report(findings: Iterable[Finding]) -> None:
    """Give each finding to Sphinx as a warning, in the order of their places."""

    def place(finding: Finding) -> tuple[Location, str]:
        return finding.location or Location("", 0), finding.subtype

    for finding in sorted(findings, key=place):
        where = f"{finding.location.path}:{finding.location.line}" if finding.location else None
        logger.warning("%s", finding.message, type="docker_run", subtype=finding.subtype, location=where)


def register(app: Sphinx) -> None:
    """Connect a build to Sphinx's events."""
    builds: list[Build] = []

    def updated(app: Sphinx, env: BuildEnvironment) -> list[str]:
        build = Build(app)
        builds[:] = [build]
        return build.run(env)

    def finished(_app: Sphinx, exception: Exception | None) -> None:
        if builds and exception is None:
            logger.info("%s", builds[0].tally)

    app.connect("env-updated", updated)
    app.connect("build-finished", finished)
