from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_run.errors import FlagProblem, SyntaxProblem
from docker_run.terminal import keys

CTRL_P, CTRL_Q, CTRL_X = b"\x10", b"\x11", b"\x18"


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("ls /bin", b"ls /bin\r"),
        ("", b"\r"),
        ("   ", b"   \r"),
        ("<C-p>", CTRL_P),
        ("<C-p><C-q>", CTRL_P + CTRL_Q),
        ("<C-P>", CTRL_P),
        ("<C-[>", b"\x1b"),
        ("<C-@>", b"\0"),
        ("<C-Space>", b"\0"),
        ("<M-b>", b"\x1bb"),
        ("<Enter>", b"\r"),
        ("<Up><Enter>", b"\x1b[A\r"),
        ("<Esc>", b"\x1b"),
        ("<Backspace><Delete>", b"\x7f\x1b[3~"),
        ("ls /e<Tab>", b"ls /e\t\r"),
        ("<Esc>:wq", b"\x1b:wq\r"),
        ("q<C-c>", b"q\x03\r"),
        ("cat <file", b"cat <file\r"),
        ("cat <file >other", b"cat <file >other\r"),
        ("echo '<html>'", b"echo '<html>'\r"),
        (r"echo '\<Up>'", b"echo '<Up>'\r"),
        (r"\<C-p>", b"<C-p>\r"),
        ("a<b<Tab>", b"a<b\t\r"),
        ("cat <<EOF", b"cat <<EOF\r"),
        ("naïve", "naïve\r".encode()),
    ],
)
def test_a_line_sends_these_bytes(line: str, sent: bytes) -> None:
    assert keys.to_bytes(line) == sent


@given(st.text(alphabet=st.characters(exclude_characters="<", codec="utf-8")))
def test_text_without_angle_brackets_is_sent_as_it_is(line: str) -> None:
    assert keys.to_bytes(line) == line.encode() + b"\r"


@given(st.text(alphabet=st.characters(exclude_characters="\\", codec="utf-8")))
def test_every_text_can_be_typed_by_escaping(line: str) -> None:
    escaped = line.replace("<", r"\<")
    keys.check(escaped)
    assert keys.to_bytes(escaped) == line.encode() + b"\r"


@pytest.mark.parametrize("name", sorted(keys.NAMED_KEYS))
def test_every_named_key_passes_the_check_and_needs_no_enter(name: str) -> None:
    keys.check(f"<{name}>")
    assert keys.is_keys(f"<{name}>")
    assert keys.to_bytes(f"<{name}>") == keys.NAMED_KEYS[name]


@pytest.mark.parametrize(
    "line",
    [
        "<C-pp>",
        "<Entr>",
        "<enter>",
        "ls<tab>",
        "<Ctrl-p>",
        "<ctrl+x>",
        "<C-é>",
        "<Bakspace>",
        "<UP>",
        "<A-x>",
        "<S-Up>",
    ],
)
def test_what_looks_like_a_mistyped_key_is_an_error(line: str) -> None:
    with pytest.raises(SyntaxProblem, match="is not a key"):
        keys.check(line)


def test_the_error_names_the_key_that_was_probably_meant() -> None:
    with pytest.raises(SyntaxProblem, match="is `<Enter>` meant"):
        keys.check("<Entr>")


@pytest.mark.parametrize(
    "line",
    [
        "cat <file",
        "<html>",
        "<a>x</a>",
        "<<EOF",
        "x < y > z",
        "<Title>",
        r"\<Entr>",
        "<C-p>",
        "<Div>",
        "grep '[<a-z>]'",
        "[<A-Z>]",
        "<my-element>",
    ],
)
def test_other_text_in_angle_brackets_passes(line: str) -> None:
    keys.check(line)


@pytest.mark.parametrize(
    ("text", "sequence"),
    [
        (keys.DEFAULT_DETACH_KEYS, CTRL_P + CTRL_Q),
        ("ctrl-x", CTRL_X),
        ("ctrl-x,x", CTRL_X + b"x"),
        ("ctrl-@,ctrl-[,ctrl-_", b"\0\x1b\x1f"),
        ("DEL", b"\x7f"),
    ],
)
def test_detach_keys(text: str, sequence: bytes) -> None:
    assert keys.parse_detach_keys(text) == sequence


@pytest.mark.parametrize("text", ["", "ctrl-", "ctrl-pp", "ctrl-1", "xy", "ctrl-p,", "é"])
def test_bad_detach_keys_are_an_error_that_names_them(text: str) -> None:
    with pytest.raises(FlagProblem, match="--detach-keys"):
        keys.parse_detach_keys(text)


def test_detaching_takes_the_sequence_out_and_ends() -> None:
    assert keys.DetachKeys(CTRL_P + CTRL_Q).feed(b"abc" + CTRL_P + CTRL_Q + b"rest") == (b"abc", True)


def test_the_first_of_the_keys_is_held_back_until_the_next() -> None:
    detach = keys.DetachKeys(CTRL_P + CTRL_Q)
    assert detach.feed(CTRL_P) == (b"", False)
    assert detach.feed(b"x") == (CTRL_P + b"x", False)
    assert detach.feed(CTRL_P) == (b"", False)
    assert detach.feed(CTRL_Q) == (b"", True)


def test_a_key_that_breaks_a_sequence_begins_no_new_one() -> None:
    assert keys.DetachKeys(CTRL_P + CTRL_Q).feed(CTRL_P + CTRL_P + CTRL_Q) == (
        CTRL_P + CTRL_P + CTRL_Q,
        False,
    )


@given(st.lists(st.binary(max_size=4)))
def test_without_detaching_nothing_is_lost(parts: list[bytes]) -> None:
    detach = keys.DetachKeys(CTRL_P + CTRL_Q)
    sent = b""
    for part in parts:
        piece, detached = detach.feed(part)
        sent += piece
        if detached:
            return
    piece, _ = detach.feed(b"end")
    assert sent + piece == b"".join(parts) + b"end"


def test_enter_can_be_left_out() -> None:
    assert keys.to_bytes("q\\c") == b"q"
    assert keys.to_bytes(":wq\\c") == b":wq"
    assert keys.to_bytes("echo \\c'") == b"echo \\c'\r"
    assert not keys.is_keys("q\\c")
