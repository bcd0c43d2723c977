"""Expectations are held against recordings, whether anything ran or not."""

from __future__ import annotations

import dataclasses
import re

import pytest

from contract import session, step
from docker_run.model import (
    Capture,
    Chunk,
    CommandRecording,
    CommandResult,
    Environment,
    Expectation,
    Finding,
    LabFile,
    Location,
    Recording,
    Session,
    Step,
    StepRecording,
    Stream,
    TerminalSize,
)
from docker_run.recordings.record import record
from docker_run.workflow.expectations import captured, held_steps, is_current, verify, verify_presence
from lab_sessions import PLACE


def ran(command: str, code: int, *output: Chunk) -> CommandRecording:
    return record(CommandResult(command, code, 0.1, output), TerminalSize())


def recording(asked: Session, *printed: tuple[int, bytes], keys: tuple[str, ...] | None = None) -> Recording:
    steps = tuple(
        StepRecording(key, (ran(each.commands[0].text, code, Chunk(Stream.OUT, data)),))
        for each, key, (code, data) in zip(asked.steps, keys or asked.keys, printed, strict=False)
    )
    nowhere = Environment("", "", "")
    return Recording("page", "direct", TerminalSize(), "2026-11-23T00:00:00Z", nowhere, (), steps)


def expecting(*, line: str = "busybox x", captures: tuple[Capture, ...] = (), **expect: object) -> Step:
    return dataclasses.replace(step(line), expect=Expectation(**expect), captures=captures)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("accepted", "code", "subtypes"),
    [((0,), 0, []), ((0,), 1, ["exit-code"]), ((3,), 3, []), ((3,), 0, ["exit-code"]), (None, 77, [])],
)
def test_exit_codes(accepted: tuple[int, ...] | None, code: int, subtypes: list[str]) -> None:
    asked = session(expecting(exit_codes=accepted))
    found = verify(asked, recording(asked, (code, b"some output\n")))
    assert [finding.subtype for finding in found] == subtypes
    for finding in found:
        assert finding.location == asked.steps[0].location
        assert f"status {code}" in finding.message
        assert "some output" in finding.message


def test_one_status_for_each_command() -> None:
    asked = session(expecting(exit_codes=(0, 2)))
    commands = (CommandRecording("a", 0, 0.1), CommandRecording("b", 1, 0.1))
    made = recording(asked, (0, b""))
    made = dataclasses.replace(made, steps=(StepRecording(asked.keys[0], commands),))
    (finding,) = verify(asked, made)
    assert "`b` ended with exit status 1, expected 2" in finding.message
    assert "`# exit-code: 1`, or say `:exit-code: 0, 1`" in finding.message


def test_any_status_for_some_commands() -> None:
    asked = session(expecting(exit_codes=(None, 0, None)))
    commands = (
        ran("a", 7, Chunk(Stream.TERMINAL, b"of a")),
        ran("b \\\n -x", 1, Chunk(Stream.TERMINAL, b"of b")),
        CommandRecording("c", 9, 0.1),
    )
    made = dataclasses.replace(recording(asked, (0, b"")), steps=(StepRecording(asked.keys[0], commands),))
    (finding,) = verify(asked, made)
    assert "`b \\ …` ended" in finding.message
    assert "`:exit-code: any, 1, any`" in finding.message
    assert "of b" in finding.message
    assert "of a" not in finding.message


def test_patterns_are_looked_for_in_what_the_reader_sees() -> None:
    asked = session(expecting(match=("^two$", "absent")))
    (finding,) = verify(asked, recording(asked, (0, b"one\n\x1b[31mtwo\x1b[0m\nthree\n")))
    assert finding.subtype == "match"
    assert "`absent`" in finding.message


def test_a_message_quotes_the_last_lines_only() -> None:
    asked = session(expecting())
    (finding,) = verify(asked, recording(asked, (1, b"".join(b"line-%d\n" % n for n in range(100)))))
    assert "line-99" in finding.message
    assert "line-94" not in finding.message


def test_captures() -> None:
    asked = expecting(
        captures=(Capture("n", r"(\d+) applets"), Capture("whole", r"\d+"), Capture("no", "x+"))
    )
    made = StepRecording("k", (ran("c", 0, Chunk(Stream.OUT, b"has 42 applets\n")),))
    assert captured(asked, made) == {"n": "42", "whole": "42"}
    assert captured(asked, StepRecording("k", not_run="no image")) == {}


def test_a_capture_that_finds_nothing_is_a_finding() -> None:
    asked = session(expecting(captures=(Capture("n", r"(\d+)"),)))
    assert [finding.subtype for finding in verify(asked, recording(asked, (0, b"none")))] == ["capture"]


@pytest.mark.parametrize("data", [b"a\xffb", b"a\0b"])
def test_output_that_a_page_cannot_show(data: bytes) -> None:
    asked = session(expecting())
    (finding,) = verify(asked, recording(asked, (0, data)))
    assert finding.subtype == "output-encoding"
    assert "at byte 1" in finding.message


def verified(*chunks: Chunk) -> tuple[Finding, ...]:
    """Return what is found of a command that printed `chunks`."""
    asked = session(expecting())
    made = recording(asked, (0, b""))
    command = ran(made.steps[0].commands[0].command, 0, *chunks)
    return verify(asked, dataclasses.replace(made, steps=(StepRecording(asked.keys[0], (command,)),)))


@pytest.mark.parametrize(
    "between", [Chunk(Stream.ERR, b"e"), Chunk(Stream.TYPED, b"ls"), Chunk(Stream.OUT, b"")]
)
def test_a_character_cut_in_two_within_its_stream_is_whole(between: Chunk) -> None:
    assert verified(Chunk(Stream.OUT, b"\xc3"), between, Chunk(Stream.OUT, b"\xa4")) == ()


@pytest.mark.parametrize(
    ("chunks", "at"),
    [
        ([(Stream.OUT, b"ab\xc3"), (Stream.ERR, b"\xa4")], 3),
        ([(Stream.OUT, b"ab\xc3"), (Stream.ERR, b"x"), (Stream.OUT, b"x")], 2),
        ([(Stream.OUT, b"a" * 65535 + b"\xc3x")], 65535),
        ([(Stream.OUT, b"a" * 65537 + b"\xff")], 65537),
        ([(Stream.OUT, b"ab\xc3"), (Stream.ERR, b"xyz")], 2),
        ([(Stream.ERR, b"x"), (Stream.OUT, b"ab\0")], 3),
    ],
)
def test_the_first_byte_that_is_no_text_is_named(chunks: list[tuple[Stream, bytes]], at: int) -> None:
    (finding,) = verified(*(Chunk(*chunk) for chunk in chunks))
    assert f"at byte {at})" in finding.message


def test_what_was_not_run_is_not_judged() -> None:
    asked = session(dataclasses.replace(expecting(match=("x",)), optional=True))
    made = dataclasses.replace(recording(asked), steps=(StepRecording(asked.keys[0], not_run="no image"),))
    assert verify(asked, made) == ()
    assert is_current(asked, made)


def test_a_step_that_is_no_longer_optional_is_to_be_run() -> None:
    asked = session(expecting())
    made = dataclasses.replace(recording(asked), steps=(StepRecording(asked.keys[0], not_run="no image"),))
    assert not is_current(asked, made)
    (finding,) = verify_presence(asked, made)
    assert finding.subtype == "recording-stale"


def test_steps_hold_up_to_the_first_that_changed() -> None:
    asked = session(step("a true"), step("b true"), step("c true"))
    keys = (asked.keys[0], "changed", asked.keys[2])
    made = recording(asked, (0, b""), (1, b""), (1, b""), keys=keys)
    assert held_steps(asked, made) == 1
    assert not is_current(asked, made)
    assert verify(asked, made) == ()
    (finding,) = verify_presence(asked, made)
    assert finding.subtype == "recording-stale"
    assert finding.location == asked.steps[1].location
    assert "1 after it" in finding.message


def test_a_longer_recording_is_not_current() -> None:
    asked = session(step("a true"), step("b true"))
    made = recording(asked, (0, b""), (0, b""))
    shorter = session(asked.steps[0])
    assert held_steps(shorter, made) == 1
    assert not is_current(shorter, made)


def test_no_recording_at_all() -> None:
    asked = session(step("a true"))
    assert held_steps(asked, None) == 0
    (finding,) = verify_presence(asked, None)
    assert finding.subtype == "recording-missing"
    assert verify_presence(asked, recording(asked, (0, b""))) == ()


def at_terminal(*typed: str, line: str = "-it busybox", sent: int | None) -> tuple[Finding, ...]:
    asked = session(step(line, *typed))
    command = CommandRecording(asked.steps[0].commands[0].text, 0, 0.1, typed=sent)
    made = dataclasses.replace(recording(asked), steps=(StepRecording(asked.keys[0], (command,)),))
    return verify(asked, made)


def test_what_was_never_typed_is_a_finding() -> None:
    (finding,) = at_terminal("exit", "echo more", "<C-d>", sent=1)
    assert finding.subtype == "body"
    assert "before `echo more` and 1 more was typed" in finding.message
    assert at_terminal("exit", "<C-d>", sent=1) == ()
    assert len(at_terminal("ls", sent=0)) == 1
    assert at_terminal("ls", "exit", sent=2) == ()


def test_of_what_was_sent_into_a_pipe_nothing_is_known_in_format_1() -> None:
    assert at_terminal("one", "two", line="-i busybox cat", sent=None) == ()


def on_lab(*typed: str, sent: int | None, line: str = "busybox") -> tuple[Finding, ...]:
    asked = dataclasses.replace(session(step(line, *typed)), place=PLACE)
    command = CommandRecording(asked.steps[0].commands[0].text, 0, 0.1, typed=sent)
    made = dataclasses.replace(recording(asked), steps=(StepRecording(asked.keys[0], (command,)),))
    return verify(asked, made)


def test_on_a_lab_every_command_is_at_a_terminal() -> None:
    (finding,) = on_lab("one", "two", sent=1)
    assert "before `two` was typed" in finding.message
    assert on_lab("one", "two", sent=2) == ()


def test_a_wait_is_not_typed() -> None:
    assert on_lab("<wait 2s>", "one", "<wait /x/>", sent=1) == ()
    (finding,) = on_lab("<wait 2s>", "one", "<wait /x/>", "two", sent=1)
    assert "before `two` was typed" in finding.message
    assert at_terminal("<wait 2s>", "exit", sent=1) == ()


def test_a_program_that_ended_needs_no_end_of_input() -> None:
    assert on_lab("one", "<wait 1s>", "<C-d>", sent=1) == ()
    assert len(on_lab("one", "<C-d>", sent=0)) == 1
    assert len(on_lab("one", "<C-d>", "<C-d>", sent=1)) == 1


def test_a_file_has_no_commands() -> None:
    file = Step(Location("page.md", 3), (), file=LabFile("x", b""))
    asked = session(file, step("a true"))
    made = dataclasses.replace(recording(asked), steps=tuple(map(StepRecording, asked.keys)))
    assert verify(asked, made) == ()
    (finding,) = verify_presence(asked, None)
    assert "this file and 1 after it" in finding.message


def test_a_message_holds_no_control_characters() -> None:
    asked = session(expecting())
    printed = b"/ # \x1b[6n\x1b[Jecho \x07hi\x1b]0;t\x07\r\n\xc2\x9b1m"
    (finding,) = verify(asked, recording(asked, (1, printed)))
    assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", finding.message) is None
    assert "/ # echo hi" in finding.message


def test_what_the_terminal_broke_is_found() -> None:
    asked = session(
        expecting(match=("port is already allocated",), captures=(Capture("port", "port is .*"),))
    )
    printed = recording(asked, (0, b""))
    text = b"x" * 70 + b" port is already allocated\r\n"
    command = ran("a", 0, Chunk(Stream.TERMINAL, text))
    broken = dataclasses.replace(printed, steps=(StepRecording(asked.keys[0], (command,)),))
    assert list(verify(asked, broken)) == []
    values = captured(asked.steps[0], broken.steps[0])
    assert values == {"port": "port is already allocated"}
