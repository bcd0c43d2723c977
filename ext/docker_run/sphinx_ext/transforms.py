"""Post-transforms that replace placeholders with ordinary nodes, from recordings alone, for each builder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from docker_run.model import CommandRecording, StepRecording
from docker_run.sphinx_ext.domain import DockerRunDomain
from docker_run.sphinx_ext.rendering.error_boxes import pages_in, show_failures
from docker_run.sphinx_ext.rendering.footer import footer
from docker_run.sphinx_ext.rendering.nodes import (
    Placeholder,
    docker_run_block,
    docker_run_calls,
    docker_run_collapse,
    docker_run_label,
    docker_run_terminal,
    docker_run_value,
    lab_label,
    with_code,
)
from docker_run.sphinx_ext.rendering.report_tables import environment_table, report_table
from docker_run.terminal import markup
from docker_run.terminal.emulation.cells import Kind
from docker_run.terminal.emulation.rendition import Style
from docker_run.terminal.emulation.spans import Line, Span
from docker_run.terminal.segments import packed_lines
from docker_run.workflow.page import Page
from sphinx import addnodes

if TYPE_CHECKING:
    from docker_run.authoring.presentation import Presentation


class ShowFailures(SphinxPostTransform):
    """Inserts error boxes above failed blocks, in every format."""

    # Before the blocks, above which boxes are inserted, are replaced.
    default_priority = 7

    def run(self, **_kwargs: Any) -> None:  # noqa: ANN401 (docutils' signature)
        """Insert them."""
        shown = DockerRunDomain.of(self.env).build.shown
        for docname in pages_in(self.document, self.env.docname):
            page = shown.page(docname)
            if page.failures:
                show_failures(self.document, page, docname, srcdir=Path(self.env.srcdir))


class ShowRecordings(SphinxPostTransform):
    """Replaces all placeholders of a page, with blocks of plain text."""

    # Before references are resolved (10), so that the targets of blocks exist.
    default_priority = 9
    coloured: ClassVar[bool] = False
    folds: ClassVar[bool] = False
    """Whether the format supports folding."""

    def run(self, **_kwargs: Any) -> None:  # noqa: ANN401 (docutils' signature)
        """Replace them."""
        self._domain = DockerRunDomain.of(self.env)
        self._pages = self._domain.build.shown
        for placeholder in list(self.document.findall(Placeholder)):
            placeholder.replace_self(self._replacement(placeholder))

    def _replacement(self, placeholder: Placeholder) -> nodes.Node:
        """Return what replaces a placeholder."""
        match placeholder:
            case docker_run_block():
                return self._frame(placeholder, self._pages.page(placeholder["docname"]))
            case docker_run_value():
                # A missing value has been warned of; the reader sees that something is missing.
                text = self._pages.values(placeholder["docname"]).get(placeholder["value"], "…")
                return nodes.inline(text, text, classes=["docker-run-value"])
            case docker_run_calls():
                return self._calls(placeholder["command"], placeholder["pages"])
            case _:
                return self._report(placeholder)

    def _report(self, report: Placeholder) -> nodes.Node:
        if not report["whole"]:
            recording = self._pages.page(report["docname"]).recording
            place = self._domain.build.runners.title(recording.place) if recording else ""
            return environment_table(recording, place=place)
        return report_table((self._link(docname), page) for docname, page in self._pages.with_steps())

    def _calls(self, name: str, pages: str) -> nodes.Node:
        """Return links to the pages that run the command `name`, each to its first call."""
        links = nodes.inline()
        for docname, anchor in self._pages.called(name, pages=pages):
            title = self.env.titles[docname].astext()
            if len(links):
                links += nodes.Text(", ")
            links += addnodes.pending_xref(
                "",
                nodes.inline(title, title),
                refdoc=self.env.docname,
                refdomain=self._domain.name,
                reftype="block",
                reftarget=f"{docname}#{anchor}",
                refwarn=True,
            )
        return links

    def _link(self, docname: str) -> nodes.Node:
        """Return a link to a page, with its title, which is resolved like those in the text."""
        title = self.env.titles[docname].astext()
        return addnodes.pending_xref(
            "",
            nodes.inline(title, title),
            refdoc=self.env.docname,
            refdomain="std",
            reftype="doc",
            reftarget=f"/{docname}",
            refexplicit=True,
            refwarn=True,
        )

    def _frame(self, block: docker_run_block, page: Page) -> nodes.container:
        recorded = page.recorded(block["step"])
        if recorded is None or recorded.not_run:
            parts = self._not_run(recorded, page, block)
        else:
            parts = self._shown(recorded, block)
            if self.folds and self._domain.build.settings.footer and page.recording:
                parts.append(footer(recorded, page.recording))
        if block["lab"]:
            parts.insert(0, lab_label(block["lab"]))
        presentation: Presentation = block["presentation"]
        frame = nodes.container("", *parts, classes=["docker-run", *presentation.classes])
        frame["ids"], frame["names"] = block["ids"], block["names"]
        anchor = page.anchor(block["step"])
        if anchor and "latex" in self.formats:
            # Sphinx's LaTeX writer does not label containers.
            frame.insert(0, docker_run_label(target=f"{block['docname']}:{anchor}"))
        return frame

    def _not_run(
        self, recorded: StepRecording | None, page: Page, block: docker_run_block
    ) -> list[nodes.Node]:
        """Show a step that was not run, or only in part, because an image was missing."""
        presentation = block["presentation"]
        ran = [_block(command, presentation) for command in recorded.commands] if recorded else []
        texts = page.commands(block["step"]) or block["commands"]
        left = [markup.Block(text) for text in texts[len(ran) :]]
        reason = recorded.not_run if recorded else "there is no recorded output of it"
        if ran and left:
            # Only the first line: a command may have several.
            first = left[0].command.partition("\n")[0]
            notice = _notice(f"From `{first}` on, not run in this build: {reason}.")
        else:
            notice = _notice(f"Not run in this build: {reason}.")
        return [self._literal([*ran, *left], block), notice]

    def _shown(self, recorded: StepRecording, block: docker_run_block) -> list[nodes.Node]:
        """Show a step that was run: its commands and their output, which may be folded."""
        presentation: Presentation = block["presentation"]
        blocks = [_block(command, presentation) for command in recorded.commands]
        parts: list[nodes.Node]
        if presentation.collapse and (len(blocks) == 1 or self.folds):
            commands = [markup.Block(each.command) for each in blocks]
            folded = docker_run_collapse("", self._revealed(blocks, block), summary=presentation.collapse)
            parts = [self._literal(commands, block, emphasize=False), folded]
        else:
            # Without folding, each output is below its command.
            parts = [self._literal(blocks, block)]
        if recorded.date:
            day = recorded.date.partition("T")[0]
            parts.append(_notice(f"Recorded on {day}; not run in the build after it."))
        return parts

    def _revealed(self, blocks: Sequence[markup.Block], block: docker_run_block) -> nodes.Element:
        """Return the folded content: the output, with the commands if there are several."""
        blocks = [_peeked(each) for each in blocks]
        if not any(each.lines for each in blocks):
            return _notice("It prints nothing." if len(blocks) == 1 else "They print nothing.")
        if len(blocks) == 1:
            return self._literal([markup.Block("", blocks[0].lines)], block)
        return self._literal(blocks, block)

    def _literal(
        self, blocks: Sequence[markup.Block], block: docker_run_block, *, emphasize: bool = True
    ) -> nodes.literal_block:
        """Return a literal block that this builder can show."""
        text = markup.encode(blocks) if self.coloured else markup.plain(blocks)
        # The same object twice: a page may have many megabytes of output.
        content = nodes.Text(text)
        literal: nodes.literal_block
        if self.coloured:
            literal = docker_run_terminal(content, "", content, language="docker-run")
        else:
            literal = nodes.literal_block(content, "", content, language="none")
        literal["xml:space"] = "preserve"
        literal["classes"].append("docker-run-terminal")
        literal.source, literal.line = block.source, block.line
        presentation: Presentation = block["presentation"]
        if presentation.emphasize and emphasize:
            numbers = range(1, text.count("\n") + 2)
            emphasized = [
                number for number in numbers if any(number in lines for lines in presentation.emphasize)
            ]
            literal["highlight_args"] = {"hl_lines": emphasized} if emphasized else {}
        if self.folds and text.count("\n") > (fold := self._fold(presentation)):
            literal["fold"] = fold
        return literal

    def _fold(self, presentation: Presentation) -> int:
        """Return the number of lines after which an output is folded; 0 for never."""
        if presentation.fold is not None:
            return presentation.fold
        # What an author emphasises should be seen, and what a reader has opened is not folded again.
        is_seen = presentation.emphasize or presentation.collapse
        return 0 if is_seen else self._domain.build.settings.fold_lines or 0


class ShowColouredRecordings(ShowRecordings):
    """The same for LaTeX, whose literal blocks pass through Pygments; runs before the plain one."""

    formats = ("latex",)
    default_priority = 8
    coloured = True


class ShowFoldedRecordings(ShowColouredRecordings):
    """The same for HTML, which also supports folding."""

    formats = ("html",)
    folds = True


def _block(command: CommandRecording, presentation: Presentation) -> markup.Block:
    """Return the block of a command: with all lines, or those that its author chose."""
    lines = packed_lines(command.output)
    return markup.Block(command.command, _chosen(lines, presentation) if presentation.lines else lines)


def _peeked(block: markup.Block) -> markup.Block:
    """Return `block` with lines that are falsy if there are none."""
    lines = iter(block.lines)
    first = next(lines, None)
    return markup.Block(block.command, () if first is None else chain([first], lines))


def _chosen(lines: Iterable[str], presentation: Presentation) -> Iterator[str | Line]:
    """Yield the lines that an author chose, and the numbers of omitted lines."""
    left_out = 0
    for number, line in enumerate(lines, 1):
        if any(number in chosen for chosen in presentation.lines):
            if left_out:
                yield _ellipsis(left_out)
                left_out = 0
            yield line
        else:
            left_out += 1
    if left_out:
        yield _ellipsis(left_out)


def _ellipsis(count: int) -> Line:
    text = f"… {count} line{'s' * (count != 1)} left out"
    return (Span(text, Kind.ELLIPSIS, Style()),)


def _notice(text: str) -> nodes.container:
    """Return `text` as a notice, with text in backticks as code."""
    return nodes.container("", with_code(text), classes=["docker-run-notice"])
