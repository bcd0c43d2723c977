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
    CommandRecording,
    Environment,
    Image,
    Recording,
    Segment,
    StepRecording,
    Stream,
    TerminalSize,
)
from docker_run.recordings.escapes import escape, unescape
from docker_run.recordings.reader import loads
from docker_run.recordings.writer import dumps, normalised
from docker_run.terminal.segments import is_shown

PATIENTLY = settings(deadline=None)  # a busy machine is no failure

# Characters that text formats are known to trip over, and any others.
AWKWARD = "\\ |\t\r\n\x1b\x00\x7f\x85\xa0\u200b\u2028\u202e\ufeff\u3000\ud800\udc80>$-=<nexu{}0"
TEXT = st.text(st.one_of(st.sampled_from(AWKWARD), st.characters(codec=None)), max_size=12)
SHOWN = st.lists(
    st.one_of(
        st.sampled_from(["\n", "\\", " ", "é", "\xa0", "\u3000", "\x1b[1;31m", "\x1b[m", "a", "|", "\u200d"]),
        st.characters(codec="utf-8").filter(is_shown),
    ),
    max_size=12,
).map("".join)
SEGMENTS = st.lists(st.builds(Segment, st.sampled_from(Stream), SHOWN), max_size=6).map(tuple)
COMMANDS = st.builds(
    CommandRecording,
    command=TEXT,
    exit_code=st.integers(-(2**31), 2**31),
    seconds=st.floats(0, 1e9) | st.just(-0.0),
    output=SEGMENTS,
    typed=st.none() | st.integers(0, 10**9),
    not_text=TEXT,
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
                    "docker run --rm busybox printf 'a\\tb \\n'",
                    0,
                    0.31249,
                    (Segment(Stream.OUT, "a\xa0b \n"),),
                ),
                CommandRecording(
                    "docker run busybox \\\n  cat /nothing",
                    1,
                    0.5,
                    (Segment(Stream.ERR, "cat: can't open '/nothing'\n"), Segment(Stream.OUT, "no end")),
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
                        Segment(Stream.PROMPT, "/ # "),
                        Segment(Stream.TYPED, "ls -d /bin\n"),
                        Segment(Stream.TERMINAL, "\x1b[1;34m/bin\x1b[m\nplain\n/ # \n"),
                    ),
                    typed=3,
                ),
            ),
            date="2026-11-24T00:00:00Z",
        ),
        StepRecording(key="ef" * 32, not_run="the image `ubuntu` can't be had"),
    ),
)
SAMPLE_TEXT = rf"""docker-run recording 2
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
out|a\u{{a0}}b\x20
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
typed: 3
ask|/ # \
key|ls -d /bin
tty|\e[1;34m/bin\e[m
tty|plain
tty|/ #\x20

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
@given(st.lists(st.builds(Segment, st.sampled_from(Stream), SHOWN), max_size=8))
def test_normalising_keeps_every_character_in_its_order(segments: list[Segment]) -> None:
    step = StepRecording("k", (CommandRecording("x", 0, 0, tuple(segments)),))
    output = normalised(replace(SAMPLE, steps=(step,))).steps[0].commands[0].output
    before = [(stream, character) for stream, text in segments for character in text]
    assert [(stream, character) for stream, text in output for character in text] == before
    assert all(one.stream is not two.stream for one, two in pairwise(output))


@pytest.mark.parametrize(
    "text", ["\x07", "\t", "\r", "\x1b", "\x1b[2J", "\x1b[?25m", "\x9b1m", "\u202e", "\ufffe"]
)
def test_what_no_screen_shows_is_neither_written_nor_read(text: str) -> None:
    step = StepRecording("k", (CommandRecording("c", 0, 0, (Segment(Stream.OUT, f"a{text}\n"),)),))
    with pytest.raises(ValueError, match="no control characters but those of colours"):
        dumps(replace(SAMPLE, steps=(step,)))
    message = problem(SAMPLE_TEXT.replace("err|cat", f"err|{escape(text)}cat"))
    assert "line 21: expected no control characters but those of colours" in message


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
    ("written", "lines"),
    [
        ("", []),
        ("\n", ["out|"]),
        ("x", ["out|x\\"]),
        ("x\\\n", ["out|x\\\\"]),
        ("x\\", ["out|x\\\\\\"]),
        ("x \n\n", ["out|x\\x20", "out|"]),
        ("\ufffdé\n", ["out|\ufffdé"]),
        ("\x1b[1;31mx\x1b[m\n", ["out|\\e[1;31mx\\e[m"]),
        ("\xa0\u3000\n", ["out|\\u{a0}\\u{3000}"]),
    ],
)
def test_output_lines(written: str, lines: list[str]) -> None:
    step = StepRecording("k", (CommandRecording("c", 0, 0, (Segment(Stream.OUT, written),)),))
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
        ("docker-run recording 2\n", "", 1, "`docker-run recording 2`"),
        ("docker-run recording 2", "\ufeffdocker-run recording 2", 1, r"found `\ufeffdocker-run"),
        ("docker-run recording 2", "docker-run recording 0", 1, "`docker-run recording 2`"),
        ("place: direct\n", "", 3, "`place:`"),
        ("place: direct", "place:direct", 3, "a space after `place:`"),
        ("place: direct\n", "place: direct\nmood: good\n", 4, "`terminal:` and columns"),
        ("terminal: 80x24", "terminal: 80", 4, "`terminal:` and columns"),
        ("terminal: 80x24", "80x24", 4, "`terminal:`"),
        (" | -\n", "\n", 9, "`image: NAME | ID | ORIGIN | DIGEST`"),
        ("exit: 0", "exit: zero", 14, "`exit:` and a whole number"),
        ("exit: 0\n", "", 14, "`exit:` and a whole number"),
        ("exit: 0", "exit: 00", 14, "`exit: 0`"),
        ("seconds: 0.312", "seconds: 0.31", 15, "`seconds:` and a number"),
        ("out|a", "out a", 16, "an empty line"),
        ("a\\u{a0}b", "a\tb", 16, "no control characters but those of colours"),
        ("b\\x20", "b ", 16, r"`out|a\u{a0}b\x20`"),
        ("a\\u{a0}b", "a\\qb", 16, "only the escapes"),
        ("a\\u{a0}b", "\\u{110000}", 16, "only the escapes"),
        ("a\\u{a0}b", "\\u{d800}", 16, "no control characters but those of colours"),
        ("a\\u{a0}b", "\\x61\\u{a0}b", 16, r"`out|a\u{a0}b\x20`"),
        ("typed: 3", "typed: 03", 29, "a whole number"),
        ("typed: 3", "typed: -1", 29, "a whole number"),
        ("typed: 3", "typed: 3\nnot text:", 30, "a value after `not text:`"),
        ("typed: 3\n", "not text: NUL\ntyped: 3\n", 30, "an empty line"),
        ("out|no end\\\n\n", "out|no end\\\n", 23, "an empty line"),
        ("date: 2026-11-24T00:00:00Z", "date:", 25, "a value after `date:`"),
        ("not run: the", "not ran: the", 37, "an empty line"),
        ("\nend\n", "", 38, "the file ends too early"),
        ("end\n", "end", 39, "the end of the file"),
        ("end\n", "end\n\n", 40, "the end of the file"),
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
    with pytest.raises(NewerRecording, match="format 3; this version reads up to 2"):
        loads("docker-run recording 3\n<<<<<<< something else\n", source="x")


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
        ("docker-run recording 2", f"docker-run recording {'1' * 5000}", 1, "`docker-run recording 2`"),
    ],
)
def test_odd_values_are_named_with_their_line(found: str, damaged: str, line: int, expected: str) -> None:
    assert found in SAMPLE_TEXT
    message = problem(SAMPLE_TEXT.replace(found, damaged, 1))
    assert message.startswith(f"docs/recordings/first.txt, line {line}: ")
    assert expected in message
    assert len(message) < 500


@PATIENTLY
@given(st.lists(st.sampled_from([*SAMPLE_TEXT.split("\n"), "out|\\", "key|a", "ask|x\\", "> b", "$"])))
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
