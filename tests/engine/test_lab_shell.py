"""What pages do to the shell they are typed at: nothing of it may end up in another command's output."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from docker_run.engine.engine import DockerEngine
from docker_run.errors import BodyProblem, DockerRunError, LabProblem
from docker_run.model import CommandResult, LabFile
from lab_sessions import session, shown, step

pytestmark = pytest.mark.engine

Run = Callable[..., list[CommandResult]]


def said(recordings: list[CommandResult]) -> list[tuple[int, str]]:
    return [(recording.exit_code, shown(recording)) for recording in recordings]


@pytest.mark.parametrize(
    "change",
    [
        "unset PROMPT_COMMAND",
        "PROMPT_COMMAND='true'",
        "printf() { :; }",
        "local() { :; }",
        'PS1="(venv) $PS1"',
        "set -o vi",
        "set -u",
        "set -b",
        "shopt -s histverify",
        "IFS=x",
        "trap 'false' DEBUG",
        "HOSTNAME=a/b",
        "exec 3>/dev/null",
    ],
)
def test_what_a_page_may_change(run: Run, change: str) -> None:
    first, *others = said(run(change, "echo one", "(exit 7)", "echo $?; echo two", "true"))
    assert first[0] == 0
    assert others == [(0, "one"), (7, ""), (0, "7\ntwo"), (0, "")]


def test_a_trace_shows_the_pages_commands_only(run: Run) -> None:
    assert said(run("set -x", "echo one", "false"))[1:] == [(0, "+ echo one\none"), (1, "+ false")]


def test_where_the_output_goes_is_the_pages_affair(run: Run) -> None:
    _, hidden, failed, back = said(
        run("exec 4>&1 >/dev/null", "echo hidden", "(exit 3)", "exec >&4; echo seen")
    )
    assert (hidden, failed, back) == ((0, ""), (3, ""), (0, "seen"))


@pytest.mark.parametrize(
    "change",
    ["export TERM=dumb; exec bash --rcfile /etc/docker-run/bashrc", "bind 'set enable-bracketed-paste off'"],
)
def test_a_shell_that_can_not_be_followed_is_no_result(run: Run, change: str) -> None:
    with pytest.raises(LabProblem, match="can't be followed any more"):
        run(change, "echo LOST", "echo LOST", timeout=20.0)


# Lines that come too late.


@pytest.mark.parametrize(
    ("command", "typed"),
    [
        ("seq 100 | less", ("<wait /:/>", "q")),
        ("printf x; sleep 0.02", ("<wait /x/>", "sleep 0.1", "echo FOREIGN")),
        ("read -n 1 -p 'Key: '", ("y",)),
    ],
)
def test_a_line_that_comes_too_late_is_told_at_its_command(
    run: Run, command: str, typed: tuple[str, ...]
) -> None:
    for _ in range(3):
        # Either it came to the shell, or it was seen in time that the command had ended: verified later.
        try:
            recordings = run((command, *typed), "echo one")
        except BodyProblem as problem:
            assert command in str(problem)  # noqa: PT017 - it need not be raised
        else:
            assert shown(recordings[-1]) == "one"


def test_keys_without_an_enter_leave_nothing_behind(run: Run) -> None:
    *_, one, two = run(
        ("seq 100 | less", "<wait /:/>", "q\\c"), ("read -n 1", "y\\c"), "echo one", "echo two"
    )
    assert (shown(one), shown(two)) == ("one", "two")


# Ends.


def test_a_lab_that_dies_between_its_commands_is_told_at_once(lab_engine: DockerEngine) -> None:
    dying, other, after = (
        step("(sleep 0.5; kill -9 $$) & sleep 0.1"),
        step("sleep 2", lab="two"),
        step("echo hi", timeout=60.0),
    )
    with lab_engine.session(session(dying, other, after)) as running:
        running.run(dying)
        running.run(other)
        began = time.monotonic()
        with pytest.raises(LabProblem, match="ended"):
            running.run(after)
        assert time.monotonic() - began < 30


def test_a_stopped_shell_takes_no_more_than_its_time(run: Run) -> None:
    big = "x" * 3_000_000
    with pytest.raises(DockerRunError, match=r"still running|not at its prompt"):
        run("(sleep 0.3; kill -STOP $$) & sleep 0.01", f"sleep 1; : {big}", "echo on", timeout=5.0)


# Files.


@pytest.mark.parametrize(
    ("before", "path", "words"),
    [
        ("mkfifo /srv/p", "/srv/p", "not a regular file"),
        ("mkdir /srv/d && cd /srv/d && rmdir /srv/d", "file", "directory is gone"),
        ("mkdir /srv/d", "/srv/d", "not a regular file"),
        ("mount -t tmpfs -o size=4k none /mnt", "/mnt/big", "No space left"),
    ],
)
def test_a_file_that_has_no_place_is_said(
    lab_engine: DockerEngine, before: str, path: str, words: str
) -> None:
    first, put = step(before), step(file=LabFile(path, b"x" * 3_000_000))
    with lab_engine.session(session(first, put)) as running:
        running.run(first)
        with pytest.raises(LabProblem, match=words):
            running.run(put)


@pytest.mark.parametrize("folder", ["two words", "new\\nline", "bell\\a", "\\xff"])
def test_a_file_is_put_where_the_shell_is_whatever_that_is_called(
    lab_engine: DockerEngine, folder: str
) -> None:
    cd = step(f"mkdir $'/srv/{folder}' && cd $'/srv/{folder}'")
    put = step("cat here", file=LabFile("here", b"yes\n"))
    with lab_engine.session(session(cd, put)) as running:
        running.run(cd)
        assert shown(running.run(put)[0]) == "yes"


def test_a_command_line_longer_than_a_terminals_buffer_is_whole(
    run: Callable[..., list[CommandResult]],
) -> None:
    # 4,096 bytes are what Linux keeps of a line that nobody edits.
    words = "x" * 20_000
    (recording,) = run(f"echo {words} | wc -c")
    assert shown(recording) == "20001"
