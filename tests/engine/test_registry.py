"""The registry of a build, on a real engine: how it is stocked, and what labs take from it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from uuid import uuid4

import docker
import pytest
from docker.errors import DockerException, NotFound

from docker_run.engine import cleanup
from docker_run.engine.clients import Clients
from docker_run.engine.connect import connect
from docker_run.engine.host import Host
from docker_run.engine.images import Images
from docker_run.engine.lab_images import LabImages
from docker_run.engine.labs.machine import Blueprint, Machine
from docker_run.engine.registry import KEPT, VOLUME, StockedRegistry
from docker_run.errors import ImageProblem
from docker_run.model import Image, LabSettings
from told import Seen

pytestmark = pytest.mark.engine

CATALOGUE = Path(__file__).parents[2] / "docs/images"


Open = Callable[..., tuple[StockedRegistry, Host]]


@pytest.fixture
def unique() -> str:
    return f"test{uuid4().hex[:12]}"


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def catalogue(tmp_path: Path, unique: str, client: docker.DockerClient) -> Iterator[Path]:
    """Give a catalogue with an image that no other test has; beside it only the registry itself."""
    folder = tmp_path / "docs" / "images"
    (folder / unique).mkdir(parents=True)
    (folder / unique / "Dockerfile").write_text(f"FROM scratch\nCOPY Dockerfile /\nLABEL unique={unique}\n")
    (folder / unique / "tags").write_text("latest\n1\n")
    for name in ("registry", "debian"):
        (folder / name).symlink_to(CATALOGUE / name)
    yield folder
    for image in client.images.list():
        for tag in image.tags:
            if unique in tag:
                client.images.remove(tag)


@pytest.fixture
def open_registry(engine_url: str, seen: Seen) -> Iterator[Open]:
    with ExitStack() as closing:

        def open_registry(
            catalogue: Path = CATALOGUE, *, stocked: Path | None = None
        ) -> tuple[StockedRegistry, Host]:
            clients = Clients(lambda: connect(engine_url))
            host = Host(engine_url, clients=clients, timeout=60, max_output=1_000_000)
            closing.callback(host.close)
            images = Images(clients, catalogue=catalogue, progress=seen)
            registry = StockedRegistry(host, images, stocked or catalogue, seen)
            closing.callback(registry.close)
            registry.start()
            if catalogue != CATALOGUE:
                closing.callback(empty, host, registry)
            return registry, host

        def empty(host: Host, registry: StockedRegistry) -> None:
            """Remove what a test's own catalogue has on the volume, which stays."""
            with suppress(DockerException):
                container = host.clients().containers.get(registry._container)  # noqa: SLF001
                container.exec_run(["rm", "-rf", registry._root])  # noqa: SLF001

        yield open_registry


def test_it_is_stocked_once(
    open_registry: Open, catalogue: Path, unique: str, *, seen: Seen, client: docker.DockerClient
) -> None:
    wanted = [unique, f"{unique}:1"]
    first, _ = open_registry(catalogue)
    first.stock(wanted)
    assert seen.pushed == wanted
    built = [name for name, status in seen.images if status == "sending the context"]
    assert len([name for name in built if unique in name]) == 1
    image = first.stocked(f"docker.io/library/{unique}:latest")
    assert image == Image(
        unique,
        client.images.list(filters={"label": f"unique={unique}"})[0].id,
        f"built from docs/images/{unique}",
        image.digest if image else "",
    )
    assert image.digest.startswith("sha256:")
    first.stock(wanted)
    first.close()
    second, _ = open_registry(catalogue)
    second.stock(wanted)
    assert seen.pushed == wanted
    assert second.stocked(unique) == image
    assert not [tag for each in client.images.list() for tag in each.tags if tag.startswith("127.0.0.1:")]


def test_an_image_that_changed_takes_the_place_of_the_old(
    open_registry: Open, catalogue: Path, unique: str, seen: Seen
) -> None:
    registry, _ = open_registry(catalogue)
    registry.stock([unique])
    before = registry.stocked(unique)
    (catalogue / unique / "file").write_text("new")
    (catalogue / unique / "Dockerfile").write_text(f"FROM scratch\nCOPY file /\nLABEL unique={unique}\n")
    again, _ = open_registry(catalogue)
    again.stock([unique])
    after = again.stocked(unique)
    assert seen.pushed == [unique, unique]
    assert before
    assert after
    assert (before.id != after.id, before.digest != after.digest) == (True, True)


def test_what_the_catalogue_has_no_more_is_taken_out(
    open_registry: Open, catalogue: Path, unique: str
) -> None:
    def held() -> set[str]:
        return {key.name for key in registry._files().tags()}  # noqa: SLF001 - what labs would find

    small = catalogue.with_name("small")
    small.mkdir()
    (small / unique).symlink_to(catalogue / unique)
    registry, _ = open_registry(catalogue, stocked=small)
    registry.stock()
    assert held() == {unique, f"{unique}:1"}
    (catalogue / unique / "tags").unlink()
    registry.stock()
    assert held() == {unique}


def test_an_image_that_cannot_be_had_does_not_stop_the_others(
    open_registry: Open, catalogue: Path, unique: str
) -> None:
    (catalogue / f"{unique}-flawed").mkdir()
    (catalogue / f"{unique}-flawed" / "Dockerfile").write_text("FROM scratch\nCOPY nothing /\n")
    registry, _ = open_registry(catalogue)
    registry.stock([f"{unique}-flawed", unique])
    problem = registry.problem(f"{unique}-flawed:latest")
    assert isinstance(problem, ImageProblem)
    assert "COPY failed" in str(problem)
    assert registry.problem(unique) is None
    assert registry.stocked(unique)


def test_a_push_that_fails_is_a_problem_of_its_image(
    open_registry: Open, catalogue: Path, unique: str, client: docker.DockerClient
) -> None:
    registry, _ = open_registry(catalogue)
    registry._port = "1"  # noqa: SLF001 - nobody listens there
    registry.stock([unique])
    problem = registry.problem(unique)
    assert problem
    assert "can't be put into the registry" in str(problem)
    assert "connection refused" in str(problem)
    assert not [tag for each in client.images.list() for tag in each.tags if tag.startswith("127.0.0.1:")]


def test_builds_at_the_same_time_share_what_is_there(
    open_registry: Open, catalogue: Path, unique: str, seen: Seen
) -> None:
    registries = [open_registry(catalogue)[0] for _ in range(3)]
    assert len({registry.mirror for registry in registries}) == 3
    threads = [threading.Thread(target=registry.stock, args=([unique],)) for registry in registries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    images = {registry.stocked(unique) for registry in registries}
    assert len(images) == 1
    assert None not in images
    assert seen.pushed == [unique]


def test_its_container_is_swept_and_its_volume_stays(
    open_registry: Open, catalogue: Path, client: docker.DockerClient
) -> None:
    registry, host = open_registry(catalogue)
    (container,) = client.containers.list(filters={"label": f"{cleanup.BUILD}={host.owner.build}"})
    assert container.labels == {**container.labels, **host.owner.labels()}
    assert [port["HostIp"] for port in container.ports["5000/tcp"]] == ["127.0.0.1"]
    volume = client.volumes.get(VOLUME)
    assert volume.attrs["Labels"] == {KEPT: "registry"}
    registry.close()
    registry.close()
    with pytest.raises(NotFound):
        client.containers.get(container.id)
    assert client.volumes.get(VOLUME)


Start = Callable[[StockedRegistry, Host], tuple[Machine, str]]


@pytest.fixture
def start_lab(client: docker.DockerClient, engine_url: str) -> Iterator[Start]:
    """Give a function that starts a lab, and returns when it began; labs are removed after the test."""
    started = []

    def start_lab(registry: StockedRegistry, host: Host) -> tuple[Machine, str]:
        images = Images(host.clients, catalogue=CATALOGUE, progress=Seen())
        blueprint = Blueprint(
            image=LabImages(images, host.clients, {}, Seen()).provide("lab"),
            name="lab",
            labels=host.owner.labels(),
            settings=LabSettings(),
            interrupted=host.interrupted,
            mirror=registry.mirror,
        )
        machine = Machine.start(client.api, blueprint, privileged=False)
        started.append(machine.container)
        begun = client.api.inspect_container(machine.container)["State"]["StartedAt"]
        wait = "until docker version >/dev/null 2>&1; do sleep 0.05; done"
        assert run(client, machine, wait) == (0, "")
        return machine, begun

    yield start_lab
    for container in started:
        client.api.remove_container(container, v=True, force=True)


def run(client: docker.DockerClient, machine: Machine, script: str) -> tuple[int, str]:
    result = client.containers.get(machine.container).exec_run(["timeout", "60", "bash", "-c", script])
    return int(result.exit_code or 0), result.output.decode()


COMPOSE = json.dumps({"services": {"one": {"image": "hello-world"}}})


def test_a_lab_pulls_from_it_as_from_docker_hub(
    open_registry: Open, start_lab: Start, client: docker.DockerClient
) -> None:
    registry, host = open_registry()
    registry.stock(["busybox", "debian:trixie", "hello-world"])
    machine, begun = start_lab(registry, host)
    assert registry.images_served(machine.address, since=begun) == ()

    status, output = run(client, machine, "docker run --rm busybox echo hello")
    busybox = registry.stocked("busybox")
    assert busybox
    assert status == 0
    assert "Unable to find image 'busybox:latest' locally\nlatest: Pulling from library/busybox" in output
    assert f"Digest: {busybox.digest}\nStatus: Downloaded newer image for busybox:latest\nhello\n" in output
    assert run(client, machine, "docker image inspect --format {{.Id}} busybox") == (0, f"{busybox.id}\n")
    assert registry.images_served(machine.address, since=begun) == (busybox,)

    build = "echo 'FROM debian:trixie' | docker build --progress plain -"
    status, output = run(client, machine, build)
    assert (status, "transferring dockerfile" in output) == (0, True)
    assert run(client, machine, f"echo '{COMPOSE}' > compose.yml && docker compose up")[0] == 0
    run(client, machine, f"docker rmi busybox && docker run busybox@{busybox.digest} true")
    served = registry.images_served(machine.address, since=begun)
    assert [image.name for image in served] == ["busybox", "debian:trixie", "hello-world"]

    started = time.monotonic()
    status, output = run(client, machine, "docker run --rm no-such-image-anywhere")
    assert status == 125
    assert "Error response from daemon" in output
    assert time.monotonic() - started < 30
    assert [image.name for image in registry.images_served(machine.address, since=begun)] == [
        "busybox",
        "debian:trixie",
        "hello-world",
    ]
    later = client.api.inspect_container(start_lab(registry, host)[0].container)["State"]["StartedAt"]
    assert registry.images_served(machine.address, since=later) == ()


def test_an_image_that_is_asked_for_by_its_digest_alone(
    open_registry: Open, start_lab: Start, client: docker.DockerClient
) -> None:
    registry, host = open_registry()
    registry.stock(["busybox"])
    machine, begun = start_lab(registry, host)
    busybox = registry.stocked("busybox")
    assert busybox
    name = f"busybox@{busybox.digest}"
    assert run(client, machine, f"docker pull --quiet {name}")[0] == 0
    assert registry.images_served(machine.address, since=begun) == (
        Image(name, busybox.id, busybox.origin, busybox.digest),
    )
