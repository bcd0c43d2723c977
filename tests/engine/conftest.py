"""Engines for tests that run sessions directly."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.direct.direct_session import DirectSessions
from docker_run.engine.engine import DockerEngine
from docker_run.engine.host import Host
from docker_run.engine.images.provider import Images
from docker_run.engine.open_engine import open_engine as open_engine_of
from docker_run.engine.settings import EngineSettings, Limits
from docker_run.model import CommandResult, DirectLimits, LabSettings
from lab_sessions import session, step
from told import Quiet

CATALOGUE = Path(__file__).parents[2] / "docs" / "images"


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
            limits: DirectLimits | None = None,
        ) -> DockerEngine:
            clients = Clients(lambda: connect(url))
            host = Host(url, clients=clients, timeout=timeout, max_output=max_output)
            images = Images(clients, catalogue=CATALOGUE, progress=Quiet())
            engine = DockerEngine(
                host,
                direct=DirectSessions(host, images=images, allow=allow, environ=os.environ, limits=limits),
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


OpenLabs = Callable[..., DockerEngine]


def _opened(
    url: str, *, timeout: float = 60.0, max_output: int = 1_000_000, labs: LabSettings | None = None
) -> DockerEngine:
    settings = EngineSettings(
        engine=url,
        catalogue=CATALOGUE,
        allow=None,
        labs=labs or LabSettings(),
    )
    limits = Limits(seconds=timeout, max_output=max_output)
    return open_engine_of(settings, environ=os.environ, progress=Quiet(), limits=limits)


@pytest.fixture
def open_labs(engine_url: str) -> Iterator[OpenLabs]:
    """Give a function that opens the engine with all that labs need; it is closed after the test."""
    with ExitStack() as closing:
        yield lambda **limits: closing.enter_context(contextlib.closing(_opened(engine_url, **limits)))


@pytest.fixture(scope="module")
def open_module_labs(engine_url: str) -> Iterator[OpenLabs]:
    """Give such a function whose engines are closed after the module."""
    with ExitStack() as closing:
        yield lambda **limits: closing.enter_context(contextlib.closing(_opened(engine_url, **limits)))


@pytest.fixture
def lab_engine(open_labs: OpenLabs) -> DockerEngine:
    """Give the engine with labs, with the usual limits."""
    return open_labs()


@pytest.fixture
def run(lab_engine: DockerEngine) -> Callable[..., list[CommandResult]]:
    """Give a function that runs commands in a session of their own."""

    def run(
        *commands: str | tuple[str, ...],
        images: Sequence[str] = (),
        **settings: Any,  # noqa: ANN401 - fields of a step
    ) -> list[CommandResult]:
        asked = step(*commands, **settings)
        with lab_engine.session(session(asked, images=images)) as running:
            return list(running.run(asked))

    return run
