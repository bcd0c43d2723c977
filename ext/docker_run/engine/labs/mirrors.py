"""The registries from which the labs of a build pull.

There is one, unless a build reproduces recordings that name different images of one name: a tag can only
mean one image in a registry. Each page then has a registry with the images of its recording.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol

from docker_run.catalogue.recorded_images import PULLED, recorded_images
from docker_run.errors import ImageProblem
from docker_run.model import Image, Session
from docker_run.system.closing import close_all


class Mirror(Protocol):
    """A registry that labs use before Docker Hub."""

    def start(self) -> None:
        """Start it, and wait until it responds. Raises `ImageProblem` and `EngineProblem`."""

    @property
    def mirror(self) -> str:
        """Its URL for labs."""

    def stock(self) -> None:
        """Put all images of the catalogue into it; an unavailable one does not affect the others."""

    def problem(self, name: str) -> ImageProblem | None:
        """Return why the image `name` of the catalogue is missing; None for any other image."""

    def images_served(self, address: str, *, since: str) -> tuple[Image, ...]:
        """Return the images that the lab with this IP address, started at `since`, has pulled from it."""

    def close(self) -> None:
        """Stop it."""


@dataclass(frozen=True, slots=True)
class RunningMirror:
    """A mirror that is started, and then stocked."""

    mirror: Mirror
    images: Mapping[str, Image]
    """The recorded images that it reproduces, by full name."""
    url: Future[str]
    """Its URL for labs, once it has started."""
    stocked: Future[None]
    """Done once it has all images."""


class Mirrors:
    """Starts the mirrors that sessions need, in the threads of `pool`. Not thread-safe.

    `make` returns a mirror that reproduces the recorded images that it is given, by full name.
    """

    def __init__(self, make: Callable[[Mapping[str, Image]], Mirror], pool: ThreadPoolExecutor) -> None:
        self._make = make
        self._pool = pool
        self._running: list[RunningMirror] = []

    def prepare(self, sessions: Sequence[Session]) -> None:
        """Start the mirrors that `sessions` need besides those that are running: as few as possible."""
        needed: list[dict[str, Image]] = []
        for session in sessions:
            wanted = recorded_images(session.reproduces)
            if any(_has_all(running.images, wanted) for running in self._running):
                continue
            for images in needed:
                if not _conflict(images, wanted):
                    images.update(wanted)
                    break
            else:
                needed.append(wanted)
        for images in needed:
            self._running.append(self._started(images))

    def of(self, session: Session) -> RunningMirror:
        """Return the mirror for `session`, which has been prepared."""
        wanted = recorded_images(session.reproduces)
        return next(running for running in self._running if _has_all(running.images, wanted))

    def close(self) -> None:
        """Stop all of them."""
        close_all(*(running.mirror.close for running in self._running))

    def _started(self, images: Mapping[str, Image]) -> RunningMirror:
        mirror = self._make(images)
        # One is stocked after the other: they share images, and a lock.
        before = [running.stocked for running in self._running]

        def start() -> str:
            mirror.start()
            return mirror.mirror

        def stock() -> None:
            url.result()
            wait(before)
            mirror.stock()

        url = self._pool.submit(start)
        return RunningMirror(mirror, images, url, self._pool.submit(stock))


def _source(image: Image | None) -> str | None:
    """Return what decides which image it is: its digest, or that it was built from the catalogue."""
    if image is None:
        return None
    return image.digest if image.origin == PULLED else ""


def _has_all(images: Mapping[str, Image], wanted: Mapping[str, Image]) -> bool:
    return all(_source(images.get(name)) == _source(image) for name, image in wanted.items())


def _conflict(images: Mapping[str, Image], wanted: Mapping[str, Image]) -> bool:
    return any(_source(images[name]) != _source(wanted[name]) for name in images.keys() & wanted.keys())
