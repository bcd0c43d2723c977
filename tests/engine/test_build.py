"""Whole builds in processes of their own, on a real engine."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from builds import CONF, IMAGES, build, start, wait_for
from faulty_engine import FaultyEngine

pytestmark = pytest.mark.engine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "conf.py").write_text(CONF.format(images=IMAGES))
    return folder


def page(*lines: str) -> str:
    return "# Page\n\n" + "".join(f"```{{docker-run}} {line}\n```\n\n" for line in lines)


def containers(client: docker.DockerClient, mark: str) -> list[str]:
    """Return the ids of all containers whose command holds `mark`."""
    # One request: `containers.list` inspects each, and one may be gone by then.
    return [each["Id"] for each in client.api.containers(all=True) if mark in each["Command"]]


@contextmanager
def proxy(url: str, folder: Path) -> Iterator[tuple[str, list[str], Callable[[], None]]]:
    """Listen in front of the engine: its URL, what it is asked for so far, and how to cut it."""
    with FaultyEngine(url, folder / f"{secrets.token_hex(4)}.sock") as engine:
        yield engine.url, engine.requests, engine.close


def test_a_second_build_does_not_even_connect(folder: Path, engine_url: str, tmp_path: Path) -> None:
    (folder / "index.md").write_text(page("--rm busybox echo hello", "-d busybox sleep 100"))
    with proxy(engine_url, tmp_path) as (url, connections, _):
        assert "2 commands run" in build(folder, url, "-W")
        assert connections
        connections.clear()
        printed = build(folder, url, "-W")
        assert "0 commands run, 2 shown from recordings, 0 recordings changed, 0 failed" in printed
        assert connections == []


@pytest.mark.parametrize("is_elsewhere", [False, True], ids=["same output", "another output"])
def test_what_a_killed_build_left_is_removed_by_the_next_and_nothing_else(
    folder: Path, engine_url: str, client: docker.DockerClient, busybox: str, *, is_elsewhere: bool
) -> None:
    mark = f"1{secrets.randbelow(10**8):08}"
    foreign = client.containers.run(busybox, ["sleep", f"2{mark[1:]}"], detach=True)
    try:
        (folder / "index.md").write_text(page(f"--rm busybox sleep {mark}"))
        with start(folder, engine_url) as process:
            wait_for(lambda: containers(client, mark), "the container")
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        assert containers(client, mark)
        if is_elsewhere:
            # Nothing in it tells the next build that this one was killed.
            shutil.rmtree(folder.parent / "out")
        (folder / "index.md").write_text("# Page\n\nNothing is run here any more.\n")
        printed = build(folder, engine_url, "-W")
        assert re.search(r"removed \d+ container", printed)
        assert "0 commands run" in printed
        assert containers(client, mark) == []
        foreign.reload()
        assert foreign.status == "running"
    finally:
        foreign.remove(force=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_build_that_is_told_to_end_leaves_nothing_behind(
    folder: Path, engine_url: str, client: docker.DockerClient, number: signal.Signals
) -> None:
    marks = [f"3{secrets.randbelow(10**8):08}" for _ in range(2)]
    (folder / "index.md").write_text(
        page(f"-d busybox sleep {marks[0]}", f"--rm busybox sleep {marks[1]}") + "```{toctree}\nother\n```\n"
    )
    (folder / "other.md").write_text(page("--rm busybox echo fine"))
    with start(folder, engine_url) as process:
        wait_for(lambda: containers(client, marks[1]), "the second container")
        os.killpg(process.pid, number)
        process.communicate()
    assert process.returncode != 0
    assert [containers(client, mark) for mark in marks] == [[], []]
    assert not (folder / "recordings" / "index.txt").exists()


def test_an_engine_that_goes_away_in_the_middle(
    folder: Path, engine_url: str, client: docker.DockerClient, tmp_path: Path
) -> None:
    mark = f"4{secrets.randbelow(10**8):08}"
    (folder / "index.md").write_text(
        page("--rm busybox echo first", f"--rm busybox sleep {mark}", "--rm busybox true")
    )
    with proxy(engine_url, tmp_path) as (url, _, cut), start(folder, url) as process:
        wait_for(lambda: containers(client, mark), "the container")
        cut()
        printed, _ = process.communicate()
    try:
        assert process.returncode == 0
        assert "index.md:6: WARNING: " in printed
        assert "[docker_run.engine]" in printed
        assert "the step after it" in printed
        html = (folder.parent / "out" / "html" / "index.html").read_text()
        assert "first" in html
    finally:
        # The engine could not be told to remove it: the next build does.
        (folder / "index.md").write_text(page("--rm busybox true"))
        assert re.search(r"removed \d+ container", build(folder, engine_url))
    assert containers(client, mark) == []


def test_a_hundred_megabytes_of_output(folder: Path, engine_url: str, client: docker.DockerClient) -> None:
    mark = f"5{secrets.randbelow(10**8):08}"
    (folder / "index.md").write_text(
        page(f"--rm busybox sh -c 'dd if=/dev/zero bs=1M count=100 | tr \"\\0\" x; : {mark}'")
    )
    printed = build(folder, engine_url)
    assert "index.md:3: WARNING: " in printed
    assert "[docker_run.output-limit]" in printed
    assert not (folder / "recordings" / "index.txt").exists()
    assert containers(client, mark) == []


def test_two_builds_at_once_do_not_disturb_each_other(tmp_path: Path, engine_url: str) -> None:
    processes = []
    for name in ("one", "two"):
        folder = tmp_path / name / "site"
        folder.mkdir(parents=True)
        (folder / "conf.py").write_text(CONF.format(images=IMAGES))
        (folder / "index.md").write_text(
            page("-d --name web busybox sleep 5", f"--link web busybox echo {name}")
        )
        processes.append((name, start(folder, engine_url, "-W")))
    for name, process in processes:
        with process:
            printed, _ = process.communicate()
        assert process.returncode == 0, printed
        assert name in (tmp_path / name / "out" / "html" / "index.html").read_text()
