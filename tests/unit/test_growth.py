"""What hostile output may cost: the emulator, the markup and the lexer are linear in their input.

The instructions of Python are counted, at one size and at twice that size; the allowance for cells
beyond the width of a screen, which is spent once, is made small so that it does not hide what grows.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from docker_run.model import Chunk, Stream, TerminalSize
from docker_run.sphinx_ext.rendering.lexer import DockerRunLexer
from docker_run.terminal import markup, screen
from docker_run.terminal.emulation import emulator, grid
from docker_run.terminal.markup import Block
from docker_run.terminal.osc133 import MarkReader
from docker_run.terminal.screen import Kind, Span
from work import grows_linearly, instructions

SIZE = TerminalSize(20, 5)
N = 40

FINALS = [chr(code) for code in range(0x40, 0x7F)]
SEQUENCES = [
    *(f"\x1b[{final}" for final in FINALS),
    *(f"\x1b[1{final}" for final in FINALS),
    *(f"\x1b[9999{final}" for final in FINALS),
    *(f"\x1b[?{number}{final}" for number in (6, 7, 47, 1049) for final in "hl"),
    *(f"\x1b{chr(code)}" for code in range(0x20, 0x7F)),
    *map(chr, range(0x20)),
    "\x1b[4hx\x1b[4l", "\x1b[41m\x1b[K", "\x1b[41m\x1b[1K", "\x1b[41m\x1b[2J", "\x1b[?1049h\x1b[?1049l",
    "\x1b[2;3r", "\x1bH\t", "\x1b[1;9999H", "\x1b[;;;;;;;;m", "\x1b]0;title", "\x1bP", "\x1b[1;2", "e\u0301",
    "\u0301", "漢", "👩\u200d", "👍🏽", "\x1b(0x", "\x1b)0\x0ex\x0f", "\ufffe", "\u202e",
]  # fmt: skip


@pytest.fixture(autouse=True)
def small_allowance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "_ALLOWANCE", 500)


def work_of(make: Callable[[int], list[Chunk]]) -> Callable[[int], int]:
    """Return what shows as much as `make` is told to make, and counts the work."""

    def work(count: int) -> int:
        chunks = make(count)
        return instructions(lambda: screen.text(screen.lines(chunks, SIZE)))

    return work


@pytest.mark.parametrize("stream", [Stream.OUT, Stream.TERMINAL])
@pytest.mark.parametrize("sequence", SEQUENCES, ids=ascii)
def test_every_control_sequence(sequence: str, stream: Stream) -> None:
    def make(count: int) -> list[Chunk]:
        # A long line, and then the sequence, again and again, at its start, within it and at its end.
        line = "\x1b[m" + "x" * (10 * count) + "\b" * 5
        again = f"{sequence}\x1b7\r{sequence}y{sequence}\x1b8"
        return [Chunk(stream, (line + again * count).encode("utf-8", "surrogatepass"))]

    assert grows_linearly(work_of(make), N)


@pytest.mark.parametrize(
    "make",
    [
        lambda count: [Chunk(Stream.TERMINAL, b"$ "), *[Chunk(Stream.TYPED, b"<Left>")] * count],
        lambda count: [Chunk(Stream.TYPED, b"<Tab>" * count), Chunk(Stream.TERMINAL, b"a\r\n" * count)],
        lambda count: [Chunk(Stream.TYPED, b"a<Left>" * count), Chunk(Stream.TERMINAL, b"\n\x1b[A" * count)],
        lambda count: [Chunk(Stream.TYPED, b"<Up>" * count), Chunk(Stream.TERMINAL, b"^[[A" * count + b"\n")],
        lambda count: [
            Chunk(Stream.TYPED, b"a" * count),
            Chunk(Stream.TERMINAL, b"aa\r\n\x1b[A" * count),
        ],
        lambda count: [Chunk(Stream.TYPED, b"ls"), Chunk(Stream.TERMINAL, b"ls\r\n# ")] * count,
        lambda count: [Chunk(Stream.TERMINAL, b"# "), *[Chunk(Stream.TYPED, b"")] * count],
    ],
)
def test_what_is_typed(make: Callable[[int], list[Chunk]]) -> None:
    assert grows_linearly(work_of(make), 4 * N)


@pytest.mark.parametrize("others", [Stream.OUT, Stream.ERR])
@pytest.mark.parametrize("begin", ["\x1b]0;", "\x1bP", "\x1b[", "\x1b", "\x1b[0 "])
@pytest.mark.parametrize("unit", ["1", " ", ";", "é", "\x1b"])
def test_a_sequence_without_end_in_many_pieces(begin: str, unit: str, others: Stream) -> None:
    terminal = emulator.Terminal(*SIZE)
    terminal.feed(begin)
    for _ in range(2000):
        terminal.feed(unit)
        assert len(terminal.unfinished) < 600

    def make(count: int) -> list[Chunk]:
        pair = [Chunk(Stream.OUT, unit.encode()), Chunk(others, unit.encode())]
        return [Chunk(Stream.OUT, begin.encode()), *pair * count]

    # Up to the longest sequence, the beginning is read again with each piece.
    assert grows_linearly(work_of(make), 20 * N)


def test_a_mark_of_the_shell_without_end_in_many_pieces() -> None:
    def work(count: int) -> int:
        reader = MarkReader()
        reader.feed(b"\x1b]133;A;")
        return instructions(lambda: [list(reader.feed(b"x")) for _ in range(count)])

    assert grows_linearly(work, 20 * N)


@pytest.mark.parametrize("stream", [Stream.OUT, Stream.TERMINAL])
@pytest.mark.parametrize("mark", ["\u0301", "\u200d", "\ufe0f", "\U000e0067", "\u20dd"])
def test_one_cell_holds_no_more_than_a_syllable(mark: str, stream: Stream) -> None:
    (line,) = screen.lines([Chunk(stream, f"e{mark * 5000}f".encode())], SIZE)
    assert screen.text([line]) == f"e{mark * 15}f"


def test_longest_emoji_and_syllables_are_whole() -> None:
    family = "👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏿"
    flag = "🏴" + "".join(chr(0xE0000 + ord(letter)) for letter in "gbeng") + "\U000e007f"
    tibetan = "\u0f67\u0f90\u0fb5\u0fa8\u0fb3\u0fba\u0fbc\u0fbb\u0f82"
    for text in (family, flag, tibetan):
        assert screen.text(screen.lines([Chunk(Stream.TERMINAL, text.encode())], TerminalSize())) == text


@pytest.mark.parametrize("echoed", ["^[[A" * 9, "a" * 30, "a " * 15, "^" * 30])
def test_patterns_of_keys_need_no_luck(echoed: str) -> None:
    # Once a regular expression of as many repetitions, which would take for ever here.
    chunks = [
        Chunk(Stream.TYPED, b"<Tab><Left>" * 40 + b"z"),
        Chunk(Stream.TERMINAL, f"{echoed}\r\n".encode()),
    ]
    assert all(span.kind is Kind.OUTPUT for line in screen.lines(chunks, TerminalSize()) for span in line)


@pytest.mark.parametrize("size", [1, 4096])
def test_markup_and_lexer(size: int) -> None:
    def work(count: int) -> int:
        blocks = [
            Block("ls <<END '\"`${a:-" * (size // 17 + 1), ((Span("a"), Span("b", Kind.ERROR)), ()))
        ] * (count * 10 // size + 2)
        return instructions(lambda: list(DockerRunLexer().get_tokens(markup.encode(blocks))))

    assert grows_linearly(work, N)


@pytest.mark.parametrize(
    "unit", ["<<A ", "<<A", "'", '"', '"$', "`", "${a:-", '"${a:-', "$(", "a=", "#", "\\", "> \n", "w " * 8]
)
def test_a_long_command(unit: str) -> None:
    def work(count: int) -> int:
        text = markup.encode([Block(unit * (count * 100 // len(unit)))])
        return instructions(lambda: list(DockerRunLexer().get_tokens(text)))

    assert grows_linearly(work, N)
