"""Findings as annotations of a GitHub workflow, which shows them beside the lines of a pull request.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from docker_run.build_result import BuildResult
from docker_run.model import Finding
from docker_run.terminal.visible import visible
from docker_run.workflow.reports.report_file import relative


class GitHubAnnotations:
    """Writes an annotation for each finding. Implements `protocols.Reporter`."""

    def __init__(self, write: Callable[[str], object], *, root: Path) -> None:
        """Write lines with `write`; paths of files below `root`, the repository, are relative to it."""
        self._write = write
        self._root = root

    def begin(self) -> None:
        """Do nothing: each build has a log of its own."""

    def report(self, build: BuildResult) -> None:
        """Write them."""
        for finding in build.findings:
            self._write(f"{annotation(finding, root=self._root)}\n")


def annotation(finding: Finding, *, root: Path) -> str:
    """Return the line of the log that makes the annotation; nothing in `finding` can add another one."""
    properties = {"title": f"docker_run.{finding.subtype}"}
    if finding.location:
        properties = {
            "file": relative(finding.location.path, root),
            "line": str(finding.location.line),
            **properties,
        }
    named = ",".join(f"{name}={_quoted(value, ':,')}" for name, value in properties.items())
    return f"::error {named}::{_quoted(finding.message)}"


def _quoted(text: str, more: str = "") -> str:
    """Return `text` with line ends, and the characters in `more`, as GitHub wants them quoted."""
    text = visible(text)
    for character in ("%", "\n", *more):
        text = text.replace(character, f"%{ord(character):02X}")
    return text
