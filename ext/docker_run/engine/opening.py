"""Opening the engine of a build, with all that belongs to it."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from docker_run.engine.connection.client_config import client_config
from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.connection.credentials import Credentials
from docker_run.engine.connection.discovery import find
from docker_run.engine.direct.direct_runner import DirectSessions
from docker_run.engine.engine import DockerEngine
from docker_run.engine.host import Host
from docker_run.engine.images.lab_image import LabImages
from docker_run.engine.images.provider import Images
from docker_run.engine.labs.lab_runner import LabSessions
from docker_run.engine.registry.registry import StockedRegistry
from docker_run.model import DirectLimits, LabSettings
from docker_run.protocols import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """What a build asks of its engine."""

    engine: str = "auto"
    """`auto`, `none` or a URL (see `docker_run.engine.connection.discovery`)."""
    private: bool = False
    """Whether one of the build's own may be started where none answers."""
    catalogue: Path | None = None
    """The folder of the images that are built where none can be pulled, and that labs can pull."""
    allow: Collection[str] | None = ()
    """The flags that may reach into the host; None allows all."""
    timeout: float = 60.0
    """Seconds for each command of a step that sets none."""
    max_output: int = 1_000_000
    """Bytes that a command may print."""
    limits: DirectLimits = field(default_factory=DirectLimits)
    labs: LabSettings = field(default_factory=LabSettings)


def open_engine(settings: EngineSettings, *, environ: Mapping[str, str], progress: Progress) -> DockerEngine:
    """Find the engine that `settings` ask for, and make it ready to run sessions.

    `environ` has `DOCKER_HOST` and its like, and the variables that a line names without a value.
    Raises `EngineProblem`.
    """
    url = find(settings.engine, environ=environ, private=settings.private, progress=progress)
    config = client_config(environ)
    interrupted = threading.Event()
    credentials = Credentials(config, environ=environ, note=progress.note, stopped=interrupted.is_set)
    clients = Clients(lambda: connect(url, environ=environ, credentials=credentials), interrupted=interrupted)
    host = Host(
        url,
        clients=clients,
        timeout=settings.timeout,
        max_output=settings.max_output,
        proxies=config.proxy_variables(url),
        say=progress.note,
    )
    images = Images(clients, catalogue=settings.catalogue, progress=progress, host=host)
    catalogue = settings.catalogue
    mirror = None if catalogue is None else StockedRegistry(host, images, catalogue, progress)
    kinds = {name: Path(folder) for name, folder in settings.labs.kinds}
    return DockerEngine(
        host,
        direct=DirectSessions(
            host, images=images, allow=settings.allow, environ=environ, limits=settings.limits
        ),
        labs=LabSessions(
            host,
            images=LabImages(images, clients, kinds, progress, catalogue=catalogue),
            mirror=mirror,
            settings=settings.labs,
            progress=progress,
        ),
    )
