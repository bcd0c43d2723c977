"""Networks for the pages that run directly on an engine: each page has one to itself while it runs.

So its containers don't see those that the engine's user has on the default network, nor those of other
pages. To make and remove a network takes a third of a second; so one that is empty again goes to the
next page, and a build has as many as pages run at the same time.
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
"""The engine's default network, and the driver of networks like it."""
_MTU = "com.docker.network.driver.mtu"


class PageNetworks:
    """The networks of a build. Methods may be called from any thread."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._made: list[str] = []
        self._free: list[str] = []

    def take(self) -> str:
        """Return the name of a network without containers, made if need be. Raises `EngineProblem`.

        The name is empty where the engine has no default network of the usual kind: then there is
        nothing to keep away from.
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
        """Take back a network whose containers have been removed."""
        with self._lock:
            self._free.append(network)

    def close(self) -> None:
        """Remove all; what is still in use, the next build sweeps. An engine that is gone is no error."""
        with self._lock:
            made, self._made, self._free = self._made, [], []
        for network in made:
            try:
                removal.remove(self._host.clients().api, removal.Resource.NETWORK, network)
            except (APIError, EngineProblem, requests.RequestException, HTTPError):
                self._host.note_left()

    def _make(self, api: APIClient, mtu: str) -> str:
        # Engines lend their own setting to the default network only.
        options = {_MTU: mtu} if mtu else {}
        name = f"docker-run-{secrets.token_hex(8)}"
        api.create_network(name, driver=_DEFAULT, options=options, labels=self._host.owner.labels())
        with self._lock:
            self._made.append(name)
        return name
