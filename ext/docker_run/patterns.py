r"""Authors' regular expressions: those of Python's `re`, matched in bounded time.

An expression comes from a page, and so from whoever proposes a change to it. Python's own engine tries all
ways in which `(a|a)+$` can match, and can't be stopped while it does. So `re` says whether an expression is
one, and the package `regex`, which stops in time, matches it. All expressions of authors go this way:
`:match:`, `:capture:`, `:volatile:`, `<wait /…/>` and `docker_run_volatile`.

`regex` knows more than `re`. Where it would take for something of its own what means itself in `re`, it is
given an escape: a brace that repeats nothing (`{e}`, a fuzzy match), and a bracket within brackets
(`[[:alpha:]`, a class of POSIX). Of what is left, authors meet one difference: `\w` has the marks that are
combined with letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from docker_run.errors import SlowPattern

if TYPE_CHECKING:
    import regex

SECONDS = 1.0
"""Of processor time, for each time that a pattern is used; what is no trap takes thousandths of one."""

LONGEST = 10_000
"""Characters of a pattern."""

MOST_REPETITIONS = 20_000
"""How many pieces `{…}` may make of a pattern: `regex` compiles `(a{100}){100}` to ten thousand."""

_ESCAPE = r"(?P<escape>\\N\{[^}]*\}|\\.)"
_PIECE = re.compile(
    _ESCAPE
    + r"""|(?P<comment>\(\?\#[^)]*\))
    |\{(?P<low>[0-9]*)(?P<comma>,?)[0-9]*\}
    |(?P<brace>\{)
    |(?P<set>\[\^?\]?)
    |(?P<open>\()
    |(?P<close>\))
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_VERBOSE = re.compile(rf"(?P<remark>\#[^\n]*)|{_PIECE.pattern}", _PIECE.flags)
_IN_SET = re.compile(_ESCAPE + r"|(?P<bracket>\[)|(?P<end>\])|(?P<other>.)", re.DOTALL)


class Match(Protocol):
    """Where a pattern was found."""

    def __getitem__(self, group: int | str, /) -> str | None:
        """Return the text of a group, the whole for 0; None for a group that had no part in it."""


class Pattern:
    """A regular expression in multi-line mode, ready to be used. Raises `ValueError` for what is none."""

    def __init__(self, text: str) -> None:
        self.text = text
        """As its author wrote it."""
        self._compiled = _compiled(text)

    @property
    def has_groups(self) -> bool:
        """Whether it captures anything less than the whole of what it matches."""
        return bool(self._compiled.groups)

    def search(self, text: str) -> Match | None:
        """Find the first place where it matches. Raises `SlowPattern`."""
        try:
            found: Match | None = self._compiled.search(text, timeout=SECONDS)
        except (TimeoutError, MemoryError):
            raise self._slow(text) from None
        return found

    def sub(self, replaced: Callable[[Match], str], text: str) -> str:
        """Replace all that it matches, from left to right. Raises `SlowPattern`."""
        try:
            return str(self._compiled.sub(replaced, text, timeout=SECONDS))
        except (TimeoutError, MemoryError):
            raise self._slow(text) from None

    def _slow(self, text: str) -> SlowPattern:
        return SlowPattern(
            f"the regular expression `{self.text}` was still at work on {len(text):,} characters of output "
            f"after {SECONDS:g} s: there are too many ways in which it could match. Repeat nothing whose "
            "parts are repeated already, as in `(a+)+`, and write what a part may be so that it can't be "
            "another, `[^,]*,` instead of `.*,`",
            pattern=self.text,
        )


def problem(text: str) -> str:
    """Say why `text` is no regular expression; empty for one."""
    try:
        Pattern(text)
    except ValueError as error:
        return str(error)
    return ""


@lru_cache(maxsize=1024)
def _compiled(text: str) -> regex.Pattern[str]:
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text):,} characters, and {LONGEST:,} are allowed")
    try:
        flags = re.compile(text, re.MULTILINE).flags
    except re.error as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None
    except (OverflowError, ValueError):
        raise ValueError("a number in it is too large") from None
    # Not at the top: most builds use no expression, and the package takes long to import.
    import regex  # noqa: PLC0415

    same = _for_regex(text, _VERBOSE if flags & re.VERBOSE else _PIECE)
    try:
        return regex.compile(same, regex.MULTILINE | regex.VERSION0)
    except regex.error as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None


def _for_regex(text: str, outside: re.Pattern[str]) -> str:
    """Return `text`, which `re` reads, so that `regex` reads it in the same way.

    `outside` finds the pieces of it that are outside of sets (`[…]`).
    """
    pieces: list[str] = []
    size = _Size()
    at = 0
    in_set = False
    while found := (_IN_SET if in_set else outside).match(text, at):
        kind, piece = found.lastgroup or "", found[0]
        at = found.end()
        in_set = kind == "set" or (in_set and kind != "end")
        pieces.append(f"\\{piece}" if kind in {"brace", "bracket"} else piece)
        size.add(kind, found["low"] if kind == "comma" else "")
    if size.total > MOST_REPETITIONS:
        raise ValueError(f"its repetitions come to more than {MOST_REPETITIONS:,} pieces")
    return "".join(pieces) + text[at:]


class _Size:
    """How many pieces a pattern has once what `{…}` repeats is written out."""

    def __init__(self) -> None:
        self._groups: list[int] = []
        self._before = 0
        self._last = 0

    @property
    def total(self) -> int:
        """All pieces; of groups, those that are closed."""
        return self._before + self._last

    def add(self, kind: str, repeated: str) -> None:
        """Count a piece: of which kind it is, and how often it repeats the one before it."""
        if kind == "comma":
            self._last *= max(1, int(repeated.lstrip("0")[:10] or "0"))
        elif kind == "open":
            self._groups.append(self.total)
            self._before, self._last = 0, 0
        elif kind == "close" and self._groups:
            self._before, self._last = self._groups.pop(), self.total + 1
        else:
            self._before, self._last = self.total, 1
