"""Commands and lines of output as one text, and back: what travels through a literal block.

Between Sphinx, which holds the text of a literal block, and Pygments, which colours it, nothing but
text passes. So each line of output is packed (see `spans`): it begins with a mark that
says what it is and how it looks. A command begins with a mark too; a line without one goes on with the
command above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from docker_run.terminal.emulation import spans
from docker_run.terminal.emulation.characters import printable
from docker_run.terminal.emulation.spans import MARK, Line, Mark, Span

PROMPT = "$ "
"""What stands before a command."""

CONTINUATION = "> "
"""What stands before each further line of a command, as at a shell's terminal."""


class Block(NamedTuple):
    """A command and what came out of it."""

    command: str
    """Without its prompts; it may have several lines. Empty where only output is shown."""
    lines: Iterable[Line | str] = ()
    """Those of the output, packed or not."""


_COMMAND = spans.written(Mark(None))
_EMPTY = spans.written(Mark())


def encode(blocks: Iterable[Block]) -> str:
    """Return `blocks` as one text with marks; `decode` is its inverse.

    What no page can hold, such as a control character of a command, becomes U+FFFD.
    """
    return spans.in_lines(
        line
        for block in blocks
        for line in chain([_COMMAND + prompted(block.command)] * bool(block.command), _packed(block))
    )


def plain(blocks: Iterable[Block]) -> str:
    """Return `blocks` as text without marks, for formats that know no colours."""
    return spans.in_lines(
        line
        for block in blocks
        for line in chain([prompted(block.command)] * bool(block.command), map(spans.plain, _packed(block)))
    )


def _packed(block: Block) -> Iterator[str]:
    for line in block.lines:
        yield (line if isinstance(line, str) else spans.packed(line)) or _EMPTY


def prompted(command: str) -> str:
    """Return `command` as a terminal shows it: with a prompt before each of its lines."""
    return PROMPT + printable(command).replace("\n", f"\n{CONTINUATION}")


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
    # What was encoded begins with a mark; other control characters it has none.
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
