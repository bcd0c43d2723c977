"""What came of a build, as values that reporters get: a check, JUnit and JSON show the same. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from docker_run.model import Finding, Location, Problem, Session, Step
from docker_run.warning_types import Failure, WarningType


@dataclass(frozen=True, slots=True)
class StepRun:
    """What a build did of a step."""

    seconds: float = 0.0
    """How long its commands took."""
    not_run: str = ""
    """Why an optional one was not run, or not to its end."""


@dataclass(frozen=True, slots=True)
class PageRun:
    """What a build did of a page that it ran."""

    why: str
    """The reason for which it was run, in words."""
    commands: int
    """How many commands were run to their end."""
    seconds: float
    steps: tuple[StepRun, ...] = ()
    """Those that were run, from the first."""
    problem: Problem | None = None
    """What ended it before its last step."""


class StepEnd(StrEnum):
    """How far a step got in a build."""

    RUN = "run"
    REPLAYED = "replayed"
    """It was not run: its page shows its recording, which holds it in its present form."""
    LEFT_OUT = "left-out"
    """It may go without being run, and its image can't be had."""
    NOT_RUN = "not-run"
    """An earlier step ended the page, or there is neither an engine nor a recording."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step, and what came of it."""

    step: Step
    end: StepEnd
    seconds: float = 0.0
    """How long its commands took in this build."""
    reason: str = ""
    """Why it was not run, as far as no finding says it."""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class PageResult:
    """A page, and what came of it."""

    page: str
    """Its docname."""
    session: Session | None
    """None for a page that runs nothing."""
    run: PageRun | None
    """None where it was not run in this build."""
    is_changed: bool
    """Whether its recording is another now."""
    steps: tuple[StepResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Those at none of its steps."""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True)
class BuildResult:
    """What came of a build."""

    began: datetime
    """In UTC."""
    tally: Tally
    sessions: Mapping[str, Session]
    """By page, sorted."""
    runs: Mapping[str, PageRun]
    """Of the pages that were run, by page."""
    changed: Collection[str]
    """The pages whose recording is another now."""
    findings_of: Mapping[str, tuple[Finding, ...]]
    """All that is to be reported, by page; of no page, by an empty name."""
    no_engine: str = ""
    """Why there was no engine to run something on; empty where there was, or none was needed."""
    needs_engine: bool = False
    """Whether everything should have been run."""
    wrong_settings: Callable[[], Iterable[Finding]] = tuple
    """Finds what is wrong with settings; of that was warned when they were read."""

    @cached_property
    def of_no_page(self) -> tuple[Finding, ...]:
        """All that is wrong and belongs to no page."""
        missing = []
        if self.no_engine and self.needs_engine:
            message = f"everything should be run, but there is no engine: {self.no_engine}"
            missing.append(Finding(None, WarningType.ENGINE, message))
        return (*self.wrong_settings(), *missing, *self.findings_of.get("", ()))

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """All that is to be reported, by its places; what is of one place and type stays in its order."""
        return tuple(sorted((each for of in self.findings_of.values() for each in of), key=_place))

    @cached_property
    def pages(self) -> tuple[PageResult, ...]:
        """What came of each page that runs something, or has findings; sorted."""
        names = {*self.sessions, *(page for page, of in self.findings_of.items() if of)} - {""}
        return tuple(map(self._page, sorted(names)))

    def also(self, finding: Finding) -> BuildResult:
        """Return this with a `finding` of no page."""
        findings = {**self.findings_of, "": (*self.findings_of.get("", ()), finding)}
        failed = places(each for of in findings.values() for each in of)
        return replace(self, findings_of=findings, tally=replace(self.tally, failed=failed))

    def _page(self, page: str) -> PageResult:
        session, run = self.sessions.get(page), self.runs.get(page)
        left = list(self.findings_of.get(page, ()))
        steps: list[StepResult] = []
        if session is not None:
            for step, end in zip(session.steps, _ends(session, run, left), strict=True):
                own = tuple(finding for finding in left if finding.location == step.location)
                left = [finding for finding in left if finding not in own]
                steps.append(replace(end, findings=own))
        return PageResult(page, session, run, page in self.changed, tuple(steps), tuple(left))


def _ends(session: Session, run: PageRun | None, findings: Collection[Finding]) -> Iterator[StepResult]:
    """Yield how far each step of a page got."""
    # Of a page that was not run, the first step that lacks a recording has a finding.
    lacking = {each.location for each in findings if each.subtype.failure is Failure.UNRECORDED}
    has_recording = True
    for number, step in enumerate(session.steps):
        has_recording = has_recording and step.location not in lacking
        if run is None:
            yield (
                StepResult(step, StepEnd.REPLAYED)
                if has_recording
                else StepResult(step, StepEnd.NOT_RUN, reason="there is no recording of it")
            )
        elif number < len(run.steps):
            ran = run.steps[number]
            end = StepEnd.LEFT_OUT if ran.not_run else StepEnd.RUN
            yield StepResult(step, end, ran.seconds, ran.not_run)
        elif run.problem is not None and number == run.problem.step:
            yield StepResult(step, StepEnd.RUN)
        else:
            yield StepResult(step, StepEnd.NOT_RUN, reason="a step before it did not get to its end")


def counted(number: int, what: str) -> str:
    """Return how many there are, e.g. `1 page` or `2 pages`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def places(findings: Iterable[Finding]) -> int:
    """Return at how many places there is something to report."""
    return len({finding.location for finding in findings})


def _place(finding: Finding) -> tuple[Location, str]:
    return finding.location or Location("", 0), finding.subtype
