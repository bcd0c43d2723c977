"""Error boxes for failures, above their blocks, in every format."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from docutils import nodes

from docker_run.model import Finding, Location
from docker_run.sphinx_ext.rendering.nodes import docker_run_block, with_code
from docker_run.terminal.visible import visible
from docker_run.workflow.page import Page
from sphinx import addnodes


def pages_in(document: nodes.document, docname: str) -> list[str]:
    """Return the pages in the document of the page `docname`: several if the builder joins them."""
    return [docname, *(each["docname"] for each in document.findall(addnodes.start_of_file))]


def show_failures(document: nodes.document, page: Page, docname: str, *, srcdir: Path) -> None:
    """Insert a box for each failure of `page` above its block in the document, or below the title."""
    blocks = {
        Location(block.source or "", block.line or 0): block
        for block in reversed(list(document.findall(docker_run_block)))
        if block["docname"] == docname
    }
    at_top: list[nodes.error] = []
    for finding in page.failures:
        box = error_box(finding, srcdir=srcdir, below=_below(page, finding))
        if finding.location in blocks:
            frame = _frame(blocks[finding.location])
            frame.parent.insert(frame.parent.index(frame), box)
        else:
            at_top.append(box)
    if at_top:
        parent, position = _top(document, docname)
        parent[position:position] = at_top


def error_box(finding: Finding, *, srcdir: Path, below: str) -> nodes.error:
    """Return the box for `finding`; `below` describes what is shown below it."""
    message = visible(finding.message)
    parts = list(_paragraphs(message[:1].upper() + message[1:]))
    if below:
        parts.append(nodes.paragraph(below, below))
    place, subtype = _place(finding.location, srcdir), f"docker_run.{finding.subtype}"
    parts.append(
        nodes.paragraph(
            "", "", nodes.Text(place), nodes.literal(subtype, subtype), classes=["docker-run-place"]
        )
    )
    # In a container: Sphinx's text writer would join the paragraphs of an admonition.
    return nodes.error("", nodes.container("", *parts), classes=["docker-run-failed"])


def _paragraphs(message: str) -> Iterator[nodes.Node]:
    """Yield a paragraph for each line of a message, and a block for its indented, quoted lines."""
    for is_quoted, lines in groupby(message.splitlines(), key=lambda line: line.startswith("    ")):
        if is_quoted:
            text = textwrap.dedent("\n".join(lines))
            quoted = nodes.literal_block(text, text, language="none")
            quoted["xml:space"] = "preserve"
            yield quoted
        else:
            yield from (with_code(line) for line in lines if line)


def _place(location: Location | None, srcdir: Path) -> str:
    if location is None:
        return ""
    path = Path(location.path)
    shown = path.relative_to(srcdir) if path.is_relative_to(srcdir) else path.name
    return f"{shown}, line {location.line}: "


def _below(page: Page, finding: Finding) -> str:
    """Return a sentence that describes the output below a box; empty if there is none."""
    steps = page.session.steps if page.session else ()
    at = [number for number, step in enumerate(steps) if step.location == finding.location]
    if not page.recording or not any(map(page.recorded, at)):
        return ""
    if page.state.shows_failed:
        return "Shown below: what the failed run printed. It is not recorded."
    return f"Shown below: what was recorded on {page.recording.date.partition('T')[0]}."


def _frame(block: docker_run_block) -> nodes.Element:
    """Return the element of a block that includes its caption, if it has one."""
    parent = block.parent
    return parent if isinstance(parent, nodes.container) and parent.get("literal_block") else block


def _top(document: nodes.document, docname: str) -> tuple[nodes.Element, int]:
    """Return where the text of a page begins: the parent node, and the position in it."""
    files = (each for each in document.findall(addnodes.start_of_file) if each["docname"] == docname)
    root: nodes.Element = next(files, document)
    for title in root.findall(nodes.title):
        if isinstance(title.parent, nodes.section):  # not that of a table or an admonition
            return title.parent, title.parent.index(title) + 1
    return root, 0
