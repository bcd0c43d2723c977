from __future__ import annotations

import struct
import threading
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_run.engine.direct.name_prefix import joined
from docker_run.engine.frames import BrokenStream, Frames
from docker_run.engine.streams import Connection, Transcript, await_exit, read_output
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


def test_an_error_of_the_engine_itself_is_no_output() -> None:
    frames = Frames()
    assert frames.feed(b"\3\0\0\0\0\0\0\7disk ") == []
    with pytest.raises(BrokenStream, match="the engine has sent an error: disk is"):
        frames.feed(b"is")
    with pytest.raises(BrokenStream, match=r"x{4096}$"):
        Frames().feed(b"\3\0\0\0\xff\0\0\0" + b"x" * 10_000)  # what it announces is never waited for


@pytest.mark.parametrize("header", [b"\4\0\0\0\0\0\0\1", b"\1\0\1\0\0\0\0\1", b"<html><h"])
def test_what_is_no_frame_is_no_output(header: bytes) -> None:
    with pytest.raises(BrokenStream, match="not the output of a container"):
        Frames().feed(header + b"x")


def test_an_end_within_a_frame_is_no_end() -> None:
    sent = frame(Stream.OUT, b"one") + frame(Stream.ERR, b"two")
    for cut in range(len(sent) + 1):
        frames = Frames()
        frames.feed(sent[:cut])
        if cut in (0, 11, 22):
            frames.finish()
        else:
            with pytest.raises(BrokenStream, match="in the middle of the output"):
                frames.finish()


class ExecResult:
    """A connection that brings `pieces`, and ends."""

    def __init__(self, *pieces: bytes, aborted: bool = False) -> None:
        self.pieces = list(pieces)
        self.aborted = aborted

    def read(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


@pytest.mark.parametrize(
    ("aborted", "is_over", "is_lost"), [(False, True, False), (False, False, True), (True, False, False)]
)
def test_an_output_ends_with_its_container(*, aborted: bool, is_over: bool, is_lost: bool) -> None:
    transcript = Transcript(max_output=100, has_output=True)
    connection = cast("Connection", ExecResult(frame(Stream.OUT, b"one"), aborted=aborted))
    read_output(connection, transcript, tty=False, is_over=lambda: is_over)
    assert transcript.ended
    assert (transcript.lost is not None) is is_lost


def test_output_is_not_whole_where_asking_for_its_end_shows_a_defect() -> None:
    def fails() -> bool:
        raise AttributeError("'list' object has no attribute 'get'")

    transcript = Transcript(max_output=100, has_output=True)
    connection = cast("Connection", ExecResult(frame(Stream.OUT, b"one")))
    read_output(connection, transcript, tty=False, is_over=fails)
    assert isinstance(transcript.lost, AttributeError)


class Broken:
    """A connection whose answer shows a defect."""

    def answer(self) -> object:
        raise AttributeError("'NoneType' object has no attribute 'readline'")


def test_a_defect_in_waiting_for_the_exit_ends_the_waiting() -> None:
    transcript = Transcript(max_output=100, has_output=False)
    await_exit(cast("Connection", Broken()), transcript)
    assert transcript.complete
    assert isinstance(transcript.lost, AttributeError)


class Answered:
    """A connection with an answer of JSON."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def answer(self) -> object:
        return self._answer


@pytest.mark.parametrize(
    "answer",
    [{"StatusCode": 0, "Error": {"Message": "no"}}, {"StatusCode": 0, "Error": "no"}, {}, [], None, "x"],
)
def test_an_answer_without_a_status_is_none(answer: object) -> None:
    transcript = Transcript(max_output=100, has_output=False)
    await_exit(cast("Connection", Answered(answer)), transcript)
    assert transcript.exit_code is None
    assert transcript.lost is not None


def test_a_status_is_taken_without_an_error() -> None:
    transcript = Transcript(max_output=100, has_output=False)
    await_exit(cast("Connection", Answered({"StatusCode": 3, "Error": None})), transcript)
    assert (transcript.exit_code, transcript.lost) == (3, None)


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
    timer = threading.Timer(0.2, lambda: transcript.mark_incomplete(OSError("gone")))
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


@pytest.mark.parametrize("more", range(4))
def test_the_last_lines_do_not_begin_within_a_character(more: int) -> None:
    transcript = Transcript(max_output=100_000, has_output=True)
    transcript.add(Chunk(Stream.OUT, "😀".encode() * 5000 + b"x" * more))
    shown = transcript.last_lines(TerminalSize(columns=20_000))
    assert set(shown) <= {"😀", "x"}
    assert "😀" in shown
