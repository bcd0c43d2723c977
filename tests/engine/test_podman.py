"""What of the direct way works on Podman: the rows of the table in the manual (`docs/authors/podman.md`).

Podman is the one at `PODMAN`, a URL; without it, these tests are skipped.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from contract import run, session, step, text
from docker_run.engine.connect import connect
from docker_run.engine.engine import DockerEngine
from docker_run.engine.labels import PAGE
from docker_run.engine.opening import EngineSettings, open_engine
from docker_run.errors import FlagProblem
from docker_run.model import Stream
from told import Quiet

URL = os.environ.get("PODMAN", "")
CATALOGUE = Path(__file__).parents[2] / "docs" / "images"

pytestmark = pytest.mark.skipif(not URL, reason="PODMAN does not name the socket of a Podman")


@pytest.fixture
def podman() -> Iterator[DockerEngine]:
    settings = EngineSettings(engine=URL, catalogue=CATALOGUE, allow=None, timeout=60, max_output=20_000_000)
    engine = open_engine(settings, environ={}, progress=Quiet())
    yield engine
    engine.close()


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    client = connect(URL)
    yield client
    client.close()


@pytest.mark.parametrize("line", ["--rm busybox", "busybox", "--rm -a stdin busybox"])
def test_exit_status(podman: DockerEngine, line: str) -> None:
    assert run(podman, f"{line} sh -c 'exit 3'").exit_code == 3


def test_rm_frees_the_name(podman: DockerEngine) -> None:
    asked = step("--rm --name lister busybox true")
    with podman.session(session(asked, asked)) as running:
        assert [running.run(asked)[0].exit_code for _ in range(2)] == [0, 0]


def test_terminal(podman: DockerEngine) -> None:
    recording = run(podman, "--rm -it busybox", "echo on<Backspace>ne", "exit 4")
    assert recording.exit_code == 4
    assert "\none\r\n" in text(recording, Stream.TERMINAL)


def test_detach_keys(podman: DockerEngine) -> None:
    asked, look = step("-it --name lister busybox", "<C-p><C-q>"), step("--pid container:lister busybox ps")
    with podman.session(session(asked, look)) as running:
        assert running.run(asked)[0].exit_code == 0
        assert "sh" in text(running.run(look)[0], Stream.OUT)


def test_input_and_output_at_once(podman: DockerEngine) -> None:
    lines = ["x" * 100] * 20_000
    assert text(run(podman, "--rm -i busybox cat", *lines), Stream.OUT) == "".join(f"{x}\n" for x in lines)


def test_dependents_go_first(podman: DockerEngine, client: docker.DockerClient) -> None:
    steps = (
        step("-d --name base -v data:/data busybox sleep 1000"),
        step("-d --network container:base --volumes-from base busybox sleep 1000"),
        step("-d --pid container:base busybox sleep 1000"),
    )
    page = f"test-podman-{time.monotonic_ns()}"
    with podman.session(session(*steps, page=page)) as running:
        for each in steps:
            assert running.run(each)[0].exit_code == 0
    filters = {"label": [f"{PAGE}={page}"]}
    assert client.api.containers(all=True, filters=filters) == []
    assert not client.api.volumes(filters=filters)["Volumes"]


@pytest.mark.parametrize(
    "flag",
    [
        "--link db:db",
        "--device-cgroup-rule 'c 1:3 rw'",
        "--runtime runc",
        "--kernel-memory 64m",
        "--gpus all",
        "--domainname example.com",
        "--mount type=volume,src=data,dst=/data,volume-subpath=x",
    ],
)
def test_refused_by_name(podman: DockerEngine, flag: str) -> None:
    name = flag.split(maxsplit=1)[0]
    with pytest.raises(FlagProblem, match=f"Podman doesn't support `{name}"):
        run(podman, f"--rm {flag} busybox true")


def test_described(podman: DockerEngine) -> None:
    with podman.session(session(step("busybox true"))) as running:
        assert running.environment().engine.startswith("Podman ")
