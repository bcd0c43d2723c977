"""Opening the engine of a build, with all that belongs to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from docker_run.engine.clients import Clients
from docker_run.engine.connect import connect
from docker_run.engine.direct import DirectSessions
from docker_run.engine.engine import DockerEngine
from docker_run.engine.find import find
from docker_run.engine.host import Host
from docker_run.engine.images import Images
from docker_run.model import LabSettings
from docker_run.protocols import Progress


def open_engine(
    setting: str,
    *,
    environ: Mapping[str, str],
    private: bool,
    catalogue: Path | None,
    allow: Collection[str] | None,
    timeout: float,
    max_output: int,
    labs: LabSettings,
    progress: Progress,
) -> DockerEngine:
    """Find the engine that `setting` asks for (see `find`), and make it ready to run sessions.

    `catalogue` is the folder of the images that can be built where none can be pulled, and that
    labs find in their mirror. The other arguments are those of `Host` and `DirectSessions`.
    Raises `EngineProblem`.
    """
    url = find(setting, environ=environ, private=private, progress=progress)
    clients = Clients(lambda: connect(url, environ=environ))
    host = Host(url, clients=clients, timeout=timeout, max_output=max_output)
    images = Images(clients, catalogue=catalogue, progress=progress)
    return DockerEngine(
        host,
        direct=DirectSessions(host, images=images, allow=allow, environ=environ),
        labs=_labs(host, images, catalogue, labs, progress),
    )


def _labs(
    host: Host, images: Images, catalogue: Path | None, settings: LabSettings, progress: Progress
) -> LabSessions:
    kinds = {DEFAULT_LAB: LAB_CONTEXT, **{name: Path(folder) for name, folder in settings.kinds}}
    return LabSessions(
        host,
        images=LabImages(images, host.clients, kinds, progress),
        mirror=Mirror(host, images, catalogue, progress) if catalogue is not None else None,
        settings=settings,
        progress=progress,
    )
