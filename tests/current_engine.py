"""A current Docker engine for tests, in a container on the engine that a machine has.

It is what users have, whatever this machine has: version 28 or later, images in containerd's store,
and only versions of the API that Docker 29 speaks, too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError

from docker_run.engine.clients import Clients
from docker_run.engine.connect import connect
from docker_run.engine.host import Host
from docker_run.engine.images import Images
from docker_run.engine.lab_images import LabImages
from docker_run.engine.labs.machine import REDUCED
from docker_run.errors import EngineProblem
from told import Quiet

PROJECT = Path(__file__).parents[1]
CATALOGUE = PROJECT / "docs" / "images"
KINDS = {"current": PROJECT / "tests" / "engines" / "current"}

_OLDEST_API = "1.44"
"""What Docker 29 answers at least; older engines can be told to do the same."""
_LIFE = 6 * 3600
_READY_SECONDS = 120


@contextmanager
def current_engine(url: str, shared: Path) -> Iterator[str]:
    """Start one on the engine at `url`, and yield its own URL; leaving the context removes it.

    It sees the folder `shared` under the same path, and puts its socket there: the engine at `url` has to
    be on this machine. Raises `EngineProblem`, and `ImageProblem` where its packages can't be had.
    """
    clients = Clients(lambda: connect(url))
    host = Host(url, clients=clients, timeout=60, max_output=1_000_000)
    socket = shared / "current-engine.sock"
    container = ""
    try:
        images = Images(clients, catalogue=CATALOGUE, progress=Quiet())
        image = LabImages(images, clients, KINDS, Quiet(), catalogue=CATALOGUE).provide("current")
        # With labels as of a build: where the tests are killed, the next build removes it.
        labels = host.labels(page="tests", session="current-engine")
        container = _start(clients(), image, socket, shared=shared, labels=labels)
        yield _ready(clients(), container, f"unix://{socket}")
    finally:
        if container:
            clients().api.remove_container(container, v=True, force=True)
        host.close()


def _start(
    client: docker.DockerClient, image: str, socket: Path, *, shared: Path, labels: dict[str, str]
) -> str:
    """Start it, with all rights where the engine can give them, else with those that it has."""
    for rights in ({"Privileged": True}, REDUCED):
        body: dict[str, Any] = {
            "Image": image,
            "Labels": labels,
            "Env": [f"DOCKER_MIN_API_VERSION={_OLDEST_API}", f"LAB_SECONDS={_LIFE}"],
            "Cmd": ["--host", f"unix://{socket}", "--group", str(os.getgid())],
            "HostConfig": {**rights, "CgroupnsMode": "private", "Binds": [f"{shared}:{shared}"]},
        }
        container = str(client.api.create_container_from_config(body)["Id"])  # type: ignore[no-untyped-call]
        try:
            client.api.start(container)
        except APIError as error:
            client.api.remove_container(container, v=True, force=True)
            if rights is REDUCED:
                raise EngineProblem(f"a current engine did not start: {error.explanation}") from error
        else:
            return container
    raise AssertionError


def _ready(client: docker.DockerClient, container: str, url: str) -> str:
    give_up = time.monotonic() + _READY_SECONDS
    while True:
        try:
            connect(url).close()
        except EngineProblem as problem:
            running = client.api.inspect_container(container)["State"]["Running"]
            if not running or time.monotonic() > give_up:
                log = client.api.logs(container, tail=8).decode(errors="replace")
                raise EngineProblem(f"{problem}; the last lines of its log:\n{log}") from problem
            time.sleep(0.1)
        else:
            return url
