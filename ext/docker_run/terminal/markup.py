"""Encoding commands and their output as the text of a literal block.

Sphinx passes nothing but the text of a literal block to Pygments, which highlights it. So each line of output
is packed (see `spans`): it begins with a mark for its kind and style. A command begins with a mark, too; a
line without one continues the command above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from docker_run.terminal.emulation import spans
from docker_run.terminal.emulation.characters import printable
from docker_run.terminal.emulation.spans import MARK, Line, Mark, Span

PROMPT = "$ "
"""The prompt before a command."""

CONTINUATION = "> "
"""The prompt before each further line of a command, as in a shell."""


class Block(NamedTuple):
    """A command and its output."""

    command: str
    """Without prompts, possibly of several lines; empty if only output is shown."""
    lines: Iterable[Line | str] = ()
    """The lines of the output, packed or not."""


_COMMAND = spans.written(Mark(None))
_EMPTY = spans.written(Mark())


def encode(blocks: Iterable[Block]) -> str:
    """Return `blocks` as one text with marks; the inverse of `decode`.

    Characters that no page can contain, such as control characters in a command, become U+FFFD.
    """
    return spans.in_lines(
        line
        for block in blocks
        for line in chain([_COMMAND + prompted(block.command)] * bool(block.command), _packed(block))
    )


def plain(blocks: Iterable[Block]) -> str:
    """Return `blocks` as text without marks, for formats without colours."""
    return spans.in_lines(
        line
        for block in blocks
        for line in chain([prompted(block.command)] * bool(block.command), map(spans.plain, _packed(block)))
    )


def _packed(block: Block) -> Iterator[str]:
    for line in block.lines:
        yield (line if isinstance(line, str) else spans.packed(line)) or _EMPTY


def prompted(command: str) -> str:
    """Return `command` with a prompt before each of its lines, as a terminal shows it."""
    return PROMPT + printable(command).replace("\n", f"\n{CONTINUATION}")


def unprompted(text: str) -> str:
    """Return the command in `text`; the inverse of `prompted`."""
    return text.removeprefix(PROMPT).replace(f"\n{CONTINUATION}", "\n")


def decode(text: str) -> tuple[Block, ...]:
    """Return the blocks of `text`, which was written by `encode`, or by hand (see `marked`).

    Output that was encoded as a separate block is added to the command before it, if there is one.
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
    """Yield the pieces of `text` with their marks; a line's end belongs to its last piece.

    A text without marks was written by a person: a line that begins with `$ ` is a command, which continues
    on the next line after a backslash at its end, with or without `> ` before that line; all other lines
    are output.
    """
    # Encoded text begins with a mark, and has no other control characters.
    yield from spans.marked(text if MARK.match(text) else encode(_written(text)))


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
