"""Engines that may be killed: one of the machine's own version, and a current one, each with its own data."""

from __future__ import annotations

import fcntl
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker

from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.private.private_engine import PrivateEngine
from other_engines import OtherEngine
from told import Quiet

_LOOK = """
for each in /proc/[0-9]*; do echo "process $(cat $each/comm)"; done
cut -d' ' -f5 /proc/1/mountinfo | sed 's/^/mount /'
tail -n +3 /proc/net/dev | sed 's/^ */interface /; s/:.*//'
iptables -S | sed 's/^/iptables /'
iptables -t nat -S | sed 's/^/iptables nat /'
sed 's/^/ip_forward /' /proc/sys/net/ipv4/ip_forward
"""


class SoakEngine(ABC):
    """An engine to be mistreated, at `url`."""

    name: str
    url: str
    deaths: tuple[str, ...] = ("kill", "stop")
    """The methods that end it."""

    @abstractmethod
    def signal(self, number: signal.Signals) -> None:
        """Send its `dockerd` a signal, where it runs."""

    @abstractmethod
    def revive(self) -> None:
        """Start it again where it doesn't run; wait until it answers."""

    def traces(self) -> Iterable[str]:
        """Return what is on a machine of its own, around it; on that of the builds, they look themselves."""
        return ()

    def kill(self) -> None:
        """Kill its `dockerd` at once."""
        self.signal(signal.SIGKILL)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Let it do nothing for as long as the context lasts."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it in good order."""
        self.signal(signal.SIGTERM)

    def client(self) -> docker.DockerClient:
        """Return a client; the caller closes it."""
        return connect(self.url)


class OwnEngine(SoakEngine):
    """A private engine, of the version that the machine has."""

    name = "own"
    deaths = ("kill", "stop", "orphan")

    def __init__(self, folder: Path) -> None:
        self._private = PrivateEngine(folder / "data", folder / "run", may_install=False)
        self.url = self._private.url
        self.revive()

    def signal(self, number: signal.Signals) -> None:
        """Send its `dockerd` a signal, where it runs."""
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((self._private.run_root / "docker.pid").read_text()), number)

    def orphan(self) -> None:
        """Kill the process that watches over it."""
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (folder / "cmdline").read_text(errors="replace").split("\0")
                if any(word.endswith("/supervisor.py") for word in words):
                    os.kill(int(folder.name), signal.SIGKILL)

    def revive(self) -> None:
        self._private.start(Quiet())

    def close(self) -> None:
        """End it, and wait for the process that watches over it: until then, its files are in use."""
        self.stop()
        lock = os.open(self._private.run_root / "supervisor", os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.close(lock)


class NestedEngine(SoakEngine):
    """A current one, in the container with the id `container` of the engine at `around`."""

    name = "current"

    def __init__(self, around: str, container: str, url: str) -> None:
        self._clients = Clients(lambda: connect(around))
        self._current = OtherEngine(self._clients, container, url)
        self._container = container
        self.url = url

    def signal(self, number: signal.Signals) -> None:
        """Send its `dockerd` a signal, where it runs."""
        find = "for each in /proc/[0-9]*; do case $(cat $each/comm) in dockerd)"
        with suppress(docker.errors.APIError):  # the container has ended
            self._run(f"{find} kill -{int(number)} ${{each#/proc/}};; esac; done")

    def revive(self) -> None:
        self._current.start()

    def traces(self) -> Iterable[str]:
        """Return what is in its container."""
        return self._run(_LOOK).splitlines()

    def _run(self, script: str) -> str:
        api = self._clients().api
        exec_id = api.exec_create(self._container, ["sh", "-c", script], stderr=False)["Id"]
        return bytes(api.exec_start(exec_id)).decode(errors="replace")
