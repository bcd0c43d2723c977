"""Literal blocks for files that are put on a lab, with highlighting and the path as caption."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from docutils import nodes
from pygments.lexers import find_lexer_class_for_filename, guess_lexer
from sphinx.directives.code import container_wrapper
from sphinx.util.docutils import SphinxDirective

from docker_run.model import DEFAULT_LAB, LabFile, Location
from docker_run.sphinx_ext.rendering.nodes import docker_run_collapse, lab_label

if TYPE_CHECKING:
    from docker_run.authoring.file_directive import FilePresentation


def shown_file(
    directive: SphinxDirective,
    file: LabFile,
    presentation: FilePresentation,
    *,
    lab: str,
    location: Location,
) -> nodes.Element:
    """Return the node for `file`: a literal block of its content, with a caption."""
    text = file.data.decode().removesuffix("\n")
    language = presentation.language or guess_language(file.path, text)
    literal = nodes.literal_block(text, text, language=language, force=True)
    literal["xml:space"] = "preserve"
    literal.source, literal.line = location
    emphasized = [
        number
        for number in range(1, text.count("\n") + 2)
        if any(number in lines for lines in presentation.emphasize)
    ]
    if emphasized:
        literal["highlight_args"] = {"hl_lines": emphasized}
    shown: nodes.Element = literal
    if presentation.collapse:
        shown = docker_run_collapse("", literal, summary=presentation.collapse)
    parts = [shown] if lab == DEFAULT_LAB else [lab_label(lab), shown]
    classes = ["docker-run", "docker-run-file", *presentation.classes]
    frame = nodes.container("", *parts, classes=classes)
    if presentation.caption:
        return container_wrapper(directive, frame, presentation.caption)
    caption = nodes.caption("", "", nodes.literal(file.path, file.path))
    caption.source, caption.line = location
    return nodes.container("", caption, frame, literal_block=True, classes=["literal-block-wrapper"])


def guess_language(path: str, text: str) -> str:
    """Return Pygments' name of the language of a file; `none` if it can't be guessed."""
    name = PurePosixPath(path).name
    if name.startswith("Dockerfile.") or name.endswith(".dockerfile"):
        return "docker"
    found = find_lexer_class_for_filename(name, text)
    if found is None and text.startswith("#!"):
        found = guess_lexer(text)
    return found.aliases[0] if found and found.aliases else "none"
