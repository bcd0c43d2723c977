"""The last look at a page's text: what no format can hold is replaced."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from docker_run.sphinx_ext.rendering.nodes import docker_run_collapse, docker_run_terminal
from docker_run.terminal.emulation.characters import printable


class ReplaceUnprintable(SphinxPostTransform):
    """Puts U+FFFD in the place of control characters and of what XML can't hold, wherever they come from.

    A file that `docker-file` shows, a caption or a message of an engine may hold anything. An e-book with
    U+FFFE in it can't be opened, and TeX stops at a control character.
    """

    default_priority = 900

    def run(self, **_kwargs: Any) -> None:  # noqa: ANN401 (docutils' signature)
        """Replace them."""
        for text in list(self.document.findall(nodes.Text)):
            parent = text.parent
            # In these, control characters are marks, which the lexer takes out.
            if isinstance(parent, docker_run_terminal):
                continue
            shown = printable(text)
            if shown != text:
                if parent.rawsource == text:
                    parent.rawsource = shown  # where the two differ, Sphinx highlights nothing
                parent.replace(text, nodes.Text(shown))
        for folded in self.document.findall(docker_run_collapse):
            folded["summary"] = printable(folded["summary"])


def register(app: Sphinx) -> None:
    """Add it to Sphinx."""
    app.add_post_transform(ReplaceUnprintable)
