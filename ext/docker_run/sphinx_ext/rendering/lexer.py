"""The Pygments lexer for commands and their output: token types become classes in HTML, colours in LaTeX.

Prompts are `Generic.Prompt`, output is `Generic.Output`, and what is typed into a program `Generic.Typed`,
line ends included. So a copy button that excludes all three copies the commands alone (`rendering.assets`): a
shell into which more is pasted would itself run what is meant for the program. Styled text has
a subtype of these: at most one name of each of

1. a colour (`FgRed`, …, `FgBrightWhite`), or `Dim` or `Reverse` where there is none,
2. a background (`BgRed`, …),
3. `Bold`, 4. `Italic`, 5. `Underline`, 6. `Strike`

in this order, e.g. `Generic.Output.FgRed.Bold`.

A command's flags are `Text.Flag`, so that a style sheet can keep `--rm` on one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce
from itertools import takewhile
from typing import ClassVar

# Pygments comes without types.
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Error, Generic, Text, _TokenType

from docker_run.terminal import markup
from docker_run.terminal.emulation.cells import Kind
from docker_run.terminal.emulation.rendition import COLOURS, Style, nearest

Token = tuple[int, _TokenType, str]

_BASES = {
    Kind.OUTPUT: Generic.Output,
    Kind.ERROR: Generic.Output,
    Kind.PROMPT: Generic.Prompt,
    Kind.TYPED: Generic.Typed,
}
# Not a continuation prompt: the end of an empty line in a here-document has to be copied.
_LINE_END = re.compile(r'(<span class="g(?:[op](?! gp-More)| g-Typed)(?: [^"]*)?">[^<]*)</span>\n')
_FLAG = re.compile(r"--?[a-zA-Z][\w-]{,22}")
"""A flag that fits into a line on a phone; a longer one has to be broken."""
_FACES = ("Bold", "Italic", "Underline", "Strike")
_PIECE = 1 << 16
_LONGEST_COMMAND = 4096
"""Limit of a command that is highlighted, in characters; a longer one contains data (a here-document)."""
_PLAIN_WORDS = re.compile(r"(?:[\w./:@%+,~^*?!-]++\s*+)++")
"""Words whose tokens depend on no other word: without quotes, comments, assignments and other syntax."""
_WORD = re.compile(r"\S+\s*")
_TITLES = {name: name.replace("bright", "Bright ").title().replace(" ", "") for name in COLOURS}
# As in docker_run.css for light pages: white text would be invisible on paper, so it is grey.
_PRINTED = {
    "black": "000000", "red": "a8121b", "green": "14602a", "yellow": "6b4a00",
    "blue": "0a47a3", "magenta": "7a2199", "cyan": "055a61", "white": "4d555e",
    "brightblack": "565e68", "brightred": "b3141d", "brightgreen": "17692a", "brightyellow": "775100",
    "brightblue": "0a4fb0", "brightmagenta": "8425a8", "brightcyan": "06636b", "brightwhite": "1f2328",
}  # fmt: skip
_PRINTED_BEHIND = {
    "black": "d8dbdf", "red": "ffd9d9", "green": "d2f4d8", "yellow": "fcecb3",
    "blue": "d6e6ff", "magenta": "f3dcff", "cyan": "cff1f4", "white": "ececee",
    "brightblack": "dddfe2", "brightred": "ffe1e1", "brightgreen": "ddf7e2", "brightyellow": "fdf2cb",
    "brightblue": "e1edff", "brightmagenta": "f7e7ff", "brightcyan": "dcf5f7", "brightwhite": "e4e4e6",
}  # fmt: skip
_PRINTED_FACES = {
    "Bold": r"\let\PYG@bf=\textbf", "Italic": r"\let\PYG@it=\textit",
    "Underline": r"\let\PYG@ul=\underline",
}  # fmt: skip
"""The faces in LaTeX; strikethrough would need a package."""


class DockerRunLexer(Lexer):  # type: ignore[misc]
    """Lexer of the text of `docker_run.terminal.markup`, and of text without marks, written by hand."""

    name = "docker-run"
    aliases: ClassVar[Sequence[str]] = ["docker-run"]
    filenames: ClassVar[Sequence[str]] = []
    mimetypes: ClassVar[Sequence[str]] = []
    url = ""

    def get_tokens_unprocessed(self, text: str) -> Iterator[Token]:
        """Yield (position, type, text) for the visible text, without the marks."""
        position = 0
        ended = True
        for mark, piece in markup.marked(text):
            if mark.kind is None:
                tokens = list(_command(piece))
            else:
                # An empty line gets a blank: formatters omit the type of an empty token.
                shown = " \n" if ended and piece == "\n" else piece
                tokens = [(token_type(mark.kind, mark.style), shown)]
            ended = piece.endswith("\n")
            for kind, value in tokens:
                if value:
                    yield position, kind, value
                    position += len(value)


def bash_tokens(command: str) -> Iterator[tuple[_TokenType, str]]:
    """Yield the tokens of `command` by the Bash lexer: (type, text)."""
    if len(command) > _LONGEST_COMMAND:
        # Pygments' patterns scan the rest of the text for each quote, and for each unclosed here-document.
        yield Text, command
    elif _PLAIN_WORDS.fullmatch(command):
        for word in _WORD.findall(command):
            yield from _word_tokens(word)
    else:
        yield from ((kind, value) for _, kind, value in _bash().get_tokens_unprocessed(command))


@lru_cache(maxsize=4096)
def _word_tokens(word: str) -> tuple[tuple[_TokenType, str], ...]:
    """Return the tokens of a plain word and the blanks after it.

    The Bash lexer tries dozens of patterns for each token, and pages use the same words again and again.
    """
    return tuple((kind, value) for _, kind, value in _bash().get_tokens_unprocessed(word))


@lru_cache(maxsize=1)
def _bash() -> Lexer:
    """Return Pygments' lexer for Bash, imported on first use."""
    return get_lexer_by_name("bash")


def _command(piece: str) -> Iterator[tuple[_TokenType, str]]:
    """Yield the tokens of a command: those of the Bash lexer, and a prompt before each line."""
    yield Generic.Prompt, markup.PROMPT
    command = markup.unprompted(piece)
    position = 0
    for kind, value in bash_tokens(command):
        for line in value.splitlines(keepends=True):
            yield _command_type(kind, line), line
            position += len(line)
            # No continuation follows the last line.
            if line.endswith("\n") and position < len(command):
                yield Generic.Prompt.More, markup.CONTINUATION


def _command_type(kind: _TokenType, text: str) -> _TokenType:
    """Return the type of a token of the Bash lexer: it reports errors, and doesn't know flags."""
    if kind in (Error, Text):
        return Text.Flag if _FLAG.fullmatch(text) else Text
    return kind


def for_script(html: str, *, fold: int = 0) -> str:
    """Return highlighted `html` in a form for the script that copies and folds (`docker_run.js`).

    The element `pre` gets a class, and the number of lines after which an output is folded. The ends of
    output and typed lines come inside their elements: Pygments puts them outside, so that a copy button that
    excludes these would copy an empty line for each of them.
    """
    folds = f' data-fold="{fold}"' if fold else ""
    html = html.replace("<pre>", f'<pre class="docker-run-terminal"{folds}>', 1)
    parts, start = [], 0
    # In chunks: one substitution over the whole text would hold all of its pieces in memory.
    while start < len(html):
        end = html.find("\n", start + _PIECE) + 1 or len(html)
        # Not `sub`, which calls Python code for each line: the elements are every second piece of a split.
        pieces = _LINE_END.split(html[start:end])
        pieces[1::2] = [f"{element}\n</span>" for element in pieces[1::2]]
        parts.append("".join(pieces))
        start = end
    return "".join(parts)


@lru_cache(maxsize=1024)
def token_type(kind: Kind, style: Style) -> _TokenType:
    """Return the token type of text of this kind and style."""
    if kind is Kind.ELLIPSIS:
        return Generic.Output.Ellipsis
    return reduce(getattr, style_names(style), _BASES[kind])


def style_names(style: Style) -> tuple[str, ...]:
    """Return the names of `style`, in their order in a token type.

    `reverse` swaps the colours here; it has a name of its own only where neither colour is set. `Dim` is
    omitted where there is a foreground colour. Any other
    colour is the nearest of the sixteen, whose values can be read on a light and on a dark page.
    """
    fg, bg = map(nearest, (style.bg, style.fg) if style.reverse else (style.fg, style.bg))
    names = [f"Fg{_TITLES[fg]}"] if fg else ["Reverse"] if style.reverse and not bg else ["Dim"] * style.dim
    names += [f"Bg{_TITLES[bg]}"] if bg else []
    names += [face for face in _FACES if getattr(style, face.lower())]
    return tuple(names)


def latex_preamble() -> str:
    """Return the LaTeX preamble for the styles of `style_names`.

    Pygments' macro gets all types of a piece of text (`g+go+goFgRed+goFgRedBold`), and calls `PYG@tok@NAME`
    for each that is defined. So each macro has to apply only the last part of its name. Macros are needed for
    all combinations of the parts; TeX itself generates them.
    """
    foregrounds = {f"Fg{_TITLES[name]}": _text_colour(value) for name, value in _PRINTED.items()}
    foregrounds |= {"Dim": _text_colour("666666"), "Reverse": _text_colour("ffffff") + _background("333333")}
    backgrounds = {f"Bg{_TITLES[name]}": _background(value) for name, value in _PRINTED_BEHIND.items()}
    parts = foregrounds | backgrounds | _PRINTED_FACES
    faces = [(before, face) for face in _PRINTED_FACES for before in _before(face)]
    return "\n".join(
        [
            # U+FFFD, which pdfTeX does not support.
            r"\ifdefined\DeclareUnicodeCharacter\DeclareUnicodeCharacter{FFFD}{?}\fi",
            r"\makeatletter",
            *(rf"\def\dockerrun@do@{name}{{{definition}}}" for name, definition in parts.items()),
            r"\def\dockerrun@let#1#2{\expandafter\let\csname PYG@tok@#1#2\expandafter\endcsname",
            r"  \csname dockerrun@do@#2\endcsname}",
            r"\def\dockerrun@faces#1{%",
            *(rf"  \dockerrun@let{{#1{before}}}{{{face}}}%" for before, face in faces),
            r"}",
            r"\def\dockerrun@backgrounds#1{\dockerrun@faces{#1}%",
            *(rf"  \dockerrun@let{{#1}}{{{name}}}\dockerrun@faces{{#1{name}}}%" for name in backgrounds),
            r"}",
            r"\def\dockerrun@colours#1{\dockerrun@backgrounds{#1}%",
            *(
                rf"  \dockerrun@let{{#1}}{{{name}}}\dockerrun@backgrounds{{#1{name}}}%"
                for name in foregrounds
            ),
            r"}",
            *(rf"\dockerrun@colours{{{base}}}" for base in ("go", "gp", "gTyped")),
            r"\@namedef{PYG@tok@gTyped}{\let\PYG@bf=\textbf}",
            r"\@namedef{PYG@tok@goEllipsis}{\let\PYG@it=\textit}",
            r"\makeatother",
            "",
        ]
    )


def _before(face: str) -> list[str]:
    """Return all combinations of faces that can precede `face` in a name."""
    found = [""]
    for each in takewhile(lambda each: each != face, _PRINTED_FACES):
        found += [before + each for before in found]
    return found


def _text_colour(value: str) -> str:
    return rf"\def\PYG@tc##1{{\textcolor[HTML]{{{value.upper()}}}{{##1}}}}"


def _background(value: str) -> str:
    box = rf"{{\setlength{{\fboxsep}}{{0pt}}\colorbox[HTML]{{{value.upper()}}}{{\strut ##1}}}}"
    return rf"\def\PYG@bc##1{{{box}}}"
