"""Engines that may be killed: one of the machine's own version, and a current one, each with its own data."""

from __future__ import annotations

import fcntl
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import docker

from current_engine import CurrentEngine
from docker_run.engine.connect import connect
from docker_run.engine.private import PrivateEngine
from told import Quiet


class SoakEngine(ABC):
    """An engine to be mistreated, at `url`."""

    name: str
    url: str

    @abstractmethod
    def process(self) -> int:
        """Return the process id of its `dockerd`."""

    @abstractmethod
    def revive(self) -> None:
        """Start it again where it doesn't run; wait until it answers."""

    def interfaces(self) -> list[str]:
        """Return the network interfaces that it has on this machine."""
        return []

    def kill(self) -> None:
        """Kill its `dockerd` at once."""
        with suppress(ProcessLookupError):
            os.kill(self.process(), signal.SIGKILL)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Let it do nothing for as long as the context lasts."""
        process = self.process()
        os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    def stop(self) -> None:
        """End it in good order."""
        with suppress(ProcessLookupError):
            os.kill(self.process(), signal.SIGTERM)

    def close(self) -> None:
        """End it for good."""
        self.stop()

    def client(self) -> docker.DockerClient:
        """Return a client; the caller closes it."""
        return connect(self.url)


class OwnEngine(SoakEngine):
    """A private engine, of the version that the machine has."""

    name = "own"

    def __init__(self, folder: Path) -> None:
        self._private = PrivateEngine(folder / "data", folder / "run", may_install=False)
        self.url = self._private.url
        self.revive()

    def process(self) -> int:
        try:
            return int((self._private.run_root / "docker.pid").read_text())
        except FileNotFoundError as error:
            raise ProcessLookupError from error

    def revive(self) -> None:
        self._private.start(Quiet())

    def interfaces(self) -> list[str]:
        """Return its bridges, and those of its containers' interfaces that are on them or on none."""
        folder = Path("/sys/class/net")
        masters = {path.name: path / "master" for path in folder.iterdir()}
        bridge = self._private.bridge
        return [
            name
            for name, master in masters.items()
            if name.startswith((bridge, "veth"))
            and (name == bridge or not master.exists() or master.resolve().name == bridge)
        ]

    def close(self) -> None:
        """End it, and wait for the process that watches over it: until then, its files are in use."""
        super().close()
        lock = os.open(self._private.run_root / "supervisor", os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.close(lock)


class NestedEngine(SoakEngine):
    """A current one, in a container."""

    name = "current"

    def __init__(self, current: CurrentEngine) -> None:
        self._current = current
        self.url = current.url

    def process(self) -> int:
        for pid in self._current.processes():
            if Path(f"/proc/{pid}/comm").read_text().strip() == "dockerd":
                return pid
        raise ProcessLookupError

    def revive(self) -> None:
        self._current.start()


def copy_images(source: str, target: str) -> None:
    """Copy the images that builds have made on one engine to another: it saves minutes."""
    with closing(connect(source)) as one, closing(connect(target)) as two:
        there = {tag for image in two.images.list() for tag in image.tags}
        names = sorted(
            tag
            for image in one.images.list()
            for tag in image.tags
            if tag.startswith("docker-run/") and not tag.startswith("docker-run/lab-current:")
        )
        for name in names:
            if name not in there:
                two.api.load_image(one.api.get_image(name))
