"""Other engines for tests than the one that a machine has, each in a container on that.

They are what users have, whatever this machine has: Docker 28 with images in containerd's store, which
speaks only those versions of the API that Docker 29 speaks, too; and Podman.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import gethostname
from typing import Any

import docker
from docker.errors import APIError

from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.host import Host
from docker_run.engine.images.lab_image import LabImages
from docker_run.engine.images.provider import Images
from docker_run.errors import EngineProblem
from told import Quiet

PROJECT = Path(__file__).parents[1]
CATALOGUE = PROJECT / "docs" / "images"
CONTEXTS = PROJECT / "tests" / "engines"

_OLDEST_API = "1.44"
"""What Docker 29 answers at least; older engines can be told to do the same."""
_CLONE_NEWNET = 0x40000000
"""linux/sched.h"""
_LIFE = 6 * 3600
"""Seconds after which it ends by itself."""
_RIGHTS: tuple[dict[str, Any], ...] = (
    {"Privileged": True},
    # Machines in machines often lack one capability, and then start no privileged container.
    {
        "CapAdd": ["ALL"],
        "CapDrop": ["SYS_RESOURCE"],
        "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined", "label=disable"],
        "MaskedPaths": [],
        "ReadonlyPaths": [],
        "DeviceCgroupRules": ["a *:* rwm"],
    },
)
"""What such an engine may do on the machine: all, so that tests may ask it for all that it can."""
_READY_SECONDS = 120
_STARTS = 2


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of engine: a lab, or what the folder of its name in `CONTEXTS` builds."""

    command: tuple[str, ...]
    """The arguments of its container's entry point; `{socket}` is where it has to listen."""
    lab: str = ""
    """The kind of lab that it is, where it has no folder."""
    entrypoint: tuple[str, ...] | None = None
    """Where it is not that of the image."""
    environment: tuple[str, ...] = ()


_PODMAN = Kind(
    ("{socket}",),
    entrypoint=(
        "tini",
        "-g",
        "--",
        "sh",
        "-c",
        (CONTEXTS / "podman" / "entrypoint").read_text(encoding="utf-8"),
        "sh",
    ),
)
KINDS = {
    "current": Kind(
        ("--host", "{socket}", "--group", str(os.getgid())),
        lab="lab",
        environment=(f"DOCKER_MIN_API_VERSION={_OLDEST_API}",),
    ),
    "podman": _PODMAN,
    "podman-4": _PODMAN,
}


class OtherEngine:
    """One in the container `container` of the engine that `clients` are of; it listens at `url`."""

    def __init__(self, clients: Clients, container: str, url: str) -> None:
        self._clients = clients
        self.container = container
        self.url = url

    def start(self) -> None:
        """Start it where it doesn't run, and wait until it answers. Raises `EngineProblem`."""
        api = self._clients().api
        give_up = time.monotonic() + _READY_SECONDS
        starts = 0
        while True:
            try:
                connect(self.url).close()
            except EngineProblem as problem:
                # One that was killed may take a moment until its container has ended.
                running = api.inspect_container(self.container)["State"]["Running"]
                if time.monotonic() > give_up or (not running and starts == _STARTS):
                    log = api.logs(self.container, tail=8).decode(errors="replace")
                    raise EngineProblem(f"{problem}; the last lines of its log:\n{log}") from problem
                if not running:
                    api.start(self.container)
                    starts += 1
                time.sleep(0.1)
            else:
                return

    @contextmanager
    def network(self) -> Iterator[None]:
        """Let this thread, and what it starts, live in the engine's own network, until the context is left.

        What tests start on the loopback interface is there for the engine, and ports that the engine
        publishes there are there for tests, as with an engine of this machine itself.
        """
        pid = self._clients().api.inspect_container(self.container)["State"]["Pid"]
        with (
            Path("/proc/self/ns/net").open("rb") as before,
            Path(f"/proc/{pid}/ns/net").open("rb") as other,
        ):
            _enter(other.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def processes(self) -> list[int]:
        """Return the ids of its processes, and of those in its containers, as this machine counts them."""
        return [int(row[1]) for row in self._clients().api.top(self.container)["Processes"]]

    def remove(self) -> None:
        """Remove it, with all that is on it."""
        self._clients().api.remove_container(self.container, v=True, force=True)


def _enter(namespace: int) -> None:
    """Move this thread into a name space: setns(2). From Python 3.12 on, `os.setns`."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextmanager
def other_engine(
    kind: str, url: str, shared: Path, *, arguments: tuple[str, ...] = ()
) -> Iterator[OtherEngine]:
    """Start one of `KINDS` on the engine at `url`; leaving the context removes it.

    `arguments` are further ones for its engine. It sees the folder `shared` under the same path, and puts
    its socket there: the engine at `url` has to be on this machine. Raises `EngineProblem`, and
    `ImageProblem` where its packages can't be had.
    """
    with ExitStack() as undo:
        clients = Clients(lambda: connect(url))
        host = Host(url, clients=clients, timeout=60, max_output=1_000_000)
        undo.callback(host.close)
        images = Images(clients, catalogue=CATALOGUE, progress=Quiet())
        folders = {name: CONTEXTS / name for name, each in KINDS.items() if not each.lab}
        labs = LabImages(images, clients, folders, Quiet(), catalogue=CATALOGUE)
        image = labs.provide(KINDS[kind].lab or kind)
        # With labels as of a build: where the tests are killed, the next build removes it.
        labels = host.labels(page="tests", session=f"{kind}-engine")
        socket = shared / f"{kind}-engine.sock"
        container = _started(clients(), kind, image, socket, labels=labels, arguments=arguments)
        engine = OtherEngine(clients, container, f"unix://{socket}")
        undo.callback(engine.remove)
        engine.start()
        yield engine


def copy_images(names: Iterable[str], source: str, target: str) -> None:
    """Copy images from one engine to another: it saves minutes."""
    with closing(connect(source)) as one, closing(connect(target)) as other:
        for name in names:
            other.api.load_image(one.api.get_image(name))  # type: ignore[no-untyped-call]


def _started(
    client: docker.DockerClient,
    kind: str,
    image: str,
    socket: Path,
    *,
    labels: dict[str, str],
    arguments: tuple[str, ...],
) -> str:
    """Create it and start it, with all rights where the engine can give them, else with those that it has."""
    engine = KINDS[kind]
    for rights in _RIGHTS:
        body: dict[str, Any] = {
            "Image": image,
            # Tests live in its network: it is the machine that they are on.
            "Hostname": gethostname(),
            "Labels": labels,
            "Env": [*engine.environment, f"LAB_SECONDS={_LIFE}"],
            "Entrypoint": engine.entrypoint,
            "Cmd": [*(word.format(socket=f"unix://{socket}") for word in engine.command), *arguments],
            "HostConfig": {
                **rights,
                "CgroupnsMode": "private",
                "Binds": [f"{socket.parent}:{socket.parent}"],
                "Tmpfs": {"/run": ""},
            },
        }
        container = str(client.api.create_container_from_config(body)["Id"])  # type: ignore[no-untyped-call]
        try:
            client.api.start(container)
        except APIError as error:
            client.api.remove_container(container, v=True, force=True)
            if rights is _RIGHTS[-1]:
                raise EngineProblem(f"a {kind} engine did not start: {error.explanation}") from error
        else:
            return container
    raise AssertionError
