"""Commands and lines of output as one text, and back: what travels through a literal block.

Between Sphinx, which holds the text of a literal block, and Pygments, which colours it, nothing but
text passes. So every span begins with a mark that says what it is and how it looks: ESC, which no
screen shows and no span holds, and four characters of Unicode's private use area, which no full text
search takes for a part of a word. A command begins with a mark too, and so does each line of output;
a line without one goes on with the command above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from docker_run.terminal import screen
from docker_run.terminal.screen import COLOURS, Kind, Line, Span, Style

PROMPT = "$ "
"""What stands before a command."""

CONTINUATION = "> "
"""What stands before each further line of a command, as at a shell's terminal."""


class Block(NamedTuple):
    """A command and what came out of it."""

    command: str
    """Without its prompts; it may have several lines. Empty where only output is shown."""
    lines: tuple[Line, ...] = ()


class Mark(NamedTuple):
    """What the text after it is, up to the next mark."""

    kind: Kind | None
    """None for a command with its prompts."""
    style: Style = Style()


_ORIGIN = 0xE000
_MARK = re.compile("\x1b([\ue000-\ue0ff]{4})")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_KINDS = (None, *Kind)
_COLOURS = ("", *COLOURS)
_FACES = ("bold", "dim", "italic", "underline", "reverse", "strike")


def encode(blocks: Iterable[Block]) -> str:
    """Return `blocks` as one text with marks; `decode` is its inverse.

    Control characters, which only a command can hold, become U+FFFD.
    """
    return "\n".join(
        line
        for block in blocks
        for line in (
            *([_mark(Mark(None)) + prompted(block.command)] if block.command else ()),
            *(_encoded(line) for line in block.lines),
        )
    )


def plain(blocks: Iterable[Block]) -> str:
    """Return `blocks` as text without marks, for formats that know no colours."""
    return "\n".join(
        line
        for block in blocks
        for line in (
            *([prompted(block.command)] if block.command else ()),
            *(screen.text([line]) for line in block.lines),
        )
    )


def prompted(command: str) -> str:
    """Return `command` as a terminal shows it: with a prompt before each of its lines."""
    return PROMPT + _printable(command).replace("\n", f"\n{CONTINUATION}")


def unprompted(text: str) -> str:
    """Return the command that `text` shows; the inverse of `prompted`."""
    return text.removeprefix(PROMPT).replace(f"\n{CONTINUATION}", "\n")


def decode(text: str) -> tuple[Block, ...]:
    """Return the blocks that `text` was made of by `encode`, or by hand (see `marked`).

    Output that was encoded as a block of its own comes with the command before it, if there is one.
    """
    blocks: list[tuple[str, list[list[Span]]]] = []
    open_line = False
    for mark, piece in marked(text):
        content = piece.removesuffix("\n")
        if mark.kind is None:
            blocks.append((unprompted(content), []))
            continue
        if not blocks:
            blocks.append(("", []))
        lines = blocks[-1][1]
        if not open_line:
            lines.append([])
        if content:
            lines[-1].append(Span(content, mark.kind, mark.style))
        open_line = content == piece
    return tuple(Block(command, tuple(map(tuple, lines))) for command, lines in blocks)


def marked(text: str) -> Iterator[tuple[Mark, str]]:
    """Yield the pieces of `text` and what each is; the end of a line belongs to its last piece.

    A text without marks is read as a person writes it: a line that begins with `$ ` is a command,
    which goes on in the next line after a backslash at its end, with or without `> ` before that; all
    else is output.
    """
    if _MARK.search(text) is None:
        text = encode(_written(text))
    pieces = _MARK.split(text)
    for code, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        yield _unmarked(code), piece


def _written(text: str) -> Iterator[Block]:
    command = ""
    for line in text.split("\n") if text else ():
        if command:
            command += "\n" + line.removeprefix(CONTINUATION)
        elif line.startswith(PROMPT):
            command = line.removeprefix(PROMPT)
        else:
            yield Block("", ((Span(line),) if line else (),))
        if command and not command.endswith("\\"):
            yield Block(command)
            command = ""
    if command:
        yield Block(command)


def _encoded(line: Line) -> str:
    spans = line or (Span(""),)
    return "".join(_mark(Mark(span.kind, span.style)) + _printable(span.text) for span in spans)


def _printable(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)


def _mark(mark: Mark) -> str:
    faces = sum(1 << bit for bit, face in enumerate(_FACES) if getattr(mark.style, face))
    numbers = (
        _KINDS.index(mark.kind),
        _COLOURS.index(mark.style.fg),
        _COLOURS.index(mark.style.bg),
        faces,
    )
    return "\x1b" + "".join(chr(_ORIGIN + number) for number in numbers)


def _unmarked(code: str) -> Mark:
    kind, fg, bg, faces = (ord(character) - _ORIGIN for character in code)
    style = Style(_COLOURS[fg], _COLOURS[bg], *(bool(faces >> bit & 1) for bit in range(len(_FACES))))
    return Mark(_KINDS[kind], style)
