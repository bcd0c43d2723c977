"""Images for other platforms than the engine's own."""

from __future__ import annotations

import io
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from contract import run, text
from docker_run.docker_cli.values.choices import PullPolicy
from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.engine import DockerEngine
from docker_run.engine.host import Host
from docker_run.engine.images.provider import Images
from docker_run.engine.registry.registry import StockedRegistry
from docker_run.errors import ImageProblem
from docker_run.model import Stream
from oci import archive, tar
from registries import CATALOGUE
from told import Seen

pytestmark = pytest.mark.engine


@pytest.fixture
def name(client: docker.DockerClient) -> Iterator[str]:
    """Give a name for an image, which is removed after the test."""
    name = f"platforms-{uuid.uuid4().hex[:12]}:1"
    yield name
    for image in client.images.list(name=name):
        client.images.remove(image.id, force=True)


@pytest.fixture
def own(client: docker.DockerClient) -> str:
    """Give the architecture of the engine's machine."""
    return str(client.version()["Arch"])


@pytest.fixture
def other(own: str) -> str:
    return "arm64" if own == "amd64" else "amd64"


@pytest.fixture
def several(client: docker.DockerClient, busybox: str) -> None:
    """Skip where an engine keeps an image for one platform only."""
    image = client.images.get(busybox)
    if not any(entry.endswith(str(image.id)) for entry in image.attrs["RepoDigests"] or ()):
        pytest.skip("this engine has not the image store that keeps several platforms")


def test_an_image_for_several_platforms(  # noqa: PLR0917 - fixtures
    several: None, client: docker.DockerClient, name: str, own: str, other: str
) -> None:
    client.images.load(archive(f"docker.io/library/{name}", [own, other]))
    images = Images(lambda: client, catalogue=None, progress=Seen())
    found = {platform: images.provide(name, platform=platform) for platform in (None, f"linux/{other}", own)}
    assert {each.reference for each in found.values()} == {name}
    assert {each.image.origin for each in found.values()} == {"found on the engine"}
    assert found[None].image.id == found[own].image.id != found[f"linux/{other}"].image.id
    with pytest.raises(ImageProblem, match=r"does not provide the specified platform \(linux/s390x\)"):
        images.provide(name, platform="linux/s390x", pull=PullPolicy.NEVER)


def test_a_program_that_the_machine_can_not_run_prints_what_it_prints_for_the_cli(
    engine: DockerEngine, client: docker.DockerClient, engine_url: str, name: str
) -> None:
    context = tar(
        {"program": b"\x7fELF, but of nobody", "Dockerfile": b"FROM scratch\nCOPY program /\n"}, mode=0o755
    )
    client.images.build(
        fileobj=io.BytesIO(context), custom_context=True, tag=name, rm=True, platform="linux/s390x"
    )
    assert client.images.get(name).attrs["Architecture"] == "s390x"
    line = f"--rm --pull never --platform linux/s390x {name} /program"
    theirs = subprocess.run(
        ["docker", "-H", engine_url, "run", *line.split()], capture_output=True, text=True, check=False
    )
    ours = run(engine, line)
    assert "exec format error" in text(ours, Stream.ERR)
    assert (ours.exit_code, text(ours, Stream.ERR)) == (theirs.returncode, theirs.stderr)


def test_of_an_image_that_is_there_in_part_labs_get_the_own_platform_and_once(  # noqa: PLR0917 - fixtures
    several: None,
    engine_url: str,
    client: docker.DockerClient,
    name: str,
    own: str,
    other: str,
    tmp_path: Path,
) -> None:
    # As official images are: pulled, they are for many platforms, of which one is on the engine.
    client.images.load(archive(f"docker.io/library/{name}", [own, other], without=[other]))
    folder = tmp_path / name.partition(":")[0]
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nLABEL never=built\n")
    (folder / "tags").write_text("1\n")
    (tmp_path / "registry").symlink_to(CATALOGUE / "registry")
    (tmp_path / "debian").symlink_to(CATALOGUE / "debian")
    clients = Clients(lambda: connect(engine_url))
    host = Host(engine_url, clients=clients, timeout=60, max_output=1_000)
    try:
        pushed = []
        for _ in range(2):
            seen = Seen()
            images = Images(clients, catalogue=tmp_path, progress=seen)
            registry = StockedRegistry(host, images, tmp_path, seen)
            registry.start()
            try:
                registry.stock([name])
                assert registry.problem(name) is None
                pushed.append(seen.pushed)
            finally:
                registry.close()
        assert pushed == [[name], []]
    finally:
        host.close()
