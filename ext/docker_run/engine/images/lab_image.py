"""The images of labs: each kind is built where it is missing, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import docker
import requests
from docker.errors import DockerException, ImageNotFound
from urllib3.exceptions import HTTPError

from docker_run.catalogue.build_context import Entry, contexts, find_lab
from docker_run.engine.images.catalogue_build import build
from docker_run.engine.images.memoize import Memoized
from docker_run.engine.images.provider import Images
from docker_run.errors import EngineProblem
from docker_run.protocols import Progress


class LabImages:
    """The images of all kinds of labs; each is looked for once in the life of this object.

    `images` has those that labs begin from, `clients` returns the calling thread's client, `kinds`
    are the folders of the project's own kinds, by name, `catalogue` that of the images that stand in
    for public ones. All methods may be called from any thread.
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
        self._once: Memoized[str] = Memoized()

    def provide(self, kind: str) -> str:
        """Return the reference of the image of `kind`, which is on the engine then.

        Raises `ImageProblem` where it can't be built, `EngineProblem` where the engine is gone.
        """
        return self._provide(find_lab(self._kinds, kind, contexts=self._contexts), kind)

    def _provide(self, entry: Entry, kind: str) -> str:
        return self._once.get(kind, lambda: self._built(entry, kind))

    def _built(self, entry: Entry, kind: str) -> str:
        reference = entry.reference
        try:
            if not self._is_there(reference):
                # Before the turn: what it begins from may have to be built, too.
                arguments = self._arguments(entry)
                with self._images.turn(entry):
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
        # By what a Dockerfile begins from, a lab calls another one by the name of its kind.
        labs = {base.argument: self._provide(base.entry, base.default) for base in entry.bases}
        return labs | {other.argument: self._images.provide(other.name).reference for other in entry.others}


def _title(kind: str) -> str:
    return "lab" if kind == "lab" else f"lab {kind}"
