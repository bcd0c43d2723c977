"""Differences between recordings: those that a reader would see, and only those."""

from __future__ import annotations

import time

from hypothesis import example, given, settings
from hypothesis import strategies as st

from docker_run.model import (
    Chunk,
    CommandRecording,
    CommandResult,
    Environment,
    Image,
    Recording,
    StepRecording,
    Stream,
    TerminalSize,
)
from docker_run.recordings.compare import Difference, differences
from docker_run.recordings.record import record

PATIENTLY = settings(deadline=None)  # a busy machine is no failure

ENVIRONMENT = Environment("Docker Engine 20.10.24", "Debian GNU/Linux 12", "x86_64")
OUT, ERR, TTY, KEY = Stream.OUT, Stream.ERR, Stream.TERMINAL, Stream.TYPED


def command(*output: tuple[Stream, bytes], text: str = "docker run x", code: int = 0) -> CommandRecording:
    chunks = tuple(Chunk(*chunk) for chunk in output)
    return record(CommandResult(text, code, 0.5, chunks), TerminalSize())


def recording(*steps: StepRecording) -> Recording:
    return Recording("a", "direct", TerminalSize(), "2026-11-23T22:10:04Z", ENVIRONMENT, (), steps)


def of(*commands: CommandRecording, key: str = "k1") -> Recording:
    return recording(StepRecording(key, commands))


def diff(old: Recording, new: Recording, *patterns: str) -> str:
    return "\n".join(found.diff for found in differences(old, new, volatile={"k1": patterns}))


def printed(data: bytes, stream: Stream = OUT) -> Recording:
    return of(command((stream, data)))


def test_equal_recordings_have_no_difference() -> None:
    assert differences(printed(b"x\n"), printed(b"x\n"), volatile={}) == ()
    assert differences(recording(), recording(), volatile={}) == ()


def test_a_changed_line_is_shown_with_its_surroundings() -> None:
    old = of(command((OUT, b"1\n2\n3\n4\nfive\n6\n7\n8\n9\n")), command())
    new = of(command((OUT, b"1\n2\n3\n4\nFIVE\n6\n7\n8\n9\n")), command())
    expected = "@@ -4,7 +4,7 @@\n out|2\n out|3\n out|4\n-out|five\n+out|FIVE\n out|6\n out|7\n out|8"
    assert differences(old, new, volatile={}) == (Difference(0, "docker run x", expected),)


def test_volatile_text_is_no_difference_and_no_changed_line() -> None:
    old = printed(b"a1b2c3d4e5f6 up\n2\n3\nsame 0.1s\n5\n6\n7\nx\n")
    assert diff(old, printed(b"f6e5d4c3b2a1 up\n2\n3\nsame 0.2s\n5\n6\n7\nx\n")) == ""
    shown = diff(old, printed(b"f6e5d4c3b2a1 up\n2\n3\nsame 0.2s\n5\n6\n7\ny\n"))
    assert shown == "@@ -7,4 +7,4 @@\n out|5\n out|6\n out|7\n-out|x\n+out|y"
    shown = diff(old, printed(b"f6e5d4c3b2a1 up\n2\n3\nsame 0.2s\n5\nsix\n7\nx\n"))
    assert " out|same 0.2s" in shown  # as it is, and as context


def test_each_step_has_patterns_of_its_own() -> None:
    old, new = printed(b"try 7\n"), printed(b"try 8\n")
    assert diff(old, new, r"try \d") == ""
    assert differences(old, new, volatile={"k2": (r"try \d",)})


def test_a_pattern_may_span_lines() -> None:
    assert diff(printed(b"a\n1\n2\nz\n"), printed(b"a\n3\nz\n"), r"a[\s\S]*z") == ""
    shown = diff(printed(b"a\n1\n2\nz\nx\n"), printed(b"a\n3\nz\ny\n"), r"a[\s\S]*z")
    assert shown.endswith(" out|<volatile>\n-out|x\n+out|y")


def test_exit_status_counts() -> None:
    shown = diff(of(command((OUT, b"x\n"))), of(command((OUT, b"x\n"), code=3)))
    assert shown == "@@ -1,3 +1,3 @@\n $ docker run x\n-exit: 0\n+exit: 3\n out|x"


def test_where_and_when_it_ran_does_not_count() -> None:
    old = printed(b"x\n")
    step = old.steps[0]._replace(date="2020-01-01T00:00:00Z")
    step = step._replace(commands=tuple(one._replace(seconds=99.0) for one in step.commands))
    new = Recording(
        "b",
        "lab",
        TerminalSize(),
        "2027-01-01T00:00:00Z",
        Environment("", "", ""),
        (Image("x", "1", "pulled"),),
        (step,),
    )
    assert differences(old, new, volatile={}) == ()


def test_streams_without_a_terminal_have_no_common_order() -> None:
    one = of(command((OUT, b"a\n"), (ERR, b"e\n"), (OUT, b"b\n")))
    two = of(command((ERR, b"e\n"), (OUT, b"a\nb\n")))
    assert diff(one, two) == ""
    assert diff(one, of(command((ERR, b"e\n"), (OUT, b"b\na\n")))) != ""
    assert diff(printed(b"a\n", OUT), printed(b"a\n", ERR)).endswith("-out|a\n+err|a")


def test_colours_do_not_count_and_cursor_movements_do() -> None:
    assert diff(printed(b"\x1b[31mred\x1b[m\r\n", TTY), printed(b"\x1b[32mred\x1b[m\r\n", TTY)) == ""
    assert diff(printed(b"10%\r50%\rdone\r\n", TTY), printed(b"30%\rdone\r\n", TTY)) == ""
    assert diff(printed(b"ab\x1b[1Dc\r\n", TTY), printed(b"ab\x1b[2Dc\r\n", TTY)) != ""


def test_typed_lines_are_seen_as_their_echo_alone() -> None:
    one = of(command((TTY, b"# "), (KEY, b"ls"), (TTY, b"ls\r\nbin\r\n")))
    two = of(command((TTY, b"# ls\r\n"), (KEY, b"ls"), (TTY, b"bin\r\n")))
    assert diff(one, two) == ""


def test_an_id_at_the_right_edge_of_the_terminal_is_masked() -> None:
    line = "/var/lib/docker/containers/{}/resolv.conf\r\n"
    old, new = (printed(line.format(digit * 32).encode(), TTY) for digit in ("1f", "2e"))
    assert diff(old, new) == ""


def test_not_run_against_run() -> None:
    missing = recording(StepRecording("k1", not_run="no image"))
    shown = diff(missing, of(command((OUT, b"x\n"))))
    assert shown == "@@ -1,1 +1,3 @@\n-not run: no image\n+$ docker run x\n+exit: 0\n+out|x"
    found = differences(of(command(), command(text="two")), missing, volatile={})
    assert [(one.step, one.command) for one in found] == [(0, "docker run x"), (0, "two")]
    assert found[0].diff == "@@ -1,2 +1,1 @@\n-$ docker run x\n-exit: 0\n+not run: no image"
    assert found[1].diff == "@@ -1,2 +0,0 @@\n-$ two\n-exit: 0"
    assert differences(missing, missing, volatile={}) == ()


def test_steps_are_paired_by_key_then_by_position() -> None:
    one, two, three = (StepRecording(key, (command((OUT, key.encode())),)) for key in ("k1", "k2", "k3"))
    assert differences(recording(one, two), recording(one), volatile={}) == ()
    assert differences(recording(two, one), recording(one, two), volatile={}) == ()
    found = differences(recording(one, two), recording(one, three), volatile={})
    assert [(new.step, new.diff.splitlines()[-2:]) for new in found] == [(1, ["-out|k2", "+out|k3"])]
    found = differences(recording(one), recording(three, one), volatile={})
    assert [(new.step, new.diff.splitlines()[-1]) for new in found] == [(0, "+out|k3")]
    found = differences(recording(one), recording(one, two), volatile={})
    assert [(new.step, new.diff) for new in found] == [
        (1, "@@ -0,0 +1,3 @@\n+$ docker run x\n+exit: 0\n+out|k2")
    ]


def test_commands_of_several_lines() -> None:
    shown = diff(of(command(text="a \\\n b")), of(command(text="a \\\n c")))
    assert shown == "@@ -1,3 +1,3 @@\n $ a \\\\\n->  b\n+>  c\n exit: 0"


def test_what_a_reader_could_not_see_is_escaped() -> None:
    shown = diff(printed(b"a b\n"), printed("a\xa0b\n".encode()))
    assert shown.endswith("-out|a b\n+out|a\\u{a0}b")


def test_a_long_difference_is_cut_and_takes_no_time_to_find() -> None:
    began = time.monotonic()
    # Lines that all occur everywhere are the worst case of difflib.
    shown = diff(printed(b"y\nn\n" * 15_000), printed(b"n\ny\n" * 15_000)).splitlines()
    assert time.monotonic() - began < 45
    # The hunk's header, the command and the exit status, and both outputs.
    assert shown[:4] == ["@@ -1,30002 +1,30002 @@", " $ docker run x", " exit: 0", "-out|y"]
    assert shown[200:] == [f"… and {3 + 2 * 30_000 - 200} more lines"]


LINES = st.lists(st.sampled_from(["a", "b", "12ms", "7 of 9"]), max_size=30)


def test_many_equal_lines_of_which_every_second_changes_take_no_time() -> None:
    began = time.process_time()
    found = diff(printed(b"same\n" * 1600), printed(b"same\nother\n" * 800)).splitlines()
    assert time.process_time() - began < 5
    assert len(found) > 100
    assert {line[0] for line in found[10:100]} == {"-"}


@PATIENTLY
@given(LINES, LINES)
def test_there_is_a_difference_exactly_where_masked_text_differs(one: list[str], two: list[str]) -> None:
    old, new = (printed("".join(f"{line}\n" for line in lines).encode()) for lines in (one, two))
    assert (diff(old, new) == "") == (one == two)


@PATIENTLY
@given(LINES, LINES)
@example([*"abcdefghijklmnopqrst"], [*"Abcdefghijklmnopqrst", "u"])
@example([*"abcdefghijklmnopqrst"], [*"abcdeFghijklmNopqrst"])
@example([*"abcdefghijklmnopqrst"], [*"abcdeFghijklNopqrs"])
def test_a_diff_says_how_to_get_from_old_to_new(one: list[str], two: list[str]) -> None:
    old, new = (printed("".join(f"{line}\n" for line in lines).encode()) for lines in (one, two))
    before = ["$ docker run x", "exit: 0", *(f"out|{line}" for line in one)]
    after, shift = list(before), 0
    hunks = [hunk.split("\n") for hunk in ("\n" + diff(old, new)).split("\n@@ ")[1:]]
    for header, *lines in hunks:
        start, length = map(int, header.split()[0].lstrip("-").split(","))
        at = start - (1 if length else 0) + shift
        assert after[at : at + length] == [line[1:] for line in lines if line[0] in " -"]
        after[at : at + length] = [line[1:] for line in lines if line[0] in " +"]
        shift += sum(line[0] == "+" for line in lines) - sum(line[0] == "-" for line in lines)
    assert after == ["$ docker run x", "exit: 0", *(f"out|{line}" for line in two)]


def test_the_echo_of_a_long_line_at_a_prompt_with_an_id_is_no_difference() -> None:
    typed = "echo " + "1234567890" * 9
    for host in ("481f014ccd02", "f0ca241cc643"):
        prompt = f"root@{host}:/# "
        room = 80 - len(prompt)
        # As readline writes it: the character after the right edge twice, with a return between.
        echo = f"{prompt}{typed[:room]}{typed[room]}\r{typed[room:]}\r\n"
        found = printed(echo.encode(), TTY)
        if host.startswith("4"):
            old = found
    assert diff(old, found) == ""
    other = printed(echo.replace("890\r\n", "891\r\n").encode(), TTY)
    assert f"+tty|{prompt}{typed[:-1]}1" in diff(old, other)


def test_exit_statuses_of_which_every_one_is_expected_are_no_difference() -> None:
    old, new = of(command(code=0), command(code=52)), of(command(code=0), command(code=56))
    assert differences(old, new, volatile={}) != ()
    assert differences(old, new, volatile={}, any_exit={"k1": [False, True]}) == ()
    assert differences(old, new, volatile={}, any_exit={"k1": [True, False]}) != ()
