"""Recordings of format 1, whose output is what was read: they are read as what a reader sees of that."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from docker_run.errors import RecordingProblem
from docker_run.model import Chunk, CommandResult, Segment, Stream, TerminalSize
from docker_run.recordings.format_1 import output_lines
from docker_run.recordings.reader import loads
from docker_run.recordings.record import record
from docker_run.recordings.writer import dumps

PATIENTLY = settings(deadline=None)  # a busy machine is no failure

RAW = (Stream.OUT, Stream.ERR, Stream.TERMINAL, Stream.TYPED)
DATA = st.one_of(
    st.lists(st.sampled_from([b"\n", b"\r\n", b"\\", b" ", b"\xff", b"\xc3", b"\xa9", b"a", b"\x1b[A"])).map(
        b"".join
    ),
    st.binary(max_size=20),
)
HEAD = """docker-run recording 1
page: docs/first
place: lab
terminal: 20x4
date: 2026-11-23T22:10:04Z
engine: Docker Engine 20.10.24, API 1.41
system: Debian GNU/Linux 12 (bookworm)
architecture: x86_64

step: abc
$ docker run -it busybox
exit: 0
seconds: 1.000
"""
OUTPUT = r"""tty|/ # \
key|ls -d /bin
tty|ls -d /bin
tty|\e[1;34m/bin\e[m
tty|\r10%\r\e[K100%
tty|a line of more than twenty columns
tty|feed\n
tty|a\x00b \xff\x20
tty|/ # \
key|
key|<C-d>
"""


def text_of(output: str) -> str:
    return f"{HEAD}{output}\nend\n"


def merged(chunks: list[Chunk]) -> list[Chunk]:
    """Return `chunks` as format 1 had them: neighbours of one stream are one, lines that were typed apart."""
    found: list[Chunk] = []
    for chunk in chunks:
        if not chunk.data and chunk.stream is not Stream.TYPED:
            continue
        if found and chunk.stream is found[-1].stream is not Stream.TYPED:
            found[-1] = Chunk(chunk.stream, found[-1].data + chunk.data)
        else:
            found.append(chunk)
    return found


def test_what_a_reader_sees_of_it_is_read() -> None:
    recording = loads(text_of(OUTPUT), source="x")
    (command,) = recording.steps[0].commands
    assert command.output == (
        Segment(Stream.PROMPT, "/ # "),
        Segment(Stream.TYPED, "ls -d /bin\n"),
        Segment(
            Stream.TERMINAL,
            "\x1b[1;34m/bin\x1b[m\n100%\na line of more than twenty columns\nfeed\n    ab \ufffd\n",
        ),
        Segment(Stream.PROMPT, "/ #\n"),
    )
    assert command.typed == 3
    assert command.not_text == "bytes that are not UTF-8 (the first, 0xff, at byte 91)"
    assert recording.terminal == TerminalSize(20, 4)
    assert loads(dumps(recording), source="x") == recording


@PATIENTLY
@given(st.lists(st.builds(Chunk, st.sampled_from(RAW), DATA), max_size=6))
@example([Chunk(Stream.TERMINAL, b"/ # "), Chunk(Stream.TYPED, b"ls "), Chunk(Stream.TYPED, b"")])
def test_it_is_the_recording_of_what_was_printed(chunks: list[Chunk]) -> None:
    chunks = merged(chunks)
    lines = "".join(f"{line}\n" for chunk in chunks for line in output_lines(chunk))
    recording = loads(text_of(lines), source="x")
    typed = sum(chunk.stream is Stream.TYPED for chunk in chunks) or None
    result = CommandResult("docker run -it busybox", 0, 1.0, tuple(chunks), typed)
    assert recording.steps[0].commands == (record(result, TerminalSize(20, 4)),)
    assert loads(dumps(recording), source="x") == recording


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tty|a\tb", r"`tty|a\tb`"),
        ("tty|b ", r"`tty|b\x20`"),
        ("tty|\\q", "only the escapes"),
        ("tty|\\u{110000}", "only the escapes"),
        ("tty|\\u{d800}", "no half of a surrogate pair"),
        ("tty|\\x61b", "`tty|ab`"),
        ("out|b\\na", "a line of its own for each line of the output"),
        ("out|a\\\nout|b", "another stream"),
        ("ask|/ # ", "a line of format 1"),
        ("typed: 3", "an empty line"),
        ("not text: NUL", "an empty line"),
    ],
)
def test_damage_is_named_with_its_line(line: str, expected: str) -> None:
    with pytest.raises(RecordingProblem) as caught:
        loads(text_of(f"{line}\n"), source="first.txt")
    assert str(caught.value).startswith(f"first.txt, line {14 + line.count(chr(10))}: ")
    assert expected in str(caught.value)


def test_lines_of_today_are_not_of_format_1() -> None:
    today = dumps(loads(text_of(OUTPUT), source="x"))
    with pytest.raises(RecordingProblem, match="an empty line"):
        loads(today.replace("recording 2", "recording 1"), source="x")
