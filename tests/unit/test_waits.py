"""Waits: their notation, and how a typed line is divided at them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_run.errors import SyntaxProblem
from docker_run.terminal.waits import Wait, is_wait, parse, split


@pytest.mark.parametrize(
    ("entry", "wait"),
    [
        ("<wait 2s>", Wait(2)),
        ("<wait 2>", Wait(2)),
        ("<wait 500ms>", Wait(0.5)),
        ("<wait 1.5 s>", Wait(1.5)),
        ("<wait 1m>", Wait(60)),
        ("<wait /Ready/>", Wait(pattern="Ready")),
        ("<wait /a>b/c d/>", Wait(pattern="a>b/c d")),
        (r"<wait /a\/>b/>", Wait(pattern=r"a\/>b")),
        ("<wait /^[0-9]+ <x>$/>", Wait(pattern="^[0-9]+ <x>$")),
    ],
)
def test_what_is_waited_for(entry: str, wait: Wait) -> None:
    assert is_wait(entry)
    assert parse(entry) == wait
    assert split(entry) == (entry,)


@pytest.mark.parametrize(
    "text",
    [
        "<wait>", "<wait >", "<wait foo>", "<wait 2x>", "<wait -1>", "<wait /a>", "<wait //>", "<wait a/>",
        "<Wait 2s>", "<WAIT 2s>", "<wait2s>", "<wait:2s>", "< wait 2s>", "<wait 2s", "<wait 0>", "<wait 0ms>",
        "<wait /(/>", "<wait /[/>",
    ],
)  # fmt: skip
def test_a_mistyped_wait_says_so(text: str) -> None:
    for line in (text, f"<C-c>{text}", f"{text}ls", f"<wait 1s>{text}"):
        with pytest.raises(SyntaxProblem, match="wait"):
            split(line)


@pytest.mark.parametrize("text", ["await", "<waiting>", "<wait-for>", "<await 2s>", r"\<wait 2s>", "wait 2s"])
def test_other_text_is_text(text: str) -> None:
    assert split(text) == (text,)
    assert not is_wait(text)


@pytest.mark.parametrize(
    ("line", "entries"),
    [
        ("", ("",)),
        ("  ls", ("  ls",)),
        ("<wait /Ready/><C-c>", ("<wait /Ready/>", "<C-c>")),
        ("<wait 2s> ls -l", ("<wait 2s>", "ls -l")),
        ("<wait /a/> <wait 2s>", ("<wait /a/>", "<wait 2s>")),
        ("<C-p><wait 1s><C-q>", ("<C-p>", "<wait 1s>", "<C-q>")),
        ("<C-c> <wait 1s>", ("<C-c>", "<wait 1s>")),
    ],
)
def test_a_line_is_divided_at_its_waits(line: str, entries: tuple[str, ...]) -> None:
    assert split(line) == entries


def test_a_wait_does_not_stand_behind_text() -> None:
    with pytest.raises(SyntaxProblem, match="follows text"):
        split("ls<wait 2s>")
    with pytest.raises(SyntaxProblem, match="follows text"):
        split("ls <wait 2s> -l")


def test_messages_call_it() -> None:
    assert str(Wait(0.5)) == "0.5 s"
    assert str(Wait(pattern="a b")) == "/a b/"


def test_a_pattern_is_found_at_lines() -> None:
    assert Wait(pattern="^two$").found_in("one\ntwo\nthree")
    assert not Wait(pattern="^two$").found_in("one two")
    assert not Wait(2).found_in("2")


@given(st.text(alphabet="<>wait 2s/\\aC-c"))
def test_any_line_is_divided_or_refused(line: str) -> None:
    try:
        entries = split(line)
    except SyntaxProblem:
        return
    assert "".join(entries).replace(" ", "") == line.replace(" ", "")
    for entry in entries:
        assert is_wait(entry) or split(entry) == (entry,)
