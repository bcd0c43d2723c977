"""The results of a build as JSON: each step with its outcome, and all findings."""

from __future__ import annotations

import json
from pathlib import Path

from docker_run.build_result import BuildResult, PageResult, StepResult
from docker_run.model import Finding, Location
from docker_run.terminal.visible import visible
from docker_run.workflow.reports.report_file import ReportFile, relative

VERSION = 1
"""Incremented when a name in the file is removed or changes its meaning; names can be added at any time."""


class JsonReport:
    """Writes the JSON file. Implements `protocols.Reporter`."""

    def __init__(self, path: Path, *, root: Path) -> None:
        """Write to `path`; paths of files below `root` are relative to it."""
        self._file = ReportFile(path)
        self._root = root

    def begin(self) -> None:
        """Remove the file of an earlier build."""
        self._file.remove()

    def report(self, build: BuildResult) -> None:
        """Write the file. Raises `UnsavedReport`."""
        text = json.dumps(build_as_json(build, root=self._root), indent=1)
        self._file.write(f"{text}\n".encode("ascii"))


def build_as_json(build: BuildResult, *, root: Path) -> dict[str, object]:
    """Return the results of `build`; paths of files below `root` are relative to it."""
    tally = build.tally
    return {
        "version": VERSION,
        "began": build.began.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": round(tally.seconds, 3),
        "no_engine": visible(build.no_engine),
        "commands_run": tally.commands_run,
        "commands_replayed": tally.commands_replayed,
        "pages": [_page(page, root) for page in build.pages],
        "findings": [
            *(_finding(finding, "", root) for finding in build.of_no_page),
            *(_finding(each, page, root) for page, of in build.findings_of.items() if page for each in of),
        ],
    }


def _page(page: PageResult, root: Path) -> dict[str, object]:
    run = page.run
    return {
        "page": visible(page.page),
        "runs_on": visible(page.session.place.name) if page.session else None,
        "run_because": visible(run.why) if run else None,
        "seconds": round(run.seconds, 3) if run else 0.0,
        "recording_changed": page.is_changed,
        "steps": [_step(result, root) for result in page.steps],
    }


def _step(result: StepResult, root: Path) -> dict[str, object]:
    return {
        **_location(result.step.location, root),
        "commands": [visible(command.text) for command in result.step.commands],
        "file_on_lab": visible(result.step.file.path) if result.step.file else None,
        "outcome": result.end.value,
        "reason": visible(result.reason),
        "seconds": round(result.seconds, 3),
    }


def _finding(finding: Finding, page: str, root: Path) -> dict[str, object]:
    return {
        "page": visible(page) or None,
        **_location(finding.location, root),
        "type": f"docker_run.{finding.subtype}",
        "failure": finding.subtype.failure.value,
        "message": visible(finding.message),
    }


def _location(location: Location | None, root: Path) -> dict[str, object]:
    if location is None:
        return {"file": None, "line": None}
    return {"file": visible(relative(location.path, root)), "line": location.line}
