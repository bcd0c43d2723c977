"""The other side of `direct.py`: containers run with docker-py and a pool of threads, written by hand.

    python tests/bench/by_hand.py WAY WORKERS NETWORKS OUTPUT IMAGE COMMAND…

Each command is split as a shell does. What each prints (standard output and standard error) and its exit
status are written to the file OUTPUT, as JSON. All ways have the whole of the output. NETWORKS is `default`,
or `own`: then each worker makes a network for its containers, as builds do for each page.
"""

from __future__ import annotations

import json
import secrets
import shlex
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
from docker.errors import ContainerError

Printed = tuple[str, str, int]
"""Standard output, standard error, exit status."""

_mine = threading.local()
_waits = ThreadPoolExecutor(max_workers=32)
_networks: list[str] = []
"""After an empty name, those that were made; empty where the default one is used."""


def client() -> docker.DockerClient:
    """Return the client of this thread: docker-py's are not to be shared."""
    if not hasattr(_mine, "client"):
        _mine.client = docker.from_env()
    return _mine.client


def network() -> str:
    """Return the network for the containers of this thread."""
    if not _networks:
        return "default"
    if not hasattr(_mine, "network"):
        _mine.network = client().api.create_network(f"bench-{secrets.token_hex(8)}")["Id"]
        _networks.append(_mine.network)
    return _mine.network


def simple(image: str, command: Sequence[str]) -> Printed:
    """Do what the manual of docker-py shows first. It has both streams as one."""
    try:
        output = client().containers.run(
            image, list(command), stdout=True, stderr=True, remove=True, network_mode=network()
        )
    except ContainerError as error:
        return "", error.stderr.decode(), error.exit_status
    return output.decode(), "", 0


def removed_by_hand(image: str, command: Sequence[str]) -> Printed:
    """Attach before the start, as all of the output has to be there, and remove the container at the end."""
    api = client().api
    settings = api.create_host_config(network_mode=network())
    container = api.create_container(image, list(command), host_config=settings)["Id"]
    pieces = api.attach(container, stdout=True, stderr=True, stream=True, demux=True)
    api.start(container)
    out, err = read(pieces)
    status = api.wait(container)["StatusCode"]
    api.remove_container(container)
    return out, err, status


def removed_by_engine(image: str, command: Sequence[str]) -> Printed:
    """Attach before the start; the engine removes the container, so another thread waits for its status."""
    api = client().api
    settings = api.create_host_config(auto_remove=True, network_mode=network())
    container = api.create_container(image, list(command), host_config=settings)["Id"]
    pieces = api.attach(container, stdout=True, stderr=True, stream=True, demux=True)
    waited = _waits.submit(lambda: client().api.wait(container, condition="removed"))
    api.start(container)
    out, err = read(pieces)
    return out, err, waited.result()["StatusCode"]


def read(pieces: Iterable[tuple[bytes | None, bytes | None]]) -> tuple[str, str]:
    """Read both streams to their end."""
    out, err = bytearray(), bytearray()
    for of_out, of_err in pieces:
        out += of_out or b""
        err += of_err or b""
    return out.decode(), err.decode()


WAYS: dict[str, Callable[[str, Sequence[str]], Printed]] = {
    "simple": simple,
    "removed by hand": removed_by_hand,
    "removed by the engine": removed_by_engine,
}


def main(arguments: Sequence[str]) -> None:
    """Run all commands."""
    way, workers, networks, output, image, *commands = arguments
    _networks.extend([""] * (networks == "own"))
    with ThreadPoolExecutor(int(workers)) as pool:
        printed = list(pool.map(lambda command: WAYS[way](image, shlex.split(command)), commands))
    for name in filter(None, _networks):
        client().api.remove_network(name)
    Path(output).write_text(json.dumps(printed))


if __name__ == "__main__":
    main(sys.argv[1:])
