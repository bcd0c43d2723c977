r"""Continuation lines of bash: whether a command is complete after a line.

A shell that reads from a terminal asks for more lines while a quote, a bracket or a here-document is open,
after a backslash, and after `|`, `&&` or `||`. `Reader` is fed line by line, and says which of these is
open. It ignores reserved words: it does not check that a `for` has its `done`.

Rules: POSIX.1-2017, Shell Command Language, 2.2 Quoting, 2.3 Token Recognition, 2.7.4 Here-Document;
and those of bash for `$'…'`, `<<<`, `((…))` and quotes within `"${…}"` (Bash Reference Manual, 3.1.2,
3.2.5, 3.5.3, 3.6).
"""

from __future__ import annotations

import re
from collections import deque
from enum import Enum
from typing import NamedTuple


class _Kind(Enum):
    """The kind of an open construct, which decides what the characters in it mean."""

    CODE = "a subshell or a command substitution, `$(…)`"
    SUM = "arithmetic: without comments and here-documents"
    PARAMETER = "${…}"
    BACKTICK = "`…`: ends at the next backtick, whatever is in between"
    SINGLE = "'…'"
    ANSI = "$'…'"
    DOUBLE = '"…"'


_QUOTES = frozenset({_Kind.SINGLE, _Kind.ANSI, _Kind.DOUBLE})


class _Frame(NamedTuple):
    """An open construct."""

    kind: _Kind
    closer: str
    opener: str
    line: int
    literal_quotes: bool = False
    """For `${…}`: whether `'` is literal in it, as in `"${x:-it's}"`."""
    in_double: bool = False
    """Whether it is within double quotes, its own or those around it."""


class _HereDocument(NamedTuple):
    """A here-document that was requested with `<<WORD`."""

    word: str
    quoted: bool
    tabs: bool
    """Whether tabs at the start of its lines are removed: `<<-WORD`."""
    line: int


_CODE = re.compile(
    r"""(?P<blank>\s+)
    |(?P<joined>\\\Z)
    |(?P<here><<(?P<tabs>-?)[ \t]*(?P<word>(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s\\'"|&;<>()])+))
    |(?P<redirection><<<|>\||&>>?|[<>]&|<>|>>|[<>](?!\())
    |(?P<operator>\|\||&&|\|&|\||;;&|;;|;&|;|&)
    |(?P<sum>\(\()
    |(?P<bracket>[<>]?\()
    |(?P<closed>\))
    |(?P<dollar>\$)
    |(?P<quote>['"`])
    |(?P<text>\\.|[^\\'"`$<>()|&;\s]+)""",
    re.VERBOSE,
)
"""A token of a command, outside of quotes."""
_CONTINUATION_OPERATORS = frozenset({"||", "&&", "|", "|&"})
_DOLLAR = re.compile(r"\$(?:\(\(|[({[\"'#?!*@$-])?")
_DEFAULT = re.compile(r":?[-=?+]")
_NAME = re.compile(rf"\$\{{[!#]?(?:\w++|[@*#?!$-])(?=\[|{_DEFAULT.pattern})")
"""`${x:-…}` and similar expansions, in which a single quote is literal within double quotes."""
_QUOTING = re.compile(r"\\(.)|'([^']*)'|\"((?:\\.|[^\"\\])*)\"")


class Reader:
    """Tracks what is open in a command, line by line. Lines are counted from 1."""

    def __init__(self) -> None:
        self._frames: list[_Frame] = []
        self._pending: deque[_HereDocument] = deque()
        self._here: _HereDocument | None = None
        self._here_joined = False
        self._backslash = False
        self._operator = ""
        self._operator_line = 0
        self._line = 0
        self._comment = -1
        self._word_start = True
        self._bracket_end = -1
        self.empty = True
        """Whether it has nothing but blanks and comments so far."""

    @property
    def literal(self) -> bool:
        """Whether the next line is text within quotes or a here-document, not code."""
        return self._here is not None or (bool(self._frames) and self._frames[-1].kind in _QUOTES)

    @property
    def after_backslash(self) -> bool:
        """Whether the last line of code ends with a line continuation."""
        return self._backslash

    @property
    def here_word(self) -> str:
        """The delimiter of the here-document to which the next line belongs; empty outside of one."""
        return self._here.word if self._here else ""

    @property
    def continues(self) -> bool:
        r"""Whether the command continues because of the last line's end: `\`, `|`, `&&`, `||`."""
        return not self._frames and not self._here and bool(self._backslash or self._operator)

    def open(self) -> tuple[str, int]:
        """Return what is open, for a message, and the line where it begins; ("", 0) if nothing is."""
        if self._here:
            return f"the here-document `{self._here.word}`", self._here.line
        if self._frames:
            frame = self._frames[-1]
            what = "quote" if frame.kind in _QUOTES else "bracket" if frame.opener != "`" else "backtick"
            return f"the {what} {_shown(frame.opener)}", frame.line
        if self._backslash:
            return "the `\\` at the line's end", self._line
        if self._operator:
            return f"the `{self._operator}` at the line's end", self._operator_line
        return "", 0

    def feed(self, line: str) -> int:
        """Read the next line; return the column of a comment on it (from 0), or -1."""
        self._line += 1
        self._comment = -1
        self._bracket_end = -1
        if self._here:
            self._here_line(line, self._here)
        else:
            self._word_start = self._word_start or not self._backslash
            self._backslash = False
            self._read(line)
            if not self._backslash and (not self._frames or self._frames[-1].kind is _Kind.CODE):
                self._begin_here_document()
        return self._comment

    def _here_line(self, line: str, here: _HereDocument) -> None:
        joined, self._here_joined = self._here_joined, False
        if not joined and (line.lstrip("\t") if here.tabs else line) == here.word:
            self._begin_here_document()
        elif not here.quoted:
            self._here_joined = (len(line) - len(line.rstrip("\\"))) % 2 == 1

    def _begin_here_document(self) -> None:
        self._here = self._pending.popleft() if self._pending else None

    def _read(self, line: str) -> None:
        at = 0
        while at < len(line):
            kind = self._frames[-1].kind if self._frames else _Kind.CODE
            if kind is _Kind.CODE:
                if line[at] == "#" and self._word_start:
                    self._comment = -1 if self._frames else at
                    return
                at = self._code(line, at)
                continue
            self._word_start = False
            if kind in {_Kind.SINGLE, _Kind.ANSI, _Kind.BACKTICK}:
                at = self._to_closer(line, at, escapes=kind is not _Kind.SINGLE)
            else:
                at = self._inside(line, at)

    def _to_closer(self, line: str, at: int, *, escapes: bool) -> int:
        """Skip literal text; close the frame at its closing character."""
        closer = self._frames[-1].closer
        while at < len(line):
            if escapes and line[at] == "\\":
                at += 2
                continue
            at += 1
            if line[at - 1] == closer:
                self._frames.pop()
                return at
        return len(line)

    def _inside(self, line: str, at: int) -> int:
        """Read one token within double quotes, `${…}` or arithmetic."""
        frame, char = self._frames[-1], line[at]
        if char == frame.closer:
            self._frames.pop()
        elif char == "\\":
            return at + 2
        elif char in '"`' or (char == "'" and frame.kind is not _Kind.DOUBLE and not frame.literal_quotes):
            self._quote(char)
        elif char == "(" and frame.kind is _Kind.SUM:
            self._push(_Kind.SUM, ")", "(")
        elif char == "$":
            return self._dollar(line, at)
        return at + 1

    def _code(self, line: str, at: int) -> int:
        """Read a token of a command; return where the next one begins."""
        found = _CODE.match(line, at)
        if found is None:  # pragma: no cover - every character begins a token
            return at + 1
        kind, piece = found.lastgroup, found[0]
        if kind == "joined":
            self._backslash = True
            return found.end()
        if kind != "blank":
            self.empty = False
            self._operator = piece if piece in _CONTINUATION_OPERATORS else ""
            self._operator_line = self._line
        was_start, self._word_start = self._word_start, kind in {"blank", "operator", "redirection"}
        if kind == "here":
            self._add_pending(found["word"], tabs=bool(found["tabs"]))
        elif kind == "dollar":
            return self._dollar(line, at)
        elif kind == "quote":
            self._quote(piece)
        elif kind in {"sum", "bracket", "closed"}:
            return self._bracket(piece, at, word_start=was_start)
        return found.end()

    def _bracket(self, piece: str, at: int, *, word_start: bool) -> int:
        if piece == "((" and word_start:
            self._push_sum("((", ")", 2)
            return at + 2
        if piece == ")":
            # Where no bracket is open, it ends a pattern of `case`.
            opener = self._frames.pop().opener if self._frames else ""
            self._word_start = opener in {"", "("}
            return at + 1
        self._push(_Kind.CODE, ")", piece.removesuffix("(") + "(" if piece != "((" else "(")
        return at + (1 if piece == "((" else len(piece))

    def _dollar(self, line: str, at: int) -> int:
        """Read an expansion, or one of bash's own quotes (`$'…'`, `$"…"`)."""
        found = _DOLLAR.match(line, at)
        text = found[0] if found else "$"
        if text == "$((":
            self._push_sum(text, ")", 2)
        elif text == "$[":
            self._push_sum(text, "]", 1)
        elif text == "$(":
            self._push(_Kind.CODE, ")", text)
        elif text == "${":
            literal = self._within_double and self._has_default(line, at)
            self._push(_Kind.PARAMETER, "}", text, literal_quotes=literal)
        elif text == "$'" and not self._within_double:
            self._push(_Kind.ANSI, "'", text)
        elif text in {'$"', "$'"}:
            return at + 1
        return at + len(text)

    @property
    def _within_double(self) -> bool:
        """Whether surrounding double quotes are in effect here."""
        return bool(self._frames) and self._frames[-1].in_double

    def _has_default(self, line: str, at: int) -> bool:
        """Return whether the `${` at `at` begins an expansion with a default: `${x-…}`, `${x[1]:=…}`."""
        found = _NAME.match(line, at)
        if found is None:
            return False
        end = found.end()
        if line.startswith("[", end):
            if self._bracket_end < end:  # searched for once per line, so that time stays linear
                closing = line.find("]", end)
                self._bracket_end = closing if closing >= 0 else len(line)
            end = self._bracket_end + 1
        return _DEFAULT.match(line, end) is not None

    def _quote(self, char: str) -> None:
        kinds = {"'": _Kind.SINGLE, '"': _Kind.DOUBLE, "`": _Kind.BACKTICK}
        self._push(kinds[char], char, char)

    def _push(self, kind: _Kind, closer: str, opener: str, *, literal_quotes: bool = False) -> None:
        self._word_start = kind is _Kind.CODE
        in_double = kind is _Kind.DOUBLE or (kind is not _Kind.CODE and self._within_double)
        self._frames.append(_Frame(kind, closer, opener, self._line, literal_quotes, in_double))

    def _push_sum(self, opener: str, closer: str, times: int) -> None:
        for _ in range(times):
            self._push(_Kind.SUM, closer, opener)

    def _add_pending(self, word: str, *, tabs: bool) -> None:
        plain = _QUOTING.sub(lambda found: next(filter(None, found.groups()), ""), word)
        self._pending.append(_HereDocument(plain, plain != word, tabs, self._line))


def _shown(opener: str) -> str:
    return f"`{opener}`" if "`" not in opener else opener
