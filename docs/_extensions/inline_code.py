"""Inline code whose words stay whole: no line ends after the hyphens of `--rm`.

Browsers may break a line after any hyphen. Words that are longer than a narrow column, such as URLs,
still have to be broken somewhere, so only code without such words gets the class `whole-words`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

LONGEST_WHOLE_WORD = 25
"""In characters: a phone is about 40 wide, less what lists and folded text are indented by."""


class WholeWords(SphinxPostTransform):
    """Give inline code the class `whole-words`, unless one of its words is too long."""

    default_priority = 900
    formats = ("html",)

    def run(self, **_kwargs: object) -> None:
        """Change each literal of the page."""
        for literal in self.document.findall(nodes.literal):
            if all(len(word) <= LONGEST_WHOLE_WORD for word in literal.astext().split()):
                literal["classes"].append("whole-words")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add the transform to Sphinx."""
    app.add_post_transform(WholeWords)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
