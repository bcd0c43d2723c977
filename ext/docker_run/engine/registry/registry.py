"""The registry of a build: labs pull the catalogue's images from it, as they would from Docker Hub.

Each build has a container of its own, so that its access log covers its own labs only, and so that it ends
with the build. The registry's content is kept in a volume, as images are kept.

Several builds can write to that volume at the same time. Layers and manifests are files named by their
digests. Builds of different catalogues may have different images of one name, so each catalogue has its own
directory; builds of one catalogue stock it one after another, so that an image is built once, and a tag does
not change while labs of another build pull it.

Labs can only read from it: a page must not decide what other pages pull (see `server`).
"""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from docker.auth import INDEX_NAME, resolve_repository_name
from docker.errors import APIError

from docker_run.catalogue.build_context import names
from docker_run.catalogue.lock_file import full_name, read_lock
from docker_run.catalogue.recorded_images import BUILT, PULLED
from docker_run.catalogue.reference import REFERENCE
from docker_run.engine.cleanup.sweep import engine_errors
from docker_run.engine.host import Host
from docker_run.engine.images.provider import Images
from docker_run.engine.registry.access_log import ImageRequest, image_requests
from docker_run.engine.registry.server import DATA, PORT, RegistryServer
from docker_run.engine.registry.storage import RegistryFiles, RepositoryTag
from docker_run.engine.settings import ImagesFrom
from docker_run.errors import EngineProblem, ImageProblem
from docker_run.model import Image
from docker_run.protocols import Progress
from docker_run.system.closing import close_all
from docker_run.system.locks import FileLock, holder_of, wait_until

VOLUME = "docker-run-registry"
KEPT = "docker-run.kept"
"""Label: what this is kept for. It is ours, but outlives the build that created it."""

_CONCURRENCY = 3


class StockedImage(NamedTuple):
    """An image in the registry of labs."""

    image: Image
    """The image, as recordings name it."""
    digest: str
    """Its digest in this registry."""


class StockedRegistry:
    """A registry with the images of the catalogue, on the engine of a build.

    Thread-safe. Raises `EngineProblem` if the engine itself fails. `recorded` are the images to reproduce, by
    full name (see `docker_run.catalogue.recorded_images`); the others are those of an ordinary build.
    """

    def __init__(
        self,
        host: Host,
        images: Images,
        catalogue: Path,
        progress: Progress,
        *,
        recorded: Mapping[str, Image] = MappingProxyType({}),
    ) -> None:
        self._host = host
        self._images = images
        self._catalogue = catalogue
        self._progress = progress
        self._recorded = recorded
        # A directory on the volume for each catalogue; the engine may also serve builds of other machines.
        # So have builds that may take other images of the same names.
        whose = ":".join([socket.gethostname(), str(catalogue.resolve()), *_sources(images, recorded)])
        directory = hashlib.sha256(whose.encode()).hexdigest()[:16]
        self._root = f"{DATA}/{directory}"
        self._reference = ""
        self._serving: RegistryServer | None = None
        self._stocking: RegistryServer | None = None
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._stocked: dict[RepositoryTag, StockedImage] = {}
        self._problems: dict[RepositoryTag, ImageProblem] = {}

    @property
    def mirror(self) -> str:
        """Its URL for labs, on the engine's default network."""
        return f"http://{self._server.address}:{PORT}"

    @property
    def _server(self) -> RegistryServer:
        if self._serving is None:
            raise EngineProblem("the registry of the labs is not there: it was not started, or is closed")
        return self._serving

    def start(self) -> None:
        """Start it, and wait until it is ready. Raises `ImageProblem` and `EngineProblem`."""
        self._reference = self._images.provide("registry").reference
        with engine_errors("while the volume of the labs' registry was made"):
            self._host.clients().api.create_volume(VOLUME, labels={KEPT: "registry"})
        self._serving = RegistryServer.for_labs(self._host, self._reference, volume=VOLUME, root=self._root)

    def stock(self, wanted: Iterable[str] | None = None) -> None:
        """Push images that it lacks: those `wanted`, or else those of the catalogue and of its lock file.

        An unavailable image does not stop the others (see `problem`). Raises `EngineProblem`.
        """
        asked = (*names(self._catalogue), *read_lock(self._catalogue)) if wanted is None else tuple(wanted)
        keys = dict.fromkeys(key for name in asked if (key := repository_tag(name)))
        with self._stocking_lock(), self._stocked_and_closed():
            with engine_errors("while the registry of the labs was looked through"):
                held = self._files().tags()
            if wanted is None:
                self._forget([key for key in held if key not in keys])
            with ThreadPoolExecutor(_CONCURRENCY, thread_name_prefix="docker-run registry") as pool:
                for done in [pool.submit(self._stock, key, held.get(key, "")) for key in keys]:
                    done.result()

    def problem(self, name: str) -> ImageProblem | None:
        """Return why the image `name` is not in it; None if it is, or was not wanted."""
        key = repository_tag(name)
        with self._lock:
            problem = self._problems.get(key) if key else None
        return copy(problem) if problem else None

    def stocked(self, name: str) -> Image | None:
        """Return the image `name` as it was stocked; None if it was not."""
        key = repository_tag(name)
        with self._lock:
            stocked = self._stocked.get(key) if key else None
        return stocked.image if stocked else None

    def images_served(self, address: str, *, since: str = "") -> tuple[Image, ...]:
        """Return the images that the lab with this IP address has pulled from it, sorted by name.

        `since` is when that lab was started, in the engine's format (`State.StartedAt`): another lab may have
        had the address before.
        """
        with engine_errors("while the log of the labs' registry was read"):
            log = self._host.clients().api.logs(self._server.container, stderr=False, timestamps=True)
        return self._named(image_requests(log.decode(errors="replace"), address, since=since))

    def close(self) -> None:
        """Remove its containers; its content is kept. An engine that is gone is no error."""
        close_all(self._close_stocking, self._close_serving)

    def _close_serving(self) -> None:
        if self._serving is not None:
            self._serving.close(self._host)
            self._serving = None

    def _writable(self) -> RegistryServer:
        """Return the writable server, which is started on first use."""
        with self._starting:
            if self._stocking is None:
                self._stocking = RegistryServer.for_stocking(
                    self._host, self._reference, volume=VOLUME, root=self._root
                )
            return self._stocking

    @contextmanager
    def _stocked_and_closed(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._close_stocking()

    def _close_stocking(self) -> None:
        with self._starting:
            stocking, self._stocking = self._stocking, None
        if stocking is not None:
            stocking.close(self._host)

    @contextmanager
    def _stocking_lock(self) -> Iterator[None]:
        """Wait until no other build stocks from this catalogue; without locks, don't wait."""
        lock = FileLock(self._catalogue)
        with suppress(OSError):
            wait_until(
                lock.try_acquire,
                what=f"the turn to stock the registry of labs from {self._catalogue}",
                say=self._progress.note,
                holder=lambda: holder_of(self._catalogue),
                stopped=self._host.interrupted.is_set,
            )
        try:
            yield
        finally:
            lock.release()

    def _files(self) -> RegistryFiles:
        return RegistryFiles(self._host.clients().api, self._server.container, self._root)

    def _forget(self, others: Iterable[RepositoryTag]) -> None:
        """Remove tags that the catalogue no longer has, so that labs don't find them."""
        names = list(others)
        if names:
            container = self._writable().container
            with engine_errors("while the registry of the labs was tidied"):
                RegistryFiles(self._host.clients().api, container, self._root).remove(names)

    def _stock(self, key: RepositoryTag, held: str) -> None:
        if self._host.interrupted.is_set():
            return
        try:
            provided = self._images.provide(key.name, recorded=self._recorded.get(full_name(key.name)))
            digest = held
            with engine_errors(f"while {key.name} was put into the registry of the labs"):
                known = self._images.identities(provided.reference)
                if not held or known.isdisjoint(self._files().identities(held)):
                    digest = self._push(provided.reference, key)
        except ImageProblem as problem:
            with self._lock:
                self._problems[key] = problem
            return
        # That of its own registry, so that others can have the same image.
        named = provided.image.digest if provided.is_pulled else digest
        image = replace(provided.image, name=key.name, digest=named or digest)
        with self._lock:
            self._stocked[key] = StockedImage(image, digest)
            self._problems.pop(key, None)

    def _push(self, reference: str, key: RepositoryTag) -> str:
        """Push an image of the engine to the registry; return its digest there. Raises `ImageProblem`."""
        api = self._host.clients().api
        repository = f"127.0.0.1:{self._writable().port}/{key.repository}"
        self._progress.image(key.name, "into the registry of the labs")
        try:
            api.tag(reference, repository, key.tag)
            # Without credentials: looking for the user's may start a credential helper.
            events = api.push(repository, tag=key.tag, stream=True, decode=True, auth_config={})
            for event in events:
                if "error" in event:
                    raise _not_pushed(key, str(event["error"]))
        except APIError as error:
            raise _not_pushed(key, str(error.explanation or error)) from error
        finally:
            with suppress(APIError):
                api.remove_image(f"{repository}:{key.tag}", noprune=True)
        # Read from the registry: with containerd's image store, engines report it in a sentence only.
        if not (digest := self._files().digest(key)):
            raise _not_pushed(key, "it is not there afterwards")
        return digest

    def _named(self, asked: Iterable[ImageRequest]) -> tuple[Image, ...]:
        """Return the images that were requested by tag, and those requested by digest only."""
        with self._lock:
            stocked: Mapping[RepositoryTag, StockedImage] = dict(self._stocked)
        images: dict[str, Image] = {}
        for repository, reference in asked:
            for key, (image, _) in stocked.items():
                if key.repository == repository and key.tag == reference:
                    images[image.name] = image
        named = {(key.repository, digest) for key, (image, digest) in stocked.items() if image.name in images}
        for repository, reference in asked:
            for key, (image, digest) in stocked.items():
                by_digest = key.repository == repository and digest == reference
                if by_digest and (repository, reference) not in named:
                    name = f"{image.name.partition(':')[0]}@{reference}"
                    images.setdefault(name, replace(image, name=name))
        return tuple(images[name] for name in sorted(images))


def repository_tag(name: str) -> RepositoryTag | None:
    """Return the repository and tag of `name` in a mirror of Docker Hub; None for other registries."""
    found = REFERENCE.fullmatch(name)
    if not found or found["digest"]:
        return None
    host, repository = resolve_repository_name(found["repository"])
    if host != INDEX_NAME:
        return None
    return RepositoryTag(
        repository if "/" in repository else f"library/{repository}", found["tag"] or "latest"
    )


def _sources(images: Images, recorded: Mapping[str, Image]) -> Iterator[str]:
    """Yield what decides which images are stocked, besides the catalogue; nothing in an ordinary build."""
    if images.images_from is not ImagesFrom.AUTO:
        yield images.images_from
    for name, image in sorted(recorded.items()):
        yield f"{name}={image.digest if image.origin == PULLED else BUILT}"


def _not_pushed(key: RepositoryTag, said: str) -> ImageProblem:
    return ImageProblem(
        f"the image {key.name!r} can't be put into the registry of the labs: {said}; "
        "see whether the engine has room on its disk",
        reason=f"the image `{key.name}` could not be put into the registry of the labs",
    )
