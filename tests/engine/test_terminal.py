"""Commands at a terminal: what is typed when, what is seen, and how it is left."""

from __future__ import annotations

import time
import uuid

import docker
import pytest

from contract import exits, run, session, step, text
from docker_run.engine.cleanup import labels
from docker_run.engine.engine import DockerEngine
from docker_run.errors import FlagProblem, TimedOut
from docker_run.model import CommandResult, Stream

pytestmark = pytest.mark.engine

DIALOGUE = 'while printf "> " && read -r line; do case $line in exit*) exit 4;; esac; echo "<$line>"; done'
"""A program that prompts, and says what it read."""


def seen(recording: CommandResult) -> str:
    return text(recording, Stream.TERMINAL)


def typed(recording: CommandResult) -> list[str]:
    return [chunk.data.decode() for chunk in recording.output if chunk.stream is Stream.TYPED]


def test_a_dialogue_is_recorded_as_it_went(engine: DockerEngine) -> None:
    recording = run(engine, f"--rm -it busybox sh -c '{DIALOGUE}'", "one", "two words", "exit")
    assert recording.exit_code == 4
    assert [(chunk.stream, chunk.data.decode()) for chunk in recording.output] == [
        (Stream.TERMINAL, "> "),
        (Stream.TYPED, "one"),
        (Stream.TERMINAL, "one\r\n<one>\r\n> "),
        (Stream.TYPED, "two words"),
        (Stream.TERMINAL, "two words\r\n<two words>\r\n> "),
        (Stream.TYPED, "exit"),
        (Stream.TERMINAL, "exit\r\n"),
    ]


def test_nothing_typed_at_a_shell_is_seen_twice(engine: DockerEngine) -> None:
    asked = step("--rm -it --network none busybox", "echo once", "sleep 1; echo slept", "exit 3")
    with engine.session(session(asked)) as running:
        for _ in range(10):
            recording = running.run(asked)[0]
            assert recording.exit_code == 3
            assert typed(recording) == list(asked.commands[0].typed)
            assert seen(recording).count("echo once") == 1
            assert seen(recording).count("\nonce\r\n") == 1
            assert seen(recording).count("sleep 1; echo slept") == 1
            assert seen(recording).count("exit 3") == 1


def test_the_terminal_has_the_size_of_the_session(engine: DockerEngine) -> None:
    asked = step("--rm -it busybox", "stty size", "exit")
    with engine.session(session(asked)) as running:
        assert "24 80\r\n" in seen(running.run(asked)[0])


def test_standard_output_and_error_are_one_at_a_terminal(engine: DockerEngine) -> None:
    recording = run(engine, "--rm -t busybox sh -c 'echo one; echo two >&2; echo three'")
    assert [chunk.stream for chunk in recording.output] == [Stream.TERMINAL]
    assert seen(recording) == "one\r\ntwo\r\nthree\r\n"


def test_what_docker_itself_says_is_not_the_terminals(engine: DockerEngine) -> None:
    recording = run(engine, "--rm -it busybox no-such-program", expect=exits(127))
    assert recording.exit_code == 127
    assert {chunk.stream for chunk in recording.output} == {Stream.ERR}


def test_keys_reach_the_program(engine: DockerEngine) -> None:
    recording = run(engine, "--rm -it busybox", "echo on<Backspace><Backspace>it", "<Up><Enter>", "<C-d>")
    assert seen(recording).count("\nit\r\n") == 2


def test_a_program_without_prompts_is_typed_to(engine: DockerEngine) -> None:
    recording = run(engine, "--rm -it busybox cat", "hello", "<C-d>")
    assert recording.exit_code == 0
    assert seen(recording) == "hello\r\nhello\r\n"


def test_a_program_that_is_never_silent_is_interrupted(engine: DockerEngine) -> None:
    script = 'trap "echo caught; exit 5" INT; while true; do echo tick; sleep 0.2; done'
    recording = run(engine, f"--rm -it busybox sh -c '{script}'", "<C-c>")
    assert recording.exit_code == 5
    assert seen(recording).endswith("^Ccaught\r\n")


@pytest.mark.parametrize(
    ("flags", "keys"),
    [("", ("<C-p><C-q>",)), ("", ("<C-p>", "<C-q>")), ("--detach-keys=ctrl-x,x", ("<C-x>", "x<C-c>"))],
)
def test_detaching_ends_the_command_and_not_the_container(
    engine: DockerEngine, client: docker.DockerClient, flags: str, keys: tuple[str, ...]
) -> None:
    page = f"test-{uuid.uuid4()}"
    asked = step(f"-it {flags} --name lister busybox", "echo hello", *keys)
    look = step("--rm --pid container:lister busybox ps")
    with engine.session(session(asked, look, page=page)) as running:
        recording = running.run(asked)[0]
        assert recording.exit_code == 0
        assert "\nhello\r\n" in seen(recording)
        assert typed(recording) == ["echo hello", *keys]
        assert "sh" in text(running.run(look)[0], Stream.OUT)
    assert client.api.containers(all=True, filters={"label": [f"{labels.PAGE}={page}"]}) == []


def test_keys_that_do_not_detach_reach_the_program(engine: DockerEngine) -> None:
    # Ctrl-P is the shell's own key for the line before; it is held back until the next key comes.
    recording = run(engine, "--rm -it busybox", "echo again", "<C-p><Enter>", "exit")
    assert seen(recording).count("\nagain\r\n") == 2


def test_bad_detach_keys_are_named(engine: DockerEngine) -> None:
    with pytest.raises(FlagProblem, match="ctrl-pp"):
        run(engine, "--rm -it --detach-keys ctrl-pp busybox", "exit")


def test_a_shell_that_nobody_ends_is_told_how_to_end(engine: DockerEngine) -> None:
    with pytest.raises(TimedOut, match=r"end the body with `exit`[\s\S]*hello") as raised:
        run(engine, "--rm -it busybox", "echo hello", timeout=5)
    assert "after 5 s" in str(raised.value)


def test_a_shell_without_a_body_is_told_to_have_one(engine: DockerEngine) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut, match="give it one that ends with `exit`"):
        run(engine, "--rm -it busybox", timeout=2)
    assert time.monotonic() - began < 60
