"""One Pygments formatter for many blocks.

Sphinx creates one for each block, which takes twice as long as the block, since Pygments computes the whole
style sheet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pygments.formatter import Formatter
    from sphinx.highlighting import PygmentsBridge
    from sphinx.writers.html5 import HTML5Translator


class SharedFormatters:
    """Makes translators share formatters; a theme's own highlighter is still used."""

    def __init__(self) -> None:
        self._own: PygmentsBridge | None = None
        self._shared: PygmentsBridge | None = None

    @contextmanager
    def used_by(self, translator: HTML5Translator) -> Iterator[None]:
        """Replace the highlighter of `translator` with a sharing copy."""
        own = translator.highlighter
        if self._shared is None or own is not self._own:
            self._own, self._shared = own, _sharing(own)
        translator.highlighter = self._shared
        try:
            yield
        finally:
            translator.highlighter = own


def _sharing(highlighter: PygmentsBridge) -> PygmentsBridge:
    """Return a copy of `highlighter` with one formatter for all blocks without emphasised lines."""
    shared = copy(highlighter)
    made: dict[bool | str, Formatter[str]] = {}

    def get_formatter(*, linenos: bool | str = False, **others: object) -> Formatter[str]:
        if others:
            return highlighter.get_formatter(linenos=linenos, **others)
        if linenos not in made:
            made[linenos] = highlighter.get_formatter(linenos=linenos)
        return made[linenos]

    vars(shared)["get_formatter"] = get_formatter
    return shared
