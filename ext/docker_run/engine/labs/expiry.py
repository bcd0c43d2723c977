"""The end of labs whose life is over, from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import requests
from docker import DockerClient
from docker.errors import APIError
from urllib3.exceptions import HTTPError

from docker_run.engine.labs.machine import Machine
from docker_run.errors import EngineProblem

_GRACE = 10.0
"""Seconds that a lab has to end by itself, which it does in good order."""


class Life:
    """Ends `machines`, which have just started, when they outlive `seconds`.

    A lab ends by itself, unless a page stops what ends it: this is what pages can't reach.
    `clients` returns the calling thread's client of the engine.
    """

    def __init__(
        self, machines: Sequence[Machine], *, seconds: float, clients: Callable[[], DockerClient]
    ) -> None:
        self._machines = tuple(machines)
        self._clients = clients
        self._timer = threading.Timer(seconds + _GRACE, self._end)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        """Leave them alone: they are removed."""
        self._timer.cancel()

    def _end(self) -> None:
        # What is gone has ended, and whoever uses a lost engine finds that out by himself.
        with suppress(APIError, requests.RequestException, HTTPError, EngineProblem):
            for machine in self._machines:
                machine.end(self._clients().api)
