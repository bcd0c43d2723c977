"""The placeholder nodes of the directives, which post-transforms replace for each builder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes

from docker_run.sphinx_ext.rendering.lexer import for_script
from docker_run.sphinx_ext.rendering.shared_formatter import SharedFormatters

if TYPE_CHECKING:
    from collections.abc import Callable

    from sphinx.application import Sphinx
    from sphinx.util.docutils import SphinxTranslator
    from sphinx.writers.html5 import HTML5Translator
    from sphinx.writers.latex import LaTeXTranslator


class Placeholder(nodes.Element):
    """Base class of the nodes that `ShowRecordings` replaces: one search finds them all."""


FOOTER = "docker-run-footer"
"""The class of a footer, which is folded content too."""


class docker_run_block(Placeholder, nodes.General):  # noqa: N801 (docutils names nodes like tags)
    """Placeholder for a step.

    Attributes: `docname` (its page: some builders put all pages into one document), `step` (its index
    there, -1 for one that can't be run), `commands` (the texts to show for that one), `presentation`
    (`authoring.presentation.Presentation`), `lab` (the lab's name, to be shown; empty for the first).
    """


class docker_run_value(Placeholder, nodes.Inline, nodes.TextElement):  # noqa: N801
    """Placeholder for a captured value. Attributes: `docname` (its page), `value` (its name)."""


class docker_run_calls(Placeholder, nodes.Inline, nodes.TextElement):  # noqa: N801
    """Placeholder for the list of pages that run a command.

    Attributes: `command` (its name), `pages` (a pattern of the docnames that count).
    """


class docker_run_report(Placeholder, nodes.General):  # noqa: N801
    """Placeholder for a report. Attributes: `docname`, `whole` (on all pages, not on this one)."""


class docker_run_terminal(nodes.literal_block):  # noqa: N801
    """Commands and their output, in the lexer's markup.

    Attribute: `fold` (number of lines after which an output is folded; absent or 0: never).
    """


class docker_run_collapse(nodes.General, nodes.Element):  # noqa: N801
    """Content that is folded, in formats that support it.

    Attribute: `summary` (the text to click on).
    """


class docker_run_label(nodes.General, nodes.Element):  # noqa: N801
    """A link target in LaTeX. Attribute: `target` (docname, `:`, ID)."""


def lab_label(name: str) -> nodes.paragraph:
    """Return the line above a block that names its lab."""
    return nodes.paragraph("", "", nodes.Text("On "), nodes.literal(name, name), classes=["docker-run-lab"])


def with_code(text: str) -> nodes.paragraph:
    """Return `text` as a paragraph, with text in backticks as code."""
    paragraph = nodes.paragraph()
    for number, part in enumerate(text.split("`")):
        paragraph += nodes.literal(part, part) if number % 2 else nodes.Text(part)
    return paragraph


def register(app: Sphinx) -> None:
    """Register all nodes with Sphinx."""
    for node in (docker_run_block, docker_run_value, docker_run_calls, docker_run_report):
        # Post-transforms don't process copies of a title in a table of contents: nothing is shown there.
        handler = (_skip, None)
        app.add_node(node, html=handler, latex=handler, text=handler, man=handler, texinfo=handler)
    app.add_node(docker_run_label, latex=(_visit_label, None))
    # All other formats treat it as its base class, a literal block.
    app.add_node(docker_run_terminal, html=(_terminal_visitor(), None))
    show = (_show, _show)
    app.add_node(
        docker_run_collapse,
        html=(_visit_details, _depart_details),
        latex=show,
        text=show,
        man=show,
        texinfo=show,
    )


def _terminal_visitor() -> Callable[[HTML5Translator, docker_run_terminal], None]:
    formatters = SharedFormatters()

    def visit_terminal(translator: HTML5Translator, node: docker_run_terminal) -> None:
        try:
            with formatters.used_by(translator):
                translator.visit_literal_block(node)
        except nodes.SkipNode:
            translator.body[-1] = for_script(translator.body[-1], fold=node.get("fold", 0))
            raise

    return visit_terminal


def _visit_label(translator: LaTeXTranslator, node: docker_run_label) -> None:
    # By Sphinx's own method, which escapes names of pages with characters that are special in TeX.
    translator.body.append(translator.hypertarget(node["target"], withdoc=False))
    raise nodes.SkipNode


def _skip(_translator: SphinxTranslator, _node: nodes.Element) -> None:
    raise nodes.SkipNode


def _show(_translator: SphinxTranslator, _node: nodes.Element) -> None:
    """Show the content: the format can't fold it."""


def _visit_details(translator: HTML5Translator, node: nodes.Element) -> None:
    if FOOTER in node["classes"] and translator.builder.name == "epub":
        # It stands in the margin until it's opened, which few e-readers can do.
        raise nodes.SkipNode
    translator.body.append(translator.starttag(node, "details", CLASS="docker-run-collapse"))
    translator.body.append(f"<summary>{translator.encode(node['summary'])}</summary>\n")


def _depart_details(translator: HTML5Translator, _node: nodes.Element) -> None:
    translator.body.append("</details>\n")
