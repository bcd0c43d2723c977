"""Which programs a command line calls."""

from __future__ import annotations

import pytest

from docker_run.shell.invocations import calls


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("docker run busybox", "docker run"),
        ("docker  image   ls", "docker image ls"),
        ("docker --debug image ls", "docker image ls"),
        ("ls | wc -l", "wc"),
        ("cd app && docker build -t note .", "docker build"),
        ("docker rm $(docker ps -aq)", "docker ps"),
        ("sh -c 'mount -t tmpfs none /mnt; ls'", "mount"),
        ("for x in 1 2; do\n  docker stop $x\ndone", "docker stop"),
        ("A=1 B=2 env", "env"),
        ("(chroot jail ls)", "chroot"),
        ("time docker stop web", "docker stop"),
        ("sleep 1000 &", "sleep"),
    ],
)
def test_called(command: str, name: str) -> None:
    assert calls(command, name)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("docker run busybox ls", "ls"),
        ("docker runner", "docker run"),
        ("docker run-it", "docker run"),
        ("echo docker run", "docker run"),
        ("mount.fuse x", "mount"),
        ("docker image ls", "docker ls"),
        ("mount=1", "mount"),
        ("umount /mnt", "mount"),
    ],
)
def test_not_called(command: str, name: str) -> None:
    assert not calls(command, name)
