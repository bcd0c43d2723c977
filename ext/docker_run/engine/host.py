"""The engine of a build, as all of its sessions share it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from docker_run.engine import cleanup
from docker_run.engine.clients import Clients
from docker_run.engine.foreground import Limits
from docker_run.errors import EngineProblem
from docker_run.model import Environment

_AT_ONCE = 4
"""Removals and pulls at a time; an engine gains nothing from more."""


class Host:
    """An engine, the build to which everything belongs that is made on it, and what a command may take.

    `clients` are those of the engine at `url`, and are closed with it. `timeout` is in seconds, for
    each command of a step that sets none; `max_output` in bytes, for each command. `proxies` are the
    variables that tell the programs in containers of the user's proxies.
    """

    def __init__(
        self,
        url: str,
        *,
        clients: Clients,
        timeout: float,
        max_output: int,
        proxies: Mapping[str, str] | None = None,
    ) -> None:
        self.url = url
        self.clients = clients
        self.proxies = dict(proxies or {})
        self.interrupted = threading.Event()
        self.limits = Limits(seconds=timeout, max_output=max_output, interrupted=self.interrupted)
        self.owner = cleanup.Owner.current(str(uuid.uuid4()))
        self._pool = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="docker-run engine")

    def environment(self) -> Environment:
        """Describe the machine. Raises `EngineProblem`."""
        api = self.clients().api
        with cleanup.engine_errors("when it was asked for its version"):
            version, info = api.version(), api.info()
        names = [str(part.get("Name", "")) for part in version.get("Components") or ()]
        product = "Podman" if any("Podman" in name for name in names) else "Docker Engine"
        return Environment(
            engine=f"{product} {version['Version']}, API {version['ApiVersion']}",
            system=f"{info['OperatingSystem']}, Linux {info['KernelVersion']}",
            architecture=str(info["Architecture"]),
        )

    def sweep(self) -> str:
        """Remove what killed builds left behind, and say what. Raises `EngineProblem`."""
        return cleanup.sweep(self.clients())

    def labels(self, *, page: str, session: str) -> dict[str, str]:
        """Return the labels of what is made for `session`, a random name, of `page`."""
        return self.owner.labels() | {cleanup.PAGE: page, cleanup.SESSION: session}

    def remove(self, session: str) -> None:
        """Remove everything with the label of `session`. Raises `EngineProblem`."""
        cleanup.remove_session(self.clients, session, pool=self._pool)

    def remove_after(self, session: str, error: BaseException) -> None:
        """Remove it after `error`, which is what matters: what can't be removed, the next build sweeps."""
        with suppress(EngineProblem):
            if isinstance(error, EngineProblem):
                self.clients.renew()
            self.remove(session)

    def close(self) -> None:
        """Let go of the engine's connections."""
        self._pool.shutdown()
        self.clients.close()
