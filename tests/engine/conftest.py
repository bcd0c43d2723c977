"""Engines for tests that run sessions directly."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from docker_run.engine.clients import Clients
from docker_run.engine.connect import connect
from docker_run.engine.direct import DirectSessions
from docker_run.engine.engine import DockerEngine
from docker_run.engine.host import Host
from docker_run.engine.images import Images

CATALOGUE = Path(__file__).parents[2] / "docs" / "images"


class Quiet:
    """Progress that nobody looks at."""

    def note(self, message: str) -> None: ...
    def image(self, name: str, status: str) -> None: ...
    def command(self, page: str, text: str) -> None: ...


OpenEngine = Callable[..., DockerEngine]


@pytest.fixture
def open_engine(engine_url: str) -> Iterator[OpenEngine]:
    """Give a function that opens the engine for tests; it is closed after the test."""
    with ExitStack() as closing:

        def open_engine(
            *,
            url: str = engine_url,
            allow: Collection[str] | None = None,
            timeout: float = 60.0,
            max_output: int = 20_000_000,
        ) -> DockerEngine:
            clients = Clients(lambda: connect(url))
            host = Host(url, clients=clients, timeout=timeout, max_output=max_output)
            images = Images(clients, catalogue=CATALOGUE, progress=Quiet())
            engine = DockerEngine(
                host, direct=DirectSessions(host, images=images, allow=allow, environ=os.environ)
            )
            closing.callback(engine.close)
            return engine

        yield open_engine


@pytest.fixture
def engine(open_engine: OpenEngine) -> DockerEngine:
    """Give the engine for tests, with generous limits."""
    return open_engine()


@pytest.fixture
def busybox(engine_url: str) -> str:
    """Give what the engine calls the image `busybox`, after it has been made ready."""
    clients = Clients(lambda: connect(engine_url))
    try:
        return Images(clients, catalogue=CATALOGUE, progress=Quiet()).provide("busybox").reference
    finally:
        clients.close()
