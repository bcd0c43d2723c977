"""What showing takes of memory, for each byte that was printed; counted, so the same on every machine."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable
from io import BytesIO

import pytest

from docker_run.model import (
    Chunk,
    CommandResult,
    Environment,
    Recording,
    StepRecording,
    Stream,
    TerminalSize,
)
from docker_run.recordings.reader import load
from docker_run.recordings.record import record
from docker_run.recordings.writer import text_lines
from docker_run.terminal import markup, screen
from docker_run.terminal.markup import Block
from docker_run.terminal.segments import packed_lines, segments

SIZE = TerminalSize()
SMALL = 40_000
"""Bytes of the smaller output."""

PLAIN = b"0123456789 abcdefghij " * 3 + b"\n"
SHORT = b"y\n"
COLOURED = b"\x1b[31m" + PLAIN[:-1] + b"\x1b[m\n"
WIDE = "漢字かな交じり文".encode() * 4 + b"\n"


def peak(call: Callable[[], object]) -> int:
    """Return the most bytes that `call` had, what it returns included."""
    tracemalloc.start()
    try:
        kept = call()
        _, most = tracemalloc.get_traced_memory()
        del kept
    finally:
        tracemalloc.stop()
    return most


def slope(call: Callable[[int], Callable[[], object]]) -> float:
    """Return how many bytes more are taken for each byte more that was printed."""
    call(SMALL)()  # what is made once, such as patterns, is no part of it
    return (peak(call(2 * SMALL)) - peak(call(SMALL))) / SMALL


def output(unit: bytes, size: int, stream: Stream = Stream.OUT) -> tuple[Chunk, ...]:
    data = unit * (size // len(unit))
    return (Chunk(stream, data.replace(b"\n", b"\r\n") if stream is Stream.TERMINAL else data),)


def drained(lines: Iterable[object]) -> None:
    for _ in lines:
        pass


@pytest.mark.parametrize("stream", [Stream.OUT, Stream.TERMINAL])
@pytest.mark.parametrize(("unit", "most"), [(PLAIN, 4), (SHORT, 7), (COLOURED, 6), (WIDE, 5)])
def test_a_literal_block(unit: bytes, most: float, stream: Stream) -> None:
    def call(size: int) -> Callable[[], object]:
        chunks = output(unit, size, stream)
        return lambda: markup.encode([Block("yes", screen.packed_lines(chunks, SIZE))])

    assert slope(call) < most


@pytest.mark.parametrize("stream", [Stream.OUT, Stream.TERMINAL])
@pytest.mark.parametrize("unit", [PLAIN, SHORT, COLOURED])
@pytest.mark.parametrize("joined", [False, True])
def test_plain_text(unit: bytes, stream: Stream, joined: bool) -> None:  # noqa: FBT001 (a parameter)
    def call(size: int) -> Callable[[], object]:
        chunks = output(unit, size, stream)
        return lambda: screen.shown(chunks, SIZE, joined=joined)

    assert slope(call) < 6


@pytest.mark.parametrize("unit", [PLAIN, SHORT])
def test_lines_that_are_not_kept_take_nothing(unit: bytes) -> None:
    def call(size: int) -> Callable[[], object]:
        chunks = output(unit, size)
        return lambda: drained(screen.packed_lines(chunks, SIZE))

    assert slope(call) < 0.1


def recorded(unit: bytes, size: int) -> Recording:
    command = record(CommandResult("yes", 0, 0.0, output(unit, size)), SIZE)
    environment = Environment("engine", "system", "x86_64")
    return Recording("p", "direct", SIZE, "", environment, steps=(StepRecording("k", (command,)),))


@pytest.mark.parametrize(("unit", "most"), [(PLAIN, 3.5), (SHORT, 3.5), (COLOURED, 3.5), (b"\xff\x00\n", 6)])
def test_reading_a_recording(unit: bytes, most: float) -> None:
    def call(size: int) -> Callable[[], object]:
        # As a file is: nothing of it is held but the line that is read.
        text = BytesIO("".join(f"{line}\n" for line in text_lines(recorded(unit, size))).encode())
        return lambda: load(text, source="x")

    assert slope(call) < most


@pytest.mark.parametrize("stream", [Stream.OUT, Stream.TERMINAL])
@pytest.mark.parametrize(("unit", "most"), [(PLAIN, 4), (SHORT, 7), (COLOURED, 8), (WIDE, 8)])
def test_recording_what_was_printed(unit: bytes, most: float, stream: Stream) -> None:
    def call(size: int) -> Callable[[], object]:
        chunks = output(unit, size, stream)
        return lambda: segments(chunks, SIZE)

    assert slope(call) < most


@pytest.mark.parametrize(("unit", "most"), [(PLAIN, 4), (SHORT, 7), (COLOURED, 6), (WIDE, 5)])
def test_a_literal_block_of_a_recording(unit: bytes, most: float) -> None:
    def call(size: int) -> Callable[[], object]:
        made = segments(output(unit, size), SIZE)
        return lambda: markup.encode([Block("yes", packed_lines(made))])

    assert slope(call) < most


@pytest.mark.parametrize("unit", [PLAIN, SHORT])
def test_writing_a_recording_takes_nothing(unit: bytes) -> None:
    def call(size: int) -> Callable[[], object]:
        recording = recorded(unit, size)
        return lambda: drained(text_lines(recording))

    assert slope(call) < 0.1
