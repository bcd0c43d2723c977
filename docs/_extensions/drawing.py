"""The directive `drawing`: a picture that is text, drawn in the page's own colours.

In HTML the SVG becomes part of the page, so that it follows the reader's light or dark and needs no
script. Other formats, and people who don't see it, get the text alternative in the directive's body.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Callable

    from docutils.nodes import Node
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata
    from sphinx.writers.html5 import HTML5Translator

SVG = "http://www.w3.org/2000/svg"
_REFERENCE = re.compile(r"url\([\"']?#([^)\"']+)[\"']?\)")
_ARROWHEAD = "M0 0 8 4 0 8z"

ET.register_namespace("", SVG)


class drawing(nodes.container):  # noqa: N801 (docutils' way to name nodes)
    """A drawing: its children are the text alternative, its attribute `svg` is the picture."""


class Drawing(SphinxDirective):
    """Shows `drawings/NAME.svg` of the source directory; the body, its text alternative, is required."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Callable[[str], object]]] = {
        "caption": directives.unchanged_required,
        "name": directives.unchanged_required,
    }

    def run(self) -> list[Node]:
        """Read the picture, and note that the page depends on it."""
        self.assert_has_content()
        directory = Path(self.env.srcdir, "drawings").resolve()
        path = (directory / self.arguments[0]).resolve()
        if not path.is_relative_to(directory):
            raise self.error(f"drawing: {self.arguments[0]} is not in the directory {directory}")
        self.env.note_dependency(str(path))
        # A page may have one drawing twice, and two of the same name from two directories.
        prefix = nodes.make_id(f"{self.env.docname} drawing {self.env.new_serialno('drawing')}")
        node = drawing("", *self.parse_content_to_nodes())
        alternative = " ".join(node.astext().split())
        try:
            text = path.read_text(encoding="utf-8")
            node["svg"] = inline_svg(text, prefix=prefix, alternative=alternative)
        except (OSError, ValueError) as error:
            raise self.error(f"drawing: {path}: {error}") from error
        if caption := self.options.get("caption", ""):
            node += nodes.paragraph(caption, caption)
        node["caption"] = caption
        self.set_source_info(node)
        self.add_name(node)
        return [node]


def inline_svg(text: str, *, prefix: str, alternative: str) -> str:
    """Return the SVG `text` as part of a page: its ids begin with `prefix`, and it has an arrow head.

    People who don't see it get `alternative`.

    Several drawings of a page may have the same ids, which a page of HTML must not. Raises `ValueError`
    where it is no SVG with a `viewBox`, and where it holds more than a picture.
    """
    try:
        root = ET.fromstring(text)  # noqa: S314 (the project's own file)
    except ET.ParseError as error:
        raise ValueError(f"not well-formed: {error}") from error
    if root.tag != f"{{{SVG}}}svg" or not root.get("viewBox"):
        raise ValueError('the outermost element has to be <svg xmlns="…" viewBox="0 0 WIDTH HEIGHT">')
    box = re.fullmatch(r"\s*-?[\d.]+[\s,]+-?[\d.]+[\s,]+(\d[\d.]*)[\s,]+\d[\d.]*\s*", root.get("viewBox", ""))
    if not box:
        raise ValueError(f'viewBox="{root.get("viewBox")}" should be "0 0 WIDTH HEIGHT"')
    for element in root.iter():
        _only_a_picture(element)
        for key, value in element.items():
            element.set(key, _renamed(key, value, prefix))
        if "arrow" in element.get("class", "").split():
            element.set("marker-end", f"url(#{prefix}-arrowhead)")
    root.insert(0, _arrowhead(f"{prefix}-arrowhead"))
    # An image has no links in it: to screen readers, a map is a group of them.
    root.set("role", "group" if root.find(f".//{{{SVG}}}a") is not None else "img")
    root.set("aria-label", alternative)
    root.set("focusable", "false")
    root.set("style", f"max-width:{float(box[1]):g}px;{root.get('style', '')}")
    return ET.tostring(root, encoding="unicode")


def _only_a_picture(element: ET.Element) -> None:
    """Refuse what runs, or brings a style for the whole page with it."""
    name = element.tag.rpartition("}")[2]
    if name in {"script", "foreignObject", "style", "iframe"}:
        raise ValueError(f"<{name}> has no place in a drawing")
    for key, value in element.items():
        if key.lower().startswith("on") or value.strip().lower().startswith("javascript:"):
            raise ValueError(f'{key}="{value}" has no place in a drawing')


def _renamed(key: str, value: str, prefix: str) -> str:
    """Return an attribute's value with the drawing's own ids under their new names."""
    if key == "id":
        return f"{prefix}-{value}"
    if key.rpartition("}")[2] == "href" and value.startswith("#"):
        return f"#{prefix}-{value[1:]}"
    if key in {"aria-labelledby", "aria-describedby"}:
        return " ".join(f"{prefix}-{name}" for name in value.split())
    return _REFERENCE.sub(lambda match: f"url(#{prefix}-{match[1]})", value)


def _arrowhead(name: str) -> ET.Element:
    """Return the head that lines of the class `arrow` end in."""
    box = {"viewBox": "0 0 8 8", "refX": "7", "refY": "4", "markerWidth": "8", "markerHeight": "8"}
    marker = ET.Element(f"{{{SVG}}}marker", {"id": name, "orient": "auto-start-reverse", **box})
    ET.SubElement(marker, f"{{{SVG}}}path", {"d": _ARROWHEAD, "class": "head"})
    definitions = ET.Element(f"{{{SVG}}}defs")
    definitions.append(marker)
    return definitions


def _visit_html(translator: HTML5Translator, node: drawing) -> None:
    starttag = translator.starttag(node, "figure", CLASS="drawing")
    caption = f"<figcaption>{translator.encode(node['caption'])}</figcaption>" if node["caption"] else ""
    translator.body.append(f"{starttag}{node['svg']}{caption}</figure>\n")
    raise nodes.SkipNode


def _visit_text(translator: nodes.NodeVisitor, node: drawing) -> None:
    """Show the text alternative, as ordinary paragraphs."""


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add the directive to Sphinx."""
    plain = (_visit_text, _visit_text)
    app.add_node(drawing, html=(_visit_html, None), latex=plain, text=plain, man=plain, texinfo=plain)
    app.add_directive("drawing", Drawing)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
