"""Converting the result of a command into its recording: what a reader sees of it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence

from docker_run.model import Chunk, CommandRecording, CommandResult, Stream, TerminalSize
from docker_run.terminal.segments import segments

_PIECE = 1 << 16
"""Bytes that are decoded at a time."""


def record(result: CommandResult, size: TerminalSize) -> CommandRecording:
    """Return the recording of a command that ran on a terminal of `size`."""
    return CommandRecording(
        command=result.command,
        exit_code=result.exit_code,
        seconds=result.seconds,
        output=segments(result.output, size),
        typed=result.typed,
        not_text=_not_text(result.output),
    )


def _not_text(output: Sequence[Chunk]) -> str:
    """Describe the first bytes that are not text; empty if there are none. Each stream is decoded separately.

    NUL counts as well, since terminals drop it silently.
    """
    if all(data.isascii() and b"\0" not in data for _, data in output):
        return ""
    decoders = {stream: codecs.getincrementaldecoder("utf-8")() for stream in Stream}
    ends = dict.fromkeys(Stream, 0)
    nul = -1
    for stream, at, piece, is_end in _pieces(output):
        try:
            decoders[stream].decode(piece, final=is_end)
        except UnicodeDecodeError as error:
            # The decoder prepends bytes that it held back, from the end of the stream's previous piece.
            held = len(error.object) - len(piece)
            first = error.start - held + (at if error.start >= held else ends[stream])
            byte = error.object[error.start]
            return f"bytes that are not UTF-8 (the first, 0x{byte:02x}, at byte {first})"
        ends[stream] = at + len(piece)
        if nul < 0 and b"\0" in piece:
            nul = at + piece.index(b"\0")
    return f"NUL bytes (the first at byte {nul})" if nul >= 0 else ""


def _pieces(output: Sequence[Chunk]) -> Iterator[tuple[Stream, int, bytes, bool]]:
    """Yield (stream, position, bytes, is the end) for each piece of `output`, then for each stream's end."""
    at = 0
    for stream, data in output:
        if stream is not Stream.TYPED:
            for start in range(0, len(data), _PIECE):
                yield stream, at + start, data[start : start + _PIECE], False
            at += len(data)
    for stream in Stream:
        yield stream, at, b"", True
