"""The tables of `docker-report`: what was run, where and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from docutils import nodes

from docker_run.model import Recording
from docker_run.workflow.page import Page

Cell = str | nodes.Node
"""The content of a table cell."""


def environment_table(recording: Recording | None, *, place: str) -> nodes.Node:
    """Build the table of the machine and the images of a page; `place` is what the machine is called."""
    if recording is None:
        text = "The commands of this page have not been run yet."
        return nodes.paragraph(text, text)
    environment = recording.environment
    rows = [
        ("Run on", place),
        ("Date", recording.date.replace("T", " ").replace("Z", " UTC")),
        ("Engine", environment.engine),
        ("System", f"{environment.system}, {environment.architecture}"),
    ]
    for image in recording.images:
        digest = f", {image.digest}" if image.digest else ""
        rows.append((f"Image {image.name}", f"{image.origin}{digest}"))
    return table([("", ""), *rows], widths=(20, 80), kind="docker-run-page-report", header=False)


def report_table(pages: Iterable[tuple[Cell, Page]]) -> nodes.Node:
    """Build the table of all pages, with what was run and where; each entry begins with the page's link."""
    rows: list[Sequence[Cell]] = [("Page", "Commands", "Seconds", "Not run", "Date", "Engine")]
    for link, page in pages:
        commands = [command for step in page.held for command in step.commands]
        recording = page.recording
        rows.append(
            (
                link,
                str(len(commands)),
                f"{sum(command.seconds for command in commands):.1f}",
                str(page.not_run or ""),
                recording.date.partition("T")[0] if recording else "",
                recording.environment.engine if recording else "",
            )
        )
    return table(rows, widths=(25, 10, 10, 10, 15, 30), kind="docker-run-site-report", header=True)


def table(rows: Sequence[Sequence[Cell]], *, widths: Sequence[int], kind: str, header: bool) -> nodes.table:
    """Build a table of the class `kind`; the first of `rows` is its head, shown if `header` is true."""
    group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in widths), cols=len(widths))
    if header:
        group += nodes.thead("", _row(rows[0]))
    group += nodes.tbody("", *map(_row, rows[1:]))
    return nodes.table("", group, classes=["docker-run-report", kind])


def _row(cells: Sequence[Cell]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", _paragraph(cell)) for cell in cells))


def _paragraph(cell: Cell) -> nodes.paragraph:
    return nodes.paragraph(cell, cell) if isinstance(cell, str) else nodes.paragraph("", "", cell)
