"""Splitting a command line into words, by the quoting rules of the POSIX shell and nothing else of it.

No shell between a `docker-run` directive and the engine expands variables, opens pipes or matches file
names. So anything on which a shell would do more than remove quotes is an error, and is never passed on
literally: a reader who types the shown line into a terminal must get what the page shows.

Rules: POSIX.1-2017, Shell Command Language, 2.2 Quoting, 2.3 Token Recognition, 2.6 Word Expansions; and
of bash, the shell of most readers, brace expansion and the tilde after `NAME=` (Bash Reference Manual,
3.5.1 and 3.5.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from docker_run.errors import SyntaxProblem

_OPERATORS = {
    "|": "begins a pipe",
    "&": "sends a command to the background",
    ";": "separates commands",
    "<": "redirects input",
    ">": "redirects output",
    "(": "begins a subshell",
    ")": "ends a subshell",
    "`": "runs a command",
}
_BLANKS = " \t"
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:=@%+,-]++(?=[ \t]|\Z)")
"""A word without special characters, like most words."""
_EXPANSION = re.compile(r"\$(?:\\\n)*+[A-Za-z0-9_{(@*#?$!\-\[]")
"""An expansion, also within double quotes; a shell joins continuation lines first."""
_EXPANSION_UNQUOTED = re.compile(r"\$(?:\\\n)*+[A-Za-z0-9_{(@*#?$!\-'\"\[]")
"""An expansion outside of double quotes, where bash also has `$'…'` and `$"…"`."""
_ESCAPABLE_IN_DOUBLE_QUOTES = '$`"\\'
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_TILDE = re.compile(r"~[A-Za-z0-9._+-]*(?=[/:=]|\Z)")
"""A tilde prefix at the start of a word; bash also expands `~:` and `~=`."""
_TILDE_IN_ASSIGNMENT = re.compile(r"~[A-Za-z0-9._+-]*(?=[/:]|\Z)")
_SEQUENCE = re.compile(r"([+-]?\d+\.\.[+-]?\d+|[A-Za-z]\.\.[A-Za-z])(\.\.[+-]?\d+)?")
_QUOTED = "\0"
"""Placeholder for a quoted character where only unquoted ones matter; a line can't contain NUL."""


class _Char(NamedTuple):
    """A character of a word, whether it was quoted, and its column (from 1)."""

    text: str
    quoted: bool
    column: int


@dataclass(slots=True)
class _Brace:
    """An open brace."""

    place: int
    has_comma: bool = False


def split(text: str) -> tuple[str, ...]:
    """Split `text` into words, and remove the quotes.

    Quotes are single and double ones and the backslash, which at the end of a line continues it.

    Raises `SyntaxProblem` for an unclosed quote, and for anything that a shell would interpret: the message
    has the character, its column in `text` (from 1), and what to write instead.
    """
    return tuple(_Reader(text).words())


class _Reader:
    """Reads words from left to right, and refuses what a shell would interpret."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def words(self) -> Iterator[str]:
        """Yield the words, without quotes."""
        while self._skip_blanks():
            if plain := _PLAIN_WORD.match(self._text, self._at):
                self._at = plain.end()
                yield plain[0]
                continue
            if self._text[self._at] == "#":
                raise _shell_problem("#", self._at + 1, "begins a comment")
            word = self._word()
            if word is not None:
                _refuse_expansions(word)
                yield "".join(char.text for char in word)

    def _skip_blanks(self) -> bool:
        while self._at < len(self._text) and self._text[self._at] in _BLANKS:
            self._at += 1
        return self._at < len(self._text)

    def _word(self) -> list[_Char] | None:
        """Read a word; None if there is only a line continuation."""
        word: list[_Char] = []
        present = False
        while self._at < len(self._text) and self._text[self._at] not in _BLANKS:
            char = self._text[self._at]
            if char == "\\" and self._text.startswith("\\\n", self._at):
                self._at += 2
                if not word and not present:
                    return None
                continue
            present = True
            if char == "'":
                word += self._single_quoted()
            elif char == '"':
                word += self._double_quoted()
            elif char == "\\":
                word.append(self._escaped())
            else:
                word.append(self._plain())
        return word

    def _plain(self) -> _Char:
        char = self._text[self._at]
        column = self._at + 1
        if char in _OPERATORS:
            raise _shell_problem(char, column, _OPERATORS[char])
        if char == "\n":
            raise SyntaxProblem(
                f"The line breaks at column {column}, where a shell would begin another command: write one "
                "command on one line, or end the line with a backslash to continue it. In reStructuredText, "
                "a body follows an empty line."
            )
        if char == "\0":
            raise SyntaxProblem(f"There is a NUL character at column {column}: no argument can hold one.")
        if char == "$" and _EXPANSION_UNQUOTED.match(self._text, self._at):
            raise _shell_problem("$", column, "is replaced by a value")
        self._at += 1
        return _Char(char, quoted=False, column=column)

    def _escaped(self) -> _Char:
        if self._at + 1 == len(self._text):
            raise SyntaxProblem(
                f"The backslash at column {self._at + 1} has nothing after it: remove it, or quote it. In "
                "MyST, the directive's line is one line, however long."
            )
        char = _Char(self._text[self._at + 1], quoted=True, column=self._at + 2)
        self._at += 2
        return char

    def _single_quoted(self) -> list[_Char]:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            raise _open_quote("'", self._at + 1)
        chars = [_Char(self._text[i], quoted=True, column=i + 1) for i in range(self._at + 1, end)]
        self._at = end + 1
        # An empty pair of quotes still makes a following tilde or `#` literal.
        return chars or [_Char("", quoted=True, column=end + 1)]

    def _double_quoted(self) -> list[_Char]:
        start = self._at
        chars = [_Char("", quoted=True, column=start + 1)]
        self._at += 1
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == '"':
                self._at += 1
                return chars
            if char == "\\" and self._text.startswith("\\\n", self._at):
                self._at += 2
                continue
            if char == "\\" and self._text[self._at + 1 : self._at + 2] in tuple(_ESCAPABLE_IN_DOUBLE_QUOTES):
                self._at += 1
                char = self._text[self._at]
            elif char == "`" or (char == "$" and _EXPANSION.match(self._text, self._at)):
                raise _shell_problem(char, self._at + 1, "is replaced by a value, in double quotes too")
            chars.append(_Char(char, quoted=True, column=self._at + 1))
            self._at += 1
        raise _open_quote('"', start + 1)


def _refuse_expansions(word: list[_Char]) -> None:
    """Refuse what a shell would expand in a whole word: file names, home directories, braces."""
    bare = "".join(_QUOTED if char.quoted else char.text for char in word)
    _refuse_tilde(bare, word)
    _refuse_braces(bare, word)
    last_bracket = bare.rfind("]")
    for place, char in enumerate(bare):
        if char in "*?" or (char == "[" and _first_in_brackets(bare, place) < last_bracket):
            raise _shell_problem(char, word[place].column, "matches file names")


def _first_in_brackets(bare: str, opening: int) -> int:
    """Return the place of the first character in the set that `[` at `opening` begins: never its `]`."""
    return opening + 2 if bare[opening + 1 : opening + 2] in ("!", "^") else opening + 1


def _refuse_tilde(bare: str, word: list[_Char]) -> None:
    assignment = _ASSIGNMENT.match(bare)
    places = [0] if _TILDE.match(bare) else []
    if assignment:
        value = assignment.end()
        starts = [value, *(place + 1 for place in range(value, len(bare)) if bare[place] == ":")]
        places += [place for place in starts if _TILDE_IN_ASSIGNMENT.match(bare, place)]
    for place in places:
        raise _shell_problem("~", word[place].column, "is replaced by a home directory")


def _refuse_braces(bare: str, word: list[_Char]) -> None:
    places = list(_expanded_braces(bare))
    if places:
        raise _shell_problem("{", word[min(places)].column, "is expanded to several words by bash")


def _expanded_braces(bare: str) -> Iterator[int]:
    """Yield the places of opening braces that are closed, around a comma or a sequence (`1..3`)."""
    opened: list[_Brace] = []
    for place, char in enumerate(bare):
        if char == "{":
            opened.append(_Brace(place))
        elif char == "," and opened:
            opened[-1].has_comma = True
        elif char == "}" and opened:
            brace = opened.pop()
            if brace.has_comma or _SEQUENCE.fullmatch(bare, brace.place + 1, place):
                yield brace.place


def _shell_problem(char: str, column: int, what: str) -> SyntaxProblem:
    return SyntaxProblem(
        f"In a shell the `{char}` at column {column} {what}, but no shell reads this line. Quote it if you "
        f"mean the character ('{char}'), or give the command to a shell in the container: sh -c '…'."
    )


def _open_quote(quote: str, column: int) -> SyntaxProblem:
    return SyntaxProblem(f"The quote {quote} at column {column} is never closed: add the closing {quote}.")
