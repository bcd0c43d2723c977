"""What comes out of a shell's terminal, sorted by the shell's marks."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_run.terminal.osc133 import Kind, MarkReader, Piece

A, B = b"\x1b]133;A;aid=docker-run\a", b"\x1b]133;B;aid=docker-run\a"
C, D = b"\x1b]133;C;aid=docker-run\a", b"\x1b]133;D;3;aid=docker-run\a"


def pieces(*data: bytes) -> list[Piece]:
    reader = MarkReader()
    return [piece for each in data for piece in reader.feed(each)]


def joined(found: list[Piece]) -> list[Piece]:
    """Join neighbouring output, which may come in any number of pieces."""
    result: list[Piece] = []
    for piece in found:
        if result and piece.kind is Kind.OUTPUT is result[-1].kind:
            result[-1] = Piece(Kind.OUTPUT, result[-1].data + piece.data)
        else:
            result.append(piece)
    return result


def test_a_command_between_two_prompts() -> None:
    found = pieces(A + b"$ " + B + b"ls\r\n\x1b[?2004l\r" + C + b"file\r\n" + D + A + b"$ " + B)
    assert [(piece.kind, piece.data) for piece in found if piece.kind in (Kind.OUTPUT, Kind.ENDED)] == [
        (Kind.OUTPUT, b"$ "),
        (Kind.OUTPUT, b"ls\r\n"),
        (Kind.OUTPUT, b"\r"),
        (Kind.OUTPUT, b"file\r\n"),
        (Kind.ENDED, D),
        (Kind.OUTPUT, b"$ "),
    ]
    assert [piece.kind for piece in found if piece.kind is not Kind.OUTPUT] == [
        Kind.PROMPT, Kind.READY, Kind.ACCEPTED, Kind.BEGUN, Kind.ENDED, Kind.PROMPT, Kind.READY,
    ]  # fmt: skip
    assert next(piece.status for piece in found if piece.kind is Kind.ENDED) == 3


def test_the_prompt_of_a_line_that_goes_on_is_another() -> None:
    assert [piece.kind for piece in pieces(b"\x1b]133;A;k=s;aid=docker-run\a> " + B)] == [
        Kind.CONTINUATION,
        Kind.OUTPUT,
        Kind.READY,
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"\x1b]133;A\a",
        b"\x1b]133;D;0;aid=other\a",
        b"\x1b]0;title\a",
        b"\x1b]7;file://lab/srv\a",
        b"\x1b[31mred",
        b"\x1b]133;Z\a",
    ],
)
def test_what_other_programs_print_is_output(data: bytes) -> None:
    assert joined(pieces(data + b"x")) == [Piece(Kind.OUTPUT, data + b"x")]


def test_output_is_not_held_back_for_long() -> None:
    reader = MarkReader()
    assert list(reader.feed(b"a\x1b]133;" + b"x" * 5000)) == [Piece(Kind.OUTPUT, b"a\x1b]133;" + b"x" * 5000)]


STREAM = st.lists(
    st.sampled_from(
        [
            A,
            B,
            C,
            D,
            b"\x1b",
            b"\x1b]133;",
            b"\x1b]133;C;aid=docker-run\x1b\\",
            b"\x1b[?2004h",
            b"text",
            b"\a",
            b"\\",
        ]
    )
).map(b"".join)


@given(STREAM, st.lists(st.integers(0, 200), max_size=6))
def test_it_does_not_matter_in_which_pieces_it_comes(data: bytes, cuts: list[int]) -> None:
    at = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    split = [data[start:end] for start, end in pairwise(at)]
    flush = b"." + A  # what may be the beginning of a mark is held back until more comes
    assert joined(pieces(*split, flush)) == joined(pieces(data + flush))


@given(STREAM)
def test_nothing_is_lost(data: bytes) -> None:
    assert b"".join(piece.data for piece in pieces(data, b"." + A)) == data + b"." + A
