"""Registries for tests, in containers of the engine that pulls from them: it trusts its own loopback."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import docker

from docker_run.engine.images.provider import Images
from told import Quiet

CATALOGUE = Path(__file__).parents[1] / "docs" / "images"
PATIENCE = 60.0

USER, PASSWORD = "reader", "of the registry"
HTPASSWD = f"{USER}:$2b$05$abcdefghijklmnopqrstuuLFoxnPzU.Sz8D873bmVkLmP/d3B0HPG\n"
"""That user, as htpasswd(1) writes it."""
PRIVATE = {
    "REGISTRY_AUTH": "htpasswd",
    "REGISTRY_AUTH_HTPASSWD_REALM": "tests",
    "REGISTRY_AUTH_HTPASSWD_PATH": "/htpasswd",
}
"""The settings of a registry that asks for it."""


@contextmanager
def registry(client: docker.DockerClient, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run a registry; give its host and port as the engine knows them."""
    reference = Images(lambda: client, catalogue=CATALOGUE, progress=Quiet()).provide("registry").reference
    container = client.containers.create(
        reference,
        environment={
            "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": "/var/lib/registry",
            "OTEL_TRACES_EXPORTER": "none",
            **(settings or {}),
        },
        ports={"5000/tcp": ("127.0.0.1", None)},
    )
    try:
        container.put_archive("/", _archive("htpasswd", HTPASSWD.encode()))
        container.start()
        end = time.monotonic() + PATIENCE
        while b"listening on" not in container.logs():
            assert time.monotonic() < end, container.logs().decode()
            time.sleep(0.05)
        container.reload()
        yield f"127.0.0.1:{container.ports['5000/tcp'][0]['HostPort']}"
    finally:
        container.remove(force=True, v=True)


def push(client: docker.DockerClient, reference: str, *, password: str = "") -> None:
    """Push an image that the engine has under this name."""
    repository, _, tag = reference.rpartition(":")
    credentials = {"username": USER, "password": password} if password else {}
    events = client.api.push(repository, tag=tag, stream=True, decode=True, auth_config=credentials)
    said = [event["error"] for event in events if "error" in event]
    assert not said


def _archive(name: str, content: bytes) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()
