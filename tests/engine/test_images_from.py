"""Official images, the catalogue, and what a check does, with a registry that answers as Docker Hub does.

On an engine of their own, once with each of Docker's two image stores.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from builds import build, start
from docker_run.catalogue.lock_file import write_lock
from docker_run.catalogue.recorded_images import recorded_images
from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.host import Host
from docker_run.engine.images.provider import Images
from docker_run.engine.registry.registry import StockedRegistry
from docker_run.engine.settings import ImagesFrom
from docker_run.errors import ImageProblem
from docker_run.model import Image, Recording
from docker_run.recordings.store import Store
from hub import Answer, LoopbackHub, loopback_hub
from other_engines import CATALOGUE, copy_images, other_engine
from told import Seen

pytestmark = [pytest.mark.engine, pytest.mark.own_engine]

PORT = 80
STORES = {"graph drivers": {}, "containerd": {"features": {"containerd-snapshotter": True}}}


@dataclass(frozen=True)
class Machine:
    """A machine with an engine, for which the registry on its loopback is Docker Hub."""

    url: str
    hub: LoopbackHub
    rootfs: bytes
    """The files of BusyBox, as a tar archive."""
    architecture: str

    def publish(self, origin: str, name: str = "busybox") -> str:
        """Let Docker Hub have a BusyBox with a file `/origin`; return its digest."""
        layer = with_file(self.rootfs, "origin", origin)
        return self.hub.publish(name, layer, architecture=self.architecture, command=["cat", "/origin"])


def with_file(archive: bytes, name: str, text: str) -> bytes:
    stream = io.BytesIO(archive)
    with tarfile.open(fileobj=stream, mode="a") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(text) + 1
        tar.addfile(entry, io.BytesIO(f"{text}\n".encode()))
    return stream.getvalue()


def exported(url: str) -> tuple[str, bytes]:
    """Return the architecture and the files of the catalogue's BusyBox, on the engine at `url`."""
    with closing(connect(url)) as client:
        images = Images(
            lambda: client, catalogue=CATALOGUE, progress=Seen(), images_from=ImagesFrom.CATALOGUE
        )
        container = client.containers.create(images.provide("busybox").reference)
        try:
            return str(client.version()["Arch"]), b"".join(container.export())
        finally:
            container.remove()


@pytest.fixture(scope="module", params=STORES.values(), ids=STORES)
def machine(
    request: pytest.FixtureRequest, engine_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    (folder / "daemon.json").write_text(json.dumps(request.param))
    arguments = (
        "--registry-mirror",
        f"http://127.0.0.1:{PORT}",
        "--config-file",
        str(folder / "daemon.json"),
    )
    architecture, rootfs = exported(engine_url)
    with ExitStack() as closing:
        engine = closing.enter_context(other_engine("current", engine_url, folder, arguments=arguments))
        closing.enter_context(engine.network())
        hub = closing.enter_context(loopback_hub(PORT))
        yield Machine(engine.url, hub, rootfs, architecture)


@pytest.fixture
def client(machine: Machine) -> Iterator[docker.DockerClient]:
    """Give a client of that machine's engine; its images are removed after the test."""
    client = connect(machine.url)
    machine.hub.answer = Answer.SERVES
    yield client
    forget(client)
    client.close()


def forget(client: docker.DockerClient) -> None:
    """Remove all images of BusyBox from the engine."""
    for image in client.images.list():
        names = [*image.tags, *(image.attrs.get("RepoDigests") or [])]
        if any("busybox" in name for name in names):
            client.images.remove(image.id, force=True)


@pytest.fixture
def catalogue(tmp_path: Path, machine: Machine) -> Path:
    """Give a catalogue with a BusyBox that is not Docker Hub's."""
    folder = tmp_path / "site" / "images"
    (folder / "busybox").mkdir(parents=True)
    (folder / "busybox" / "Dockerfile").write_text('FROM scratch\nADD rootfs.tar /\nCMD ["cat", "/origin"]\n')
    (folder / "busybox" / "rootfs.tar").write_bytes(with_file(machine.rootfs, "origin", "the catalogue"))
    return folder


def provide(client: docker.DockerClient, catalogue: Path, images_from: str, name: str = "busybox") -> Image:
    """Return the image as it is provided to a new build, its origin by what it says itself."""
    images = Images(lambda: client, catalogue=catalogue, progress=Seen(), images_from=ImagesFrom(images_from))
    provided = images.provide(name)
    said = client.containers.run(provided.reference, remove=True).decode().strip()
    assert ("catalogue" in said) == provided.image.origin.startswith("built from")
    return provided.image


def test_auto_takes_official_images_else_the_catalogues(
    machine: Machine, client: docker.DockerClient, catalogue: Path
) -> None:
    digest = machine.publish("Docker Hub, first")
    image = provide(client, catalogue, "auto")
    assert (image.origin, image.digest) == ("pulled", digest)
    forget(client)
    machine.hub.answer = Answer.DOWN
    assert provide(client, catalogue, "auto").origin == "built from site/images/busybox"


def test_auto_takes_the_one_of_the_lock_file(
    machine: Machine, client: docker.DockerClient, catalogue: Path
) -> None:
    first = machine.publish("Docker Hub, first")
    write_lock(catalogue, {"busybox:latest": first})
    assert machine.publish("Docker Hub, second") != first
    assert provide(client, catalogue, "auto").digest == first
    assert provide(client, catalogue, "hub").digest == first


def test_hub_takes_official_images_or_none(
    machine: Machine, client: docker.DockerClient, catalogue: Path
) -> None:
    digest = machine.publish("Docker Hub, first")
    # Something of the same name that somebody has made.
    provide(client, catalogue, "catalogue")
    built = next(tag for image in client.images.list() for tag in image.tags if "docker-run/busybox" in tag)
    client.images.get(built).tag("busybox")
    auto = Images(lambda: client, catalogue=catalogue, progress=Seen())
    assert auto.provide("busybox").image.origin == "found on the engine"
    for _ in range(2):
        image = provide(client, catalogue, "hub")
        assert (image.origin, image.digest) == ("pulled", digest)
    assert client.images.get("busybox").id == client.images.get(built).id, "the user's tag is where it was"
    forget(client)
    machine.hub.answer = Answer.DOWN
    with pytest.raises(ImageProblem, match="not built from the catalogue, since `docker_run_images_from`"):
        provide(client, catalogue, "hub")


def test_catalogue_asks_no_registry_for_what_it_has(
    machine: Machine, client: docker.DockerClient, catalogue: Path
) -> None:
    digest = machine.publish("Docker Hub, first")
    machine.publish("Docker Hub, another image", "other-busybox")
    assert provide(client, catalogue, "auto").digest == digest
    machine.hub.asked.clear()
    assert provide(client, catalogue, "catalogue").origin == "built from site/images/busybox"
    assert machine.hub.asked == []
    assert provide(client, catalogue, "catalogue", "other-busybox").origin == "pulled"


def test_a_network_that_goes_away_in_the_middle(
    machine: Machine, client: docker.DockerClient, catalogue: Path
) -> None:
    machine.publish("Docker Hub, first")
    machine.publish("Docker Hub, another image", "other-busybox")
    images = Images(lambda: client, catalogue=catalogue, progress=Seen())
    assert images.provide("other-busybox").is_pulled
    machine.hub.answer = Answer.DOWN
    assert images.provide("busybox").image.origin == "built from site/images/busybox"


@pytest.mark.parametrize("has_entry", [True, False])
def test_a_registry_that_limits_pulls_is_told(
    machine: Machine, client: docker.DockerClient, catalogue: Path, *, has_entry: bool
) -> None:
    machine.publish("Docker Hub, first")
    # By its address: as a mirror, it would be passed by, and the reason lost.
    name = "127.0.0.1/library/busybox"
    if has_entry:
        (catalogue / name).parent.mkdir(parents=True)
        (catalogue / name).symlink_to(catalogue / "busybox")
    machine.hub.answer = Answer.LIMITED
    seen = Seen()
    images = Images(lambda: client, catalogue=catalogue, progress=seen)
    if has_entry:
        assert images.provide(name).image.origin.startswith("built from")
        (note,) = seen.notes
        assert "limits how many images are pulled" in note
        assert "`docker login`" in note
    else:
        with pytest.raises(ImageProblem, match=r"limits how many images are pulled.*try again later"):
            images.provide(name)
        assert not seen.notes


CONF = """
extensions = ["myst_parser", "docker_run"]
html_theme = "basic"
docker_run_images = "images"
"""
PAGE = """# Page

```{docker-run} --rm busybox cat /origin
```

```{docker-run} --rm other-busybox
:optional:
```
"""


@pytest.fixture
def site(catalogue: Path) -> Path:
    site = catalogue.parent
    (site / "conf.py").write_text(CONF)
    (site / "index.md").write_text(PAGE)
    return site


def recording(site: Path) -> Recording:
    loaded = Store(site / "recordings").load("index")
    assert loaded
    return loaded


def check(site: Path, machine: Machine, *arguments: str) -> tuple[int, str]:
    with start(site, machine.url, "-b", "docker-check", *arguments) as process:
        printed, _ = process.communicate()
    return process.returncode, printed


def test_a_check_takes_the_catalogues_images_where_the_recording_does(
    machine: Machine, client: docker.DockerClient, site: Path
) -> None:
    """The first check on a machine with Docker Hub is not red because the recordings were made without."""
    machine.hub.answer = Answer.DOWN
    build(site, machine.url, "-W")
    assert [image.origin for image in recording(site).images] == ["built from site/images/busybox"]
    machine.hub.answer = Answer.SERVES
    digest = machine.publish("Docker Hub, first")
    machine.publish("Docker Hub, another image", "other-busybox")
    before = recording(site)
    status, printed = check(site, machine, "-W")
    assert status == 0, printed
    assert "1 command run" in printed, "a step that was not run then is not run now"
    status, printed = check(site, machine, "-D", "docker_run_images_from=hub")
    assert status == 1, "who asks for official images has them"
    assert "+out|Docker Hub, first" in printed
    assert recording(site) == before
    build(site, machine.url, "-D", "docker_run_mode=always")
    (busybox, other) = recording(site).images
    assert (busybox.name, busybox.origin, busybox.digest) == ("busybox", "pulled", digest)
    assert (other.name, other.origin) == ("other-busybox", "pulled")
    assert client.images.get(f"busybox@{digest}")


def test_a_check_takes_official_images_by_the_digest_of_the_recording(
    machine: Machine, client: docker.DockerClient, site: Path
) -> None:
    digest = machine.publish("Docker Hub, first")
    machine.publish("Docker Hub, another image", "other-busybox")
    build(site, machine.url, "-W")
    assert recording(site).images[0].digest == digest
    forget(client)
    machine.publish("Docker Hub, second")
    status, printed = check(site, machine, "-W")
    assert status == 0, printed
    forget(client)
    machine.hub.answer = Answer.DOWN
    status, printed = check(site, machine)
    assert status == 1
    found = re.search(r"index\.md:3: WARNING: (.*) \[docker_run\.image\]", printed)
    assert found, printed
    assert re.match(
        rf"this page was recorded with the image `busybox` pulled \({digest}\), which isn't available now: "
        r"the registry can't be reached .*\. The check took one built from site/images/busybox: "
        r"what is printed differently here may come from that",
        found[1],
    )
    assert "+out|the catalogue" in printed
    assert printed.count("[docker_run.image]") == 1


def test_the_registry_of_labs_has_the_images_of_a_recording(
    machine: Machine, client: docker.DockerClient, catalogue: Path, engine_url: str
) -> None:
    for name in ("registry", "debian"):
        (catalogue / name).symlink_to(CATALOGUE / name)
    own = connect(engine_url)
    registry = Images(lambda: own, catalogue=CATALOGUE, progress=Seen()).provide("registry").reference
    own.close()
    copy_images([registry], engine_url, machine.url)
    first = machine.publish("Docker Hub, first")
    second = machine.publish("Docker Hub, second")
    write_lock(catalogue, {"busybox:latest": second})
    built = Image("busybox", "", "built from docs/images/busybox", "sha256:" + "1" * 64)
    pulled = Image("busybox", "", "pulled", first)
    for recorded, expected in [(None, second), (pulled, first), (built, "")]:
        host = Host(machine.url, clients=Clients(lambda: connect(machine.url)), timeout=60, max_output=1_000)
        try:
            images = Images(host.clients, catalogue=catalogue, progress=Seen())
            wanted = recorded_images([recorded] if recorded else [])
            labs = StockedRegistry(host, images, catalogue, Seen(), recorded=wanted)
            labs.start()
            try:
                labs.stock(["busybox"])
                stocked = labs.stocked("busybox")
            finally:
                labs.close()
        finally:
            host.close()
        assert stocked, labs.problem("busybox")
        assert stocked.deviation == ""
        if expected:
            assert (stocked.origin, stocked.digest) == ("pulled", expected)
        else:
            assert stocked.origin == "built from site/images/busybox"
    client.images.remove(registry)
