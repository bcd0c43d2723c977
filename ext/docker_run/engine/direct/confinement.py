"""Limits and network of a page's container where its line does not set them.

The line always takes precedence, and the output is the same as for the line as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Self

from docker_run.engine.direct.name_prefix import Json
from docker_run.model import DirectLimits, Step

_DEFAULT_NETWORKS = frozenset({"", "default"})
_OWN_SHARED_MEMORY = frozenset({"", "private", "shareable"})
"""The modes of `--ipc` in which a container has shared memory of its own."""
_MEMORY = ("Memory", "MemorySwap", "MemoryReservation", "KernelMemory")
_ONLY_ON_THE_DEFAULT = re.compile(r"(?<!\S)--(?:link|dns(?:-search|-opt|-option)?)(?![\w-])")
"""Flags that work differently on user-defined networks: links set no variables and write no `/etc/hosts`
there, and `/etc/resolv.conf` names the engine's own server."""


@dataclass(frozen=True, slots=True)
class SupportedLimits:
    """The limits that an engine can set; it would warn of others, which the line does not contain."""

    memory: bool = True
    swap: bool = True
    pids: bool = True

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Self:
        """Read them from the engine's response to `GET /info`."""
        return cls(*(info.get(name) is True for name in ("MemoryLimit", "SwapLimit", "PidsLimit")))


class Confinement:
    """Adds limits and a network to the containers of one session.

    `network` returns the name of the session's network, and is called when it is first needed; an empty
    name stands for the engine's default network.
    """

    def __init__(self, limits: DirectLimits, supported: SupportedLimits, network: Callable[[], str]) -> None:
        self._limits = limits
        self._supported = supported
        self._take_network = network
        self.network = ""
        """The name of the session's network; empty until it is needed."""

    def confined(self, body: Mapping[str, Any]) -> Json:
        """Return the body of a request that creates a container, with limits and network added."""
        confined = deepcopy(dict(body))
        host: Json = confined.setdefault("HostConfig", {})
        self._limit(host)
        self._connect(confined, host)
        return confined

    def as_written(self, text: str) -> str:
        """Return an engine's message as if the container were on the default network."""
        return text.replace(self.network, "bridge") if self.network else text

    def _limit(self, host: Json) -> None:
        limits, supported = self._limits, self._supported
        if supported.memory and not any(host.get(key) for key in _MEMORY):
            # -1: an engine that can't limit swap warns of any other value.
            host |= {"Memory": limits.memory, "MemorySwap": limits.memory if supported.swap else -1}
        if supported.pids and not host.get("PidsLimit"):
            host["PidsLimit"] = limits.pids
        if not host.get("ShmSize") and (host.get("IpcMode") or "") in _OWN_SHARED_MEMORY:
            host["ShmSize"] = limits.shm_size

    def _connect(self, body: Json, host: Json) -> None:
        if (host.get("NetworkMode") or "") not in _DEFAULT_NETWORKS:
            return
        networking: Json = body.get("NetworkingConfig") or {}
        endpoints: Json = networking.get("EndpointsConfig") or {}
        if any(set(settings or ()) - {"MacAddress"} for settings in endpoints.values()):
            return  # addresses and aliases: refused on the default network, with the engine's own message
        self.network = self.network or self._take_network()
        if not self.network:
            return
        host["NetworkMode"] = self.network
        if endpoints:
            (settings,) = endpoints.values()
            body["NetworkingConfig"] = networking | {"EndpointsConfig": {self.network: settings}}


def needs_default_network(steps: Iterable[Step]) -> bool:
    """Return whether a page has a line that works only on the engine's default network.

    If so, all of its containers are put there, since they may connect to each other.
    """
    return any(_ONLY_ON_THE_DEFAULT.search(command.text) for step in steps for command in step.commands)
