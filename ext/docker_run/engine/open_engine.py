"""Opening the engine of a build, with all its parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from docker_run.engine.connection.client_config import client_config
from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.connection.credentials import Credentials
from docker_run.engine.connection.discovery import find
from docker_run.engine.direct.direct_session import DirectSessions
from docker_run.engine.engine import DockerEngine
from docker_run.engine.host import Host
from docker_run.engine.images.lab_image import LabImages
from docker_run.engine.images.provider import Images
from docker_run.engine.labs.lab_pool import LabPool
from docker_run.engine.registry.registry import StockedRegistry
from docker_run.engine.settings import EngineSettings, Limits
from docker_run.protocols import Progress


def open_engine(
    settings: EngineSettings,
    *,
    environ: Mapping[str, str],
    progress: Progress,
    limits: Limits | None = None,
    build: str = "",
    url: str = "",
) -> DockerEngine:
    """Find the engine that `settings` ask for, and prepare it for sessions.

    `environ` has `DOCKER_HOST` and related variables, and the values for `-e NAME`. `limits` are the default
    limits of commands. `build` is the ID of a build in another process that this one takes part in. `url` is
    that of the engine, if it has already been found. Raises `EngineProblem`.
    """
    limits = limits or Limits()
    url = url or find(settings.engine, environ=environ, private=settings.private, progress=progress)
    catalogue, kinds = settings.catalogue, {name: Path(directory) for name, directory in settings.labs.kinds}
    config = client_config(environ)
    credentials = Credentials(config, environ=environ, note=progress.note, stopped=limits.interrupted.is_set)
    clients = Clients(
        lambda: connect(url, environ=environ, credentials=credentials), interrupted=limits.interrupted
    )
    host = Host(
        url,
        clients=clients,
        timeout=limits.seconds,
        max_output=limits.max_output,
        proxies=config.proxy_variables(url),
        say=progress.note,
        build=build,
    )
    images = _images(settings, host, progress)
    return DockerEngine(
        host,
        direct=DirectSessions(
            host, images=images, allow=settings.allow, environ=environ, limits=settings.limits
        ),
        labs=LabPool(
            host,
            images=LabImages(images, clients, kinds, progress, catalogue=catalogue),
            mirror=None
            if catalogue is None
            else lambda recorded: StockedRegistry(host, images, catalogue, progress, recorded=recorded),
            settings=settings.labs,
            progress=progress,
        ),
    )


def _images(settings: EngineSettings, host: Host, progress: Progress) -> Images:
    return Images(
        host.clients,
        catalogue=settings.catalogue,
        progress=progress,
        images_from=settings.images_from,
        refreshes=settings.refreshes,
        host=host,
    )
