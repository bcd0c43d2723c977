"""A build that is killed at any moment: the next one leaves nothing of it anywhere."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pytest

from builds import CONF, IMAGES, build, start, wait_for
from docker_run.engine.cleanup.build_directory import default_root
from docker_run.engine.cleanup.labels import LEASE, PID

pytestmark = pytest.mark.engine

NOTHING = "# Page\n\nNothing is run here any more.\n"
KILLED_WHILE_WRITING = """
import os, signal
_fsync = os.fsync
def fsync(descriptor):
    if ".recording-" in os.readlink(f"/proc/self/fd/{descriptor}"):
        os.kill(os.getpid(), signal.SIGKILL)
    _fsync(descriptor)
os.fsync = fsync
"""
BOOTSTRAP = """#!/bin/sh
cd "$(mktemp -d)"
mkdir mounted && mount -t tmpfs none mounted && touch mounted/here
sleep {mark} &
( cd / && exec setsid sleep {mark} )
"""


@pytest.fixture
def mark() -> str:
    """Give a number of seconds, long and of no other test, by which processes are found."""
    return f"1{secrets.randbelow(10**8):08}"


@pytest.fixture
def folder(tmp_path: Path, client: docker.DockerClient, mark: str) -> Iterator[Path]:
    """Give a project whose catalogue has an image `slow`, which takes long, besides the usual ones."""
    folder, catalogue = tmp_path / "site", tmp_path / "images"
    (catalogue / "slow").mkdir(parents=True)
    folder.mkdir()
    for image in Path(IMAGES).iterdir():
        (catalogue / image.name).symlink_to(image)
    (folder / "conf.py").write_text(CONF.format(images=str(catalogue)))
    (folder / "index.md").write_text("# Page\n\n```{docker-run} --rm --pull missing slow true\n```\n")
    yield folder
    for image in unnamed(client, mark):
        client.api.remove_image(image)


def processes(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark.encode() in words:
            found.append(path.name)
    return found


def containers(client: docker.DockerClient, mark: str) -> list[str]:
    return [each["Id"] for each in client.api.containers(all=True) if mark in each["Command"]]


def unnamed(client: docker.DockerClient, mark: str) -> list[str]:
    """Return the images without a name that were made by a step which holds `mark`."""
    return [
        each["Id"]
        for each in client.api.images(filters={"dangling": True})
        if any(mark in str(step["CreatedBy"]) for step in client.api.history(each["Id"]))
    ]


class Freezing:
    """An engine behind a proxy that can stop passing anything on: connections stay open, nothing answers."""

    def __init__(self, url: str, folder: Path) -> None:
        self._engine = url.removeprefix("unix://")
        self._passes = threading.Event()
        self._passes.set()
        path = folder / f"{secrets.token_hex(4)}.sock"
        self.url = f"unix://{path}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._sockets: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []
        self._start(self._serve)

    def freeze(self) -> None:
        self._passes.clear()

    def close(self) -> None:
        self._passes.set()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in self._sockets:
            each.close()

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._engine)
                self._sockets += (near, far)
                self._start(self._pump, near, far)
                self._start(self._pump, far, near)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._passes.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


def kill(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def check_nothing_is_left(client: docker.DockerClient, killed: int, mark: str) -> None:
    wait_for(lambda: not processes(mark), "the end of its processes")
    wait_for(lambda: not containers(client, mark), "the end of its containers")
    assert unnamed(client, mark) == []
    signs = client.api.volumes(filters={"label": [LEASE, f"{PID}={killed}"]})["Volumes"]
    assert not signs
    table = Path("/proc/self/mountinfo").read_text()
    assert str(default_root()) not in table
    held = [path for path in default_root().glob("*-*") if not (path / "lock").exists()]
    assert held == []


def test_while_an_image_is_built(
    folder: Path, engine_url: str, client: docker.DockerClient, mark: str
) -> None:
    dockerfile = (
        f"ARG BASE=busybox\nFROM ${{BASE}}\nRUN echo {mark} > /a\nRUN echo 2 > /b\nRUN sleep {mark}\n"
    )
    (folder.parent / "images" / "slow" / "Dockerfile").write_text(dockerfile)
    with start(folder, engine_url) as process:
        wait_for(lambda: containers(client, f"sleep {mark}"), "the step that takes long")
        kill(process)
    assert unnamed(client, mark)
    (folder / "index.md").write_text(NOTHING)
    wait_for(lambda: not containers(client, mark), "the engine's own end of the step")
    printed = build(folder, engine_url, "-W")
    assert re.search(r"removed (1 container, )?2 images of a build that was killed", printed), printed
    check_nothing_is_left(client, process.pid, mark)


@pytest.mark.skipif(os.geteuid() != 0, reason="the script mounts something")
def test_while_a_bootstrap_script_runs(
    folder: Path, engine_url: str, client: docker.DockerClient, mark: str
) -> None:
    slow = folder.parent / "images" / "slow"
    (slow / "Dockerfile").write_text("FROM scratch\nCOPY bootstrap /\n")
    (slow / "bootstrap").write_text(BOOTSTRAP.format(mark=mark))
    (slow / "bootstrap").chmod(0o755)
    with start(folder, engine_url) as process:
        wait_for(lambda: len(processes(mark)) == 2, "the script's processes")
        before = set(default_root().glob("*/work/*"))
        assert before
        kill(process)
    wait_for(lambda: not processes(mark), "their end, with the build")
    (folder / "index.md").write_text(NOTHING)
    build(folder, engine_url, "-W")
    check_nothing_is_left(client, process.pid, mark)
    assert not [path for path in before if path.exists() and not (path.parents[1] / "lock").exists()]


def test_while_a_recording_is_written(
    folder: Path, engine_url: str, client: docker.DockerClient, mark: str
) -> None:
    (folder / "index.md").write_text(f"# Page\n\n```{{docker-run}} --rm busybox echo {mark}\n```\n")
    conf = (folder / "conf.py").read_text()
    (folder / "conf.py").write_text(conf + KILLED_WHILE_WRITING)
    with start(folder, engine_url) as process:
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    recordings = folder / "recordings"
    assert [path.name[:11] for path in recordings.iterdir()] == [".recording-"]
    (folder / "conf.py").write_text(conf)
    build(folder, engine_url, "-W")
    assert [path.name for path in recordings.iterdir()] == ["index.txt"]
    check_nothing_is_left(client, process.pid, mark)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_while_an_image_is_built(
    folder: Path, engine_url: str, client: docker.DockerClient, *, mark: str, number: signal.Signals
) -> None:
    """What ends a build ends it while an image is built, too; the build cleans up by itself."""
    dockerfile = f"ARG BASE=busybox\nFROM ${{BASE}}\nRUN echo {mark} > /a\nRUN sleep {mark}\n"
    (folder.parent / "images" / "slow" / "Dockerfile").write_text(dockerfile)
    with start(folder, engine_url) as process:
        wait_for(lambda: containers(client, f"sleep {mark}"), "the step that takes long")
        os.kill(process.pid, number)
        process.communicate(timeout=60)
    assert process.returncode != 0
    check_nothing_is_left(client, process.pid, mark)


@pytest.mark.parametrize("is_built", [True, False])
def test_interrupted_while_the_engine_hangs(
    folder: Path, engine_url: str, client: docker.DockerClient, *, mark: str, is_built: bool
) -> None:
    """The build does not wait for it; it says what it had to leave, and the next one takes that."""
    if is_built:
        (folder / "index.md").write_text(f"# Page\n\n```{{docker-run}} --rm busybox sleep {mark}\n```\n")
    else:
        dockerfile = f"ARG BASE=busybox\nFROM ${{BASE}}\nRUN echo {mark} > /a\nRUN sleep {mark}\n"
        (folder.parent / "images" / "slow" / "Dockerfile").write_text(dockerfile)
    engine = Freezing(engine_url, folder.parent)
    try:
        with start(folder, engine.url) as process:
            wait_for(lambda: containers(client, f"sleep {mark}" if not is_built else mark), "the container")
            engine.freeze()
            os.kill(process.pid, signal.SIGINT)
            # By itself a request of docker-py waits for 60 s, and there are several.
            printed, _ = process.communicate(timeout=45)
        assert process.returncode != 0
        if is_built:
            assert "the next build removes it" in printed
    finally:
        engine.close()
    (folder / "index.md").write_text(NOTHING)
    # The engine is the same, by another way: what tells that the build is dead is still there.
    build(folder, engine_url, "-W")
    check_nothing_is_left(client, process.pid, mark)
