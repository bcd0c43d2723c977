"""The sign of life that a build gives on its engine, for those who can't see its process.

It is a volume without anything in it, which the build makes anew every few seconds. Only the engine's
own clock says how old it is: those of the machines that share an engine may differ by any amount.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count

import requests
from docker import DockerClient
from docker.errors import APIError, DockerException
from urllib3.exceptions import HTTPError

from docker_run.engine.labels import IMAGES, LEASE, Owner
from docker_run.errors import EngineProblem

RENEWAL_SECONDS = 15.0
"""How long after one sign of life the next one follows."""
_END_SECONDS = 5.0

_ERRORS = (DockerException, requests.RequestException, HTTPError, OSError, EngineProblem)


class Lease:
    """The sign of life of a build, from `start` to `end`; renewed by a thread of its own.

    It also names the images that the build is making and that have no name yet: what is in `images`,
    by a name for each, is written on the engine before it is needed there.
    """

    def __init__(self, clients: Callable[[], DockerClient], owner: Owner) -> None:
        self._clients = clients
        self._owner = owner
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._volume = ""
        self._images: dict[str, Mapping[str, object]] = {}
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

    def end(self) -> bool:
        """Take the sign away; say whether that was done: an engine that does not answer is not waited for."""
        self._ended.set()
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
            name = f"docker-run-lease-{self._owner.build}-{next(self._numbers)}"
            noted = {IMAGES: json.dumps(list(self._images.values()))} if self._images else {}
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
