"""What Sphinx sees of a build: after all pages are read, its sessions go through the workflow."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.application import Sphinx
from sphinx.util import logging

from docker_run.errors import RecordingProblem
from docker_run.model import Finding, Location, Session
from docker_run.recordings.failed_runs import FailedRuns
from docker_run.recordings.run_cache import RunCache
from docker_run.recordings.store import Store
from docker_run.sphinx_ext.check_builder import DockerCheckBuilder
from docker_run.sphinx_ext.config import REPLAY, Settings
from docker_run.sphinx_ext.config_checks import problems
from docker_run.sphinx_ext.domain import DockerRunDomain
from docker_run.sphinx_ext.engine_hook import SphinxEngines
from docker_run.sphinx_ext.front_matter import Definitions
from docker_run.sphinx_ext.log import get_logger
from docker_run.sphinx_ext.progress import LoggedProgress, SystemClock
from docker_run.system.signals import ending_as_interrupt
from docker_run.warning_types import WarningType
from docker_run.workflow.page import Examined, PageState
from docker_run.workflow.report import Tally, in_order, places
from docker_run.workflow.stages import Options, Results, Workflow

if TYPE_CHECKING:
    from sphinx.environment import BuildEnvironment

logger = get_logger(__name__)


class Build:
    """One build, from `env-updated` to `build-finished`."""

    def __init__(self, app: Sphinx, *, edited: Collection[str]) -> None:
        """Take the settings from `app`, and the pages that were read; nothing is run or asked yet."""
        self._app = app
        self._edited = edited
        self._settings = Settings.of(app.config)
        self._store = recordings_of(app.srcdir, self._settings)
        self._check = isinstance(app.builder, DockerCheckBuilder)
        self._clock = SystemClock()
        self.tally = Tally()

    def run(self, env: BuildEnvironment) -> list[str]:
        """Run what has to be, report what is wrong; returns the pages to be written again."""
        began = self._clock.monotonic()
        domain = DockerRunDomain.of(env)
        kinds = self._settings.lab_settings(self._app.srcdir).kinds
        domain.definitions = Definitions(
            {name: Path(folder) for name, folder in kinds},
            catalogue=self._settings.catalogue(self._app.srcdir),
        )
        sessions = domain.sessions(terminal=self._settings.terminal)
        with ending_as_interrupt():
            results = self._run(domain, sessions)
        domain.states = results.states
        self._tell_mode(results)
        findings = self._unsuppressed(self._findings(domain, sessions, results, env.found_docs))
        if self._check and findings:
            self._app.statuscode = 1
        self.tally = self._tallied(sessions, results, findings, self._clock.monotonic() - began)
        report(findings)
        return [] if self._check else self._pages_to_write(env, sessions, results.states)

    def _run(self, domain: DockerRunDomain, sessions: Sequence[Session]) -> Results:
        workflow = Workflow(
            recordings=self._store,
            failed=failed_runs_of(self._app.doctreedir),
            examined=domain.examined,
            memory=RunCache(Path(self._app.doctreedir, "docker_run.jsonl")),
            options=Options(
                asks=not self._replays,
                everything=self._everything,
                check=self._check,
                jobs=self._settings.jobs,
                volatile=self._settings.volatile,
            ),
            clock=self._clock,
            reporter=LoggedProgress(log=Path(self._app.doctreedir, "docker_run.log")),
        )
        domain.pages = workflow.pages
        return workflow.run(
            sessions,
            engines=SphinxEngines(self._app, self._settings),
            edited=self._edited,
            broken=domain.problems,
        )

    @property
    def _replays(self) -> bool:
        """Whether no engine is asked."""
        # The mode may be this one only because conf.py names none that there is: a check then fails.
        return self._settings.mode == REPLAY and not (self._check and any(problems(self._app)))

    @property
    def _everything(self) -> bool:
        """Whether everything is to be run."""
        return self._check or self._settings.mode == "always"

    def _tell_mode(self, results: Results) -> None:
        """Say where nothing was run, and that it was to be."""
        if self._check and self._replays:
            logger.info("docker-run: mode replay: nothing is run, the recordings are verified")
        elif results.no_engine and self._everything:
            # Not an exception: Sphinx would show a traceback of it.
            self._app.statuscode = 1
            logger.error(
                "docker-run: everything should be run, but there is no engine: %s", results.no_engine
            )
        elif results.no_engine:
            logger.info("docker-run: no engine, so the pages show their recordings (%s)", results.no_engine)

    def _findings(
        self,
        domain: DockerRunDomain,
        sessions: Iterable[Session],
        results: Results,
        found: Collection[str],
    ) -> Iterator[Finding]:
        yield from results.findings
        yield from domain.duplicates()
        for of_page in domain.problems.values():
            yield from of_page
        by_page = {session.page: session for session in sessions}
        for page in by_page:
            state = results.states[page]
            # What a page with a directive that can't be understood lacks, is no news.
            yield from state.failures if page in domain.problems else state.findings
        # Of a page on a kind of lab that there isn't, no step was read: that is all there is to say of it.
        unread = {docname for docname, place in domain.places.items() if place is None}
        for docname in sorted(domain.uses.keys() - unread):
            yield from self._missing_values(domain, by_page, docname, found)
        if not unread and not domain.problems:
            yield from _not_called(domain)
        # A page that is gone, or that runs nothing any more, leaves its recording behind.
        pages = set(by_page) | (set(domain.problems) & set(found))
        for path in self._store.orphans(sorted(pages)):
            message = "no page runs what this is a recording of: delete it, or restore the page"
            yield Finding(Location(str(path), 1), WarningType.RECORDING_ORPHAN, message)

    def _missing_values(
        self, domain: DockerRunDomain, sessions: Mapping[str, Session], docname: str, found: Collection[str]
    ) -> Iterable[Finding]:
        for use in domain.uses[docname]:
            session = sessions.get(use.page)
            asked = {capture.name for step in (session.steps if session else ()) for capture in step.captures}
            if use.page not in found:
                yield Finding(
                    use.location, WarningType.VALUE, f"there is no page `{use.page}` to take a value from"
                )
            elif use.name not in asked:
                page = "this page" if use.page == docname else f"the page `{use.page}`"
                names = ", ".join(f"`{name}`" for name in sorted(asked)) or "none"
                yield Finding(
                    use.location,
                    WarningType.VALUE,
                    f"no step of {page} captures a value `{use.name}` (captured there: {names}); "
                    f"add `:capture: {use.name} = …` to the step that prints it",
                )

    def _unsuppressed(self, findings: Iterable[Finding]) -> list[Finding]:
        """Leave out what `suppress_warnings` silences: it makes nothing fail, and is not counted."""
        suppressed = self._app.config.suppress_warnings
        return [
            finding
            for finding in findings
            if not logging.is_suppressed_warning("docker_run", finding.subtype, suppressed)
        ]

    @staticmethod
    def _tallied(
        sessions: Collection[Session], results: Results, findings: Collection[Finding], seconds: float
    ) -> Tally:
        replayed = [
            state.commands
            for page, state in results.states.items()
            if page not in results.ran and not state.shows_failed
        ]
        return Tally(
            pages=len(sessions),
            commands_run=sum(results.ran.values()),
            commands_replayed=sum(replayed),
            changed=len(results.changed),
            failed=places(findings),
            seconds=seconds,
        )

    def _fingerprint(self, page: str, state: PageState, known: Examined | None) -> str:
        """Return what changes when something else is to be shown of a page."""
        if known and known.signature == self._store.signature(page):
            recorded = known.fingerprint
        else:
            try:
                recorded = self._store.fingerprint(page)
            except RecordingProblem:
                recorded = "unreadable"
        failed = state.failed.printed if state.failed and state.shows_failed else ""
        return f"{recorded} {failed} {hashlib.sha256(repr(state.failures).encode()).hexdigest()}"

    def _pages_to_write(
        self, env: BuildEnvironment, sessions: Iterable[Session], states: Mapping[str, PageState]
    ) -> list[str]:
        """Return the pages of which this builder's output shows something else than it is to show now."""
        domain = DockerRunDomain.of(env)
        # A recording that no longer holds, because a lab is another now, is not shown.
        own = {
            page: f"{self._fingerprint(page, states[page], domain.examined.get(page))} {session.key}"
            for session in sessions
            for page in (session.page,)
        }
        shows = own | _with_values(domain, own) | dict.fromkeys(domain.reports, _everything(env, own))
        shown = domain.shown(self._app.builder.name)
        changed = sorted(page for page, mark in shows.items() if shown.get(page) != mark)
        shown.clear()
        shown.update(shows)
        return changed


def recordings_of(srcdir: str | os.PathLike[str], settings: Settings) -> Store:
    """Return the store of the project's recordings."""
    return Store(Path(srcdir, settings.recordings))


def failed_runs_of(doctreedir: str | os.PathLike[str]) -> FailedRuns:
    """Return the failed runs that are kept beside the doctrees."""
    return FailedRuns(Path(doctreedir, "docker_run.failed"))


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
        for entry in domain.indexed[docname].values():
            if not domain.called(entry.name, pages=entry.pages):
                message = f"no page runs `{entry.name}` where a reader sees it: take it out of the index"
                yield Finding(entry.location, WarningType.INDEX, message)


def report(findings: Iterable[Finding]) -> None:
    """Give each finding to Sphinx as a warning, in the order of their places."""
    for finding in in_order(findings):
        where = f"{finding.location.path}:{finding.location.line}" if finding.location else None
        logger.warning("%s", finding.message, type="docker_run", subtype=finding.subtype, location=where)


def register(app: Sphinx) -> None:
    """Connect a build to Sphinx's events."""
    builds: list[Build] = []
    edited: set[str] = set()

    def reading(_app: Sphinx, _env: BuildEnvironment, docnames: list[str]) -> None:
        edited.clear()
        edited.update(docnames)

    def updated(app: Sphinx, env: BuildEnvironment) -> list[str]:
        build = Build(app, edited=frozenset(edited))
        builds[:] = [build]
        return build.run(env)

    def finished(_app: Sphinx, exception: Exception | None) -> None:
        if builds and exception is None:
            logger.info("%s", builds[0].tally)

    app.connect("env-before-read-docs", reading)
    app.connect("env-updated", updated)
    app.connect("build-finished", finished)
