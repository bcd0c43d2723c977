"""What a course does on a lab: containers by hand, images, Compose, terminals of containers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from docker_run.engine.engine import DockerEngine
from docker_run.model import CommandResult, LabFile, Step
from lab_sessions import HERE, session, shown, step

Run = Callable[..., list[CommandResult]]

pytestmark = pytest.mark.engine


def test_a_program_in_a_jail_needs_its_libraries(run: Run) -> None:
    _, fails, copied, runs = run(
        "mkdir -p jail/bin && cp /bin/bash jail/bin",
        "chroot jail /bin/bash -c 'pwd'",
        "for file in $(ldd /bin/bash | grep -o '/[^ ]*'); do cp --parents $file jail; done",
        "chroot jail /bin/bash -c 'pwd; echo /*'",
    )
    assert fails.exit_code == 127
    assert shown(fails).endswith("No such file or directory")
    assert copied.exit_code == 0
    assert shown(runs) == "/\n/bin /lib /lib64" or shown(runs).startswith("/\n/bin")


MIRROR = "apt-get indextargets --format '$(REPO_URI)' | head -n 1"
"""A command that prints from where the lab has its own packages."""


def test_a_whole_userland(run: Run) -> None:
    made, release, nested = run(
        f"debootstrap --variant=minbase trixie /srv/debian $({MIRROR})",
        "chroot /srv/debian cat /etc/os-release",
        ("chroot /srv/debian bash", "id -u", "exit"),
        timeout=600.0,
    )
    assert made.exit_code == 0, shown(made)
    assert "Base system installed successfully" in shown(made)
    assert 'PRETTY_NAME="Debian' in shown(release)
    assert "\n0\n" in shown(nested)


@pytest.mark.parametrize(
    ("command", "pattern"),
    [
        ("unshare --uts sh -c 'hostname inside; hostname'; hostname", r"inside\nlab"),
        ("unshare --pid --fork --mount-proc ps -o pid,args", r" *PID COMMAND\n +1 ps -o pid,args"),
        ("unshare --net ip -o link | wc -l", r"\d+"),
        ("unshare --net ip -br addr show lo", r"lo +DOWN.*"),
        ("su -s /bin/sh nobody -c 'unshare --user --map-root-user id -u'", "0"),
        (
            "unshare --mount sh -c 'mount -t tmpfs none /mnt; findmnt -n -o FSTYPE /mnt'; findmnt /mnt",
            "tmpfs",
        ),
        ("unshare --ipc ipcmk -Q >/dev/null; ipcs -q | grep -c 0x", "0"),
        ("unshare --cgroup sh -c 'readlink /proc/self/ns/cgroup' | tr -d '0-9'", r"cgroup:\[\]"),
        ("unshare --time readlink /proc/self/ns/time | tr -d '0-9'", r"time:\[\]"),
    ],
)
def test_every_namespace_can_be_left(run: Run, command: str, pattern: str) -> None:
    assert re.fullmatch(pattern, shown(run(command)[0])), shown(run(command)[0])


def test_layers_of_file_systems(run: Run) -> None:
    *_, listed, whiteout, lower = run(
        "mkdir /o && mount -t tmpfs none /o && cd /o && mkdir lower upper work merged",
        "echo 1 > lower/a; echo 2 > lower/b",
        "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged",
        "rm merged/a; echo new > merged/c",
        "ls merged",
        "stat -c '%F %t,%T' upper/a",
        "ls lower",
    )
    assert shown(listed).split() == ["b", "c"]
    assert shown(whiteout) == "character special file 0,0"
    assert shown(lower).split() == ["a", "b"]


def test_limits_hold(run: Run) -> None:
    killed, pids = run(
        "docker run --rm --memory 16m --memory-swap 16m busybox sh -c 'x=x; while :; do x=$x$x; done'",
        "docker run --rm --pids-limit 5 busybox sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait'",
        images=["busybox"],
    )
    assert killed.exit_code == 137
    assert "fork" in shown(pids)


DOCKERFILE = b"FROM busybox\nRUN echo built > /note\nCMD cat /note\n"
COMPOSE = b'services:\n  web:\n    image: nginx\n    ports: ["8080:80"]\n'


def test_builds_with_buildkit_begin_from_images_of_the_mirror(lab_engine: DockerEngine) -> None:
    put = Step(HERE, (), file=LabFile("app/Dockerfile", DOCKERFILE))
    asked = step(
        "cd app && docker build -t note .",
        "docker run --rm note",
        "docker history --format '{{.Comment}}' note | head -n 1",
    )
    with lab_engine.session(session(put, asked)) as running:
        running.run(put)
        built, ran, history = running.run(asked)
        assert [image.name for image in running.images()] == ["busybox"]
    assert built.exit_code == 0, shown(built)
    assert "[2/2] RUN echo built > /note" in shown(built)
    assert shown(built).startswith("[+] Building"), "it goes up a line and down again before it writes"
    assert shown(ran) == "built"
    assert "buildkit" in shown(history)


def test_compose(lab_engine: DockerEngine) -> None:
    put = Step(HERE, (), file=LabFile("compose.yaml", COMPOSE))
    asked = step(
        "docker compose up -d",
        "curl -sI --retry 30 --retry-all-errors localhost:8080 | grep -o '200 OK'",
        "docker compose ps --format '{{.Service}} {{.State}}'",
        "docker compose down",
        timeout=300.0,
    )
    with lab_engine.session(session(put, asked, images=["nginx"])) as running:
        running.run(put)
        up, answer, listed, down = running.run(asked)
    assert up.exit_code == 0, shown(up)
    assert shown(answer) == "200 OK"
    assert shown(listed) == "web running"
    assert down.exit_code == 0


def test_typing_into_a_container(run: Run) -> None:
    typed, again = run(
        ("docker run -it --name lister busybox", "ls /bin | head -n 1", "exit 4"),
        "docker run --name lister busybox true",
        images=["busybox"],
    )
    assert shown(typed).endswith("\n/ # ls /bin | head -n 1\n[\n/ # exit 4")
    assert typed.exit_code == 4
    assert again.exit_code == 125
    assert 'The container name "/lister" is' in shown(again)


def test_a_terminal_is_left_by_its_keys(run: Run) -> None:
    _, own, usual, still = run(
        "docker run -dit --name shell busybox",
        ('docker attach --detach-keys="ctrl-x" shell', "echo one", "<C-x>"),
        ("docker attach shell", "echo two", "<C-p><C-q>"),
        "docker ps --format {{.Names}}",
        images=["busybox"],
    )
    assert "one\n" in shown(own)
    assert shown(own).endswith("read escape sequence")
    assert "two\n" in shown(usual)
    assert shown(still) == "shell"


def test_signals_are_not_passed_on_without_a_proxy(run: Run) -> None:
    loop = "'i=0; while :; do i=$((i+1)); echo $i; sleep 0.2; done'"
    *_, attached, logs, state = run(
        f"docker run -dit --name loop busybox sh -c {loop}",
        ("docker attach --sig-proxy=false loop", "<wait /\\d/>", "<C-c>"),
        ("docker logs -f loop", "<C-c>"),
        "docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' loop",
        images=["busybox"],
    )
    assert re.search(r"\d", shown(attached))
    assert shown(logs)
    assert shown(state) == "exited 130"


def test_logs_are_followed_until_they_are_left(run: Run) -> None:
    _, followed, running = run(
        "docker run -d --name loop busybox sh -c 'while :; do echo tick; sleep 0.2; done'",
        ("docker logs -f loop", "<wait /tick\\s+tick/>", "<C-c>"),
        "docker ps --format {{.Names}}",
        images=["busybox"],
    )
    assert shown(followed).startswith("tick\ntick")
    assert shown(followed).endswith("^C")
    assert followed.exit_code == 130
    assert shown(running) == "loop"


def test_programs_that_draw_on_the_screen(run: Run) -> None:
    less, coloured, moved = run(
        ("seq 1 100 | less", "<wait /:/>", "q\\c"),
        "ls -d --color=always /srv",
        "printf 'one\\ntwo\\e[1A\\rONE\\n\\n'",
    )
    assert less.exit_code == 0
    assert b"\x1b[01;34m/srv" in b"".join(chunk.data for chunk in coloured.output)
    assert shown(moved) == "ONE\ntwo"
