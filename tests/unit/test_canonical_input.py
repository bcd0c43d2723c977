"""Lines that are typed at a terminal in canonical mode: in which pieces, and when."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_run.engine.labs.canonical_input import LONGEST, InputTypist, in_pieces, is_canonical
from docker_run.terminal import keys

STTY = """\
speed 38400 baud; rows 24; columns 80; line = 0;
intr = ^C; quit = ^\\; erase = ^?; kill = ^U; eof = ^D; eol = <undef>; eol2 = <undef>; swtch = <undef>;
-parenb -parodd -cmspar cs8 -hupcl -cstopb cread -clocal -crtscts
isig icanon iexten echo echoe echok -echonl -noflsh -xcase -tostop -echoprt echoctl echoke -flusho -extproc
"""


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (STTY, True),
        (STTY.replace(" icanon", " -icanon"), False),
        (STTY.replace("eof = ^D", "eof = <undef>"), False),
        (STTY.replace("eof = ^D", "eof = ^B"), False),
        ("stty: 'standard input': Inappropriate ioctl for device", False),
        ("", False),
    ],
)
def test_the_mode_is_read(settings: str, *, expected: bool) -> None:
    assert is_canonical(settings) is expected


@given(st.text(st.sampled_from("xé漢👍 "), max_size=60), st.integers(0, 200), st.integers(0, 5))
def test_pieces_are_whole_and_short(text: str, times: int, before: int) -> None:
    typed = f"{'.' * before}{text * times}\r".encode()
    pieces = in_pieces(typed).split(b"\x04")
    assert b"".join(pieces) == typed
    assert len(pieces) == 1 or len(typed) > LONGEST
    for piece in pieces:
        assert 0 < len(piece) <= LONGEST
        assert piece.decode().encode() == piece


class Terminal:
    """A terminal with a program that answers lines, `latency` seconds after it got each."""

    def __init__(
        self,
        answer: Callable[[str], bytes],
        *,
        latency: float = 0.004,
        echo: Callable[[str], bytes] | None = None,
    ) -> None:
        self._answer = answer
        self._latency = latency
        self._echo = echo or (lambda line: keys.to_bytes(line).replace(b"\r", b"\r\n"))
        self.screen = b""
        self.typed: list[str] = []
        self.seconds = 0.0

    def run(self, lines: list[str], *, most: float) -> None:
        """Type all `lines`, which may take `most` seconds of its own clock."""
        typist = InputTypist(lines, began=0.0)
        coming: list[tuple[float, bytes]] = []
        while not typist.done:
            assert self.seconds < most, f"{len(self.typed)} of {len(lines)} lines were typed"
            self.seconds += 0.001
            due = [output for at, output in coming if at <= self.seconds]
            coming = [(at, output) for at, output in coming if at > self.seconds]
            for output in due:
                self.screen += output
                typist.saw(output, now=self.seconds)
            if (line := typist.next_line(now=self.seconds)) is not None:
                self.typed.append(line)
                shown = self._echo(line)
                # As it may come: in two parts, the first of which ends anywhere.
                half = len(shown) // 2
                coming += [(self.seconds + 0.001, shown[:half]), (self.seconds + 0.002, shown[half:])]
                coming.append((self.seconds + 0.002 + self._latency, self._answer(line)))
        self.screen += b"".join(output for _, output in coming)


def test_many_lines_take_no_more_than_some_seconds_where_nothing_is_answered() -> None:
    lines = [f"line {number} é漢" for number in range(2000)]
    terminal = Terminal(lambda _: b"")
    terminal.run(lines, most=15.0)
    assert terminal.typed == lines


def test_each_answer_stands_below_its_line_however_many_there_are() -> None:
    lines = [f"line {number} é漢" for number in range(2000)]
    terminal = Terminal(lambda line: f"{line}\r\n".encode())
    terminal.run(lines, most=30.0)
    assert terminal.screen.decode().split("\r\n")[:-1] == [line for line in lines for _ in range(2)]


def test_a_program_that_answers_some_lines_costs_no_more_than_some_seconds() -> None:
    lines = [f"line {number}" for number in range(2000)]
    terminal = Terminal(lambda line: f"{line}\r\n".encode() if line.endswith("7") else b"")
    terminal.run(lines, most=30.0)
    assert terminal.typed == lines


def test_the_first_answers_may_come_late() -> None:
    terminal = Terminal(lambda line: f"{line}!\r\n".encode(), latency=0.14)
    terminal.run(["a", "b", "c"], most=15.0)
    assert terminal.screen == b"a\r\na!\r\nb\r\nb!\r\nc\r\nc!\r\n"


@pytest.mark.parametrize("echo", [lambda _: b"", lambda line: f"{line[:2]}OUTPUT\r\n{line[2:]}\r\n".encode()])
def test_an_echo_that_never_comes_or_is_broken_holds_nothing_up(echo: Callable[[str], bytes]) -> None:
    terminal = Terminal(lambda _: b"", echo=echo)
    terminal.run(["first", "second", "third"], most=30.0)
    assert terminal.typed == ["first", "second", "third"]


def test_a_line_waits_until_the_one_before_it_is_shown() -> None:
    typist = InputTypist(["x" * 9000, "next"], began=0.0)
    assert typist.next_line(now=2.0) == "x" * 9000
    typist.saw(b"x" * 4000, now=2.1)  # the program reads no more for the moment
    assert typist.next_line(now=6.0) is None
    typist.saw(b"x" * 5000 + b"\r\n", now=6.5)
    assert typist.next_line(now=6.6) is None
    assert typist.next_line(now=6.8) == "next"


def test_what_its_author_waits_for_comes_first() -> None:
    typist = InputTypist(["a", "<wait 2s>", "b", "<wait /Ready/>", "<C-d>"], began=0.0)
    assert typist.next_line(now=2.0) == "a"
    typist.saw(b"a\r\n", now=2.01)
    assert typist.next_line(now=3.9) is None
    assert typist.next_line(now=4.0) == "b"
    typist.saw(b"b\r\n", now=4.01)
    assert typist.next_line(now=30.0) is None
    typist.saw(b"Rea", now=31.0)
    typist.saw(b"dy\r\n", now=32.0)
    assert typist.next_line(now=32.0) == "<C-d>"
    assert typist.done
