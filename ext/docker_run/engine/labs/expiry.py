"""Ending labs from outside when their lifetime is over."""

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
"""Seconds in which a lab may end by itself, which is an orderly shutdown."""


class Expiry:
    """Kills `machines`, which have just started, if they outlive `seconds`.

    A lab ends by itself, unless a page stops the process that ends it; a page can't stop this timer.
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
        """Stop the timer: the labs are being removed."""
        self._timer.cancel()

    def _end(self) -> None:
        # A machine that is gone has ended; a lost engine is noticed by the threads that use it.
        with suppress(APIError, requests.RequestException, HTTPError, EngineProblem):
            for machine in self._machines:
                machine.end(self._clients().api)
