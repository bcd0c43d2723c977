"""A registry server in a container, on the volume with the images that labs can pull.

Two kinds share the volume, so that a page can't change what other pages pull:

* `for_labs` is read-only, and reachable from all labs: the server refuses pushes and deletions, and its
  volume is mounted read-only, so that not even a vulnerability of the server could change it.
* `for_stocking` is writable. The engine reaches it at its own loopback address; it is in a network of its
  own, which engines isolate from that of the labs, and it runs only while images are pushed.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from docker import APIClient
from docker.errors import APIError
from urllib3.exceptions import HTTPError

from docker_run.engine.cleanup import removal
from docker_run.engine.cleanup.labels import NAME
from docker_run.engine.cleanup.removal import Resource
from docker_run.engine.cleanup.sweep import engine_errors
from docker_run.engine.host import Host
from docker_run.errors import EngineProblem
from docker_run.system.closing import close_all

DATA = "/var/lib/registry"
"""The mount point of the volume in the container."""
PORT = 5000
_READY_SECONDS, _POLL_SECONDS = 30.0, 0.01
_LAST_LINES = 5


@dataclass(frozen=True, slots=True)
class RegistryServer:
    """A running registry server, in a container of the build."""

    container: str
    """The ID of its container."""
    address: str
    """Its IP address on its network."""
    port: str = ""
    """Its port at the engine's loopback address; empty if it has none."""
    network: str = ""
    """The ID of its own network; empty if it is on that of the labs."""

    @classmethod
    def for_labs(cls, host: Host, reference: str, *, volume: str, root: str) -> RegistryServer:
        """Start a read-only server for labs: `reference` is its image, `root` its directory on `volume`.

        Raises `EngineProblem`.
        """
        # JSON, since it is a nested setting:
        # https://distribution.github.io/distribution/about/configuration/#readonly
        read_only = ('REGISTRY_STORAGE_MAINTENANCE_READONLY={"enabled":true}',)
        config = _config(host, reference, root=root, environment=read_only)
        config["HostConfig"] |= {
            "Binds": [f"{volume}:{DATA}:ro"],
            # All pages can connect to it, and it only has to listen and to read.
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
        }
        return _start(host, config)

    @classmethod
    def for_stocking(cls, host: Host, reference: str, *, volume: str, root: str) -> RegistryServer:
        """Start a writable server for the engine to push to; the arguments are those of `for_labs`.

        Raises `EngineProblem`.
        """
        # The secret signs upload sessions; fixed per build, it survives a restart of the server.
        config = _config(
            host, reference, root=root, environment=(f"REGISTRY_HTTP_SECRET={host.owner.build}",)
        )
        config["HostConfig"] |= {
            "Binds": [f"{volume}:{DATA}"],
            # Engines trust this address without a certificate.
            "PortBindings": {f"{PORT}/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]},
        }
        api = host.clients().api
        with engine_errors("while a network for the registry of the labs was made"):
            name = f"docker-run-registry-{host.owner.build}"
            network = str(api.create_network(name, driver="bridge", labels=host.owner.labels())["Id"])
        config["HostConfig"]["NetworkMode"] = network
        try:
            return _start(host, config, network=network)
        except EngineProblem:
            _remove(host, Resource.NETWORK, network)
            raise

    def close(self, host: Host) -> None:
        """Remove it, but not the volume. What the engine fails to remove, the next build removes."""
        close_all(
            lambda: _remove(host, Resource.CONTAINER, self.container),
            lambda: _remove(host, Resource.NETWORK, self.network),
        )


def _config(host: Host, reference: str, *, root: str, environment: tuple[str, ...]) -> dict[str, Any]:
    """Return the part that both kinds have in common of the container's configuration.

    Settings are environment variables: versions 2 and 3 of the public image, and ours, have their
    configuration file in different places, and all support the variables.
    https://distribution.github.io/distribution/about/configuration/#override-specific-configuration-options
    """
    return {
        "Image": reference,
        "Labels": host.owner.labels(),
        "Env": [
            f"REGISTRY_HTTP_ADDR=:{PORT}",
            f"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY={root}",
            "REGISTRY_LOG_ACCESSLOG_DISABLED=false",
            # Version 3 would send traces to a collector that does not exist.
            "OTEL_TRACES_EXPORTER=none",
            *environment,
        ],
        "ExposedPorts": {f"{PORT}/tcp": {}},
        # Other log drivers may not be readable, and `access_log` parses the log.
        "HostConfig": {"LogConfig": {"Type": "json-file"}},
    }


def _start(host: Host, config: Mapping[str, Any], *, network: str = "") -> RegistryServer:
    api = host.clients().api
    container, name = "", f"docker-run-registry-{secrets.token_hex(8)}"
    body = {**config, "Labels": {**config["Labels"], NAME: name}}
    try:
        with engine_errors("while the registry of the labs was started"):
            container = str(api.create_container_from_config(body, name=name)["Id"])  # type: ignore[no-untyped-call]
            api.start(container)
            _wait_ready(api, container)
            state = api.inspect_container(container)["NetworkSettings"]
        address = _address(state)
    except EngineProblem:
        _remove(host, Resource.CONTAINER, container)
        raise
    bindings = state["Ports"].get(f"{PORT}/tcp") or ()
    return RegistryServer(container, address, bindings[0]["HostPort"] if bindings else "", network)


def _address(state: Mapping[str, Any]) -> str:
    """Return the IP address from a container's `NetworkSettings`. Raises `EngineProblem` if it has none."""
    for each in state["Networks"].values():
        if each["IPAddress"]:
            return str(each["IPAddress"])
    raise EngineProblem("the registry of the labs has no address: its network was removed")


def _wait_ready(api: APIClient, container: str) -> None:
    give_up = time.monotonic() + _READY_SECONDS
    while True:
        log = api.logs(container, stdout=False).decode(errors="replace")
        if "listening on" in log:
            return
        running = api.inspect_container(container)["State"]["Running"]
        if not running or time.monotonic() > give_up:
            last = "\n".join(log.splitlines()[-_LAST_LINES:])
            raise EngineProblem(
                f"the registry of the labs {'is not ready' if running else 'ended'}; "
                f"the last lines of its log:\n{last}"
            )
        time.sleep(_POLL_SECONDS)


def _remove(host: Host, kind: Resource, identity: str) -> None:
    if not identity:
        return
    try:
        removal.remove(host.clients().api, kind, identity)
    except (APIError, requests.RequestException, HTTPError, EngineProblem):
        host.note_leftover()
