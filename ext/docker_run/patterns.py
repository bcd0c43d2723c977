r"""Authors' regular expressions: the syntax of Python's `re`, matched in bounded time.

An expression comes from a page, and so from anyone who proposes a change to it. Python's `re` backtracks
exponentially on `(a|a)+$`, and can't be interrupted. So `re` validates an expression, and the package
`regex`, which supports a timeout, matches it. This holds for all expressions of authors: `:match:`,
`:capture:`, `:volatile:`, `<wait /…/>` and `docker_run_volatile`.

`regex` has more syntax than `re`. What is literal in `re` and special in `regex` is escaped: a brace that is
no quantifier (`{e}`, a fuzzy match), and a bracket within a set (`[[:alpha:]`, a POSIX class). One difference
remains for authors: `\w` includes combining marks.
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
"""Limit of processor time per search or substitution; a pattern without backtracking takes milliseconds."""

LONGEST = 10_000
"""Limit of a pattern's length, in characters."""

MOST_REPETITIONS = 20_000
"""Limit of a pattern's pieces, quantifiers expanded: `regex` compiles `(a{100}){100}` to ten thousand."""

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
    """A match of a pattern."""

    def __getitem__(self, group: int | str, /) -> str | None:
        """Return the text of a group, the whole match for 0; None for a group that did not participate."""


class Pattern:
    """A compiled regular expression in multi-line mode. Raises `ValueError` if it is invalid."""

    def __init__(self, text: str) -> None:
        self.text = text
        """The expression as its author wrote it."""
        self._compiled = _compiled(text)

    @property
    def has_groups(self) -> bool:
        """Whether it has capturing groups."""
        return bool(self._compiled.groups)

    def search(self, text: str) -> Match | None:
        """Return the first match. Raises `SlowPattern`."""
        try:
            found: Match | None = self._compiled.search(text, timeout=SECONDS)
        except (TimeoutError, MemoryError):
            raise self._slow(text) from None
        return found

    def sub(self, replaced: Callable[[Match], str], text: str) -> str:
        """Replace all matches, from left to right. Raises `SlowPattern`."""
        try:
            return str(self._compiled.sub(replaced, text, timeout=SECONDS))
        except (TimeoutError, MemoryError):
            raise self._slow(text) from None

    def _slow(self, text: str) -> SlowPattern:
        return SlowPattern(
            f"the regular expression `{self.text}` did not finish with {len(text):,} characters of output "
            f"after {SECONDS:g} s: it could match in too many ways. Don't repeat a group that contains a "
            "repetition, as in `(a+)+`, and write parts that exclude each other, `[^,]*,` instead of `.*,`",
            pattern=self.text,
        )


def problem(text: str) -> str:
    """Return why `text` is not a valid regular expression; empty if it is."""
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
    # Not at the top: most builds use no expression, and the package is slow to import.
    import regex  # noqa: PLC0415

    same = _for_regex(text, _VERBOSE if flags & re.VERBOSE else _PIECE)
    try:
        return regex.compile(same, regex.MULTILINE | regex.VERSION0)
    except regex.error as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None


def _for_regex(text: str, outside: re.Pattern[str]) -> str:
    """Translate `text` from the syntax of `re` to that of `regex`.

    `outside` matches the next piece outside of a set (`[…]`).
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
    """Counts the pieces of a pattern, with its quantifiers (`{…}`) expanded."""

    def __init__(self) -> None:
        self._groups: list[int] = []
        self._before = 0
        self._last = 0

    @property
    def total(self) -> int:
        """The number of pieces; of groups, only those that are closed."""
        return self._before + self._last

    def add(self, kind: str, repeated: str) -> None:
        """Count a piece of kind `kind`; `repeated` is how often a quantifier repeats the piece before it."""
        if kind == "comma":
            self._last *= max(1, int(repeated.lstrip("0")[:10] or "0"))
        elif kind == "open":
            self._groups.append(self.total)
            self._before, self._last = 0, 0
        elif kind == "close" and self._groups:
            self._before, self._last = self._groups.pop(), self.total + 1
        else:
            self._before, self._last = self.total, 1
