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

from docker_run.engine.cleanup import labels
from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.host import Host
from docker_run.engine.images.lab_image import LabImages
from docker_run.engine.images.provider import Images
from docker_run.engine.labs.machine import Blueprint, Machine
from docker_run.engine.registry.registry import KEPT, VOLUME, StockedRegistry
from docker_run.engine.registry.server import DATA, PORT, RegistryServer
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
                host.clients().containers.run(
                    registry._reference,  # noqa: SLF001
                    [registry._root],  # noqa: SLF001
                    entrypoint=["rm", "-rf"],
                    volumes={VOLUME: {"bind": DATA}},
                    remove=True,
                )

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
    open_registry: Open,
    catalogue: Path,
    unique: str,
    *,
    client: docker.DockerClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry, _ = open_registry(catalogue)
    nobody_listens = RegistryServer(container="", address="", port="1")
    monkeypatch.setattr(RegistryServer, "for_stocking", lambda *_, **__: nobody_listens)
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
    (container,) = client.containers.list(filters={"label": f"{labels.BUILD}={host.owner.build}"})
    assert container.labels == {**container.labels, **host.owner.labels()}
    assert not container.ports["5000/tcp"], "only labs reach it"
    volume = client.volumes.get(VOLUME)
    assert volume.attrs["Labels"] == {KEPT: "registry"}
    registry.close()
    registry.close()
    with pytest.raises(NotFound):
        client.containers.get(container.id)
    assert client.volumes.get(VOLUME)


def test_what_writes_is_there_only_while_something_is_written(
    open_registry: Open, catalogue: Path, unique: str, client: docker.DockerClient
) -> None:
    registry, host = open_registry(catalogue)
    of_the_build = {"label": f"{labels.BUILD}={host.owner.build}"}
    stocking = registry._writable()  # noqa: SLF001 - as a push has it
    container = client.containers.get(stocking.container)
    network = client.networks.get(stocking.network)
    for thing in (container.labels, network.attrs["Labels"]):
        assert thing == {**thing, **host.owner.labels()}, (
            "a build that is killed leaves it, and the next sweeps"
        )
    assert {port["HostIp"] for port in container.ports["5000/tcp"]} == {"127.0.0.1"}
    registry.stock([unique])
    assert registry.stocked(unique)
    assert len(client.containers.list(filters=of_the_build)) == 1
    assert not client.networks.list(filters=of_the_build)
    (serving,) = client.containers.list(filters=of_the_build)
    (mount,) = serving.attrs["Mounts"]
    assert (mount["Name"], mount["RW"]) == (VOLUME, False)


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
        machine = Machine.start(client.api, blueprint)
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
    assert run(client, machine, f"docker image inspect {DIGEST} busybox") == (0, f"{digest_of(busybox)}\n")
    assert registry.images_served(machine.address, since=begun) == (busybox,)

    build = "echo 'FROM debian:trixie' | docker build --progress plain -"
    status, output = run(client, machine, build)
    assert (status, "transferring dockerfile" in output) == (0, True)
    assert run(client, machine, f"echo '{COMPOSE}' > compose.yml && docker compose up")[0] == 0
    run(client, machine, f"docker rmi busybox && docker run busybox@{busybox.digest} true")
    image_requests = registry.images_served(machine.address, since=begun)
    assert [image.name for image in image_requests] == ["busybox", "debian:trixie", "hello-world"]

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


PUT = "-X PUT -H 'Content-Type: application/vnd.docker.distribution.manifest.v2+json' --data-binary @manifest"
WRITES = {
    "an upload": "-X POST URL/library/busybox/blobs/uploads/",
    "a manifest under a new name": f"{PUT} URL/library/mine/manifests/latest",
    "a manifest under a name that others pull": f"{PUT} URL/library/busybox/manifests/latest",
    "a deletion": "-X DELETE URL/library/busybox/manifests/DIGEST",
    "a deletion of a layer": "-X DELETE URL/library/busybox/blobs/DIGEST",
}


def test_a_lab_cannot_change_what_others_pull(
    open_registry: Open, start_lab: Start, client: docker.DockerClient
) -> None:
    registry, host = open_registry()
    registry.stock(["busybox", "hello-world"])
    machine, _ = start_lab(registry, host)
    busybox = registry.stocked("busybox")
    assert busybox
    url = f"{registry.mirror}/v2"
    kinds = ("docker.distribution.manifest.v2", "oci.image.manifest.v1", "oci.image.index.v1")
    accept = " ".join(f"-H 'Accept: application/vnd.{kind}+json'" for kind in kinds)
    manifest = f"curl -sf {accept} {url}/library/hello-world/manifests/latest > manifest && test -s manifest"
    assert run(client, machine, manifest)[0] == 0
    for write, words in WRITES.items():
        filled = words.replace("URL", url).replace("DIGEST", busybox.digest)
        _, status = run(client, machine, f"curl -s -o /dev/null -w '%{{http_code}}' {filled}")
        assert status == "405", write
    mine = f"{registry.mirror.removeprefix('http://')}/library/busybox"
    push = f"docker pull -q hello-world && docker tag hello-world {mine} && docker push {mine}"
    status, output = run(client, machine, push)
    assert status != 0, output
    again, _ = start_lab(registry, host)
    pulled = f"docker pull -q busybox && docker image inspect {DIGEST} busybox"
    assert run(client, again, pulled) == (0, f"docker.io/library/busybox:latest\n{digest_of(busybox)}\n")


DIGEST = "--format '{{index .RepoDigests 0}}'"
"""What of an image is the same on all engines; their ids for it depend on how they store images."""


def digest_of(image: Image) -> str:
    return f"{image.name}@{image.digest}"


def test_a_hole_in_the_server_changes_nothing(open_registry: Open, client: docker.DockerClient) -> None:
    registry, _ = open_registry()
    registry.stock(["hello-world"])
    server = client.containers.get(registry._serving.container)  # type: ignore[union-attr]  # noqa: SLF001
    done = server.exec_run(["touch", f"{DATA}/mine"], user="0")
    assert (done.exit_code, b"Read-only file system" in done.output) == (1, True)
    assert server.exec_run(["grep", "CapEff", "/proc/1/status"]).output.split()[-1] == b"0" * 16


@pytest.mark.parametrize("network", ["bridge", "own"])
def test_what_writes_is_out_of_reach_of_pages(
    network: str, open_registry: Open, busybox: str, *, client: docker.DockerClient
) -> None:
    registry, host = open_registry()
    stocking = registry._writable()  # noqa: SLF001 - as a push has it
    own = client.networks.create(uuid4().hex, labels=host.owner.labels()) if network == "own" else None
    try:

        def reached(address: str) -> bool:
            """Tell whether a container there has an answer from the registry at `address`."""
            name = f"http://{address}:{PORT}/v2/"
            container = client.containers.run(
                busybox,
                ["wget", "-q", "-T", "3", "-O", "-", name],
                network=own.name if own else network,
                labels=host.owner.labels(),
                detach=True,
            )
            try:
                return container.wait()["StatusCode"] == 0
            finally:
                container.remove(force=True)

        assert reached(registry._server.address) == (network == "bridge")  # noqa: SLF001
        assert not reached(stocking.address)
    finally:
        if own:
            own.remove()
