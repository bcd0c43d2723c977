"""The results of a build, as values for reporters: a check, JUnit and JSON report the same. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from docker_run.model import Finding, Location, Problem, Session, Step
from docker_run.warning_types import WarningType


class StepRun(NamedTuple):
    """The run of a step in a build."""

    seconds: float = 0.0
    """The duration of its commands."""
    not_run: str = ""
    """Why an optional step was not run, or only in part."""


class PageRun(NamedTuple):
    """The run of a page in a build."""

    why: str
    """Why it was run, in words."""
    commands: int
    """The number of commands that finished."""
    seconds: float
    steps: tuple[StepRun, ...] = ()
    """The steps that were run, from the first."""
    problem: Problem | None = None
    """What ended it before its last step."""


class StepEnd(StrEnum):
    """How far a step got in a build."""

    RUN = "run"
    REPLAYED = "replayed"
    """It was not run: its page shows its recording, which has it in its current form."""
    LEFT_OUT = "left-out"
    """It is optional, and its image is unavailable."""
    NOT_RUN = "not-run"
    """An earlier step ended the page, or there is neither an engine nor a recording."""


class StepResult(NamedTuple):
    """The result of a step."""

    step: Step
    end: StepEnd
    seconds: float = 0.0
    """The duration of its commands in this build."""
    reason: str = ""
    """Why it was not run, unless a finding says it."""
    findings: tuple[Finding, ...] = ()


class PageResult(NamedTuple):
    """The result of a page."""

    page: str
    """Its docname."""
    session: Session | None
    """None for a page that runs nothing."""
    run: PageRun | None
    """None if it was not run in this build."""
    is_changed: bool
    """Whether its recording was changed."""
    steps: tuple[StepResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    """The findings that belong to none of its steps."""


class Tally(NamedTuple):
    """The totals of a build, for the line at its end."""

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
    """The results of a build."""

    began: datetime
    """In UTC."""
    tally: Tally
    sessions: Mapping[str, Session]
    """By page, sorted."""
    runs: Mapping[str, PageRun]
    """The runs of the pages that were run, by page."""
    held: Mapping[str, int]
    """The number of first steps whose output each page shows."""
    changed: Collection[str]
    """The pages whose recording was changed."""
    findings_of: Mapping[str, tuple[Finding, ...]]
    """All findings, by page; those of no page under an empty name."""
    no_engine: str = ""
    """Why there was no engine; empty if there was one, or none was needed."""
    needs_engine: bool = False
    """Whether everything should have been run."""
    wrong_settings: Callable[[], Iterable[Finding]] = tuple
    """Returns findings of invalid settings, which have already been warned of."""

    @cached_property
    def of_no_page(self) -> tuple[Finding, ...]:
        """All findings that belong to no page."""
        missing = []
        if self.no_engine and self.needs_engine:
            message = f"everything should be run, but there is no engine: {self.no_engine}"
            missing.append(Finding(None, WarningType.ENGINE, message))
        return (*self.wrong_settings(), *missing, *self.findings_of.get("", ()))

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, sorted by location and type; otherwise in their order."""
        return tuple(sorted((each for of in self.findings_of.values() for each in of), key=_place))

    @cached_property
    def pages(self) -> tuple[PageResult, ...]:
        """The results of all pages that run something, or have findings; sorted."""
        names = {*self.sessions, *(page for page, of in self.findings_of.items() if of)} - {""}
        return tuple(map(self._page, sorted(names)))

    def also(self, finding: Finding) -> BuildResult:
        """Return these results with another `finding` of no page."""
        findings = {**self.findings_of, "": (*self.findings_of.get("", ()), finding)}
        failed = places(each for of in findings.values() for each in of)
        return replace(self, findings_of=findings, tally=self.tally._replace(failed=failed))

    def _page(self, page: str) -> PageResult:
        session, run = self.sessions.get(page), self.runs.get(page)
        left = list(self.findings_of.get(page, ()))
        steps: list[StepResult] = []
        if session is not None:
            for step, end in zip(session.steps, _ends(session, run, self.held.get(page, 0)), strict=True):
                own = tuple(finding for finding in left if finding.location == step.location)
                left = [finding for finding in left if finding not in own]
                steps.append(end._replace(findings=own))
        return PageResult(page, session, run, page in self.changed, tuple(steps), tuple(left))


def _ends(session: Session, run: PageRun | None, held: int) -> Iterator[StepResult]:
    """Yield the result of each step of a page that shows the output of the first `held`, without findings."""
    for number, step in enumerate(session.steps):
        if run is None:
            yield (
                StepResult(step, StepEnd.REPLAYED)
                if number < held
                else StepResult(step, StepEnd.NOT_RUN, reason="there is no recording of it")
            )
        elif number < len(run.steps):
            ran = run.steps[number]
            end = StepEnd.LEFT_OUT if ran.not_run else StepEnd.RUN
            yield StepResult(step, end, ran.seconds, ran.not_run)
        elif run.problem is not None and number == run.problem.step:
            yield StepResult(step, StepEnd.RUN)
        else:
            yield StepResult(step, StepEnd.NOT_RUN, reason="a step before it did not finish")


def counted(number: int, what: str) -> str:
    """Return the number with its noun, e.g. `1 page` or `2 pages`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def places(findings: Iterable[Finding]) -> int:
    """Return the number of locations that have findings."""
    return len({finding.location for finding in findings})


def _place(finding: Finding) -> tuple[Location, str]:
    return finding.location or Location("", 0), finding.subtype
