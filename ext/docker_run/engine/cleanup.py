"""What builds make on an engine carries their labels, and goes by them.

Nothing without our label is ever touched, and nothing of a build that may still be alive.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests
from docker import APIClient, DockerClient
from docker.errors import APIError, DockerException
from urllib3.exceptions import HTTPError

from docker_run.errors import EngineProblem

BUILD = "docker-run.build"
"""Label: the build, a random UUID. What has it is ours."""
SESSION = "docker-run.session"
"""Label: the session, the prefix of its names."""
PAGE = "docker-run.page"
"""Label: the document whose session it is."""
PID = "docker-run.pid"
"""Label: the process of the build."""
STARTED = "docker-run.started"
"""Label: when that process started; another one of the same number started at another time."""
HOST = "docker-run.host"
"""Label: the machine, and the process name space on it, in which the number means that process."""

_GONE = (404, 409)
"""What an engine answers about something that is gone already, or is just being removed."""
_REMOVAL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Owner:
    """A build: the process to which things on an engine belong."""

    build: str
    pid: int
    started: str
    host: str

    @classmethod
    def current(cls, build: str) -> Self:
        """Return this process as the owner of the build `build`."""
        return cls(build, os.getpid(), process_started(os.getpid()), this_host())

    @classmethod
    def from_labels(cls, labels: Mapping[str, str]) -> Self:
        """Return the owner that `labels` name."""
        pid = labels.get(PID, "")
        return cls(
            labels.get(BUILD, ""),
            int(pid) if pid.isdecimal() else 0,
            labels.get(STARTED, ""),
            labels.get(HOST, ""),
        )

    def labels(self) -> dict[str, str]:
        """Return the labels that name this owner."""
        return {BUILD: self.build, PID: str(self.pid), STARTED: self.started, HOST: self.host}


def process_started(pid: int) -> str:
    """Return when the process `pid` started, in the system's own terms; empty if there is none.

    A process that has ended and was not yet waited for is none.
    """
    try:
        # proc(5): the name, field 2, is in brackets and may hold anything; 3 is the state, 22 the start.
        fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _started_by_ps(pid)
    return "" if fields[0] in "ZX" else fields[19]


def this_host() -> str:
    """Return the name of this machine and of the process name space in which we are."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return f"{socket.gethostname()} {space}".strip()


def sweep(client: DockerClient) -> str:
    """Remove what builds that were killed on this machine left behind.

    Returns a sentence that says what was removed, empty where nothing was. Raises `EngineProblem`.
    """
    with engine_errors("while it was looked through for what killed builds left behind"):
        found = [thing for thing in _labelled(client.api) if _is_dead(thing.owner)]
        removed = [thing for thing in found if thing.remove(client.api)]
    if not removed:
        return ""
    builds = len({thing.owner.build for thing in removed})
    whose = "a build that was" if builds == 1 else f"{builds} builds that were"
    return f"removed {_counted(removed)} of {whose} killed"


def remove_all(client: DockerClient) -> str:
    """Remove everything that builds made and that none needs any more; say what, and what was skipped.

    Skipped is what belongs to a build that is running, or that ran on another machine: whether that
    is alive can't be seen from here. Raises `EngineProblem`.
    """
    with engine_errors("while what builds left on it was removed"):
        found = list(_labelled(client.api))
        removed = [thing for thing in found if _is_dead(thing.owner) and thing.remove(client.api)]
    sentences = [f"removed {_counted(removed)}" if removed else "nothing to remove"]
    elsewhere = [thing for thing in found if thing.owner.host != this_host()]
    alive = [thing for thing in found if thing.owner.host == this_host() and not _is_dead(thing.owner)]
    if alive:
        pids = ", ".join(str(pid) for pid in sorted({thing.owner.pid for thing in alive}))
        sentences.append(f"left {_counted(alive)} of a build that is running (process {pids})")
    if elsewhere:
        hosts = ", ".join(
            sorted({thing.owner.host.split(" ")[0] or "an unknown machine" for thing in elsewhere})
        )
        sentences.append(f"left {_counted(elsewhere)} of builds on another machine ({hosts})")
    return "; ".join(sentences)


def remove_session(clients: Callable[[], DockerClient], session: str, *, pool: Executor) -> None:
    """Remove everything with the label of `session`, containers at the same time. Raises `EngineProblem`.

    `clients` returns the calling thread's client, `pool` runs the removals.
    """
    with engine_errors("while a page's containers were removed"):
        give_up = time.monotonic() + _REMOVAL_SECONDS
        while time.monotonic() < give_up:
            found = list(_labelled(clients().api, f"{SESSION}={session}"))
            if not found:
                return
            for kind in _KINDS:
                _remove_together([thing for thing in found if thing.kind == kind], clients, pool)
            time.sleep(0.02)
    left = _counted(found)
    raise EngineProblem(
        f"the engine did not remove {left} of this page within {_REMOVAL_SECONDS:g} s; "
        "the next build will try again"
    )


@contextmanager
def engine_errors(what: str) -> Iterator[None]:
    """Turn errors of the engine, or of the way to it, into `EngineProblem`."""
    try:
        yield
    except (DockerException, requests.RequestException, HTTPError, OSError) as error:
        raise EngineProblem(f"the engine failed {what}: {error}; see whether it still runs") from error


_KINDS = ("container", "volume", "network")
"""In the order in which they can be removed: what is in use can't."""


@dataclass(frozen=True, slots=True)
class _Thing:
    """Something with our label on an engine."""

    kind: str
    id: str
    owner: Owner

    def remove(self, api: APIClient) -> bool:
        """Remove it; say whether it was there."""
        try:
            if self.kind == "container":
                api.remove_container(self.id, v=True, force=True)
            elif self.kind == "volume":
                api.remove_volume(self.id, force=True)
            else:
                api.remove_network(self.id)
        except APIError as error:
            if error.response is not None and error.response.status_code in _GONE:
                return False
            raise
        return True


def _labelled(api: APIClient, label: str = BUILD) -> Iterator[_Thing]:
    filters: Any = {"label": [label]}
    for container in api.containers(all=True, filters=filters):
        yield _Thing("container", container["Id"], Owner.from_labels(container.get("Labels") or {}))
    for volume in api.volumes(filters=filters).get("Volumes") or ():
        yield _Thing("volume", volume["Name"], Owner.from_labels(volume.get("Labels") or {}))
    for network in api.networks(filters=filters):
        yield _Thing("network", network["Id"], Owner.from_labels(network.get("Labels") or {}))


def _remove_together(things: list[_Thing], clients: Callable[[], DockerClient], pool: Executor) -> None:
    if len(things) == 1:
        things[0].remove(clients().api)
        return
    list(pool.map(lambda thing: thing.remove(clients().api), things))


def _is_dead(owner: Owner) -> bool:
    return owner.host == this_host() and process_started(owner.pid) != owner.started


def _counted(things: Iterable[_Thing]) -> str:
    kinds = [thing.kind for thing in things]
    return ", ".join(
        f"{kinds.count(kind)} {kind}{'s' * (kinds.count(kind) > 1)}" for kind in _KINDS if kind in kinds
    )


def _started_by_ps(pid: int) -> str:
    """Ask `ps` where there is no /proc, e.g. on macOS."""
    asked = subprocess.run(  # noqa: S603 - a number
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],  # noqa: S607 - wherever the system has it
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, started = asked.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()
