"""What comes out of a lab's shell, sorted into commands: with a connection made up by the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from docker_run.engine.labs.shell_output import Console, State
from docker_run.engine.streams import Transcript
from docker_run.model import Chunk, Stream

A, B = b"\x1b]133;A;aid=docker-run\a", b"\x1b]133;B;aid=docker-run\a"
PS2 = b"\x1b[?2004h\x1b]133;A;k=s;aid=docker-run\a> " + B
C = b"\x1b]133;C;aid=docker-run\a"
ACCEPTED = b"\r\n\x1b[?2004l\r"


def prompt(status: int = 0, *, before: bytes = b"") -> bytes:
    """Return the shell's prompt after a command that ended with `status`."""
    return b"\x1b[?2004h" + before + b"\x1b]133;D;%d;aid=docker-run\a" % status + A + b"$ " + B


class Wire:
    """A connection that brings what a test says, piece by piece."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)

    def read(self) -> bytes:
        return next(self._pieces, b"")


@pytest.fixture
def console() -> Console:
    console = Console()
    feed(console, b"motd\r\n" + prompt())
    return console


def feed(console: Console, *pieces: bytes) -> None:
    """Let `pieces` come, and no end after them."""
    lost = console.lost
    console.read(Wire(*pieces))  # type: ignore[arg-type]
    console.lost = lost


def begun(console: Console, *, max_output: int = 1000) -> Transcript:
    """Return what takes a command's output down, as if the command had just been typed."""
    transcript = Transcript(max_output=max_output, has_output=True)
    console.begin(transcript)
    return transcript


def output(transcript: Transcript) -> bytes:
    return b"".join(chunk.data for chunk in transcript.chunks())


def test_before_the_first_prompt_it_is_starting() -> None:
    console = Console()
    assert console.state is State.STARTING
    assert not console.wait_ready(0)
    feed(console, prompt())
    assert console.wait_ready(0)


def test_output_is_what_is_between_the_line_and_the_next_prompt(console: Console) -> None:
    transcript = begun(console)
    after = b"[1]+ Done\r\n" + prompt(3)
    feed(console, b"\x1b[7mls\x1b[27m" + ACCEPTED + C + b"one\r\n", b"two\r\n" + after)
    assert output(transcript) == b"one\r\ntwo\r\n[1]+ Done\r\n"
    assert transcript.exit_code == 3
    assert console.state is State.PROMPT


def test_a_defect_in_reading_ends_the_command(console: Console) -> None:
    class Broken:
        def read(self) -> bytes:
            raise IndexError("pop from an empty deque")

    transcript = begun(console)
    console.read(Broken())  # type: ignore[arg-type]
    assert isinstance(transcript.lost, IndexError)
    assert console.lost is transcript.lost


def test_it_is_complete_at_the_prompt_and_not_before(console: Console) -> None:
    transcript = begun(console)
    end = prompt()
    pieces = (b"x" + ACCEPTED, C, b"out", end[: end.index(A)], A, b"$ ", B)
    complete = []

    class Watched(Wire):
        def read(self) -> bytes:
            complete.append(transcript.complete)
            return super().read()

    console.read(Watched(*pieces))  # type: ignore[arg-type]
    assert complete == [False] * len(pieces) + [True]
    assert transcript.lost is None


@pytest.mark.parametrize(
    ("printed", "status", "expected"),
    [
        (b"bash: !x: event not found\r\n", 0, 1),  # it keeps the status of the command before
        (b"bash: syntax error\r\n", 2, 2),
        (b"", 0, 0),  # a remark
    ],
)
def test_a_line_that_the_shell_refuses_runs_nothing(
    console: Console, printed: bytes, status: int, expected: int
) -> None:
    transcript = begun(console)
    feed(console, b"line" + ACCEPTED + printed + prompt(status))
    assert output(transcript) == printed
    assert transcript.exit_code == expected


def test_a_shell_that_asks_for_more_says_so(console: Console) -> None:
    begun(console)
    feed(console, b"for i in 1; do" + ACCEPTED + PS2)
    assert console.state is State.UNFINISHED


def test_what_comes_at_the_prompt_goes_before_the_next_command(console: Console) -> None:
    begun(console)
    feed(console, b"x" + ACCEPTED + C + prompt(), b"late\r\n")
    transcript = begun(console)
    feed(console, b"y" + ACCEPTED + C + b"out\r\n" + prompt())
    assert output(transcript) == b"late\r\nout\r\n"


def test_marks_and_modes_of_programs_are_output(console: Console) -> None:
    transcript = begun(console)
    inner = b"\x1b[?2004h\x1b]133;A\a# exit\r\n\x1b[?2004l\r"
    feed(console, b"bash" + ACCEPTED + C + inner + prompt())
    assert output(transcript) == inner


def test_what_stands_before_the_prompt_is_no_output(console: Console) -> None:
    transcript = begun(console)
    feed(console, b". venv" + ACCEPTED + C + b"out" + prompt(before=b"(venv) "))
    assert output(transcript) == b"out"


def test_a_program_that_ends_while_it_edits_a_line_keeps_its_output(console: Console) -> None:
    transcript = begun(console)
    feed(console, b"python" + ACCEPTED + C + b"\x1b[?2004h>>> Killed\r\n" + prompt(137))
    assert output(transcript) == b"\x1b[?2004h>>> Killed\r\n"


@pytest.mark.parametrize("line", [b"rm -rf x", b""])
def test_a_line_that_came_too_late_is_noticed(console: Console, line: bytes) -> None:
    assert not console.unexpected
    feed(console, line + ACCEPTED + prompt())
    assert "typed at its prompt" in console.unexpected


def test_a_prompt_that_is_shown_again_is_counted(console: Console) -> None:
    assert not console.wait_prompt(0)
    feed(console, b"\r" + prompt()[8:])
    assert console.wait_prompt(0)
    assert not console.wait_prompt(0)
    assert not console.unexpected


def test_a_shell_that_edits_no_lines_is_noticed(console: Console) -> None:
    transcript = begun(console)
    feed(console, b"echo\r\n" + C + b"LOST\r\n" + prompt()[8:])
    assert "no longer edits" in console.unexpected
    assert not transcript.complete or transcript.lost is not None


def test_a_command_of_a_shell_that_has_ended_is_lost_at_once(console: Console) -> None:
    console.read(Wire())  # type: ignore[arg-type]
    assert begun(console).complete


def test_too_much_is_not_kept(console: Console) -> None:
    transcript = begun(console, max_output=10)
    feed(console, b"yes" + ACCEPTED + C + b"y" * 20, *[b"y" * 1000] * 50)
    assert transcript.overflown
    assert len(output(transcript)) <= 100


def test_too_much_between_commands_is_noticed(console: Console) -> None:
    feed(console, *[b"y" * 100_000] * 9)
    assert not console.aside_overflown
    feed(console, *[b"y" * 100_000] * 9)
    assert console.aside_overflown
    assert len(console.aside()) == 1_000_000


def test_the_end_of_the_shell_loses_the_command(console: Console) -> None:
    transcript = begun(console)
    console.read(Wire(b"exit" + ACCEPTED + C + b"exit\r\n"))  # type: ignore[arg-type]
    assert transcript.complete
    assert isinstance(transcript.lost, EOFError)
    assert Chunk(Stream.TERMINAL, b"exit\r\n") in transcript.chunks()
