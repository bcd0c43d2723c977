"""Text for a person's terminal: nothing in it moves the cursor, sets a title or turns the line around."""

from __future__ import annotations

import re

# Control characters but for tabs and ends of lines, and what takes no room or changes the direction of
# writing; halves of surrogate pairs, which no stream can encode.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""Return `text` with an escape such as `\x1b` for each control character; tabs and line feeds stay.

    All that is said to whoever builds passes through here, once: messages quote pages, recordings and
    engines, whose text is data on a terminal too.
    """
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
