"""The build within Sphinx: after all pages are read, the workflow runs their sessions."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sphinx.application import Sphinx
from sphinx.util import logging

from docker_run.build_result import BuildResult, Tally, places
from docker_run.engine.settings import ImagesFrom
from docker_run.errors import RecordingProblem, UnsavedReport
from docker_run.model import Finding, Location
from docker_run.protocols import Reporter
from docker_run.sphinx_ext.build_state import BuildState
from docker_run.sphinx_ext.check_builder import DockerCheckBuilder
from docker_run.sphinx_ext.config.config_settings import Mode, Settings
from docker_run.sphinx_ext.config_checks import config_findings, problems
from docker_run.sphinx_ext.domain import DockerRunDomain
from docker_run.sphinx_ext.page_data import PageData
from docker_run.sphinx_ext.reporting.log import get_logger
from docker_run.sphinx_ext.reporting.log_reporters import (
    FailureStatus,
    LoggedEngine,
    LoggedReplay,
    LoggedWarnings,
    RequiredEngine,
)
from docker_run.sphinx_ext.reporting.progress import SystemClock
from docker_run.sphinx_ext.runner_registration import runners_of
from docker_run.system.signals import termination_as_interrupt
from docker_run.warning_types import WarningType
from docker_run.workflow.settle import Comparer, Recorder, Settler
from docker_run.workflow.stages import Options, Results, Workflow

if TYPE_CHECKING:
    from sphinx.environment import BuildEnvironment

logger = get_logger(__name__)


class Purpose(NamedTuple):
    """The purpose of a build, which depends on its builder and mode."""

    asks: bool
    """Whether engines may be used."""
    everything: bool
    """Whether everything is run."""
    reproduces: bool
    """Whether pages are run as they were recorded, with the same images."""
    settler: Settler
    reporters: tuple[Reporter, ...]
    writes: bool = True
    """Whether pages are written."""
    shows: bool = True
    """Whether anybody sees outputs, so that it matters whether they are right."""

    @classmethod
    def of(cls, app: Sphinx, state: BuildState) -> Purpose:
        """Return the purpose of the build of `app`."""
        if isinstance(app.builder, DockerCheckBuilder):
            return cls._check(app, state)
        # Sphinx's own word for builders that write no document: gettext, linkcheck, dummy and the like.
        return cls._site(app, state) if app.builder.format else cls._text(state)

    @classmethod
    def _text(cls, state: BuildState) -> Purpose:
        """Run nothing, as no outputs are shown; report what is wrong with the text."""
        return cls(
            asks=False,
            everything=False,
            reproduces=False,
            settler=Comparer(state.pages, volatile=state.settings.volatile),
            reporters=(LoggedWarnings(),),
            writes=False,
            shows=False,
        )

    @classmethod
    def _site(cls, app: Sphinx, state: BuildState) -> Purpose:
        """Run what has to be run, record it, and show it."""
        settings = state.settings
        everything = settings.mode is Mode.ALWAYS
        engine = RequiredEngine(app) if everything else LoggedEngine()
        return cls(
            asks=settings.mode is not Mode.REPLAY,
            everything=everything,
            reproduces=False,
            settler=Recorder(state.pages, state.stores, state.changes, volatile=settings.volatile),
            reporters=(*_files(app, settings), engine, LoggedWarnings()),
        )

    @classmethod
    def _check(cls, app: Sphinx, state: BuildState) -> Purpose:
        """Run everything, and report drift."""
        settings = state.settings
        # The mode may be `replay` only because that in conf.py is invalid: a check then fails.
        asks = settings.mode is not Mode.REPLAY or any(problems(app))
        engine = RequiredEngine(app) if asks else LoggedReplay()
        return cls(
            asks=asks,
            everything=True,
            reproduces=settings.images_from is ImagesFrom.AUTO,
            settler=Comparer(state.pages, volatile=settings.volatile),
            reporters=(*_files(app, settings), *_annotations(), engine, LoggedWarnings(), FailureStatus(app)),
            writes=False,
        )


def _files(app: Sphinx, settings: Settings) -> Iterator[Reporter]:
    """Yield the reporters for the files that `conf.py` names."""
    root = Path.cwd()
    if settings.junit:
        from docker_run.workflow.reports.junit_report import JUnitReport  # noqa: PLC0415 (rarely used)

        yield JUnitReport(Path(app.confdir, settings.junit), root=root)
    if settings.json:
        from docker_run.workflow.reports.json_report import JsonReport  # noqa: PLC0415 (rarely used)

        yield JsonReport(Path(app.confdir, settings.json), root=root)


def _print(text: str) -> None:
    """Write to the standard output, with escapes for characters that its encoding doesn't have."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def _annotations() -> Iterator[Reporter]:
    """Yield the reporter for a workflow on GitHub, if this is one."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from docker_run.workflow.reports.github_annotations import GitHubAnnotations  # noqa: PLC0415 (rare)

        yield GitHubAnnotations(_print, root=Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()))


class Build:
    """One build, from `env-updated` to `build-finished`."""

    def __init__(self, app: Sphinx, domain: DockerRunDomain) -> None:
        """Prepare the build; nothing is run yet."""
        self._app = app
        self._domain = domain
        self._state = domain.build
        self._purpose = Purpose.of(app, domain.build)
        self._clock = SystemClock()

    def run(self, env: BuildEnvironment) -> list[str]:
        """Run what has to be run, report findings, and return the pages to be written again."""
        date, began = self._clock.now(), self._clock.monotonic()
        for reporter in self._purpose.reporters:
            reporter.begin()
        with termination_as_interrupt():
            results = self._run()
        self._state.page_states.update(results.states)
        findings = self._findings(results, env.found_docs)
        tally = self._tallied(results, findings, self._clock.monotonic() - began)
        build = BuildResult(
            began=date,
            tally=tally,
            sessions=self._state.sessions,
            runs=results.runs,
            held={page: state.held for page, state in results.states.items()},
            changed=results.changed,
            findings_of=findings,
            no_engine=results.no_engine,
            needs_engine=self._purpose.everything,
            wrong_settings=lambda: config_findings(self._app),
        )
        for reporter in self._purpose.reporters:
            try:
                reporter.report(build)
            except UnsavedReport as error:
                finding = Finding(None, error.subtype, str(error))
                build = build if self._is_suppressed(finding) else build.also(finding)
        self._state.tally = build.tally
        replaced = results.runs.keys() | results.changed
        return self._pages_to_write(env, replaced) if self._purpose.writes else []

    def _run(self) -> Results:
        state, purpose = self._state, self._purpose
        workflow = Workflow(
            pages=state.pages,
            memory=state.stores.memory,
            changes=state.changes,
            settler=purpose.settler,
            options=Options(
                asks=purpose.asks,
                everything=purpose.everything,
                reproduces=purpose.reproduces,
                jobs=state.settings.jobs,
                timeout=state.settings.timeout,
                max_output=state.settings.max_output,
                refusal=self._refusal,
            ),
            clock=self._clock,
            progress=state.progress,
        )
        return workflow.run(
            tuple(state.sessions.values()),
            runners=state.runners.by_name,
            edited=state.edited,
            broken=self._domain.broken_pages(),
        )

    @property
    def _refusal(self) -> str:
        """Why nothing is run: a setting in conf.py is invalid, so its intended value is unknown."""
        wrong = sorted({problem.name for problem in problems(self._app)})
        return f"nothing is run until this is fixed in conf.py: {', '.join(wrong)}" if wrong else ""

    def _findings(self, results: Results, found: Collection[str]) -> dict[str, tuple[Finding, ...]]:
        """Return all findings, by page; those of no page under an empty name.

        Those that `suppress_warnings` silences are left out: they neither make a build fail nor are counted.
        """
        findings: dict[str, list[Finding]] = {}
        for page, finding in self._all_findings(results, found):
            if not self._is_suppressed(finding):
                findings.setdefault(page, []).append(finding)
        return {page: tuple(of) for page, of in findings.items()}

    def _is_suppressed(self, finding: Finding) -> bool:
        return logging.is_suppressed_warning(
            "docker_run", finding.subtype, self._app.config.suppress_warnings
        )

    def _all_findings(self, results: Results, found: Collection[str]) -> Iterator[tuple[str, Finding]]:
        yield from (("", finding) for finding in results.findings)
        yield from self._domain.duplicates()
        broken = self._domain.broken_pages()
        for page in broken:
            yield from ((page, finding) for finding in self._domain.pages[page].problems)
        if not self._purpose.shows:
            return
        for page in self._state.sessions:
            state = results.states[page]
            # Notices are expected for a page with an invalid directive, which is not run.
            told = state.failures if page in broken else state.findings
            yield from ((page, finding) for finding in told)
        # The steps of a page with an unknown place were not read: that is its only finding.
        unread = {docname for docname, page in self._domain.pages.items() if page.has_unknown_place}
        for page in sorted(self._domain.pages.keys() - unread):
            yield from ((page, finding) for finding in self._missing_values(page, found))
        if not unread and not broken:
            yield from self._not_called()
        # A page that was removed, or that no longer runs anything, leaves an orphaned recording.
        pages = {*self._state.sessions, *(set(broken) & set(found))}
        for path in self._state.recordings.orphans(sorted(pages)):
            message = "no page runs what this is a recording of: delete it, or restore the page"
            yield "", Finding(Location(str(path), 1), WarningType.RECORDING_ORPHAN, message)

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

    def _not_called(self) -> Iterator[tuple[str, Finding]]:
        """Yield findings for entries of indexes that no page runs."""
        for docname in sorted(self._domain.pages):
            for entry in self._domain.pages[docname].indexed.values():
                if not self._state.shown.called(entry.name, pages=entry.pages):
                    message = f"no page runs `{entry.name}` where a reader sees it: take it out of the index"
                    yield docname, Finding(entry.location, WarningType.INDEX, message)

    def _tallied(
        self, results: Results, findings: Mapping[str, tuple[Finding, ...]], seconds: float
    ) -> Tally:
        replayed = [
            state.commands
            for page, state in results.states.items()
            if page not in results.runs and not state.shows_failed
        ]
        return Tally(
            pages=len(self._state.sessions),
            commands_run=sum(run.commands for run in results.runs.values()),
            commands_replayed=sum(replayed),
            changed=len(results.changed),
            failed=places(finding for of in findings.values() for finding in of),
            seconds=seconds,
        )

    def _fingerprint(self, page: str, replaced: Collection[str]) -> str:
        """Return a value that changes when a page has to show something else.

        `replaced` are the pages whose recordings may have changed since they were examined.
        """
        known = self._domain.examined.get(page)
        if known is not None and page not in replaced:
            recorded = known.fingerprint
        else:
            try:
                recorded = self._state.recordings.fingerprint(page)
            except RecordingProblem:
                recorded = "unreadable"
        state = self._state.page_states[page]
        failed = state.failed.printed if state.failed and state.shows_failed else ""
        return f"{recorded} {failed} {hashlib.sha256(repr(state.failures).encode()).hexdigest()}"

    def _pages_to_write(self, env: BuildEnvironment, replaced: Collection[str]) -> list[str]:
        """Return the pages whose output of this builder is outdated."""
        # With the key: a recording that is invalid, because a lab has changed, is not shown.
        own = {
            page: f"{self._fingerprint(page, replaced)} {session.key}"
            for page, session in self._state.sessions.items()
        }
        pages = self._domain.pages
        shows = own | _with_values(pages, own)
        if whole := [docname for docname, page in pages.items() if page.shows_all_pages]:
            shows |= dict.fromkeys(whole, _everything(env, pages, own))
        shown = self._domain.shown(self._app.builder.name)
        changed = sorted(page for page, mark in shows.items() if shown.get(page) != mark)
        shown.clear()
        shown.update(shows)
        return changed


def _with_values(pages: Mapping[str, PageData], own: Mapping[str, str]) -> dict[str, str]:
    """Return the fingerprints of pages that show values of other pages, including those pages' captures.

    `own` are the fingerprints of all pages by their own recordings.
    """
    shows = {}
    for docname, data in pages.items():
        if others := sorted({use.page for use in data.uses} - {docname}):
            steps = [step for page in others if page in pages for step in pages[page].steps]
            captures = [step.captures for step in steps]
            shows[docname] = " ".join([*(own.get(page, "") for page in (docname, *others)), repr(captures)])
    return shows


def _everything(env: BuildEnvironment, pages: Mapping[str, PageData], own: Mapping[str, str]) -> str:
    """Return the fingerprint of a page about all others: of their recordings, blocks and titles."""
    titles = {docname: title.astext() for docname, title in env.titles.items()}
    anchors = {docname: page.anchors for docname, page in pages.items() if page.anchors}
    told = [sorted(each.items()) for each in (own, anchors, titles)]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def register(app: Sphinx) -> None:
    """Connect the build to Sphinx's events."""

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
