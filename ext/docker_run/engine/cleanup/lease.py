"""A build's lease on its engine: a sign of life for machines that can't see its process.

The lease is an empty volume, which the build replaces every few seconds. Its age is measured by the engine's
clock alone: the clocks of the machines that share an engine may differ by any amount.
"""

from __future__ import annotations

import json
import secrets
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
"""The interval at which a lease is renewed."""
_END_SECONDS = 5.0

_ERRORS = (DockerException, requests.RequestException, HTTPError, OSError, EngineProblem)


class Lease:
    """The lease of a build, from `start` to `end`; renewed by a thread of its own.

    It also names what engines create without our labels: untagged images of builds that are running, and
    anonymous volumes of containers. They are noted on the engine before they could be left behind.
    """

    def __init__(self, clients: Callable[[], DockerClient], owner: Owner) -> None:
        self._clients = clients
        self._owner = owner
        self._lock = threading.Lock()
        self._numbers = count(1)
        # Unique, since a build of several processes has a lease in each.
        self.prefix = f"{LEASE_NAME}{owner.build}-{secrets.token_hex(4)}-"
        """The prefix of the names of its volumes."""
        self._volume = ""
        self._images: dict[str, Mapping[str, object]] = {}
        self._volumes: dict[str, list[str]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew_repeatedly, name="docker-run lease", daemon=True)

    def start(self) -> None:
        """Create the lease. Raises what docker-py raises."""
        self._renew()
        self._thread.start()

    def note_images(self, build: str, images: Mapping[str, object]) -> None:
        """Note the images that the image build `build` has created so far; none once it has ended.

        Only a later cleanup uses the note, so it is no error if the engine can't store it.
        """
        with self._lock:
            if images:
                self._images[build] = images
            else:
                self._images.pop(build, None)
        with suppress(*_ERRORS):
            self._renew()

    def note_volumes(self, session: str, volumes: Iterable[str]) -> None:
        """Note further anonymous volumes of `session`."""
        with self._lock:
            noted = self._volumes.setdefault(session, [])
            noted += [volume for volume in volumes if volume not in noted]
        with suppress(*_ERRORS):
            self._renew()

    def volumes(self, session: str) -> tuple[str, ...]:
        """Return the anonymous volumes that are noted for `session`."""
        with self._lock:
            return tuple(self._volumes.get(session, ()))

    def forget_volumes(self, session: str) -> None:
        """Delete the note of `session`'s volumes: they are removed."""
        with self._lock:
            noted = self._volumes.pop(session, [])
        if noted:
            with suppress(*_ERRORS):
                self._renew()

    def end(self) -> bool:
        """Remove the lease; return whether it was removed: an engine that does not answer is not waited for.

        A lease that names existing volumes is left for the next build to read.
        """
        self._ended.set()
        # Without the lock: a thread that waits for a hanging engine holds it.
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
        """Create the next volume, then remove the last one: there is one at any time."""
        with self._lock:
            if self._ended.is_set():
                return
            api = self._clients().api
            name = f"{self.prefix}{next(self._numbers)}"
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
