"""Networks for pages that run directly on an engine: each page has its own while it runs.

So its containers can't reach those of the engine's user on the default network, nor those of other pages.
Creating and removing a network takes a third of a second, so networks are reused, and a build has as many as
it runs pages concurrently.
"""

from __future__ import annotations

import secrets
import threading

import requests
from docker import APIClient
from docker.errors import APIError, NotFound
from urllib3.exceptions import HTTPError

from docker_run.engine.cleanup import removal
from docker_run.engine.cleanup.sweep import engine_errors
from docker_run.engine.host import Host
from docker_run.errors import EngineProblem

_DEFAULT = "bridge"
"""The engine's default network, and its driver."""
_MTU = "com.docker.network.driver.mtu"


class PageNetworks:
    """A pool of a build's networks. Thread-safe."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._made: list[str] = []
        self._free: list[str] = []

    def take(self) -> str:
        """Return the name of a network without containers, created if need be. Raises `EngineProblem`.

        The name is empty if the engine has no default bridge network, from which to be isolated.
        """
        with self._lock:
            if self._free:
                return self._free.pop()
        api = self._host.clients().api
        with engine_errors("while a network was made for a page"):
            try:
                usual = api.inspect_network(_DEFAULT)
            except NotFound:
                return ""
            if usual.get("Driver") != _DEFAULT:
                return ""
            return self._make(api, str((usual.get("Options") or {}).get(_MTU, "")))

    def give_back(self, network: str) -> None:
        """Return a network whose containers have been removed to the pool."""
        with self._lock:
            self._free.append(network)

    def close(self) -> None:
        """Remove all networks; the next build sweeps those in use. An engine that is gone is no error."""
        with self._lock:
            made, self._made, self._free = self._made, [], []
        for network in made:
            try:
                removal.remove(self._host.clients().api, removal.Resource.NETWORK, network)
            except (APIError, EngineProblem, requests.RequestException, HTTPError):
                self._host.note_leftover()

    def _make(self, api: APIClient, mtu: str) -> str:
        # Engines apply their own MTU setting to the default network only.
        options = {_MTU: mtu} if mtu else {}
        name = f"docker-run-{secrets.token_hex(8)}"
        api.create_network(name, driver=_DEFAULT, options=options, labels=self._host.owner.labels())
        with self._lock:
            self._made.append(name)
        return name
