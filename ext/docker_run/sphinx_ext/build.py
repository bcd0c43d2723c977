"""What Sphinx sees of a build: after all pages are read, its sessions go through the workflow."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sphinx.application import Sphinx
from sphinx.util import logging

from docker_run.errors import RecordingProblem
from docker_run.model import Finding, Location
from docker_run.recordings.run_cache import RunCache
from docker_run.sphinx_ext.check_builder import DockerCheckBuilder
from docker_run.sphinx_ext.config import Mode
from docker_run.sphinx_ext.config_checks import problems
from docker_run.sphinx_ext.domain import DockerRunDomain
from docker_run.sphinx_ext.page_data import PageData
from docker_run.sphinx_ext.reporting.log import get_logger
from docker_run.sphinx_ext.reporting.progress import LoggedProgress, SystemClock
from docker_run.sphinx_ext.runner_registration import runners_of
from docker_run.system.signals import ending_as_interrupt
from docker_run.warning_types import WarningType
from docker_run.workflow.report import Tally, in_order, places
from docker_run.workflow.stages import Options, Results, Workflow

if TYPE_CHECKING:
    from sphinx.environment import BuildEnvironment

logger = get_logger(__name__)


class Build:
    """One build, from `env-updated` to `build-finished`."""

    def __init__(self, app: Sphinx, domain: DockerRunDomain) -> None:
        """Take what is known so far; nothing is run or asked yet."""
        self._app = app
        self._domain = domain
        self._state = domain.build
        self._settings = self._state.settings
        self._check = isinstance(app.builder, DockerCheckBuilder)
        self._clock = SystemClock()

    def run(self, env: BuildEnvironment) -> list[str]:
        """Run what has to be, report what is wrong; returns the pages to be written again."""
        began = self._clock.monotonic()
        with ending_as_interrupt():
            results = self._run()
        self._state.page_states = results.states
        self._tell_mode(results)
        findings = self._unsuppressed(self._findings(results, env.found_docs))
        if self._check and findings:
            self._app.statuscode = 1
        self._state.tally = self._tallied(results, findings, self._clock.monotonic() - began)
        report(findings)
        return [] if self._check else self._pages_to_write(env)

    def _run(self) -> Results:
        state = self._state
        workflow = Workflow(
            recordings=state.recordings,
            failed=state.failed,
            examined=self._domain.examined,
            memory=RunCache(state.doctreedir / "docker_run.jsonl"),
            options=Options(
                asks=not self._replays,
                everything=self._everything,
                check=self._check,
                jobs=self._settings.jobs,
                timeout=self._settings.timeout,
                max_output=self._settings.max_output,
                refusal=self._refusal,
                volatile=self._settings.volatile,
            ),
            clock=self._clock,
            reporter=LoggedProgress(log=state.doctreedir / "docker_run.log"),
        )
        state.pages = workflow.pages
        return workflow.run(
            tuple(state.sessions.values()),
            runners=state.runners.by_name,
            edited=state.edited,
            broken=self._domain.broken_pages(),
        )

    @property
    def _refusal(self) -> str:
        """Why nothing is run: what a wrong value of conf.py was meant to be can't be known."""
        wrong = sorted({problem.name for problem in problems(self._app)})
        return f"nothing is run until this is fixed in conf.py: {', '.join(wrong)}" if wrong else ""

    @property
    def _replays(self) -> bool:
        """Whether no engine is asked."""
        # The mode may be this one only because conf.py names none that there is: a check then fails.
        return self._settings.mode is Mode.REPLAY and not (self._check and any(problems(self._app)))

    @property
    def _everything(self) -> bool:
        """Whether everything is to be run."""
        return self._check or self._settings.mode is Mode.ALWAYS

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

    def _findings(self, results: Results, found: Collection[str]) -> Iterator[Finding]:
        yield from results.findings
        yield from self._domain.duplicates()
        broken = self._domain.broken_pages()
        for page in broken:
            yield from self._domain.pages[page].problems
        for page in self._state.sessions:
            state = results.states[page]
            # What a page with a directive that can't be understood lacks, is no news.
            yield from state.failures if page in broken else state.findings
        # Of a page on a place that there isn't, no step was read: that is all there is to say of it.
        unread = {docname for docname, page in self._domain.pages.items() if page.has_unknown_place}
        for docname in sorted(self._domain.pages.keys() - unread):
            yield from self._missing_values(docname, found)
        if not unread and not broken:
            yield from self._not_called()
        # A page that is gone, or that runs nothing any more, leaves its recording behind.
        pages = {*self._state.sessions, *(set(broken) & set(found))}
        for path in self._state.recordings.orphans(sorted(pages)):
            message = "no page runs what this is a recording of: delete it, or restore the page"
            yield Finding(Location(str(path), 1), WarningType.RECORDING_ORPHAN, message)

    def _missing_values(self, docname: str, found: Collection[str]) -> Iterator[Finding]:
        for use in self._domain.pages[docname].uses:
            session = self._state.sessions.get(use.page)
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

    def _not_called(self) -> Iterator[Finding]:
        """Find the entries of indexes of commands that no page runs."""
        for docname in sorted(self._domain.pages):
            for entry in self._domain.pages[docname].indexed.values():
                if not self._domain.called(entry.name, pages=entry.pages):
                    message = f"no page runs `{entry.name}` where a reader sees it: take it out of the index"
                    yield Finding(entry.location, WarningType.INDEX, message)

    def _unsuppressed(self, findings: Iterable[Finding]) -> list[Finding]:
        """Leave out what `suppress_warnings` silences: it makes nothing fail, and is not counted."""
        suppressed = self._app.config.suppress_warnings
        return [
            finding
            for finding in findings
            if not logging.is_suppressed_warning("docker_run", finding.subtype, suppressed)
        ]

    def _tallied(self, results: Results, findings: Collection[Finding], seconds: float) -> Tally:
        replayed = [
            state.commands
            for page, state in results.states.items()
            if page not in results.ran and not state.shows_failed
        ]
        return Tally(
            pages=len(self._state.sessions),
            commands_run=sum(results.ran.values()),
            commands_replayed=sum(replayed),
            changed=len(results.changed),
            failed=places(findings),
            seconds=seconds,
        )

    def _fingerprint(self, page: str) -> str:
        """Return what changes when something else is to be shown of a page."""
        known, recordings = self._domain.examined.get(page), self._state.recordings
        if known and known.signature == recordings.signature(page):
            recorded = known.fingerprint
        else:
            try:
                recorded = recordings.fingerprint(page)
            except RecordingProblem:
                recorded = "unreadable"
        state = self._state.page_states[page]
        failed = state.failed.printed if state.failed and state.shows_failed else ""
        return f"{recorded} {failed} {hashlib.sha256(repr(state.failures).encode()).hexdigest()}"

    def _pages_to_write(self, env: BuildEnvironment) -> list[str]:
        """Return the pages of which this builder's output shows something else than it is to show now."""
        # A recording that no longer holds, because a lab is another now, is not shown.
        own = {
            page: f"{self._fingerprint(page)} {session.key}" for page, session in self._state.sessions.items()
        }
        pages = self._domain.pages
        whole = [docname for docname, page in pages.items() if page.shows_all_pages]
        shows = own | _with_values(pages, own) | dict.fromkeys(whole, _everything(env, pages, own))
        shown = self._domain.shown(self._app.builder.name)
        changed = sorted(page for page, mark in shows.items() if shown.get(page) != mark)
        shown.clear()
        shown.update(shows)
        return changed


def _with_values(pages: Mapping[str, PageData], own: Mapping[str, str]) -> dict[str, str]:
    """Return what pages show that have values of others: also what is captured on those, and from what.

    `own` has what each page shows of its own recording.
    """
    shows = {}
    for docname, data in pages.items():
        if others := sorted({use.page for use in data.uses} - {docname}):
            steps = [step for page in others if page in pages for step in pages[page].steps]
            captures = [step.captures for step in steps]
            shows[docname] = " ".join([*(own.get(page, "") for page in (docname, *others)), repr(captures)])
    return shows


def _everything(env: BuildEnvironment, pages: Mapping[str, PageData], own: Mapping[str, str]) -> str:
    """Return what a page shows that tells of all others: their recordings, blocks and titles."""
    titles = {docname: title.astext() for docname, title in env.titles.items()}
    anchors = {docname: page.anchors for docname, page in pages.items() if page.anchors}
    told = [sorted(each.items()) for each in (own, anchors, titles)]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def report(findings: Iterable[Finding]) -> None:
    """Give each finding to Sphinx as a warning, in the order of their places."""
    for finding in in_order(findings):
        where = f"{finding.location.path}:{finding.location.line}" if finding.location else None
        logger.warning("%s", finding.message, type="docker_run", subtype=finding.subtype, location=where)


def register(app: Sphinx) -> None:
    """Connect a build to Sphinx's events."""

    def reading(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
        DockerRunDomain.of(env).begin_build(docnames, runners=runners_of(app))

    def updated(app: Sphinx, env: BuildEnvironment) -> list[str]:
        return Build(app, DockerRunDomain.of(env)).run(env)

    def finished(app: Sphinx, exception: Exception | None) -> None:
        if exception is None and (tally := DockerRunDomain.of(app.env).build.tally) is not None:
            logger.info("%s", tally)

    app.connect("env-before-read-docs", reading)
    app.connect("env-updated", updated)
    app.connect("build-finished", finished)
