"""The stages of a build, in order: examine, plan, run and settle."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from docker_run.build_result import PageRun
from docker_run.errors import Defect, DockerRunError, EngineProblem
from docker_run.model import Cause, Finding, Session
from docker_run.protocols import BuildProgress, Clock, Engine, EngineSource, Runner
from docker_run.recordings.run_cache import RunCache
from docker_run.workflow.page import Pages, PageState
from docker_run.workflow.plan import Conditions, PlannedSession, plan
from docker_run.workflow.rerun_reasons import Changes
from docker_run.workflow.settle import Settlement, Settler

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from docker_run.workflow.open_runners import OpenRunners
    from docker_run.workflow.run import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a build."""

    asks: bool = True
    """Whether engines may be used."""
    everything: bool = False
    """Whether all sessions are run, if engines may be used."""
    reproduces: bool = False
    """Whether sessions are run with the images of their recordings."""
    jobs: int = 4
    """The limit of concurrent sessions."""
    timeout: float = 60.0
    """The time limit of a command, in seconds, if its step sets none."""
    max_output: int = 1_000_000
    """The limit of a command's output, in bytes."""
    refusal: str = ""
    """Why nothing may be run, even if sessions are planned; empty if they may."""


@dataclass(slots=True)
class Results:
    """The results of the stages."""

    states: dict[str, PageState] = field(default_factory=dict)
    """The state of each page, by name."""
    runs: dict[str, PageRun] = field(default_factory=dict)
    """The run of each page that was run."""
    changed: set[str] = field(default_factory=set)
    """The pages whose recording was changed."""
    no_engine: str = ""
    """Why there was no engine; empty if there was one, or none was needed."""
    findings: list[Finding] = field(default_factory=list)
    """The findings that belong to no page."""


class Workflow:
    """Executes all stages. An error in one session affects only its page."""

    def __init__(
        self,
        *,
        pages: Pages,
        memory: RunCache,
        changes: Changes,
        settler: Settler,
        options: Options,
        clock: Clock,
        progress: BuildProgress,
    ) -> None:
        self._pages = pages
        self._memory = memory
        self._changes = changes
        self._settler = settler
        self._options = options
        self._clock = clock
        self._progress = progress
        self._executor: Executor | None = None
        self._killed = memory.was_killed()
        self._swept = not self._killed
        """Whether nothing of this build, or of a killed one, is left on an engine."""
        self._is_unswept = False
        """Whether an engine could not be swept."""

    def run(
        self,
        sessions: Sequence[Session],
        *,
        runners: Mapping[str, Runner],
        edited: Collection[str],
        broken: Collection[str],
        executor: Executor | None = None,
    ) -> Results:
        """Run the sessions that have to be run, and return the state of each page.

        `runners` are all runners of the project, by name. `edited` are the pages that were read in this
        build, `broken` those with an invalid directive. Sessions run in `executor`, or else in threads (see
        `execute`).
        """
        self._executor = executor
        self._settler.begin()
        results = Results({session.page: self._pages.examine(session) for session in sessions})
        for session in sessions:
            settled = self._settler.settle_earlier(session, results.states[session.page])
            if settled is not None:
                self._collect(settled, results)
        if self._options.asks:
            conditions = Conditions(
                everything=self._options.everything,
                engines={name: _expected(name, runner) for name, runner in runners.items()},
                edited=edited,
                broken=broken,
            )
            planned = plan(sessions, results.states, self._memory, conditions, changes=self._changes.of)
            sources = self._sources(sessions, planned, runners)
            if planned or sources or self._killed:
                self._run(planned, results, runners, sources)
        pages = [session.page for session in sessions]
        for page, finding in self._settler.end(pages, broken=broken, has_run=bool(results.runs)):
            results.states[page] = results.states[page].also(finding)
        if self._swept:
            self._memory.end()
        return results

    def _sources(
        self, sessions: Sequence[Session], planned: Sequence[PlannedSession], runners: Mapping[str, Runner]
    ) -> list[EngineSource[Engine]]:
        """Return the sources of the engines that are needed, for running sessions or for cleaning up."""
        wanted = [runners[each.session.place.runner].source for each in planned]
        if self._killed:
            names = sorted({session.place.runner for session in sessions} or runners)
            wanted += [runners[name].source for name in names]
        for source in dict.fromkeys(runner.source for runner in runners.values()):
            if source is not None and source not in wanted and source.has_dead_builds():
                wanted.append(source)
        return [source for source in dict.fromkeys(wanted) if source is not None]

    def _run(
        self,
        planned: Sequence[PlannedSession],
        results: Results,
        runners: Mapping[str, Runner],
        sources: Sequence[EngineSource[Engine]],
    ) -> None:
        self._progress.planned({each.session.page: each.why for each in planned})
        if self._options.refusal:
            results.no_engine = self._options.refusal
            return
        from docker_run.workflow.open_runners import OpenRunners  # noqa: PLC0415 (replay runs nothing)

        opened = OpenRunners(
            runners,
            progress=self._progress,
            timeout=self._options.timeout,
            max_output=self._options.max_output,
        )
        try:
            failed = [source for source in sources if not self._open(opened, source, results)]
            # A missing engine affects only the pages of its runners.
            runnable = [each for each in planned if runners[each.session.place.runner].source not in failed]
            if runnable or not failed:
                self._run_on(opened, runnable, results)
        except Exception as error:  # noqa: BLE001 (the pages can still be shown from their recordings)
            self._report_error(error, "not all pages could be run", results)
        finally:
            self._close(opened, results)

    def _open(self, opened: OpenRunners, source: EngineSource[Engine], results: Results) -> bool:
        """Open an engine, and remove what earlier builds left there; return whether it could be opened."""
        try:
            engine = opened.engine(source)
        except EngineProblem as error:
            why = "; ".join(str(error).splitlines())
        except Exception as error:  # noqa: BLE001 (the pages can still be shown from their recordings)
            self._report_error(error, "there is no engine to run commands on", results)
            why = results.findings[-1].message
        else:
            self._sweep(engine, results)
            return True
        results.no_engine = "; ".join(filter(None, [results.no_engine, why]))
        self._is_unswept = self._is_unswept or self._killed
        return False

    def _sweep(self, engine: Engine, results: Results) -> None:
        """Remove what earlier builds left. If that fails, the next build retries; pages are run anyway."""
        try:
            swept = engine.sweep()
        except Exception as error:  # noqa: BLE001 (no page must be missing because of it)
            self._report_error(error, "what earlier builds left could not be removed", results)
            self._is_unswept = True
            return
        if swept:
            self._progress.note(swept)
        elif self._killed:
            # A private engine ended with that build, and has removed its `--rm` containers.
            self._progress.note("an earlier build was killed; nothing of it is left on the engine")

    def _close(self, opened: OpenRunners, results: Results) -> None:
        """Close the engines; the next build sweeps what could not be ended or removed."""
        try:
            opened.close()
        except Exception as error:  # noqa: BLE001 (what was run is recorded)
            self._report_error(error, "the build could not end what it had begun on the engine", results)
            self._swept = False

    def _report_error(self, error: Exception, what: str, results: Results) -> None:
        """Report an error that belongs to no page."""
        if not isinstance(error, DockerRunError):
            self._progress.defect("", traceback.format_exc())
            error = Defect.of(error, what)
        results.findings.append(Finding(None, error.subtype, "; ".join(str(error).splitlines())))

    def _run_on(self, opened: OpenRunners, planned: Sequence[PlannedSession], results: Results) -> None:
        from docker_run.workflow.run import execute, page_run  # noqa: PLC0415 (replay runs nothing)

        left = set[str]()
        why = {each.session.page: each.why for each in planned}

        def settle(outcome: Outcome) -> None:
            page = outcome.session.page
            if outcome.traceback:
                self._progress.defect(page, outcome.traceback)
            results.runs[page] = page_run(outcome, why[page])
            self._collect(self._settler.settle(outcome, engine=_identity(outcome.session, opened)), results)
            # On an engine that is gone, nothing could be removed.
            if outcome.left or (outcome.problem and outcome.problem.cause is Cause.ENGINE):
                left.add(page)
            self._progress.finished(page, outcome.commands, outcome.seconds)

        self._memory.begin()
        self._swept = False
        sessions = [each.session for each in planned]
        if self._options.reproduces:
            from docker_run.workflow.reproduction import reproducing  # noqa: PLC0415 (only a check does)

            sessions = [reproducing(each, self._pages.load(each).recording) for each in sessions]
        execute(
            sessions,
            runners=opened,
            clock=self._clock,
            jobs=self._options.jobs,
            settle=settle,
            executor=self._executor,
        )
        self._swept = not left and not self._is_unswept

    @staticmethod
    def _collect(settled: Settlement, results: Results) -> None:
        state = settled.state
        results.states[state.page] = state
        if settled.changed:
            results.changed.add(state.page)


def _expected(name: str, runner: Runner) -> Collection[str]:
    """Return the URLs of the engines that a runner may use; its own name, if it needs none."""
    return (name,) if runner.source is None else runner.source.expected()


def _identity(session: Session, opened: OpenRunners) -> str:
    """Return the URL of the engine on which `session` was run; the runner's name, if it needs none."""
    name = session.place.runner
    source = opened.runners[name].source
    return name if source is None else opened.engine(source).url
