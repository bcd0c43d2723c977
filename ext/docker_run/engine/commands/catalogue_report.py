"""`python -m docker_run images`: builds or pulls all images of a catalogue, and lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import docker
from docker.errors import ImageNotFound

from docker_run.catalogue.build_context import names
from docker_run.engine.connection.client_config import client_config
from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.connection.credentials import Credentials
from docker_run.engine.host import Host
from docker_run.engine.images.provider import Images
from docker_run.engine.registry.registry import StockedRegistry
from docker_run.engine.settings import ImagesFrom
from docker_run.errors import ImageProblem
from docker_run.protocols import Progress

_HEADINGS = ("IMAGE", "TAGS", "ORIGIN", "SIZE", "DIGEST")
_TIMEOUT, _MAX_OUTPUT = 60.0, 1_000_000
"""Unused: no command is run."""


def catalogue_report(
    url: str,
    catalogue: Path,
    *,
    environ: Mapping[str, str],
    images_from: ImagesFrom = ImagesFrom.AUTO,
    rebuild: bool,
    progress: Progress,
) -> tuple[str, int]:
    """Make sure that the engine at `url` and the registry of its labs have all images of `catalogue`.

    Missing images are pulled or built, as `images_from` says; `rebuild` also rebuilds those built before.
    Returns a table of the images, and the number of those that are unavailable; `progress` gets the reasons.
    Raises `EngineProblem`, and `ImageProblem` if the registry can't be started.
    """
    credentials = Credentials(client_config(environ), environ=environ, note=progress.note)
    clients = Clients(lambda: connect(url, environ=environ, credentials=credentials))
    host = Host(url, clients=clients, timeout=_TIMEOUT, max_output=_MAX_OUTPUT, say=progress.note)
    images = Images(
        clients, catalogue=catalogue, progress=progress, images_from=images_from, anew=rebuild, host=host
    )
    registry = StockedRegistry(host, images, catalogue, progress)
    try:
        registry.start()
        registry.stock()
        rows: dict[tuple[str, ...], list[str]] = {}
        missing = 0
        for name in names(catalogue):
            repository, _, tag = name.rpartition(":")
            problem = registry.problem(name)
            if problem is not None:
                missing += 1
                progress.note(f"{name}: {problem}")
            # Tags of the same image share a row.
            rows.setdefault((repository, *_about(clients(), registry, name, problem)), []).append(tag)
    finally:
        registry.close()
        host.close()
    return _table([(name, ", ".join(tags), *about) for (name, *about), tags in rows.items()]), missing


def _about(
    client: docker.DockerClient, registry: StockedRegistry, name: str, problem: ImageProblem | None
) -> tuple[str, str, str]:
    image = registry.stocked(name)
    if problem is not None or image is None:
        return problem.reason if problem else "not available", "", ""
    try:
        size = f"{client.images.get(image.id).attrs['Size'] / 1e6:.1f} MB"
    except ImageNotFound:
        size = ""
    return image.origin, size, image.digest


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    lines = (
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (_HEADINGS, *rows)
    )
    return "\n".join(lines)
