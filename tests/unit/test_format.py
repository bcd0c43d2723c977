"""The text format of recordings: exact, strict, and readable in a review."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from docker_run.errors import NewerRecording, RecordingProblem
from docker_run.model import (
    Chunk,
    CommandRecording,
    Environment,
    Image,
    Recording,
    StepRecording,
    Stream,
    TerminalSize,
)
from docker_run.recordings.escapes import escape, unescape
from docker_run.recordings.format import dumps, normalised
from docker_run.recordings.reader import loads

PATIENTLY = settings(deadline=None)  # a busy machine is no failure

# Characters that text formats are known to trip over, and any others.
AWKWARD = "\\ |\t\r\n\x1b\x00\x7f\x85\xa0\u200b\u2028\u202e\ufeff\u3000\ud800\udc80>$-=<nexu{}0"
TEXT = st.text(st.one_of(st.sampled_from(AWKWARD), st.characters(codec=None)), max_size=12)
DATA = st.one_of(
    st.lists(st.sampled_from([b"\n", b"\r\n", b"\\", b" ", b"\xff", b"\xc3", b"\xa9", b"a"]), max_size=8).map(
        b"".join
    ),
    st.binary(max_size=20),
    TEXT.map(lambda text: text.encode("utf-8", "replace")),
)
CHUNKS = st.lists(st.builds(Chunk, st.sampled_from(Stream), DATA), max_size=6).map(tuple)
COMMANDS = st.builds(
    CommandRecording,
    command=TEXT,
    exit_code=st.integers(-(2**31), 2**31),
    seconds=st.floats(0, 1e9) | st.just(-0.0),
    output=CHUNKS,
)
STEPS = st.builds(
    StepRecording,
    key=TEXT,
    commands=st.lists(COMMANDS, max_size=3).map(tuple),
    not_run=TEXT,
    date=TEXT,
)
RECORDINGS = st.builds(
    Recording,
    page=TEXT,
    place=TEXT,
    terminal=st.builds(TerminalSize, st.integers(1, 1000), st.integers(1, 1000)),
    date=TEXT,
    environment=st.builds(Environment, TEXT, TEXT, TEXT),
    images=st.lists(st.builds(Image, TEXT, TEXT, TEXT, TEXT), max_size=3).map(tuple),
    steps=st.lists(STEPS, max_size=3).map(tuple),
)

SAMPLE = Recording(
    page="docs/first",
    place="direct",
    terminal=TerminalSize(80, 24),
    date="2026-11-23T22:10:04Z",
    environment=Environment("Docker Engine 20.10.24, API 1.41", "Debian GNU/Linux 12 (bookworm)", "x86_64"),
    images=(
        Image("busybox", "sha256:" + "1f" * 32, "built from docs/images/busybox"),
        Image("nginx", "sha256:" + "2e" * 32, "pulled", "sha256:" + "3d" * 32),
    ),
    steps=(
        StepRecording(
            key="ab" * 32,
            commands=(
                CommandRecording(
                    "docker run --rm busybox printf 'a\\tb \\n'", 0, 0.31249, (Chunk(Stream.OUT, b"a\tb \n"),)
                ),
                CommandRecording(
                    "docker run busybox \\\n  cat /nothing",
                    1,
                    0.5,
                    (Chunk(Stream.ERR, b"cat: can't open '/nothing'\n"), Chunk(Stream.OUT, b"no end")),
                ),
            ),
        ),
        StepRecording(
            key="cd" * 32,
            commands=(
                CommandRecording(
                    "docker run -it busybox",
                    0,
                    1.0,
                    (
                        Chunk(Stream.TERMINAL, b"/ # "),
                        Chunk(Stream.TYPED, b"ls -d /bin"),
                        Chunk(Stream.TERMINAL, b"ls -d /bin\r\n\x1b[1;34m/bin\x1b[m\r\nbare\n/ # "),
                        Chunk(Stream.TYPED, b""),
                        Chunk(Stream.TYPED, b"<C-d>"),
                    ),
                ),
            ),
            date="2026-11-24T00:00:00Z",
        ),
        StepRecording(key="ef" * 32, not_run="the image `ubuntu` can't be had"),
    ),
)
SAMPLE_TEXT = rf"""docker-run recording 1
page: docs/first
place: direct
terminal: 80x24
date: 2026-11-23T22:10:04Z
engine: Docker Engine 20.10.24, API 1.41
system: Debian GNU/Linux 12 (bookworm)
architecture: x86_64
image: busybox | sha256:{"1f" * 32} | built from docs/images/busybox | -
image: nginx | sha256:{"2e" * 32} | pulled | sha256:{"3d" * 32}

step: {"ab" * 32}
$ docker run --rm busybox printf 'a\\tb \\n'
exit: 0
seconds: 0.312
out|a\tb\x20
$ docker run busybox \\
>   cat /nothing
exit: 1
seconds: 0.500
err|cat: can't open '/nothing'
out|no end\

step: {"cd" * 32}
date: 2026-11-24T00:00:00Z
$ docker run -it busybox
exit: 0
seconds: 1.000
tty|/ # \
key|ls -d /bin
tty|ls -d /bin
tty|\e[1;34m/bin\e[m
tty|bare\n
tty|/ # \
key|
key|<C-d>

step: {"ef" * 32}
not run: the image `ubuntu` can't be had

end
"""


def test_the_text_is_the_documented_one() -> None:
    assert dumps(SAMPLE) == SAMPLE_TEXT
    assert loads(SAMPLE_TEXT, source="x") == normalised(SAMPLE)


def test_the_example_of_the_documentation_is_a_recording() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "recordings.md"
    text = page.read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]
    assert loads(text, source="x").page == "guide/first"


@PATIENTLY
@given(RECORDINGS)
@example(SAMPLE)
def test_reading_gives_back_what_was_written(recording: Recording) -> None:
    text = dumps(recording)
    assert loads(text, source="x") == normalised(recording)
    assert dumps(normalised(recording)) == text
    assert normalised(normalised(recording)) == normalised(recording)


@PATIENTLY
@given(RECORDINGS)
@example(SAMPLE)
def test_the_text_survives_editors_and_git(recording: Recording) -> None:
    text = dumps(recording)
    assert text.endswith("\nend\n")
    text.encode("utf-8")
    for line in text.split("\n"):
        assert line == line.rstrip()
        assert not any(
            unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Cs"} for character in line
        )


@PATIENTLY
@given(st.lists(st.builds(Chunk, st.sampled_from(Stream), DATA), max_size=8))
def test_normalising_keeps_every_byte_in_its_order(chunks: list[Chunk]) -> None:
    command = CommandRecording("x", 0, 0, tuple(chunks))
    step = StepRecording("k", (command,))
    output = normalised(replace(SAMPLE, steps=(step,))).steps[0].commands[0].output
    before = [(chunk.stream, byte) for chunk in chunks for byte in chunk.data]
    assert [(chunk.stream, byte) for chunk in output for byte in chunk.data] == before
    typed = [chunk for chunk in chunks if chunk.stream is Stream.TYPED]
    assert [chunk for chunk in output if chunk.stream is Stream.TYPED] == typed
    pairs = pairwise(output)
    assert all(one.stream is not two.stream or one.stream is Stream.TYPED for one, two in pairs)


def test_everything_hidden_is_escaped() -> None:
    hidden = {"Cc", "Cf", "Zs", "Zl", "Zp", "Cs", "Co"}
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        written = escape(character)
        if unicodedata.category(character) in hidden and character != " ":
            assert written.isascii(), hex(code)
        assert unescape(written) == character


@pytest.mark.parametrize("text", ["é", "表", "✓", "🐳", "a b", "──┤"])
def test_visible_text_stays_as_it_is(text: str) -> None:
    assert escape(text) == text


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", ["out|"]),
        (b"x", ["out|x\\"]),
        (b"x\\\n", ["out|x\\\\"]),
        (b"x\\", ["out|x\\\\\\"]),
        (b"x\r\n", ["out|x\\r"]),
        (b"x \n\n", ["out|x\\x20", "out|"]),
        (b"\xff\xc3\xa9\n", ["out|\\xffé"]),
        ("\u200b\ufeff\u202e\n".encode(), ["out|\\u{200b}\\u{feff}\\u{202e}"]),
    ],
)
def test_output_lines(data: bytes, lines: list[str]) -> None:
    step = StepRecording("k", (CommandRecording("c", 0, 0, (Chunk(Stream.OUT, data),)),))
    text = dumps(replace(SAMPLE, steps=(step,)))
    assert [line for line in text.split("\n") if line.startswith("out|")] == lines


def problem(text: str) -> str:
    with pytest.raises(RecordingProblem) as caught:
        loads(text, source="docs/recordings/first.txt")
    assert not isinstance(caught.value, NewerRecording)
    assert f"docs/recordings/first.txt, line {caught.value.line}: " in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("found", "damaged", "line", "expected"),
    [
        ("docker-run recording 1\n", "", 1, "`docker-run recording 1`"),
        ("docker-run recording 1", "\ufeffdocker-run recording 1", 1, r"found `\ufeffdocker-run"),
        ("docker-run recording 1", "docker-run recording 0", 1, "`docker-run recording 1`"),
        ("place: direct\n", "", 3, "`place:`"),
        ("place: direct", "place:direct", 3, "a blank after `place:`"),
        ("place: direct\n", "place: direct\nmood: good\n", 4, "`terminal:` and columns"),
        ("terminal: 80x24", "terminal: 80", 4, "`terminal:` and columns"),
        ("terminal: 80x24", "80x24", 4, "`terminal:`"),
        (" | -\n", "\n", 9, "`image: NAME | ID | ORIGIN | DIGEST`"),
        ("exit: 0", "exit: zero", 14, "`exit:` and a whole number"),
        ("exit: 0\n", "", 14, "`exit:` and a whole number"),
        ("exit: 0", "exit: 00", 14, "`exit: 0`"),
        ("seconds: 0.312", "seconds: 0.31", 15, "`seconds:` and a number"),
        ("out|a", "out a", 16, "an empty line"),
        ("a\\tb", "a\tb", 16, r"found `out|a\tb"),
        ("b\\x20", "b ", 16, r"`out|a\tb\x20`"),
        ("a\\tb", "a\\qb", 16, "only the escapes"),
        ("a\\tb", "\\u{110000}", 16, "only the escapes"),
        ("a\\tb", "\\u{d800}", 16, "no half of a surrogate pair"),
        ("a\\tb", "\\x61\\tb", 16, r"`out|a\tb\x20`"),
        ("out|no end\\\n\n", "out|no end\\\n", 23, "an empty line"),
        ("date: 2026-11-24T00:00:00Z", "date:", 25, "a value after `date:`"),
        ("not run: the", "not ran: the", 39, "an empty line"),
        ("\nend\n", "", 40, "the file ends too early"),
        ("end\n", "end", 41, "the end of the file"),
        ("end\n", "end\n\n", 42, "the end of the file"),
    ],
)
def test_damage_is_named_with_its_line(found: str, damaged: str, line: int, expected: str) -> None:
    assert found in SAMPLE_TEXT
    message = problem(SAMPLE_TEXT.replace(found, damaged, 1))
    assert message.startswith(f"docs/recordings/first.txt, line {line}: ")
    assert expected in message
    assert "build with an engine" in message


@pytest.mark.parametrize("mark", ["<<<<<<< HEAD", "|||||||", "=======", ">>>>>>> topic"])
def test_a_merge_conflict_says_how_to_get_out_of_it(mark: str) -> None:
    message = problem(SAMPLE_TEXT.replace("exit: 1\n", f"{mark}\nexit: 1\n"))
    assert "line 19: a merge left its conflict here" in message
    assert "build with an engine" in message


@PATIENTLY
@given(st.integers(0, len(SAMPLE_TEXT) - 1), st.text(max_size=3), st.integers(0, 200))
def test_any_damage_is_noticed(at: int, inserted: str, removed: int) -> None:
    damaged = SAMPLE_TEXT[:at] + inserted + SAMPLE_TEXT[at + removed :]
    try:
        recording = loads(damaged, source="x")
    except RecordingProblem:
        return
    assert dumps(recording) == damaged.replace("\r\n", "\n")


@PATIENTLY
@given(st.integers(0, len(SAMPLE_TEXT) - 1))
def test_no_beginning_of_a_recording_passes_for_one(length: int) -> None:
    problem(SAMPLE_TEXT[:length])


def test_a_later_version_is_told_apart() -> None:
    with pytest.raises(NewerRecording, match="format 2; this version reads up to 1"):
        loads("docker-run recording 2\n<<<<<<< something else\n", source="x")


def test_line_ends_that_git_changed_are_accepted() -> None:
    assert loads(SAMPLE_TEXT.replace("\n", "\r\n"), source="x") == normalised(SAMPLE)


@pytest.mark.parametrize("text", ["", "-", "\\x2d", "a | b", " | ", "|", " ", "- "])
def test_an_image_may_be_called_anything(text: str) -> None:
    for image in (Image(text, "b", "c", "d"), Image("a", "b", "c", text), Image(text, text, text, text)):
        recording = normalised(replace(SAMPLE, images=(image,)))
        assert loads(dumps(recording), source="x") == recording


@pytest.mark.parametrize(
    ("found", "damaged", "line", "expected"),
    [
        ("exit: 0", f"exit: {'9' * 5000}", 14, "`exit:` and a whole number"),
        ("exit: 0", "exit: -0", 14, "`exit: 0`"),
        ("seconds: 0.312", f"seconds: {'9' * 5000}.000", 15, "`seconds:` and a number"),
        ("seconds: 0.312", "seconds: 9999999999.000", 15, "`seconds: 1000000000.000`"),
        ("seconds: 0.312", "seconds: nan", 15, "`seconds:` and a number"),
        ("seconds: 0.312", "seconds: -1.000", 15, "`seconds:` and a number"),
        ("seconds: 0.312", "seconds: 00.312", 15, "`seconds: 0.312`"),
        ("80x24", "1000000x24", 4, "each from 1 to 1000"),
        ("80x24", "80x1001", 4, "each from 1 to 1000"),
        ("80x24", "0x24", 4, "each from 1 to 1000"),
        ("80x24", "-80x24", 4, "each from 1 to 1000"),
        ("80x24", "٨x٢", 4, "each from 1 to 1000"),
        ("place: direct", "place: di\rrect", 3, r"`place: di\rrect`"),
        ("$ docker run --rm", r"$ docker run\n --rm", 13, "a line of its own for each line"),
        ("out|a", r"out|b\na", 16, "a line of its own for each line"),
        ("out|no end\\", "out|no\\\nout| end\\", 23, "another stream"),
        ("\ndate: 2026-11-24T00:00:00Z", "\ndate: \\x32026", 25, "`date: 2026`"),
        ("image: busybox", r"image: busybo\x78", 9, "`image: busybox | sha256"),
        ("docker-run recording 1", f"docker-run recording {'1' * 5000}", 1, "`docker-run recording 1`"),
    ],
)
def test_odd_values_are_named_with_their_line(found: str, damaged: str, line: int, expected: str) -> None:
    assert found in SAMPLE_TEXT
    message = problem(SAMPLE_TEXT.replace(found, damaged, 1))
    assert message.startswith(f"docs/recordings/first.txt, line {line}: ")
    assert expected in message
    assert len(message) < 500


@PATIENTLY
@given(st.lists(st.sampled_from([*SAMPLE_TEXT.split("\n"), "out|\\", "tty|a\\r", "err|\\n", "> b", "$"])))
def test_lines_in_any_order_are_a_recording_or_a_problem(lines: list[str]) -> None:
    head = SAMPLE_TEXT.split("\n")[:12]
    text = "\n".join([*head, *lines, "", "end", ""])
    try:
        recording = loads(text, source="x")
    except RecordingProblem:
        return
    assert dumps(recording) == text


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_an_impossible_duration_is_refused(seconds: float) -> None:
    step = StepRecording("k", (CommandRecording("c", 0, seconds),))
    with pytest.raises(ValueError, match="can't take"):
        dumps(replace(SAMPLE, steps=(step,)))


def test_git_finds_no_white_space_errors(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("", encoding="utf-8")
    (tmp_path / "new").write_text(SAMPLE_TEXT, encoding="utf-8")
    check = subprocess.run(
        ["git", "diff", "--no-index", "--check", "old", "new"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.stdout + check.stderr == ""
