"""What builds leave behind: on an engine, on the machine, and among the files of their project."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import docker

from docker_run.engine.folders import BuildFolders
from soak.site import Site

KEPT = "docker-run.kept"
"""Label of what builds leave on purpose: the volume of the labs' registry."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What there is at a moment, as lines that name it."""

    found: frozenset[str]

    def new_since(self, before: Traces) -> list[str]:
        """Return what was not there `before`."""
        return sorted(self.found - before.found)


def traces(client: docker.DockerClient, site: Site, interfaces: Collection[str]) -> Traces:
    """Look for everything that a build could have left on the engine and on this machine.

    `interfaces` are those that the engine has in the network of this machine.
    """
    found = [*_on_engine(client), *_on_machine(site), *_of_builds(), *_of_project(site)]
    return Traces(frozenset([*found, *(f"interface {name}" for name in interfaces)]))


def _on_engine(client: docker.DockerClient) -> Iterator[str]:
    api = client.api
    for container in api.containers(all=True):
        yield f"container {container['Id'][:12]} {container['Command']!r} {container.get('Labels')}"
    for volume in api.volumes().get("Volumes") or ():
        if KEPT not in (volume.get("Labels") or {}):
            yield f"volume {volume['Name']}"
    for network in api.networks():
        yield f"network {network['Name']}"
    # Images with a name of ours are kept; those without one are nobody's.
    for image in api.images(all=False):
        tags = [tag for tag in image.get("RepoTags") or () if tag != "<none>:<none>"]
        if not any(tag.startswith("docker-run/") for tag in tags):
            yield f"image {image['Id']} {tags}"


def _on_machine(site: Site) -> Iterator[str]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"DOCKER_RUN_SOAK={site.mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                yield f"process {folder.name} {words[:200]}"
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        # Those of an engine's own containers come and go with what is on the engine.
        if str(site.folder.parent) in line.split()[1]:
            yield f"mount {line.split()[1]}"


def _of_builds() -> Iterator[str]:
    """Find the folders of dead builds; others may be building on this machine, and are alive."""
    folders = BuildFolders()
    yield from (f"folder of the dead build {build}" for build in folders.dead())


def _of_project(site: Site) -> Iterator[str]:
    for path in site.temporary.rglob("*"):
        yield f"temporary file {path.relative_to(site.temporary)}"
    for path in site.recordings.rglob("*"):
        if path.name.startswith(".") or path.suffix != ".txt":
            yield f"file {path.relative_to(site.folder)}"
    for line in site.git("status", "--porcelain", "--ignored").splitlines():
        yield f"git: {line}"
