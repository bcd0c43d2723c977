from __future__ import annotations

import struct
import threading

from hypothesis import given
from hypothesis import strategies as st

from docker_run.engine.names import joined
from docker_run.engine.streams import Frames, Transcript
from docker_run.model import Chunk, Stream, TerminalSize

KINDS = {Stream.OUT: 1, Stream.ERR: 2}


def frame(stream: Stream, data: bytes) -> bytes:
    return struct.pack(">BxxxL", KINDS[stream], len(data)) + data


@given(
    st.lists(st.tuples(st.sampled_from(sorted(KINDS, key=str)), st.binary(max_size=30))),
    st.integers(min_value=1, max_value=20),
)
def test_frames_come_out_whole_however_they_are_cut(parts: list[tuple[Stream, bytes]], size: int) -> None:
    sent = b"".join(frame(stream, data) for stream, data in parts)
    frames, received = Frames(), []
    for at in range(0, len(sent), size):
        received += frames.feed(sent[at : at + size])
    assert joined(received) == joined(Chunk(stream, data) for stream, data in parts)


def test_an_error_of_the_engine_itself_is_not_standard_output() -> None:
    assert Frames().feed(b"\3\0\0\0\0\0\0\2hi") == [Chunk(Stream.ERR, b"hi")]


def test_output_is_taken_until_it_is_too_much() -> None:
    transcript = Transcript(max_output=4, has_output=True)
    assert transcript.add(Chunk(Stream.OUT, b"1234"))
    assert not transcript.overflown
    assert not transcript.add(Chunk(Stream.OUT, b"5"))
    assert transcript.overflown


def test_complete_is_what_has_ended_and_exited() -> None:
    transcript = Transcript(max_output=100, has_output=True)
    transcript.exited(3)
    assert not transcript.complete
    transcript.end()
    assert transcript.complete
    assert transcript.exit_code == 3


def test_without_output_there_is_no_end_to_wait_for() -> None:
    transcript = Transcript(max_output=100, has_output=False)
    assert not transcript.complete
    transcript.exited(0)
    assert transcript.complete


def test_a_lost_engine_ends_the_waiting() -> None:
    transcript = Transcript(max_output=100, has_output=True)
    timer = threading.Timer(0.2, lambda: transcript.lose(OSError("gone")))
    timer.start()
    assert transcript.wait(60) == b""
    timer.join()
    assert transcript.complete


def test_waiting_returns_what_is_new_without_what_was_typed() -> None:
    transcript = Transcript(max_output=100, has_output=True)
    transcript.add(Chunk(Stream.TERMINAL, b"$ "))
    transcript.add(Chunk(Stream.TYPED, b"ls"))
    transcript.add(Chunk(Stream.TERMINAL, b"ls\r\n"))
    assert transcript.wait(0) == b"$ ls\r\n"
    assert transcript.wait(0) == b""
    assert [chunk.stream for chunk in transcript.chunks()] == [
        Stream.TERMINAL,
        Stream.TYPED,
        Stream.TERMINAL,
    ]


def test_a_program_that_prints_byte_by_byte_makes_one_piece() -> None:
    transcript = Transcript(max_output=10_000, has_output=True)
    for _ in range(1000):
        transcript.add(Chunk(Stream.OUT, b"x"))
    assert transcript.chunks() == (Chunk(Stream.OUT, b"x" * 1000),)


def test_an_empty_line_that_was_typed_is_kept() -> None:
    transcript = Transcript(max_output=100, has_output=True)
    typed = (Chunk(Stream.TYPED, b"one"), Chunk(Stream.TYPED, b""))
    for chunk in typed:
        transcript.add(chunk)
    assert transcript.chunks() == typed


def test_the_last_lines_for_a_message() -> None:
    transcript = Transcript(max_output=10_000, has_output=True)
    for number in range(20):
        transcript.add(Chunk(Stream.OUT, f"line {number}\n".encode()))
    transcript.add(Chunk(Stream.TYPED, b"not this"))
    assert transcript.last_lines(TerminalSize(), 2) == "line 18\nline 19"


def test_the_last_lines_are_those_of_a_screen() -> None:
    transcript = Transcript(max_output=100_000, has_output=True)
    transcript.add(Chunk(Stream.TERMINAL, b"/ # \x1b[6n"))
    transcript.add(Chunk(Stream.TYPED, b"echo hi"))
    transcript.add(Chunk(Stream.TERMINAL, b"\x1b[Jecho hi\r\nhi\r\n/ # \x1b[6n"))
    assert transcript.last_lines(TerminalSize()) == "/ # echo hi\nhi\n/ #"


def test_the_last_lines_do_not_begin_within_a_sequence() -> None:
    for more in range(8):
        transcript = Transcript(max_output=100_000, has_output=True)
        transcript.add(Chunk(Stream.OUT, b"\x1b[31mred\x1b[m" * 1000 + b"x" * more))
        shown = transcript.last_lines(TerminalSize())
        assert "[" not in shown
        assert "\x1b" not in shown
        assert shown.endswith("red" + "x" * more) or len(shown) == 400
