"""What builds leave on an engine goes, and nothing else does."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import docker
import pytest
import requests

from builds import wait_for
from contract import session, step
from docker_run.engine.cleanup import lease, sweep
from docker_run.engine.cleanup.build_directory import BuildDirectories, Liveness
from docker_run.engine.cleanup.labels import (
    BUILD,
    HOST,
    IMAGES,
    LEASE,
    NAME,
    OLD_SILENCE_SECONDS,
    PAGE,
    PID,
    SESSION,
    SILENCE_SECONDS,
    VOLUMES,
    Owner,
)
from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.engine import DockerEngine
from docker_run.engine.host import Host
from faulty_engine import Fault, FaultyEngine, answered

pytestmark = pytest.mark.engine

CATALOGUE = Path(__file__).parents[2] / "docs" / "images"

SCRIPT = """
import sys
from pathlib import Path

from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.direct.direct_session import DirectSessions
from docker_run.engine.engine import DockerEngine
from docker_run.engine.host import Host
from docker_run.engine.images.provider import Images
from contract import session, step
from faulty_engine import FaultyEngine

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
    filters = {"label": [f"{PAGE}={page}"]}
    return [container["Id"] for container in client.api.containers(all=True, filters=filters)]


def volumes(client: docker.DockerClient, page: str) -> list[str]:
    filters = {"label": [f"{PAGE}={page}"]}
    return [volume["Name"] for volume in client.api.volumes(filters=filters)["Volumes"] or ()]


@pytest.fixture
def build(engine_url: str, page: str) -> Iterator[subprocess.Popen[str]]:
    """Give a running build with two containers and a volume."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, engine_url, page, str(CATALOGUE)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        yield process
        process.kill()


@pytest.fixture
def directories(tmp_path: Path) -> BuildDirectories:
    """Give the directories of a machine of the test's own: what they don't know, runs elsewhere."""
    return BuildDirectories(tmp_path / "builds")


@pytest.fixture
def dead(directories: BuildDirectories, engine_url: str) -> Owner:
    """Give a build of that machine that was killed."""
    owner = Owner.current(str(uuid.uuid4()))
    directories.open(owner.build, engine=engine_url).close(keep=True)
    return owner


def elsewhere() -> Owner:
    return Owner(str(uuid.uuid4()), "elsewhere", 7)


def owned_by(owner: Owner, page: str) -> dict[str, str]:
    return owner.labels() | {PAGE: page}


def create(client: docker.DockerClient, image: str, labels: dict[str, str] | None, name: str = "") -> str:
    return str(client.api.create_container(image, ["true"], labels=labels, name=name or None)["Id"])


class Later:
    """An engine's client whose clock is ahead of the engine's own, and that has nothing but one page's.

    By that clock everybody else's builds on the engine have long been silent, too.
    """

    def __init__(self, client: docker.DockerClient, page: str, seconds: float = 0.0) -> None:
        self.api = self
        self._api = client.api
        self._page = f"{PAGE}={page}"
        self._seconds = seconds

    def __getattr__(self, name: str) -> object:
        return getattr(self._api, name)

    def info(self) -> dict[str, str]:
        now = datetime.fromisoformat(self._api.info()["SystemTime"])
        return {"SystemTime": (now + timedelta(seconds=self._seconds)).isoformat()}

    def _filters(self, filters: dict[str, list[str]]) -> dict[str, list[str]]:
        return {**filters, "label": [*filters.get("label", ()), self._page]}

    def containers(self, *, all: bool, filters: dict[str, list[str]]) -> object:  # noqa: A002 - docker-py's
        return self._api.containers(all=all, filters=self._filters(filters))

    def networks(self, filters: dict[str, list[str]]) -> object:
        return self._api.networks(filters=self._filters(filters))

    def volumes(self, filters: dict[str, list[str]]) -> object:
        return self._api.volumes(filters=self._filters(filters))


def later(client: docker.DockerClient, page: str, seconds: float) -> docker.DockerClient:
    return cast("docker.DockerClient", Later(client, page, seconds))


def test_what_a_killed_build_left_is_swept_and_named(
    engine: DockerEngine, client: docker.DockerClient, build: subprocess.Popen[str], page: str
) -> None:
    # What an engine was asked for when the build was killed, it may still make after it was swept.
    wait_for(lambda: len(containers(client, page)) == 2, "both of the build's containers")
    engine.sweep()
    assert len(containers(client, page)) == 2  # the build is alive
    os.kill(build.pid, signal.SIGKILL)
    os.waitid(os.P_PID, build.pid, os.WEXITED | os.WNOWAIT)  # a zombie from now on
    assert containers(client, page) != []
    said = engine.sweep()
    assert said.startswith("removed ")
    assert "container" in said
    assert "1 volume" in said
    assert said.endswith("killed")
    assert containers(client, page) == []
    assert volumes(client, page) == []
    assert leases(client, build.pid) == []


def leases(client: docker.DockerClient, pid: int) -> list[str]:
    """Return the signs of life of the build in the process `pid`."""
    found = client.api.volumes(filters={"label": [LEASE, f"{PID}={pid}"]})["Volumes"] or ()
    return [volume["Name"] for volume in found]


def test_a_build_gives_a_sign_of_life_as_long_as_it_lives(
    client: docker.DockerClient,
    engine_url: str,
    directories: BuildDirectories,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease, "RENEWAL_SECONDS", 0.1)
    host = Host(
        engine_url,
        clients=Clients(lambda: connect(engine_url)),
        timeout=1,
        max_output=1,
        directories=directories,
    )
    build = host.owner.build

    def signs() -> set[str]:
        found = client.api.volumes(filters={"label": [f"{BUILD}={build}"]})["Volumes"] or ()
        return {volume["Name"] for volume in found}

    try:
        first = signs()
        assert directories.liveness(build) is Liveness.ALIVE
        wait_for(lambda: signs() and not signs() & first, "another sign")
    finally:
        host.close()
    assert signs() == set()
    assert directories.liveness(build) is Liveness.ELSEWHERE


def test_two_machines_of_one_name_and_one_number_do_not_take_each_other_for_dead(
    client: docker.DockerClient, busybox: str, page: str, *, tmp_path: Path, engine_url: str
) -> None:
    """What CI containers have: one host name, one process number, and no sight of each other."""
    here, there = BuildDirectories(tmp_path / "here"), BuildDirectories(tmp_path / "there")
    mine, other = (Owner(str(uuid.uuid4()), "runner", 7) for _ in range(2))
    alive = here.open(mine.build, engine=engine_url)
    gone = there.open(other.build, engine=engine_url)
    gone.close(keep=True)
    kept, left = (create(client, busybox, owned_by(owner, page)) for owner in (mine, other))
    sweep.sweep(client, there)
    assert containers(client, page) == [kept]
    del left
    alive.close(keep=True)
    sweep.sweep(client, here)
    assert containers(client, page) == []


def test_elsewhere_only_long_silence_is_death(
    client: docker.DockerClient, busybox: str, page: str, directories: BuildDirectories
) -> None:
    owner = elsewhere()
    create(client, busybox, owned_by(owner, page))
    pauses: list[float] = []
    almost = later(client, page, SILENCE_SECONDS - 120)
    assert sweep.sweep(almost, directories, pause=pauses.append) == ""
    assert (len(containers(client, page)), pauses) == (1, [])
    said: list[str] = []
    after = later(client, page, SILENCE_SECONDS + 120)
    assert "1 container" in sweep.sweep(after, directories, say=said.append, pause=pauses.append)
    assert (containers(client, page), pauses) == ([], [sweep.PAUSE_SECONDS])
    assert any("process 7 on elsewhere" in line for line in said)


@pytest.mark.parametrize("moved", [10 * SILENCE_SECONDS, -10 * SILENCE_SECONDS])
def test_a_clock_that_was_moved_kills_nobody(
    client: docker.DockerClient, busybox: str, page: str, *, directories: BuildDirectories, moved: float
) -> None:
    owner = elsewhere()
    create(client, busybox, owned_by(owner, page))
    sign = client.api.create_volume(f"test-{uuid.uuid4()}", labels=owned_by(owner, page))["Name"]

    def renew(_: float) -> None:
        client.api.create_volume(f"test-{uuid.uuid4()}", labels=owned_by(owner, page))
        client.api.remove_volume(sign)

    assert sweep.sweep(later(client, page, moved), directories, pause=renew) == ""
    assert len(containers(client, page)) == 1
    assert sweep.sweep(later(client, page, moved), directories, pause=lambda _: None) != ""
    assert containers(client, page) == []


def test_what_the_first_version_left_goes_after_a_day(
    client: docker.DockerClient, busybox: str, page: str, directories: BuildDirectories
) -> None:
    """It named its process, by which nobody on another machine could tell whether it lived."""
    labels = {
        PAGE: page,
        BUILD: str(uuid.uuid4()),
        PID: str(os.getpid()),
        "docker-run.started": "1",
        HOST: f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink()}",
    }
    create(client, busybox, labels)
    sweep.sweep(later(client, page, SILENCE_SECONDS + 120), directories, pause=lambda _: None)
    assert len(containers(client, page)) == 1
    sweep.sweep(later(client, page, OLD_SILENCE_SECONDS + 120), directories, pause=lambda _: None)
    assert containers(client, page) == []


@pytest.mark.parametrize("is_image_kept", [True, False])
@pytest.mark.parametrize("is_named", [True, False])
def test_a_container_of_a_committed_image_is_the_users(
    client: docker.DockerClient,
    busybox: str,
    page: str,
    *,
    directories: BuildDirectories,
    dead: Owner,
    is_named: bool,
    is_image_kept: bool,
) -> None:
    """`docker commit` gives our labels to the image, and that to what is started from it."""
    session = uuid.uuid4().hex
    labels = owned_by(dead, page) | {SESSION: session}
    name = f"test-{uuid.uuid4()}" if is_named else ""
    ours = create(client, busybox, labels | ({NAME: name} if name else {}), name)
    image = client.api.commit(ours, f"test-{session}")["Id"]
    theirs = create(client, image, None)
    try:
        assert client.api.inspect_container(theirs)["Config"]["Labels"][BUILD] == dead.build
        if not is_image_kept:
            client.api.remove_image(image, force=True)
        with ThreadPoolExecutor() as pool:
            sweep.remove_session(lambda: client, session, pool=pool)
        assert containers(client, page) == [theirs]
        sweep.sweep(client, directories)
        assert containers(client, page) == [theirs]
    finally:
        client.api.remove_container(theirs)
        with suppress(docker.errors.NotFound):
            client.api.remove_image(image, force=True)


def test_a_container_of_a_committed_image_is_not_listened_for(
    client: docker.DockerClient, busybox: str, page: str, directories: BuildDirectories
) -> None:
    """It is there for good, and so would be the pause of every build."""
    ours = create(client, busybox, owned_by(elsewhere(), page))
    image = client.api.commit(ours, f"test-{uuid.uuid4()}")["Id"]
    theirs = create(client, image, None)
    client.api.remove_container(ours)
    try:
        pauses: list[float] = []
        after = later(client, page, SILENCE_SECONDS + 120)
        assert sweep.sweep(after, directories, pause=pauses.append) == ""
        assert (containers(client, page), pauses) == ([theirs], [])
    finally:
        client.api.remove_container(theirs)
        client.api.remove_image(image, force=True)


def test_foreign_things_stay(
    client: docker.DockerClient, busybox: str, page: str, *, directories: BuildDirectories, engine_url: str
) -> None:
    mine = Owner.current(str(uuid.uuid4()))
    folder = directories.open(mine.build, engine=engine_url)
    kept = {
        "of a build that is alive": owned_by(mine, page),
        "of another machine": owned_by(elsewhere(), page),
        "with a label that is nearly ours": {PAGE: page, PID: "1", HOST: mine.host},
    }
    ids = {create(client, busybox, labels): what for what, labels in kept.items()}
    unlabelled = create(client, busybox, None)
    try:
        sweep.sweep(client, directories)
        said = sweep.remove_all(client, directories)
        left = {ids[container] for container in containers(client, page)}
        assert left == set(kept)
        assert client.api.inspect_container(unlabelled)["Id"] == unlabelled
        assert f"of a build that is running (process {os.getpid()} on {socket.gethostname()})" in said
        assert "elsewhere that may be running" in said
        assert "process 7 on elsewhere" in said
        assert re.search("no sign of life for (an hour|24 hours), they are removed", said)
    finally:
        client.api.remove_container(unlabelled)
        folder.close()


def test_one_thing_that_can_not_be_removed_does_not_stop_the_others(
    client: docker.DockerClient, busybox: str, page: str, *, directories: BuildDirectories, dead: Owner
) -> None:
    stuck, other = (create(client, busybox, owned_by(dead, page)) for _ in range(2))

    class Refusing(Later):
        def remove_container(self, container: str, **options: bool) -> None:
            if container == stuck:
                response = requests.Response()
                response.status_code = 500
                raise docker.errors.APIError("no", response, explanation="device or resource busy")
            client.api.remove_container(container, **options)

    said = sweep.sweep(cast("docker.DockerClient", Refusing(client, page)), directories)
    assert "removed 1 container" in said
    assert "could not remove container" in said
    assert "device or resource busy" in said
    assert containers(client, page) == [stuck]
    del other


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


@pytest.fixture
def volume(client: docker.DockerClient) -> Iterator[str]:
    """Give a volume without a name or labels, as engines make them for containers."""
    name = str(client.api.create_volume()["Name"])
    yield name
    with suppress(docker.errors.NotFound):
        client.api.remove_volume(name)


def exists(client: docker.DockerClient, volume: str) -> bool:
    try:
        client.api.inspect_volume(volume)
    except docker.errors.NotFound:
        return False
    return True


@pytest.fixture
def image_with_a_volume(client: docker.DockerClient, busybox: str) -> Iterator[str]:
    container = client.api.create_container(busybox, ["true"])["Id"]
    name = f"test-{uuid.uuid4()}"
    client.api.commit(container, name, changes="VOLUME /of-the-image")
    client.api.remove_container(container)
    yield name
    client.api.remove_image(name)


def test_an_anonymous_volume_goes_also_where_the_engine_has_removed_its_container_only(
    engine: DockerEngine, client: docker.DockerClient, page: str, *, image_with_a_volume: str
) -> None:
    """An engine that dies removes the one and not the other; nothing says then whose the other is."""
    asked = step(f"-d -v /data {image_with_a_volume} sleep 1000")
    with engine.session(session(asked, page=page)) as running:
        running.run(asked)
        (container,) = containers(client, page)
        names = [mount["Name"] for mount in client.api.inspect_container(container)["Mounts"]]
        assert len(names) == 2
        client.api.remove_container(container, force=True)
        assert all(exists(client, name) for name in names)
    assert not any(exists(client, name) for name in names)


def sign_of_life(engine_url: str, owner: Owner, volumes: list[str]) -> None:
    """Leave the sign of life of a build that was killed, which names `volumes`."""
    clients = Clients(lambda: connect(engine_url))
    lease.Lease(clients, owner).note_volumes("session", volumes)
    clients.close()


def signs_of(client: docker.DockerClient, owner: Owner) -> list[str]:
    found = client.api.volumes(filters={"label": [LEASE, f"{BUILD}={owner.build}"]})["Volumes"] or ()
    return [volume["Name"] for volume in found]


def test_a_sign_of_life_tells_of_volumes_that_have_no_labels(
    client: docker.DockerClient, engine_url: str, volume: str, *, directories: BuildDirectories, dead: Owner
) -> None:
    named = f"test-{uuid.uuid4()}"
    client.api.create_volume(named)
    sign_of_life(engine_url, dead, [volume, named, "0" * 64])
    try:
        assert sweep.sweep(client, directories) == "removed 1 volume of a build that was killed"
        assert not exists(client, volume)
        assert exists(client, named)
        assert signs_of(client, dead) == []
    finally:
        client.api.remove_volume(named)


def test_a_build_that_ends_while_a_volume_is_in_use_leaves_the_sign_that_names_it(
    client: docker.DockerClient, engine_url: str, busybox: str, *, volume: str, directories: BuildDirectories
) -> None:
    host = Host(
        engine_url,
        clients=Clients(lambda: connect(engine_url)),
        timeout=1,
        max_output=1,
        directories=directories,
    )
    theirs = client.api.create_container(
        busybox,
        ["true"],
        host_config=client.api.create_host_config(mounts=[docker.types.Mount("/data", volume)]),
    )["Id"]
    try:
        host.note_volumes("session", [volume])
        host.remove("session")
        host.close()
        assert exists(client, volume)
        assert directories.liveness(host.owner.build) is Liveness.DEAD
        assert len(signs_of(client, host.owner)) == 1
    finally:
        client.api.remove_container(theirs)
    assert "1 volume" in sweep.sweep(client, directories)
    assert not exists(client, volume)


@pytest.mark.parametrize("kind", ["container", "volume"])
def test_labels_that_a_page_gives_remove_nothing_of_others(
    client: docker.DockerClient,
    page: str,
    volume: str,
    *,
    busybox: str,
    directories: BuildDirectories,
    dead: Owner,
    kind: str,
) -> None:
    labels = owned_by(dead, page) | {LEASE: "renewed", VOLUMES: json.dumps([volume])}
    if kind == "container":
        create(client, busybox, labels)
    else:
        client.api.create_volume(f"test-{uuid.uuid4()}", labels=labels)
    sweep.sweep(client, directories)
    assert exists(client, volume)
    assert (containers(client, page), volumes(client, page)) == ([], [])


@pytest.mark.parametrize("label", [NAME, LEASE, BUILD, SESSION, IMAGES, VOLUMES])
def test_a_container_whose_line_gives_it_our_labels_is_removed(
    engine: DockerEngine, client: docker.DockerClient, page: str, label: str
) -> None:
    asked = step(f"-d --label {label}=other -l docker-run-test={page} busybox sleep 1000")
    with engine.session(session(asked, page=page)) as running:
        running.run(asked)
    assert client.api.containers(all=True, filters={"label": [f"docker-run-test={page}"]}) == []


@pytest.mark.parametrize(
    "answer", [answered(500), answered(500, b'{"message": "busy"}', kind="application/json")]
)
def test_what_could_not_be_removed_is_tried_again_by_the_next_build(
    client: docker.DockerClient,
    page: str,
    engine_url: str,
    *,
    directories: BuildDirectories,
    tmp_path: Path,
    answer: bytes,
) -> None:
    with FaultyEngine(engine_url, tmp_path / "engine.sock") as faulty:
        hosts = [
            Host(
                faulty.url,
                clients=Clients(lambda: connect(faulty.url)),
                timeout=1,
                max_output=1,
                directories=directories,
            )
            for _ in range(2)
        ]
        owner = Owner.current(str(uuid.uuid4()))
        directories.open(owner.build, engine=hosts[0].identity(), url=faulty.url).close(keep=True)
        left = client.api.create_volume(f"test-{uuid.uuid4()}", labels=owned_by(owner, page))["Name"]
        faulty.inject(Fault(request=f"DELETE /volumes/{left}", answer=answer))
        try:
            assert f"could not remove volume {left}" in hosts[0].sweep()
            assert directories.has_dead([faulty.url])
            faulty.heal()
            assert hosts[1].sweep() == "removed 1 volume of a build that was killed"
            assert directories.dead() == set()
        finally:
            for host in hosts:
                host.close()


def test_nothing_to_sweep_says_nothing(client: docker.DockerClient, directories: BuildDirectories) -> None:
    assert sweep.sweep(client, directories) == ""


def test_networks_are_swept_as_well(
    client: docker.DockerClient, page: str, directories: BuildDirectories, dead: Owner
) -> None:
    network = client.api.create_network(f"test-{uuid.uuid4()}", labels=owned_by(dead, page))["Id"]
    assert "1 network" in sweep.sweep(client, directories)
    with pytest.raises(docker.errors.NotFound):
        client.api.inspect_network(network)


def test_a_network_that_somebody_else_uses_stays(
    client: docker.DockerClient, busybox: str, page: str, *, directories: BuildDirectories, dead: Owner
) -> None:
    network = client.api.create_network(f"test-{uuid.uuid4()}", labels=owned_by(dead, page))["Id"]
    theirs = client.containers.run(busybox, ["sleep", "1000"], detach=True, network=network)
    try:
        assert sweep.sweep(client, directories) == ""
        assert client.api.inspect_network(network)["Id"] == network
    finally:
        theirs.remove(force=True)
        client.api.remove_network(network)


def test_nothing_is_kept_of_a_dead_build_whose_engine_has_another_url_now(
    engine_url: str, directories: BuildDirectories, tmp_path: Path
) -> None:
    hosts = []

    def host(url: str) -> Host:
        hosts.append(
            Host(
                url,
                clients=Clients(lambda: connect(url)),
                timeout=60,
                max_output=1000,
                directories=directories,
            )
        )
        return hosts[-1]

    try:
        with FaultyEngine(engine_url, tmp_path / "engine.sock") as other:
            assert host(other.url).identity() == host(engine_url).identity()
            owner = Owner.current(str(uuid.uuid4()))
            directories.open(owner.build, engine=host(other.url).identity()).close(keep=True)
            assert directories.dead() == {owner.build}
        host(engine_url).sweep()
        assert directories.dead() == set()
    finally:
        for each in hosts:
            each.close()
