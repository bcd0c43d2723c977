from __future__ import annotations

import pytest

from docker_run.terminal.typist import Typist

ASH = b"~ # \x1b[6n"
BASH = b"\x1b[?2004hroot@0123456789ab:/# "


class Program:
    """A program at a terminal, on a clock of its own; notes when what was typed."""

    def __init__(self, *lines: str) -> None:
        self.now = 100.0
        self.typist = Typist(lines, began=self.now)
        self.typed: list[tuple[float, str]] = []

    def prints(self, output: bytes) -> None:
        self.typist.saw(output, now=self.now)

    def silent_for(self, seconds: float) -> list[str]:
        """Let time pass; return what was typed within it."""
        before = len(self.typed)
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + 0.01, end)
            line = self.typist.next_line(now=self.now)
            if line is not None:
                self.typed.append((self.now, line))
        return [line for _, line in self.typed[before:]]


@pytest.mark.parametrize("prompt", [ASH, BASH, b">>> ", b"Password: ", b"$ ", b"\x1b]0;title\x07> "])
def test_nothing_is_typed_before_the_prompt_and_soon_after_it(prompt: bytes) -> None:
    program = Program("ls")
    assert program.silent_for(1.0) == []
    program.prints(b"Welcome\r\n")
    assert program.silent_for(1.0) == []
    program.prints(prompt)
    assert program.silent_for(0.1) == []
    assert program.silent_for(0.5) == ["ls"]
    assert program.typist.done


def test_a_slow_start_is_waited_for() -> None:
    program = Program("ls", "exit")
    program.typist = Typist(("ls", "exit"), began=program.now, starting=10.0)
    assert program.silent_for(5.0) == []
    program.prints(b"Status: Downloaded newer image\r\n")
    assert program.silent_for(5.0) == []
    program.prints(b"\r\nBusyBox\r\n" + ASH)
    assert program.silent_for(0.5) == ["ls"]
    program.prints(b"ls\r\nbin\r\n")
    assert program.silent_for(6.0) == ["exit"]  # only the start is slow
    silent = Program("ls")
    silent.typist = Typist(("ls",), began=silent.now, starting=10.0)
    assert silent.silent_for(9.9) == []
    assert silent.silent_for(0.2) == ["ls"]


def test_the_prompt_redrawn_is_waited_for() -> None:
    program = Program("ls")
    program.prints(ASH)
    assert program.silent_for(0.2) == []
    program.prints(b"\r~ # \x1b[J")
    assert program.silent_for(0.2) == []
    assert program.silent_for(0.2) == ["ls"]


def test_the_next_line_waits_for_the_next_prompt() -> None:
    program = Program("sleep 3", "exit")
    program.prints(BASH)
    assert program.silent_for(1) == ["sleep 3"]
    program.prints(b"sleep 3\r\n\x1b[?2004l\r")
    assert program.silent_for(3) == []
    program.prints(BASH)
    assert program.silent_for(0.3) == ["exit"]


def test_the_old_prompt_is_no_answer() -> None:
    program = Program("one", "two")
    program.prints(ASH)
    assert program.silent_for(1) == ["one"]
    assert program.silent_for(2) == []
    program.prints(b"one\r\nfirst\r\n" + ASH)
    assert program.silent_for(0.3) == ["two"]


def test_the_echo_is_no_prompt_whatever_it_ends_with() -> None:
    program = Program("really?", "yes")
    program.prints(ASH)
    assert program.silent_for(1) == ["really?"]
    program.prints(b"really?")
    assert program.silent_for(1) == []
    program.prints(b"\r\nyes or no? ")
    assert program.silent_for(0.5) == ["yes"]


def test_a_line_that_looks_like_no_prompt_is_given_time() -> None:
    program = Program("apt-get install x", "exit")
    program.prints(ASH)
    assert program.silent_for(1) == ["apt-get install x"]
    program.prints(b"apt-get install x\r\nReading package lists...")
    assert program.silent_for(1) == []
    program.prints(b" Done\r\n" + ASH)
    assert program.silent_for(0.3) == ["exit"]


def test_a_program_that_shows_no_prompt_is_typed_to_in_the_end() -> None:
    program = Program("hello", "more")
    assert program.silent_for(2) == ["hello"]
    program.prints(b"hello\r\nhello\r\n")
    assert program.silent_for(2) == ["more"]


def test_a_program_without_prompts_in_a_shell() -> None:
    program = Program("cat", "hello", "<C-d>", "exit")
    program.prints(ASH)
    assert program.silent_for(1) == ["cat"]
    program.prints(b"cat\r\n")
    assert program.silent_for(4) == []
    assert program.silent_for(2) == ["hello"]
    program.prints(b"hello\r\nhello\r\n")
    assert program.silent_for(2) == ["<C-d>"]
    program.prints(ASH)
    assert program.silent_for(6) == ["exit"]


def test_keys_that_edit_follow_each_other_at_once() -> None:
    program = Program("<C-p>", "<C-q>")
    program.prints(ASH)
    assert program.silent_for(0.9) == ["<C-p>", "<C-q>"]


def test_a_program_that_is_never_silent_can_be_interrupted() -> None:
    program = Program("<C-c>")
    for _ in range(20):
        program.prints(b"64 bytes from 127.0.0.1\r\n")
        program.silent_for(0.5)
    assert [line for _, line in program.typed] == ["<C-c>"]


def test_but_text_is_not_typed_into_it() -> None:
    program = Program("quit")
    for _ in range(20):
        program.prints(b"64 bytes from 127.0.0.1\r\n")
        program.silent_for(0.5)
    assert program.typed == []


def test_without_lines_there_is_nothing_to_type() -> None:
    program = Program()
    program.prints(ASH)
    assert program.typist.done
    assert program.silent_for(20) == []


def test_a_wait_types_nothing_and_needs_no_prompt() -> None:
    program = Program("<wait 2s>", "<C-c>", "ls")
    program.prints(b"still going")
    assert program.silent_for(1.9) == []
    assert program.typist.waiting == "waiting 2 s"
    program.prints(b"and going")
    assert program.silent_for(0.2) == ["<C-c>"]
    program.prints(b"^C\r\n" + BASH)
    assert program.silent_for(0.2) == []
    assert program.typist.waiting == "waiting for a prompt, to type `ls`"
    assert program.silent_for(0.2) == ["ls"]
    assert program.typist.waiting == ""


def test_a_wait_is_longer_than_the_silence_that_a_prompt_needs() -> None:
    program = Program("ls", "<wait 3s>", "exit")
    program.prints(ASH)
    assert program.silent_for(1) == ["ls"]
    program.prints(b"ls\r\n" + ASH)
    assert program.silent_for(2) == []
    assert program.silent_for(1) == ["exit"]
    (first, _), (second, _) = program.typed
    assert second - first == pytest.approx(3, abs=0.02)


def test_waiting_for_something_printed() -> None:
    program = Program("<wait /^Rea.y$/>", "<C-c>")
    assert program.silent_for(20) == []
    program.prints(b"not Ready\r\n\x1b[1mRea")
    assert program.silent_for(6) == []
    assert program.typist.waiting == "waiting for /^Rea.y$/"
    program.prints(b"\x1b[0mdy\r")
    program.prints(b"\nmore\r\nand more")
    assert program.silent_for(0.02) == ["<C-c>"]


def test_only_what_came_after_the_last_typed_line_counts() -> None:
    program = Program("ls", "<wait /bin/>", "exit")
    program.prints(b"/bin " + ASH)
    assert program.silent_for(1) == ["ls"]
    program.prints(b"ls\r\nusr\r\n" + ASH)
    assert program.silent_for(10) == []
    program.prints(b"bin")
    assert program.silent_for(0.02) == ["exit"]


@pytest.mark.parametrize(
    "echo", [b"echo Ready", b"echo R\x1b[Ceady", b"echo Re \r\x1b[Kady", b"echo Re\r\nady"]
)
def test_the_echo_is_not_what_is_waited_for(echo: bytes) -> None:
    program = Program("echo Ready", "<wait /Ready/>", "exit")
    program.prints(ASH)
    assert program.silent_for(1) == ["echo Ready"]
    for byte in echo:
        program.prints(bytes([byte]))
        assert program.silent_for(0.02) == []
    program.prints(b"\r\n")
    assert program.silent_for(5) == []
    program.prints(b"Ready\r\n")
    assert program.silent_for(0.02) == ["exit"]


def test_a_line_that_is_not_echoed_takes_nothing_away() -> None:
    program = Program("secret", "<wait /Welcome/>", "exit")
    program.prints(b"Password: ")
    assert program.silent_for(1) == ["secret"]
    program.prints(b"\r\nWelcome")
    assert program.silent_for(0.02) == ["exit"]


def test_waits_follow_each_other() -> None:
    program = Program("<wait 1s>", "<wait /a/>", "<wait 1s>", "x")
    program.prints(b"a")
    assert program.silent_for(1.9) == []
    assert program.silent_for(0.2) == ["x"]


def test_a_wait_at_the_end_is_waited_for() -> None:
    program = Program("ls", "<wait 2s>")
    program.prints(ASH)
    assert program.silent_for(1) == ["ls"]
    assert not program.typist.done
    assert program.silent_for(2) == []
    assert program.typist.done


@pytest.mark.parametrize("at", range(1, 9))
def test_a_character_may_come_in_parts(at: int) -> None:
    program = Program("<wait /^漢é👍$/>", "x")
    printed = "漢é👍\r\n".encode()
    program.prints(printed[:at])
    assert program.silent_for(1) == []
    program.prints(printed[at:])
    assert program.silent_for(0.02) == ["x"]


def test_what_is_remembered_has_a_bound() -> None:
    program = Program("<wait /first-*last/>", "x")
    program.prints(b"first" + b"-" * 100_000)
    program.prints(b"last")
    assert program.silent_for(1) == []
    program.prints(b"first" + b"-" * 60_000)
    program.prints(b"last")
    assert program.silent_for(0.02) == ["x"]


def test_prompts_are_not_learned_where_something_was_waited_for() -> None:
    program = Program("<wait 1s>", "one", "two")
    program.prints(b"half a line")
    assert program.silent_for(1.1) == ["one"]
    program.prints(b"one\r\nhalf a line")
    assert program.silent_for(1) == []
    assert program.silent_for(1) == ["two"]
