r"""Output in format 1: the bytes as they were read, which have to be emulated to be shown.

Recordings in this format are read, shown, and replaced at their page's next run. Each line of output begins
with its stream (`out|`, `err|`, `tty|`), and each typed line with `key|`. The CR LF at the end of a
terminal's line is implied; `\n` at the end of a `tty` line is a line feed alone, and a lone backslash at the
end of any line means that it has no end.
"""

from __future__ import annotations

from collections.abc import Iterator

from docker_run.model import Chunk, Stream
from docker_run.recordings.escapes import escape_bytes, unescape_bytes
from docker_run.recordings.writer import closed


def output_lines(chunk: Chunk) -> Iterator[str]:
    """Yield the lines for a chunk; adjacent chunks of one stream have to be joined, except typed ones."""
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
    """Parse a line of `stream` whose text, after the stream, is `text`.

    `is_open`: the line has no end; the backslash for that is not part of `text`.
    Raises `ValueError` for an invalid escape, and its subclass `UnicodeEncodeError` for a lone surrogate.
    """
    data = unescape_bytes(text)
    if not is_open and stream is Stream.TERMINAL:
        data += b"" if data.endswith(b"\n") else b"\r\n"
    elif not is_open and stream is not Stream.TYPED:
        data += b"\n"
    return Chunk(stream, data)
