"""Updating the lock file of a catalogue with the digests that registries have for its names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import docker
from docker.errors import APIError

from docker_run.catalogue.build_context import names
from docker_run.catalogue.lock_file import full_name, read_lock, write_lock
from docker_run.engine.cleanup.sweep import engine_errors
from docker_run.engine.connection.client_config import client_config
from docker_run.engine.connection.connect import connect
from docker_run.engine.connection.credentials import Credentials
from docker_run.errors import ImageProblem
from docker_run.protocols import Progress


def update_lock(
    url: str, catalogue: Path, wanted: Iterable[str], *, environ: Mapping[str, str], progress: Progress
) -> tuple[str, int]:
    """Query the digests of images, through the engine at `url`, and write them to the lock file.

    The images are those `wanted`, or else all of the catalogue and of the lock file. If a query fails, the
    image keeps its digest, and `progress` gets the reason. Nothing is pulled.
    Returns the changes, a line for each image, and the number of failed queries.
    Raises `ImageProblem` for an invalid name or lock file, and `EngineProblem`.
    """
    before = read_lock(catalogue)
    asked = [_checked(name) for name in wanted] or sorted({*names(catalogue), *before})
    credentials = Credentials(client_config(environ), environ=environ, note=progress.note)
    after, failed = dict(before), 0
    with closing(connect(url, environ=environ, credentials=credentials)) as client:
        for name in asked:
            progress.image(name, "asking its registry")
            digest = _digest(client, name, progress)
            failed += not digest
            if digest:
                after[name] = digest
    if after != before:
        try:
            write_lock(catalogue, after)
        except OSError as error:
            raise ImageProblem(f"the lock file can't be written: {error}") from error
    changes = [
        f"{name}: {before.get(name, 'new')} -> {after[name]}"
        for name in sorted(after)
        if after[name] != before.get(name)
    ]
    return "\n".join(changes) or "nothing has changed", failed


def _checked(name: str) -> str:
    full = full_name(name)
    if not full:
        raise ImageProblem(f"{name!r} can't be locked: write REPOSITORY[:TAG], without a digest")
    return full


def _digest(client: docker.DockerClient, name: str, progress: Progress) -> str:
    """Return the digest of the image in its registry: that of the index if it has several platforms."""
    with engine_errors(f"when it was asked for the digest of {name}"):
        try:
            return str(client.images.get_registry_data(name).id)
        except APIError as error:
            progress.note(f"{name}: {error.explanation or error}; it keeps what it has in the lock file")
            return ""
