"""The sign of life that a build gives on its engine, for those who can't see its process.

It is a volume without anything in it, which the build makes anew every few seconds. Only the engine's
own clock says how old it is: those of the machines that share an engine may differ by any amount.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import chain, count

import requests
from docker import DockerClient
from docker.errors import APIError, DockerException
from urllib3.exceptions import HTTPError

from docker_run.engine.cleanup.labels import IMAGES, LEASE, LEASE_NAME, VOLUMES, Owner
from docker_run.errors import EngineProblem

RENEWAL_SECONDS = 15.0
"""How long after one sign of life the next one follows."""
_END_SECONDS = 5.0

_ERRORS = (DockerException, requests.RequestException, HTTPError, OSError, EngineProblem)


class Lease:
    """The sign of life of a build, from `start` to `end`; renewed by a thread of its own.

    It also names what engines make without our labels: the images that the build is making and that have
    no name yet, and the volumes of containers that have none. It is written on the engine before it is
    needed there.
    """

    def __init__(self, clients: Callable[[], DockerClient], owner: Owner) -> None:
        self._clients = clients
        self._owner = owner
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._volume = ""
        self._images: dict[str, Mapping[str, object]] = {}
        self._volumes: dict[str, list[str]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew_repeatedly, name="docker-run lease", daemon=True)

    def start(self) -> None:
        """Give the first sign of life. Raises what docker-py raises."""
        self._renew()
        self._thread.start()

    def note_images(self, build: str, images: Mapping[str, object]) -> None:
        """Write down what the image build `build` has made so far; nothing where it has ended.

        It is for others to clean up by: an engine that can't take it down is no error here.
        """
        with self._lock:
            if images:
                self._images[build] = images
            else:
                self._images.pop(build, None)
        with suppress(*_ERRORS):
            self._renew()

    def note_volumes(self, session: str, volumes: Iterable[str]) -> None:
        """Write down which volumes without a name `session` has got, besides those of before."""
        with self._lock:
            noted = self._volumes.setdefault(session, [])
            noted += [volume for volume in volumes if volume not in noted]
        with suppress(*_ERRORS):
            self._renew()

    def volumes(self, session: str) -> tuple[str, ...]:
        """Return what was written down of `session`."""
        with self._lock:
            return tuple(self._volumes.get(session, ()))

    def forget_volumes(self, session: str) -> None:
        """Take note that they are gone."""
        with self._lock:
            noted = self._volumes.pop(session, [])
        if noted:
            with suppress(*_ERRORS):
                self._renew()

    def end(self) -> bool:
        """Take the sign away; say whether that was done: an engine that does not answer is not waited for.

        One that names volumes which are still there stays, for the next build to read.
        """
        self._ended.set()
        # Without the lock: whoever waits for an engine that hangs holds it.
        if any(list(self._volumes.values())):
            return False
        ending = threading.Thread(target=self._remove, name="docker-run lease's end", daemon=True)
        ending.start()
        ending.join(_END_SECONDS)
        return not ending.is_alive() and not self._volume

    def _renew_repeatedly(self) -> None:
        while not self._ended.wait(RENEWAL_SECONDS):
            with suppress(*_ERRORS):
                self._renew()

    def _renew(self) -> None:
        """Make the next volume, and remove the last: there is one at any time."""
        with self._lock:
            if self._ended.is_set():
                return
            api = self._clients().api
            name = f"{LEASE_NAME}{self._owner.build}-{next(self._numbers)}"
            kinds = {IMAGES: list(self._images.values()), VOLUMES: list(chain(*self._volumes.values()))}
            noted = {label: json.dumps(names) for label, names in kinds.items() if names}
            api.create_volume(name, labels=self._owner.labels() | {LEASE: "renewed"} | noted)
            before, self._volume = self._volume, name
            if before:
                with suppress(APIError):
                    api.remove_volume(before, force=True)

    def _remove(self) -> None:
        with self._lock, suppress(*_ERRORS):
            if self._volume:
                self._clients().api.remove_volume(self._volume, force=True)
                self._volume = ""
