"""Replacement of characters that no format can contain, in all text of a page."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from docker_run.sphinx_ext.rendering.nodes import docker_run_collapse, docker_run_terminal
from docker_run.terminal.emulation.characters import printable


class ReplaceUnprintable(SphinxPostTransform):
    """Replaces control characters and those that XML can't contain by U+FFFD.

    A file of `docker-file`, a caption or an engine's message may contain any character. An e-book with
    U+FFFE in it can't be opened, and TeX stops at a control character.
    """

    default_priority = 900

    def run(self, **_kwargs: Any) -> None:  # noqa: ANN401 (docutils' signature)
        """Replace them."""
        for text in list(self.document.findall(nodes.Text)):
            parent = text.parent
            # In these, control characters are marks, which the lexer removes.
            if isinstance(parent, docker_run_terminal):
                continue
            shown = printable(text)
            if shown != text:
                if parent.rawsource == text:
                    parent.rawsource = shown  # if the two differ, Sphinx does not highlight the block
                parent.replace(text, nodes.Text(shown))
        for folded in self.document.findall(docker_run_collapse):
            folded["summary"] = printable(folded["summary"])


def register(app: Sphinx) -> None:
    """Register it with Sphinx."""
    app.add_post_transform(ReplaceUnprintable)
