"""What builds leave on an engine goes, and nothing else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from contract import session, step
from docker_run.engine import cleanup
from docker_run.engine.engine import DockerEngine

pytestmark = pytest.mark.engine

CATALOGUE = Path(__file__).parents[2] / "docs" / "images"

BUILD = """
import sys
from pathlib import Path

from docker_run.engine.clients import Clients
from docker_run.engine.connect import connect
from docker_run.engine.direct import DirectSessions
from docker_run.engine.engine import DockerEngine
from docker_run.engine.host import Host
from docker_run.engine.images import Images
from contract import session, step

class Quiet:
    def note(self, message): ...
    def image(self, name, status): ...
    def command(self, page, text): ...

url, page, catalogue = sys.argv[1:]
clients = Clients(lambda: connect(url))
images = Images(clients, catalogue=Path(catalogue), progress=Quiet())
host = Host(url, clients=clients, timeout=600, max_output=1000)
engine = DockerEngine(host, direct=DirectSessions(host, images=images, allow=None))
start, wait = step("-d -v data:/data busybox sleep 1000"), step("--rm busybox sh -c 'sleep 1000'")
with engine.session(session(start, wait, page=page)) as running:
    running.run(start)
    print("started", flush=True)
    running.run(wait)
"""
"""A build that runs a container in the background and waits for another."""


@pytest.fixture
def page(client: docker.DockerClient) -> Iterator[str]:
    """Give a page of its own; what has its label is gone after the test, whatever happens."""
    page = f"test-{uuid.uuid4()}"
    yield page
    for container in containers(client, page):
        client.api.remove_container(container, v=True, force=True)
    for volume in volumes(client, page):
        client.api.remove_volume(volume, force=True)


def containers(client: docker.DockerClient, page: str) -> list[str]:
    filters = {"label": [f"{cleanup.PAGE}={page}"]}
    return [container["Id"] for container in client.api.containers(all=True, filters=filters)]


def volumes(client: docker.DockerClient, page: str) -> list[str]:
    filters = {"label": [f"{cleanup.PAGE}={page}"]}
    return [volume["Name"] for volume in client.api.volumes(filters=filters)["Volumes"] or ()]


@pytest.fixture
def build(engine_url: str, page: str) -> Iterator[subprocess.Popen[str]]:
    """Give a running build with two containers and a volume."""
    with subprocess.Popen(
        [sys.executable, "-c", BUILD, engine_url, page, str(CATALOGUE)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        yield process
        process.kill()


def owned_by(owner: cleanup.Owner, page: str) -> dict[str, str]:
    return owner.labels() | {cleanup.PAGE: page}


def create(client: docker.DockerClient, image: str, labels: dict[str, str] | None) -> str:
    return str(client.api.create_container(image, ["true"], labels=labels)["Id"])


def test_what_a_killed_build_left_is_swept_and_named(
    engine: DockerEngine, client: docker.DockerClient, build: subprocess.Popen[str], page: str
) -> None:
    assert containers(client, page) != []
    engine.sweep()
    assert containers(client, page) != []  # the build is alive
    os.kill(build.pid, signal.SIGKILL)
    build.wait()
    assert containers(client, page) != []
    said = engine.sweep()
    assert said.startswith("removed ")
    assert "container" in said
    assert "1 volume" in said
    assert said.endswith("killed")
    assert containers(client, page) == []
    assert volumes(client, page) == []


def test_a_process_that_was_killed_and_not_waited_for_is_dead(
    client: docker.DockerClient, build: subprocess.Popen[str], page: str
) -> None:
    os.kill(build.pid, signal.SIGKILL)
    os.waitid(os.P_PID, build.pid, os.WEXITED | os.WNOWAIT)  # a zombie from now on
    assert cleanup.process_started(build.pid) == ""
    cleanup.sweep(client)
    assert containers(client, page) == []


def test_a_later_process_with_the_same_number_is_another(
    client: docker.DockerClient, busybox: str, page: str
) -> None:
    mine = cleanup.Owner.current(str(uuid.uuid4()))
    earlier = cleanup.Owner(mine.build, mine.pid, mine.started + "0", mine.host)
    create(client, busybox, owned_by(earlier, page))
    cleanup.sweep(client)
    assert containers(client, page) == []


def test_foreign_things_stay(client: docker.DockerClient, busybox: str, page: str) -> None:
    mine = cleanup.Owner.current(str(uuid.uuid4()))
    kept = {
        "of a build that is alive": owned_by(mine, page),
        "of another machine": owned_by(cleanup.Owner(mine.build, 1, "1", "elsewhere"), page),
        "without a process": {cleanup.PAGE: page, cleanup.BUILD: mine.build},
        "with a label that is nearly ours": {
            cleanup.PAGE: page,
            cleanup.PID: "1",
            cleanup.STARTED: "1",
            cleanup.HOST: mine.host,
        },
    }
    ids = {create(client, busybox, labels): what for what, labels in kept.items()}
    unlabelled = create(client, busybox, None)
    try:
        cleanup.sweep(client)
        said = cleanup.remove_all(client)
        left = {ids[container] for container in containers(client, page)}
        assert left == set(kept)
        assert client.api.inspect_container(unlabelled)["Id"] == unlabelled
        assert f"process {os.getpid()}" in said
        assert "another machine" in said
        assert "elsewhere" in said
    finally:
        client.api.remove_container(unlabelled)


def test_anonymous_volumes_go_with_their_container(
    engine: DockerEngine, client: docker.DockerClient, page: str
) -> None:
    asked = step("--name lister -v /data busybox true")
    with engine.session(session(asked, page=page)) as running:
        running.run(asked)
        (container,) = containers(client, page)
        (mount,) = client.api.inspect_container(container)["Mounts"]
        assert client.api.inspect_volume(mount["Name"])["Name"] == mount["Name"]
    with pytest.raises(docker.errors.NotFound):
        client.api.inspect_volume(mount["Name"])


def test_nothing_to_sweep_says_nothing(client: docker.DockerClient) -> None:
    cleanup.sweep(client)
    assert cleanup.sweep(client) == ""


def test_networks_are_swept_as_well(client: docker.DockerClient, page: str) -> None:
    mine = cleanup.Owner.current(str(uuid.uuid4()))
    dead = cleanup.Owner(mine.build, mine.pid, "never", mine.host)
    network = client.api.create_network(f"test-{uuid.uuid4()}", labels=owned_by(dead, page))["Id"]
    assert "1 network" in cleanup.sweep(client)
    with pytest.raises(docker.errors.NotFound):
        client.api.inspect_network(network)


def test_this_process_is_alive_and_a_number_that_is_none_is_not() -> None:
    assert cleanup.process_started(os.getpid()) != ""
    assert cleanup.process_started(2**22 + 1) == ""


def test_a_name_with_brackets_does_not_hide_the_start(tmp_path: Path) -> None:
    program = tmp_path / "a) R (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as process:
        try:
            fields = Path(f"/proc/{process.pid}/stat").read_text().split()
            assert cleanup.process_started(process.pid) == fields[-52 + 21]
        finally:
            process.kill()
