"""What builds leave behind: on an engine, on the machine, and among the files of their project."""

from __future__ import annotations

import re
import socket
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import docker

from docker_run.engine.cleanup.build_directory import BuildDirectories
from soak.machine import COPIED, EMPTY
from soak.site import Site

KEPT = "docker-run.kept"
"""Label of what builds leave on purpose: the volume of the labs' registry."""
_SWITCHES = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/forwarding",
    "net/ipv6/conf/all/forwarding",
    "net/bridge/bridge-nf-call-iptables",
)
_RULE = re.compile(r"^(?!#|COMMIT|\*|:\w+ ACCEPT$)")


@dataclass(frozen=True, slots=True)
class Traces:
    """What there is at a moment, as lines that name it."""

    found: frozenset[str]

    @classmethod
    def of(cls, lines: Iterable[str]) -> Traces:
        """Make them of lines; one that is there twice is two traces."""
        numbered = [
            f"{line} ({number + 1})" if number else line
            for line, count in Counter(lines).items()
            for number in range(count)
        ]
        return cls(frozenset(numbered))

    def new_since(self, before: Traces) -> list[str]:
        """Return what was not there `before`."""
        return sorted(self.found - before.found)


def on_engine(client: docker.DockerClient) -> Iterator[str]:
    """Find everything on an engine that a build could have left there."""
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


def of_project(site: Site) -> Iterator[str]:
    """Find what a build could have left among a project's files; git sees the rest of the pages, too."""
    for path in site.temporary.rglob("*"):
        yield f"temporary file {path.relative_to(site.temporary)}"
    for path in site.recordings.rglob("*"):
        if path.name.startswith(".") or path.suffix != ".txt":
            yield f"file {path.relative_to(site.folder)}"
    for line in site.git("status", "--porcelain", "--ignored").splitlines():
        yield f"git: {line}"


def on_machine() -> Iterator[str]:
    """Find everything on the whole machine, which nobody else may be using: see `soak.machine`."""
    yield from _processes()
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        yield f"mount {line.split()[4]}"
    yield from (f"interface {name}" for _, name in socket.if_nameindex())
    for program in ("iptables-save", "ip6tables-save"):
        yield from (f"{program.removesuffix('-save')} {rule}" for rule in _rules(program))
    for name in _SWITCHES:
        with suppress(OSError):
            yield f"{name} {Path('/proc/sys', name).read_text().strip()}"
    yield from _files()
    yield from (f"folder of the dead build {build}" for build in BuildDirectories().dead())


def _processes() -> Iterator[str]:
    """Find all processes, and how many name spaces of each kind they have."""
    spaces = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            yield f"process {words[:200].strip() or (folder / 'comm').read_text().strip()}"
            spaces |= {str(link.readlink()) for link in (folder / "ns").iterdir()}
    yield from (f"name space {space.partition(':')[0]}" for space in spaces)


def _rules(program: str) -> list[str]:
    printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    lines = (re.sub(r" ?\[\d+:\d+\]", "", line) for line in printed.splitlines())
    return [line for line in lines if _RULE.match(line)]


def _files() -> Iterator[str]:
    for folder in (*EMPTY, str(Path.home())):
        yield from (f"file {path}" for path in Path(folder).rglob("*"))
    for folder in COPIED:
        for path in Path(folder).rglob("*"):
            with suppress(OSError):
                status = path.lstat()
                kind = "" if path.is_dir() else f", {status.st_size} bytes of {status.st_mtime_ns}"
                yield f"file {path}{kind}"
