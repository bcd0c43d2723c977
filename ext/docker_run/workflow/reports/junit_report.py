"""The results of a build as JUnit XML, for GitHub, GitLab and Jenkins: a suite per page, a case per step.

The kinds of failures are distinguished: unexpected results of commands, and problems of a page, are
`failure`; failures of an engine, an image or the extension are `error`; steps without a recording, or that
could not be run, are `skipped`. The format: https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from docker_run.build_result import BuildResult, PageResult, StepEnd, StepResult
from docker_run.model import Finding, Location, Step
from docker_run.terminal.visible import visible
from docker_run.warning_types import Failure
from docker_run.workflow.reports.report_file import ReportFile, relative

_TAGS = {
    Failure.UNAVAILABLE: "error",
    Failure.MISTAKE: "failure",
    Failure.UNEXPECTED: "failure",
    Failure.UNRECORDED: "skipped",
}
"""The element for a failure, in order of severity: a case has only one."""

_OF_NO_PAGE = "docker-run"
"""The suite of findings that belong to no page."""


class JUnitReport:
    """Writes the JUnit XML file. Implements `protocols.Reporter`."""

    def __init__(self, path: Path, *, root: Path) -> None:
        """Write to `path`; paths of files below `root` are relative to it."""
        self._file = ReportFile(path)
        self._root = root

    def begin(self) -> None:
        """Remove the file of an earlier build."""
        self._file.remove()

    def report(self, build: BuildResult) -> None:
        """Write the file. Raises `UnsavedReport`."""
        self._file.write(junit_xml(build, root=self._root))


def junit_xml(build: BuildResult, *, root: Path) -> bytes:
    """Return the results of `build`; paths of files below `root` are relative to it."""
    suites = [_suite_of_page(page, root) for page in build.pages]
    if others := build.of_no_page:
        cases = [_case_of_finding(finding, _OF_NO_PAGE, root) for finding in others]
        suites.append(_suite(_OF_NO_PAGE, cases, seconds=0.0))
    whole = ET.Element("testsuites", {"name": "docker-run"})
    whole.extend(suites)
    _count(whole, whole.iter("testcase"), seconds=build.tally.seconds)
    for each in (whole, *suites):
        each.set("timestamp", build.began.strftime("%Y-%m-%dT%H:%M:%S"))
    ET.indent(whole)
    text: bytes = ET.tostring(whole, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite_of_page(page: PageResult, root: Path) -> ET.Element:
    cases = [_case_of_step(result, page.page, root) for result in page.steps]
    cases += [_case_of_finding(finding, page.page, root) for finding in page.findings]
    suite = _suite(page.page, cases, seconds=page.run.seconds if page.run else 0.0)
    if page.session is not None:
        suite.set("file", visible(relative(page.session.steps[0].location.path, root)))
        told = {"runs on": page.session.place.name, "run because": page.run.why if page.run else ""}
        properties = ET.Element("properties")
        for name, value in told.items():
            if value:
                ET.SubElement(properties, "property", {"name": name, "value": visible(value)})
        suite.insert(0, properties)
    return suite


def _suite(name: str, cases: Sequence[ET.Element], *, seconds: float) -> ET.Element:
    suite = ET.Element("testsuite", {"name": visible(name)})
    _count(suite, cases, seconds=seconds)
    suite.extend(cases)
    return suite


def _count(element: ET.Element, cases: Iterable[ET.Element], *, seconds: float) -> None:
    found = list(cases)
    element.set("tests", str(len(found)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(attribute, str(sum(case.find(tag) is not None for case in found)))
    element.set("time", f"{seconds:.3f}")


def _case_of_step(result: StepResult, page: str, root: Path) -> ET.Element:
    step = result.step
    case = _case(f"line {step.location.line}: {_title(step)}", page, step.location, root, result.seconds)
    if result.findings:
        _add_failure(case, result.findings)
    elif result.end in {StepEnd.LEFT_OUT, StepEnd.NOT_RUN}:
        ET.SubElement(case, "skipped", {"message": visible(result.reason)})
    return case


def _case_of_finding(finding: Finding, page: str, root: Path) -> ET.Element:
    line = f"line {finding.location.line}: " if finding.location else ""
    case = _case(f"{line}{finding.subtype}", page, finding.location, root, 0.0)
    _add_failure(case, [finding])
    return case


def _case(name: str, page: str, location: Location | None, root: Path, seconds: float) -> ET.Element:  # noqa: PLR0917 (private)
    case = ET.Element("testcase", {"name": visible(name), "classname": visible(page)})
    if location is not None:
        case.set("file", visible(relative(location.path, root)))
        case.set("line", str(location.line))
    case.set("time", f"{seconds:.3f}")
    return case


def _add_failure(case: ET.Element, findings: Sequence[Finding]) -> None:
    """Add the element for the most severe of `findings`, with the messages of all."""
    gravity = list(_TAGS)
    first, *_ = sorted(findings, key=lambda finding: gravity.index(finding.subtype.failure))
    told = ET.SubElement(
        case,
        _TAGS[first.subtype.failure],
        {"type": f"docker_run.{first.subtype}", "message": visible(first.message.partition("\n")[0])},
    )
    told.text = "\n\n".join(
        visible(f"docker_run.{finding.subtype}: {finding.message}") for finding in findings
    )


def _title(step: Step) -> str:
    """Return the title of a step: its first command, or its file."""
    if not step.commands:
        return f"file {step.file.path}" if step.file else "nothing"
    first, newline, _ = step.commands[0].text.partition("\n")
    return f"{first} …" if newline or len(step.commands) > 1 else first
