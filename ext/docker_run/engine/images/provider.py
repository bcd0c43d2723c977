"""Providing images: from the engine itself, a registry, or the catalogue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

import docker
import requests
from docker.auth import INDEX_NAME, resolve_repository_name
from docker.errors import APIError, DockerException
from urllib3.exceptions import HTTPError

from docker_run.catalogue.build_context import Entry, find_entry
from docker_run.catalogue.lock_file import locked_reference, read_lock
from docker_run.catalogue.recorded_images import PULLED
from docker_run.catalogue.reference import REFERENCE, advice
from docker_run.docker_cli.values.choices import PullPolicy
from docker_run.engine.host import Host
from docker_run.engine.images.catalogue_build import build
from docker_run.engine.images.image_store import ImageStore, ProvidedImage
from docker_run.engine.images.memoize import Memo
from docker_run.engine.images.platforms import Platform, parse_platform
from docker_run.engine.images.pull import (
    ADVICE,
    RESERVED,
    PullFailed,
    Refusal,
    RegistryContact,
    is_temporary,
    pull,
)
from docker_run.engine.settings import ImagesFrom
from docker_run.errors import EngineProblem, ImageProblem
from docker_run.model import Image
from docker_run.protocols import Progress


class Images:
    """Provides images on one engine, and memoizes them. Thread-safe.

    `client` returns the calling thread's client. `catalogue` is the catalogue's directory, or None;
    `images_from` says whether registries or the catalogue are preferred. `refreshes` asks registries also for
    those of the engine's images that are not known to come from one. `anew` rebuilds the catalogue's
    images even if the engine has them. `host` is the build that needs the images: its
    interruption cancels pulls and builds, and its lease names what has to be removed if it is killed.
    """

    def __init__(
        self,
        client: Callable[[], docker.DockerClient],
        *,
        catalogue: Path | None,
        progress: Progress,
        images_from: ImagesFrom = ImagesFrom.AUTO,
        refreshes: bool = False,
        anew: bool = False,
        host: Host | None = None,
    ) -> None:
        self._client = client
        self._store = ImageStore(client)
        self._catalogue = catalogue
        self._progress = progress
        self.images_from = images_from
        self._refreshes = refreshes
        self._anew = anew
        self.host = host
        self._lock = threading.Lock()
        self._builds: dict[str, threading.Lock] = {}
        self._built_anew: set[str] = set()
        self._memo: Memo[ProvidedImage] = Memo()
        self._registries: dict[str, RegistryContact] = {}
        self._lock_file: Mapping[str, str] | None = None

    def provide(
        self,
        name: str,
        *,
        pull: PullPolicy = PullPolicy.MISSING,
        platform: str | None = None,
        recorded: Image | None = None,
    ) -> ProvidedImage:
        """Return the image `name`, pulled or built if the engine does not have it.

        `platform` is `os[/architecture[/variant]]`, as for the CLI
        (https://docs.docker.com/reference/cli/docker/container/run/). An image that can't be pulled is built
        from the catalogue, unless `images_from` says otherwise. `recorded` is the image to reproduce (see
        `docker_run.catalogue.recorded_images`); if it is unavailable, the result has a `deviation`.
        Raises `ImageProblem` if there is no image, `EngineProblem` if the engine is gone.
        """
        if not REFERENCE.fullmatch(name):
            raise ImageProblem(
                f"{name!r} is not the name of an image (invalid reference format): {advice(name)}",
                answer="docker: invalid reference format",
            )
        try:
            wanted = parse_platform(platform) if platform else None
        except ValueError as error:
            raise ImageProblem(
                f"--platform {platform}: {error}; write OS/ARCHITECTURE, e.g. linux/arm64",
                answer=f"docker: error parsing specified platform: {error}",
            ) from error

        def provide() -> ProvidedImage:
            try:
                if recorded is not None and pull is not PullPolicy.NEVER:
                    return self._reproduced(name, recorded, pull, wanted)
                return self._provide(name, pull, wanted)
            except (requests.RequestException, HTTPError, DockerException, ConnectionError) as error:
                raise EngineProblem(
                    f"the engine did not give an answer about the image {name!r}: {error}; "
                    "is it still running?"
                ) from error

        return self._memo.get((name, pull, platform, recorded), provide, lock_key=(name, platform))

    def _reproduced(
        self, name: str, recorded: Image, pull: PullPolicy, platform: Platform | None
    ) -> ProvidedImage:
        """Return the recorded image; another one, with a `deviation`, if that is unavailable."""
        try:
            if recorded.origin == PULLED:
                reference = f"{_repository(name)}@{recorded.digest}"
                here = self._store.find(reference, platform, pulled=True)
                return (here or self._pulled(reference, platform)).named(name)
            if (entry := self._entry(name)) is not None:
                return self._built(name, entry, platform)
            reason = f"there is no {self._catalogue}/{name}"
        except PullFailed as failure:
            reason = f"{failure.refusal.value} ({failure})"
        except ImageProblem as problem:
            reason = str(problem)
        return self._provide(name, pull, platform).deviating(reason)

    def _provide(self, name: str, pull: PullPolicy, platform: Platform | None) -> ProvidedImage:
        entry = self._entry(name)
        if entry is not None and self.images_from is ImagesFrom.CATALOGUE:
            build = self._built_earlier if pull is PullPolicy.NEVER else self._built
            return build(name, entry, platform)
        return self._pulled_or_built(name, entry, pull, platform)

    def _pulled_or_built(
        self, name: str, entry: Entry | None, pull: PullPolicy, platform: Platform | None
    ) -> ProvidedImage:
        official = self.images_from is ImagesFrom.HUB
        locked = locked_reference(name, self._locks())
        here = None
        if pull is not PullPolicy.ALWAYS:
            here = self._store.find(locked or name, platform, pulled=bool(locked))
            if here is not None and (here.is_pulled or not (official or self._refreshes)):
                return here.named(name)
        # What the engine has is not the locked image, or not known to be official: a fallback.
        other = here or (self._store.find(name, platform) if locked else None)
        if official:
            other, entry = None, None
        if pull is PullPolicy.NEVER:
            return other or self._built_earlier(name, entry, platform)
        try:
            # By digest if the engine has another image of that name, whose tag would be moved.
            reference = self._registry_reference(name) if here is not None else locked or name
            found = self._store.find(reference, platform, pulled=True) if here is not None else None
            return (found or self._pulled(reference, platform)).named(name)
        except PullFailed as failure:
            if here is not None and not official:
                return here.named(name)
            if entry is not None:
                self._note_fallback(name, entry, failure)
                return self._built(name, entry, platform)
            if other is not None and is_temporary(failure.refusal):
                return other
            raise self._not_had(name, failure) from failure

    def _note_fallback(self, name: str, entry: Entry, failure: PullFailed) -> None:
        """Tell the user if a registry that answers refuses what it has: that can be helped."""
        if failure.refusal in {Refusal.LIMITED, Refusal.CREDENTIALS}:
            self._progress.note(
                f"{name}: {failure.refusal.value} ({failure}), so it is built from {entry.directory}; "
                f"{ADVICE[failure.refusal]}"
            )

    def identities(self, reference: str) -> frozenset[str]:
        """Return the IDs that an image of the engine may have in a registry. Raises what docker-py raises."""
        return self._store.identities(reference)

    def _locks(self) -> Mapping[str, str]:
        with self._lock:
            if self._lock_file is None:
                self._lock_file = read_lock(self._catalogue)
            return self._lock_file

    def _entry(self, name: str) -> Entry | None:
        return None if self._catalogue is None else find_entry(self._catalogue, name)

    def _pulled(self, name: str, platform: Platform | None) -> ProvidedImage:
        with self._contact(name) as answered, self._pulling() as client:
            for text in pull(client, name, platform=str(platform) if platform else None):
                answered()
                self._progress.image(name, text)
        here = self._store.find(name, platform, pulled=True)
        if here is None:
            raise PullFailed(self._store.other_platform(name, platform))
        return here

    def _registry_reference(self, name: str) -> str:
        """Return `name` with the digest that it has in its registry. Raises `PullFailed`."""
        with self._contact(name) as answered, self._pulling() as client:
            try:
                digest = str(client.images.get_registry_data(name).id)
            except APIError as error:
                raise PullFailed(str(error.explanation or error)) from error
            answered()
        return f"{_repository(name)}@{digest}"

    def _contact(self, name: str) -> AbstractContextManager[Callable[[], None]]:
        """Return the context for a request to the registry of `name` (see `RegistryContact.contact`)."""
        repository = _repository(name)
        if repository == RESERVED:
            # The engine refuses a reserved name without contacting the registry, which may be unreachable.
            return nullcontext(_nothing)
        host, _ = resolve_repository_name(repository)
        with self._lock:
            known = self._registries.get(host)
        if known is None:
            # A mirror may have one image and not another, with nothing behind it.
            has_mirror = host == INDEX_NAME and self._store.has_mirror()
            with self._lock:
                known = self._registries.setdefault(host, RegistryContact(has_mirror=has_mirror))
        return known.contact()

    def _pulling(self) -> AbstractContextManager[docker.DockerClient]:
        return self.host.cancellable() if self.host else nullcontext(self._client())

    def _built_earlier(self, name: str, entry: Entry | None, platform: Platform | None) -> ProvidedImage:
        built = self._catalogue_image(name, entry) if entry else None
        if built is None and (other := self._store.other_platform(name, platform)):
            raise ImageProblem(
                f"no image {name!r} for {platform}: {other}; leave `--platform` or `--pull never` out",
                answer=f"docker: Error response from daemon: {other}",
            )
        if built is None:
            raise ImageProblem(
                f"no such image: {name}, and `--pull never` forbids fetching it; "
                "leave the flag out, or `docker pull` it first",
                answer=f"docker: Error response from daemon: No such image: {_tagged(name)}",
            )
        return built

    def _built(self, name: str, entry: Entry, platform: Platform | None) -> ProvidedImage:
        if platform and not platform.is_of(self._store.machine()):
            raise ImageProblem(
                f"the image {name!r} can't be pulled, and {entry.directory} makes none for {platform}; "
                "leave `--platform` out",
                reason=f"there is no image `{name}` for {platform}",
            )
        with self._lock:
            lock = self._builds.setdefault(entry.reference, threading.Lock())
        # The image may be requested under several of its names at the same time.
        with lock, self.build_lock(entry):
            here = self._catalogue_image(name, entry)
            if here is None or (self._anew and entry.reference not in self._built_anew):
                self._build(name, entry)
                self._remove_replaced(here)
                here = self._catalogue_image(name, entry)
        if here is None:
            raise ImageProblem(f"{entry.directory} was built, and the engine has no image of it; build again")
        return here

    def build_lock(self, entry: Entry) -> AbstractContextManager[None]:
        """Hold the lock for building `entry`: other builds of this machine wait, then find the image."""
        if self.host is None:
            return nullcontext()
        return self.host.lock(entry.reference, f"the image {entry.name}, which another build is building")

    def _build(self, name: str, entry: Entry) -> None:
        build(
            self._client(),
            entry,
            arguments={base.argument: self.provide(base.default).reference for base in entry.bases},
            show=lambda text: self._progress.image(name, text),
            anew=self._anew,
            host=self.host,
        )
        self._built_anew.add(entry.reference)

    def _remove_replaced(self, before: ProvidedImage | None) -> None:
        """Remove the image that had the name before; the engine keeps it if it is in use."""
        if before is not None:
            with suppress(APIError):
                attributes = self._client().images.get(before.image.id).attrs
                if not attributes.get("RepoTags"):
                    self._client().api.remove_image(before.image.id)

    def _catalogue_image(self, name: str, entry: Entry) -> ProvidedImage | None:
        here = self._store.find(entry.reference, None)
        if here is None:
            return None
        return ProvidedImage(Image(name, here.image.id, entry.origin), entry.reference, here.has_volumes)

    def _not_had(self, name: str, failure: PullFailed) -> ImageProblem:
        catalogue = ""
        if self.images_from is ImagesFrom.HUB and self._entry(name) is not None:
            catalogue = "; it is not built from the catalogue, since `docker_run_images_from` is `hub`"
        elif self._catalogue is not None and is_temporary(failure.refusal) and ":" not in name:
            catalogue = f", or give it a Dockerfile in {self._catalogue / name}"
        reason = failure.refusal.value
        answer = ""
        if not is_temporary(failure.refusal):
            answer = (
                f"Unable to find image '{_tagged(name)}' locally\n"
                f"docker: Error response from daemon: {failure}"
            )
        return ImageProblem(
            f"no image {name!r}: {reason} ({failure}); {ADVICE[failure.refusal]}{catalogue}",
            reason=f"there is no image `{name}`: {reason}",
            answer=answer,
        )


def _nothing() -> None:
    """Do nothing: no registry is contacted, so there is no answer to note."""


def _repository(name: str) -> str:
    found = REFERENCE.fullmatch(name)
    return found["repository"] if found else name


def _tagged(name: str) -> str:
    """Return `name` as the CLI prints it: with its implied tag."""
    found = REFERENCE.fullmatch(name)
    return name if found and (found["tag"] or found["digest"]) else f"{name}:latest"
