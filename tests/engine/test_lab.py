"""Sessions on labs: what a page's terminal shows, how commands end, and what stays of a lab."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import docker
import pytest

from docker_run.engine.cleanup import labels
from docker_run.engine.engine import DockerEngine
from docker_run.errors import BodyProblem, ImageProblem, Interrupted, LabProblem, TimedOut, TooMuchOutput
from docker_run.model import (
    CommandResult,
    Expectation,
    LabFile,
    Step,
    Stream,
    TerminalSize,
)
from docker_run.protocols import RunnerSession
from lab_sessions import session, shown, step

Run = Callable[..., list[CommandResult]]

pytestmark = pytest.mark.engine


def test_a_shell_keeps_its_state_from_command_to_command(run: Run) -> None:
    texts = [
        shown(recording)
        for recording in run(
            "cd /srv", "pwd", "x=5; false", "echo $? $x", "sleep 0.2 &", "wait", "echo $0; hostname; date +%Z"
        )
    ]
    assert texts[:4] == ["", "/srv", "", "1 5"]
    assert re.fullmatch(r"\[1\] \d+", texts[4])
    assert re.fullmatch(r"\[1\]\+ +Done +sleep 0.2", texts[5])
    assert texts[6] == "bash\nlab\nUTC"


def test_each_command_has_its_own_status(run: Run) -> None:
    commands = (
        "true",
        "false",
        "(exit 42)",
        "no-such-command",
        "echo )",
        "# nothing",
        'echo "!nothing"',
        "kill -9 $BASHPID | cat; sh -c 'kill -9 $$'",
    )
    assert [recording.exit_code for recording in run(*commands)] == [0, 1, 42, 127, 2, 2, 2, 137]
    assert [recording.exit_code for recording in run("true", 'echo "!nothing"', "true")] == [0, 1, 0]


def test_errors_of_the_shell_itself_are_seen(run: Run) -> None:
    missing, syntax, event = run("no-such-command", "echo )", 'echo "!nothing"')
    assert shown(missing) == "bash: no-such-command: command not found"
    assert shown(syntax) == "bash: syntax error near unexpected token `)'"
    assert shown(event) == "bash: !nothing: event not found"


def test_a_command_of_several_lines(run: Run) -> None:
    loop, here, cat = run(
        "for i in 1 2; do\n  echo $i\ndone", "cat > file <<'EOF'\n\ta $x\n\n> b\nEOF", "cat -A file"
    )
    assert shown(loop) == "1\n2"
    assert shown(here) == ""
    assert shown(cat) == "^Ia $x$\n$\n> b$"


def test_a_long_heredoc_arrives_whole(run: Run) -> None:
    text = "\n".join(f"{number:04d} {'x' * 90}" for number in range(500))
    _, counted, summed = run(f"cat > file <<'EOF'\n{text}\nEOF", "wc -c < file", "tail -n 1 file")
    assert shown(counted) == str(len(text) + 1)
    assert shown(summed).startswith("0499 xxx")


def test_what_is_typed_into_programs(run: Run) -> None:
    nested, interrupted, cat, read = run(
        ("sh", "echo nested", "exit 3"),
        ("sleep 1000", "<C-c>"),
        ("cat", "hello", "<C-d>"),
        ("read -p 'Name: ' name; echo \"<$name>\"", "Ann"),
    )
    assert shown(nested) == "# echo nested\nnested\n# exit 3"
    assert nested.exit_code == 3
    assert (shown(interrupted), interrupted.exit_code) == ("^C", 130)
    assert shown(cat) == "hello\nhello"
    assert shown(read) == "Name: Ann\n<Ann>"
    assert [chunk.data for chunk in nested.output if chunk.stream is Stream.TYPED] == [
        b"echo nested",
        b"exit 3",
    ]


def test_the_terminal_has_the_size_of_the_session(lab_engine: DockerEngine) -> None:
    size = TerminalSize(100, 30)
    asked = step("stty size", "tput cols", "echo $COLUMNS")
    with lab_engine.session(session(asked, size=size)) as running:
        assert [shown(recording, size) for recording in running.run(asked)] == ["30 100", "100", "100"]


def test_more_than_a_screen_is_kept(run: Run) -> None:
    (recording,) = run("seq 1 1000")
    assert shown(recording) == "\n".join(map(str, range(1, 1001)))


def test_what_a_job_prints_at_the_prompt_is_not_lost(lab_engine: DockerEngine) -> None:
    first, second = step("(sleep 0.3; echo late) &"), step("echo next")
    with lab_engine.session(session(first, second)) as running:
        running.run(first)
        time.sleep(2)
        (recording,) = running.run(second)
    assert shown(recording).split("\n")[0] == "late"
    assert shown(recording).split("\n")[1] == "next"


def test_waits_at_the_end_are_for_jobs_in_the_background(run: Run) -> None:
    server, timed = run(
        ("(sleep 0.5; echo Ready; sleep 60) &", "<wait /Ready/>"), ("(sleep 0.2; echo on) &", "<wait 1s>")
    )
    assert re.fullmatch(r"\[1\] \d+\nReady", shown(server))
    assert server.exit_code == 0
    assert shown(timed).split("\n")[1] == "on"
    assert timed.seconds >= 1


def test_what_is_waited_for_is_named(run: Run) -> None:
    with pytest.raises(TimedOut, match=r"still running, waiting for /Ready/, after 1 s"):
        run(("sleep 100", "<wait /Ready/>", "x"), timeout=1.0)


# Ends before the end.


@pytest.mark.parametrize(
    ("command", "settings", "error", "words"),
    [
        ("sleep 1000", {"timeout": 0.5}, TimedOut, "sleep 1000"),
        ("yes", {}, TooMuchOutput, "1,000,000"),
        ("for i in 1 2; do", {}, BodyProblem, "rest of `for i in 1 2; do`"),
        ("exit 3", {}, LabProblem, "shell of the lab `lab` ended while `exit 3` ran"),
        ("kill -9 $(pidof dockerd)", {}, LabProblem, "its container ended with status"),
    ],
)
def test_what_does_not_finish_is_no_result(  # noqa: PLR0917 - parameters of a test
    lab_engine: DockerEngine, command: str, settings: dict[str, Any], error: type[Exception], words: str
) -> None:
    asked, after = step(f"{command}; sleep 5" if "kill" in command else command, **settings), step("true")
    with lab_engine.session(session(asked, after)) as running:
        with pytest.raises(error, match=re.escape(words)):
            running.run(asked)
        with pytest.raises(LabProblem, match="nothing more can be run"):
            running.run(after)


def test_the_end_of_a_lab_is_told_with_its_log(lab_engine: DockerEngine) -> None:
    asked = step("kill -9 $(pidof dockerd); sleep 100")
    with lab_engine.session(session(asked)) as running, pytest.raises(LabProblem) as raised:
        running.run(asked)
    assert "lab: " in str(raised.value)


def test_an_interrupt_ends_what_is_running(lab_engine: DockerEngine) -> None:
    timer = threading.Timer(1.0, lab_engine.interrupt)
    asked = step("sleep 1000", timeout=600.0)
    began = time.monotonic()
    with lab_engine.session(session(asked)) as running:
        timer.start()
        with pytest.raises(Interrupted):
            running.run(asked)
    assert time.monotonic() - began < 300
    with pytest.raises(Interrupted), lab_engine.session(session(asked)):
        pass


def test_nothing_is_left(lab_engine: DockerEngine, client: docker.DockerClient) -> None:
    page = f"test-{uuid.uuid4()}"
    filters = {"label": [f"{labels.PAGE}={page}"]}
    asked = step("docker run -d --name web busybox sleep 1000")
    with lab_engine.session(session(asked, page=page, images=["busybox"])) as running:
        running.run(asked)
        (lab,) = client.api.containers(filters=filters)
        volumes = {mount["Name"] for mount in lab["Mounts"] if mount["Type"] == "volume"}
        assert volumes
        names = [name for container in client.api.containers(all=True) for name in container["Names"]]
        assert "/web" not in names
    assert client.api.containers(all=True, filters=filters) == []
    assert not volumes & {volume["Name"] for volume in client.api.volumes()["Volumes"] or ()}


# Files.


def test_files_are_put_where_the_shell_is(lab_engine: DockerEngine) -> None:
    cd = step("mkdir /srv/app && cd /srv/app && useradd ann")
    put = step(
        "stat -c '%a %U:%G %s' sub/run",
        "cat sub/run",
        file=LabFile("sub/run", b"caf\xc3\xa9\n\x00\xff", 0o755, "ann:ann"),
    )
    absolute = step("cat /etc/one", file=LabFile("/etc/one", b"1\n"))
    empty = step("stat -c %s none", file=LabFile("none", b""))
    with lab_engine.session(session(cd, put, absolute, empty)) as running:
        running.run(cd)
        stat, content = running.run(put)
        assert shown(stat) == "755 ann:ann 8"
        assert shown(content).startswith("caf\u00e9")
        assert shown(running.run(absolute)[0]) == "1"
        assert shown(running.run(empty)[0]) == "0"


def test_files_reach_what_the_page_has_mounted(lab_engine: DockerEngine) -> None:
    mount = step("mkdir /m && mount -t tmpfs none /m && cd /m")
    put = step("cat /m/f", file=LabFile("f", b"here\n"))
    with lab_engine.session(session(mount, put)) as running:
        running.run(mount)
        assert shown(running.run(put)[0]) == "here"


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (LabFile("/etc", b""), "/etc"),
        (LabFile("/f", b"", 0o644, "nobody-such"), "nobody-such"),
        (LabFile("/etc/passwd/x", b""), "passwd"),
    ],
)
def test_a_file_that_cannot_be_put_is_said(lab_engine: DockerEngine, file: LabFile, words: str) -> None:
    asked = step(file=file)
    with lab_engine.session(session(asked)) as running, pytest.raises(LabProblem, match=words):
        running.run(asked)


# Several labs.


def test_labs_of_a_page_know_each_other(lab_engine: DockerEngine) -> None:
    serve = step("(printf 'HTTP/1.0 200 OK\\r\\n\\r\\nhello\\n' | nc -lN 8000 >/dev/null) &", lab="server")
    ask = step(
        "hostname", "curl -s --retry 20 --retry-all-errors --retry-delay 1 http://server:8000/", lab="client"
    )
    with lab_engine.session(session(serve, ask)) as running:
        running.run(serve)
        name, answer = running.run(ask)
    assert shown(name) == "client"
    assert "hello" in shown(answer)


def test_sessions_do_not_disturb_each_other(lab_engine: DockerEngine) -> None:
    asked = step(
        "docker run -d -p 80:80 --name web nginx",
        "curl -sI --retry 30 --retry-all-errors localhost | head -n 1",
        "docker ps -a --format {{.Names}}",
    )
    results: dict[str, Sequence[CommandResult]] = {}
    opened = threading.Barrier(2)

    def build(page: str) -> None:
        with lab_engine.session(session(asked, page=page, images=["nginx"])) as running:
            opened.wait(timeout=300)
            results[page] = running.run(asked)

    threads = [threading.Thread(target=build, args=[page]) for page in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for page in ("one", "two"):
        assert [recording.exit_code for recording in results[page]] == [0, 0, 0]
        assert "200 OK" in shown(results[page][1])
        assert shown(results[page][2]) == "web"


def test_labs_are_started_ahead(lab_engine: DockerEngine, client: docker.DockerClient) -> None:
    pages = [f"test-{uuid.uuid4()}" for _ in range(2)]
    asked = step("true")
    sessions = [session(asked, page=page) for page in pages]

    def labs(page: str) -> int:
        return len(client.api.containers(all=True, filters={"label": [f"{labels.PAGE}={page}"]}))

    lab_engine.prepare(sessions)
    with lab_engine.session(sessions[0]) as running:
        running.run(asked)
        give_up = time.monotonic() + 300
        while not labs(pages[1]) and time.monotonic() < give_up:
            time.sleep(0.05)
        assert labs(pages[1]) == 1
    lab_engine.close()  # the second is never asked for
    assert [labs(page) for page in pages] == [0, 0]


# Images.


def pull(running: RunnerSession, asked: Step) -> CommandResult:
    return running.run(asked)[0]


def test_a_pull_is_seen_and_recorded(lab_engine: DockerEngine) -> None:
    asked = step("docker run busybox echo hi")
    with lab_engine.session(session(asked)) as running:
        assert running.images() == ()
        recording = pull(running, asked)
        (image,) = running.images()
    lines = shown(recording).split("\n")
    assert lines[0] == "Unable to find image 'busybox:latest' locally"
    assert lines[1] == "latest: Pulling from library/busybox"
    assert re.fullmatch(r"[0-9a-f]{12}: Pull complete ?", lines[2])
    assert lines[-3] == f"Digest: {image.digest}"
    assert lines[-2:] == ["Status: Downloaded newer image for busybox:latest", "hi"]
    assert image.name == "busybox"
    assert image.origin
    assert re.fullmatch("sha256:[0-9a-f]{64}", image.id)


def test_images_from_the_start_are_not_pulled_again(lab_engine: DockerEngine) -> None:
    asked = step("docker run --rm busybox echo hi")
    with lab_engine.session(session(asked, images=["busybox", "debian:trixie"])) as running:
        assert shown(pull(running, asked)) == "hi"
        assert [image.name for image in running.images()] == ["busybox", "debian:trixie"]


@pytest.mark.parametrize("optional", [False, True])
def test_an_image_that_cannot_be_had(lab_engine: DockerEngine, *, optional: bool) -> None:
    asked, after = step("docker run no-such-image-here", optional=optional), step("echo on")
    with lab_engine.session(session(asked, after)) as running:
        with pytest.raises(ImageProblem, match="no-such-image-here"):
            running.run(asked)
        assert shown(running.run(after)[0]) == "on"


def test_an_image_of_the_front_matter_that_cannot_be_had(lab_engine: DockerEngine) -> None:
    asked = step("true")
    with (
        pytest.raises(ImageProblem, match="no-such-image-here"),
        lab_engine.session(session(asked, images=["no-such-image-here"])),
    ):
        pass


def test_a_refusal_that_is_expected_is_a_result(lab_engine: DockerEngine) -> None:
    asked = step("docker pull localhost:1/x", expect=Expectation(exit_codes=(1,)))
    with lab_engine.session(session(asked)) as running:
        assert "refused" in shown(pull(running, asked))
