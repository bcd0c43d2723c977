"""Annotations of a GitHub workflow: what a page printed can't give orders to the runner."""

from __future__ import annotations

from pathlib import Path

import pytest

from docker_run.model import Finding, Location
from docker_run.warning_types import WarningType
from docker_run.workflow.reports.github_annotations import annotation


def test_a_place_a_title_and_the_whole_message() -> None:
    finding = Finding(
        Location("/repo/docs/a page.md", 7), WarningType.DRIFT, "`ls` prints something else:\n-one\n+100 %"
    )
    assert annotation(finding, root=Path("/repo")) == (
        "::error file=docs/a page.md,line=7,title=docker_run.drift::"
        "`ls` prints something else:%0A-one%0A+100 %25"
    )


def test_a_finding_of_no_page() -> None:
    finding = Finding(None, WarningType.CONFIG, "wrong")
    assert annotation(finding, root=Path("/repo")) == "::error title=docker_run.config::wrong"


@pytest.mark.parametrize(
    "text", ["x\n::set-output name=a::b", "x\r\n::stop-commands::t", "x\u2028::add-mask::y"]
)
def test_nothing_printed_becomes_a_line_of_its_own(text: str) -> None:
    finding = Finding(Location(f"/repo/{text},title=other:md", 1), WarningType.DRIFT, text)
    line = annotation(finding, root=Path("/repo"))
    assert len(line.splitlines()) == 1
    head, _, rest = line.removeprefix("::error ").partition("::")
    assert [part.partition("=")[0] for part in head.split(",")] == ["file", "line", "title"]
    assert rest
