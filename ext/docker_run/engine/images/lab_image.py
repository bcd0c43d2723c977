"""The images of labs: each kind is built once, if the engine does not have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import docker
import requests
from docker.errors import DockerException, ImageNotFound
from urllib3.exceptions import HTTPError

from docker_run.catalogue.build_context import Entry, contexts, find_lab
from docker_run.engine.images.catalogue_build import build
from docker_run.engine.images.memoize import Memo
from docker_run.engine.images.provider import Images
from docker_run.errors import EngineProblem
from docker_run.protocols import Progress


class LabImages:
    """Provides the images of all kinds of labs, and memoizes them. Thread-safe.

    `images` provides the base images, `clients` returns the calling thread's client, `kinds` are the
    directories of the project's own kinds, by name, `catalogue` is the catalogue's directory.
    """

    def __init__(
        self,
        images: Images,
        clients: Callable[[], docker.DockerClient],
        kinds: Mapping[str, Path],
        progress: Progress,
        *,
        catalogue: Path | None = None,
    ) -> None:
        self._images = images
        self._clients = clients
        self._kinds = kinds
        self._contexts = contexts(catalogue)
        self._progress = progress
        self._memo: Memo[str] = Memo()

    def provide(self, kind: str) -> str:
        """Return the reference of the image of `kind`, built if the engine does not have it.

        Raises `ImageProblem` if it can't be built, `EngineProblem` if the engine is gone.
        """
        return self._provide(find_lab(self._kinds, kind, contexts=self._contexts), kind)

    def _provide(self, entry: Entry, kind: str) -> str:
        return self._memo.get(kind, lambda: self._built(entry, kind))

    def _built(self, entry: Entry, kind: str) -> str:
        reference = entry.reference
        try:
            if not self._is_there(reference):
                # Before the lock is taken: its base images may have to be built, too.
                arguments = self._arguments(entry)
                with self._images.build_lock(entry):
                    if not self._is_there(reference):
                        self._build(entry, kind, arguments)
        except (requests.RequestException, HTTPError, DockerException, ConnectionError) as error:
            raise EngineProblem(
                f"the engine did not give an answer about the image of the lab {kind!r}: {error}; "
                "is it still running?"
            ) from error
        return reference

    def _is_there(self, reference: str) -> bool:
        try:
            self._clients().images.get(reference)
        except ImageNotFound:
            return False
        return True

    def _build(self, entry: Entry, kind: str, arguments: Mapping[str, str]) -> None:
        build(
            self._clients(),
            entry,
            arguments=arguments,
            show=lambda text: self._progress.image(_title(kind), text),
            host=self._images.host,
        )

    def _arguments(self, entry: Entry) -> dict[str, str]:
        # The default of a base's argument is the name of its kind.
        labs = {base.argument: self._provide(base.entry, base.default) for base in entry.bases}
        return labs | {other.argument: self._images.provide(other.name).reference for other in entry.others}


def _title(kind: str) -> str:
    return "lab" if kind == "lab" else f"lab {kind}"
