r"""Output as format 1 has it: the bytes that were read, which a terminal is emulated to show.

Recordings were written so until format 2. They are read, shown, and replaced at their page's next run.
Each line of output carries its stream (`out|`, `err|`, `tty|`), and each line that was typed is one of
`key|`. A terminal's lines end in CR LF, which goes without saying; `\n` at the end of a `tty` line stands
for a line feed alone, and a lone backslash at the end of any line for no end of line at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from docker_run.model import Chunk, Stream
from docker_run.recordings.escapes import escape_bytes, unescape_bytes
from docker_run.recordings.format import closed


def output_lines(chunk: Chunk) -> Iterator[str]:
    """Yield the lines for a piece of output; its neighbours are of other streams, or typed."""
    prefix = f"{chunk.stream.value}|"
    if chunk.stream is Stream.TYPED:
        yield closed(prefix + escape_bytes(chunk.data))
        return
    start = 0
    while (end := chunk.data.find(b"\n", start)) >= 0:
        line = chunk.data[start:end]
        start = end + 1
        if chunk.stream is not Stream.TERMINAL:
            yield closed(prefix + escape_bytes(line))
        elif line.endswith(b"\r"):
            yield closed(prefix + escape_bytes(line[:-1]))
        else:
            yield prefix + escape_bytes(line) + r"\n"
    if start < len(chunk.data):
        yield prefix + escape_bytes(chunk.data[start:]) + "\\"


def chunk_of(stream: Stream, text: str, *, is_open: bool) -> Chunk:
    """Return what a line of `stream` says whose text, after the stream, is `text`.

    `is_open` says whether the line has no end; the backslash for that is no longer part of `text`.
    Raises `ValueError` where an escape can't be understood, as `UnicodeEncodeError` for half of a
    surrogate pair.
    """
    data = unescape_bytes(text)
    if not is_open and stream is Stream.TERMINAL:
        data += b"" if data.endswith(b"\n") else b"\r\n"
    elif not is_open and stream is not Stream.TYPED:
        data += b"\n"
    return Chunk(stream, data)
