"""Text for a user's terminal, without control characters or changes of the writing direction."""

from __future__ import annotations

import re

# Control characters except tabs and line feeds; characters without width or that change the writing
# direction; surrogates, which no stream can encode.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""Return `text` with an escape such as `\x1b` for each control character; tabs and line feeds stay.

    Every message to the user passes through here, once: messages quote pages, recordings and engines, whose
    text must not control the terminal.
    """
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
