"""Opening the engine of a build, with all that belongs to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from docker_run.engine.clients import Clients
from docker_run.engine.connect import connect
from docker_run.engine.direct import DirectEngine
from docker_run.engine.find import find
from docker_run.engine.images import Images
from docker_run.protocols import Progress


def open_direct(
    setting: str,
    *,
    environ: Mapping[str, str],
    private: bool,
    catalogue: Path | None,
    allow: Collection[str] | None,
    timeout: float,
    max_output: int,
    progress: Progress,
) -> DirectEngine:
    """Find the engine that `setting` asks for (see `find`), and make it ready to run sessions directly.

    `catalogue` is the folder of the images that can be built where none can be pulled; the other
    arguments are those of `DirectEngine`. Raises `EngineProblem`.
    """
    url = find(setting, environ=environ, private=private, progress=progress)
    clients = Clients(lambda: connect(url, environ=environ))
    return DirectEngine(
        url,
        clients=clients,
        images=Images(clients, catalogue=catalogue, progress=progress),
        allow=allow,
        timeout=timeout,
        max_output=max_output,
        environ=environ,
    )
