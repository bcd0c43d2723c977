"""What is typed on a lab into `docker run -i`: the program gets all of it, as it stands, and soon."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator

import docker
import pytest

from docker_run.authoring.run_directive import parse_step
from docker_run.engine.cleanup import labels
from docker_run.engine.engine import DockerEngine
from docker_run.engine.labs import lab_exec
from docker_run.engine.labs.lab_shell import Shell
from docker_run.model import CommandResult, Location, Step, Stream, TerminalSize
from docker_run.protocols import RunnerSession
from docker_run.terminal import screen
from docker_run.terminal.screen import Kind
from lab_sessions import TRAITS, session, shown, step

pytestmark = pytest.mark.engine

PAGE = f"input-{uuid.uuid4()}"
LENGTHS = (3000, 4093, 4094, 4095, 4096, 5000, 100_000)
"""Bytes of a line without its end. Linux keeps 4,095 of one that is longer, with its end."""


@pytest.fixture(scope="module")
def running(open_module_labs: Callable[..., DockerEngine]) -> Iterator[RunnerSession]:
    """Give a session on a lab that has busybox."""
    with open_module_labs(timeout=300.0).session(
        session(step("true"), page=PAGE, images=["busybox"])
    ) as running:
        yield running


def directive(argument: str, *body: str) -> Step:
    """Return the step of a directive on a lab; without an argument, its body is a console session."""
    return parse_step(
        argument,
        {},
        body,
        location=Location("page.md", 1),
        allow=(),
        read=pytest.fail,
        traits=TRAITS,
    )


def line_of(length: int, character: str = "x") -> str:
    """Return a line of about so many bytes, whose characters stand across all limits that are even."""
    return "." + character * ((length - 1) // len(character.encode()))


def md5(*lines: str) -> str:
    """Return what `md5sum` prints for `lines`."""
    data = "".join(f"{line}\n" for line in lines).encode()
    return f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}  -"


def last_line(recording: CommandResult) -> str:
    """Return the last line that was printed."""
    data = b"".join(chunk.data for chunk in recording.output if chunk.stream is Stream.TERMINAL)
    # The kernel drops bytes of an echo that is read too slowly, maybe within a character.
    return data.decode(errors="replace").rstrip().rpartition("\n")[2]


@pytest.mark.parametrize("character", ["x", "漢"])
def test_lines_of_any_length_arrive_whole(running: RunnerSession, character: str) -> None:
    lines = [line_of(length, character) for length in LENGTHS]
    (recording,) = running.run(directive("-i --rm busybox md5sum", *lines))
    assert last_line(recording) == md5(*lines)
    for line in lines:  # and each as the only one
        (recording,) = running.run(directive("-i --rm busybox md5sum", line))
        assert last_line(recording) == md5(line)


def test_an_echo_is_shown_whole(running: RunnerSession) -> None:
    line = line_of(9000, "漢")
    (recording,) = running.run(directive("-i --rm busybox wc -c", line))
    assert [chunk.data.decode() for chunk in recording.output if chunk.stream is Stream.TYPED] == [
        line,
        "<C-d>",
    ]
    rows = screen.lines(recording.output, TerminalSize(), joined=True)
    assert screen.text(rows) == f"{line}\n{len(line.encode()) + 1}"


@pytest.mark.parametrize(
    ("program", "answer"),
    [
        ("sh -c 'cat > f; md5sum < f'", lambda line: md5(line, "", "end")),
        (
            "sh -c 'read -r one; read -r two; read -r three; echo \"${#one} ${#two} $three\"'",
            lambda line: f"{len(line)} 0 end",
        ),
        ("sh -c 'sleep 2; md5sum'", lambda line: md5(line, "", "end")),
    ],
)
def test_programs_that_read_in_other_ways(
    running: RunnerSession, program: str, answer: Callable[[str], str]
) -> None:
    line = line_of(20_000)
    (recording,) = running.run(directive(f"-i --rm busybox {program}", line, "", "end"))
    assert last_line(recording) == answer(line)


@pytest.fixture
def late_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the end of an input come when its program has ended, as on a machine with much to do."""
    send = Shell.send

    def send_late(shell: Shell, data: bytes) -> None:
        if data == b"\x04":
            time.sleep(6)
        send(shell, data)

    monkeypatch.setattr(Shell, "send", send_late)


@pytest.mark.usefixtures("late_end")
def test_an_end_of_the_input_that_comes_too_late_ends_nothing(running: RunnerSession) -> None:
    for number in range(2):
        program = "sh -c 'read -r line; sleep 4; echo $line'"  # still there when the typist decides
        (recording,) = running.run(directive(f"-i --rm busybox {program}", f"line {number}"))
        assert shown(recording) == f"line {number}\nline {number}"
        assert recording.output[-1].stream is Stream.TERMINAL
    assert shown(running.run(step("echo after"))[0]) == "after"


def test_a_shell_gets_its_commands(running: RunnerSession) -> None:
    (recording,) = running.run(
        directive("-i --rm busybox sh", f"echo {line_of(6000)} | wc -c", "echo $?", "exit 3")
    )
    assert {"6001", "0"} <= set(shown(recording).split("\n"))
    assert recording.exit_code == 3


def test_many_lines_arrive_in_time(running: RunnerSession) -> None:
    lines = [f"line {number}" for number in range(2000)]
    summed, printed = (
        running.run(directive(f"-i --rm busybox {program}", *lines))[0] for program in ("md5sum", "cat")
    )
    assert last_line(summed) == md5(*lines)
    assert shown(printed).count("line ") == 2 * len(lines)


def test_answers_stand_below_what_they_answer(running: RunnerSession) -> None:
    (recording,) = running.run(directive("-i --rm busybox cat", "one", "two", "three"))
    rows = screen.lines(recording.output, TerminalSize())
    assert screen.text(rows).split("\n") == ["one", "one", "two", "two", "three", "three"]
    assert [row[0].kind for row in rows] == [Kind.TYPED, Kind.OUTPUT] * 3


def test_a_terminal_that_shows_nothing_hands_all_of_it_over(running: RunnerSession) -> None:
    line = line_of(5000)
    command = "stty -echo; docker run -i --rm busybox md5sum; stty echo"
    (recording,) = running.run(directive("", f"$ {command}", line, "more", "<C-d>"))
    assert shown(recording) == md5(line, "more")


def test_console_sessions_do_the_same_for_programs_of_the_lab(running: RunnerSession) -> None:
    line = line_of(5000)
    body = ["$ cat > f", line, "<C-d>", "$ md5sum < f", "$ read -r word; echo ${#word}", line]
    body += ["$ docker run -i --rm busybox md5sum | cat", line, "<C-d>"]
    _, summed, counted, piped = running.run(directive("", *body))
    assert shown(summed) == md5(line)
    assert last_line(counted) == "5000"
    assert last_line(piped) == md5(line)


def test_a_program_that_edits_its_lines_gets_the_keys_as_they_are(running: RunnerSession) -> None:
    body = ["$ bash --norc", f"echo {line_of(5000)} | wc -c", "exit"]
    (recording,) = running.run(directive("", *body))
    assert "5001" in shown(recording).split("\n")


# Characters in parts.


def test_a_character_in_parts_is_whole(running: RunnerSession) -> None:
    parts = r"printf '\346'; sleep 0.2; printf '\274'; sleep 0.2; printf '\242\n'"
    (recording,) = running.run(directive("", f"$ {parts}"))
    assert shown(recording) == "漢"


def test_characters_of_two_streams_are_whole(running: RunnerSession, client: docker.DockerClient) -> None:
    running.run(directive("", "$ true"))
    (lab,) = client.api.containers(filters={"label": [f"{labels.PAGE}={PAGE}"]})
    script = (
        r"printf '\303'; sleep 0.2; printf '\346' >&2; sleep 0.2; printf '\251\377'; printf '\274\242' >&2"
    )
    ended = lab_exec.execute(client.api, lab["Id"], ["sh", "-c", script], interrupted=threading.Event())
    assert sorted(ended.output) == sorted("é\ufffd漢")
