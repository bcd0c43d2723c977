"""Providing images: from the engine itself, a registry, or the catalogue."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import docker
import requests
from docker.auth import resolve_repository_name
from docker.errors import APIError, DockerException, ImageNotFound
from docker.utils import version_lt
from urllib3.exceptions import HTTPError

from docker_run.catalogue.build_context import Entry, find_entry
from docker_run.catalogue.lock_file import locked_reference, read_lock
from docker_run.catalogue.reference import REFERENCE, advice
from docker_run.docker_cli.values.choices import PullPolicy
from docker_run.engine.host import Host
from docker_run.engine.images.catalogue_build import build
from docker_run.engine.images.memoize import Memo
from docker_run.engine.images.platforms import Platform, parse_platform, platform_of
from docker_run.engine.images.pull import RESERVED, PullFailed, Refusal, pull
from docker_run.errors import EngineProblem, ImageProblem
from docker_run.model import Image
from docker_run.protocols import Progress

_VARIANTS_SINCE = "1.49"


@dataclass(frozen=True)
class ProvidedImage:
    """An image that is on the engine."""

    image: Image
    reference: str
    """What to pass to the engine: the image's own name, with its digest if it is in the lock file, or the
    name under which it was built from the catalogue."""
    has_volumes: bool = True
    """Whether its containers may get volumes from the image itself (`VOLUME`)."""

    def named(self, name: str) -> ProvidedImage:
        """Return the same image under the name that the author uses."""
        return replace(self, image=self.image._replace(name=name))


class _Registry:
    """A registry's state: unknown, reachable, or unreachable for a reason."""

    def __init__(self) -> None:
        self._first_contact = threading.Lock()
        self._answers = False
        self._out_of_reach = ""

    @contextmanager
    def contact(self) -> Iterator[Callable[[], None]]:
        """Allow one pull at a time while the registry's state is unknown, and note the outcome.

        Otherwise ten images would wait for ten timeouts. Yields a function to call when the registry answers.
        Raises `PullFailed` if it is known to be unreachable.
        """
        held = not self._answers and self._first_contact.acquire()

        def answered() -> None:
            nonlocal held
            self._answers = True
            if held:
                held = False
                self._first_contact.release()

        try:
            self._check()
            if self._answers:
                answered()
            yield answered
        except PullFailed as failure:
            if failure.refusal is not Refusal.UNREACHABLE:
                self._answers = True
            elif not self._answers:
                self._out_of_reach = str(failure)
            raise
        finally:
            if held:
                self._first_contact.release()

    def _check(self) -> None:
        if self._out_of_reach:
            raise PullFailed(self._out_of_reach)


class Images:
    """Provides images on one engine, and memoizes them. Thread-safe.

    `client` returns the calling thread's client. `catalogue` is the catalogue's directory, or None;
    `anew` rebuilds its images even if the engine has them. `host` is the build that needs the images: its
    interruption cancels pulls and builds, and its lease names what has to be removed if it is killed.
    """

    def __init__(
        self,
        client: Callable[[], docker.DockerClient],
        *,
        catalogue: Path | None,
        progress: Progress,
        anew: bool = False,
        host: Host | None = None,
    ) -> None:
        self._client = client
        self._catalogue = catalogue
        self._progress = progress
        self._anew = anew
        self.host = host
        self._lock = threading.Lock()
        self._builds: dict[str, threading.Lock] = {}
        self._built_anew: set[str] = set()
        self._memo: Memo[ProvidedImage] = Memo()
        self._registries: dict[str, _Registry] = {}
        self._lock_file: Mapping[str, str] | None = None

    def provide(
        self, name: str, *, pull: PullPolicy = PullPolicy.MISSING, platform: str | None = None
    ) -> ProvidedImage:
        """Return the image `name`, pulled or built if the engine does not have it.

        `platform` is `os[/architecture[/variant]]`, as for the CLI
        (https://docs.docker.com/reference/cli/docker/container/run/). An image that can't be pulled is built
        from the catalogue.
        Raises `ImageProblem` if it is unavailable, `EngineProblem` if the engine is gone.
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
        return self._memo.get(
            (name, pull, platform), lambda: self._provide(name, pull, wanted), lock_key=(name, platform)
        )

    def _provide(self, name: str, pull: PullPolicy, platform: Platform | None) -> ProvidedImage:
        try:
            locked = locked_reference(name, self._locks())
            if pull is not PullPolicy.ALWAYS:
                here = self._on_engine(locked or name, platform, pulled=bool(locked))
                if here is not None:
                    return here.named(name)
            entry = self._entry(name)
            # The engine's image of that name is not the locked one: a fallback.
            unlocked = self._on_engine(name, platform) if locked else None
            if pull is PullPolicy.NEVER:
                return unlocked or self._built_earlier(name, entry, platform)
            try:
                return self._pulled(locked or name, platform).named(name)
            except PullFailed as failure:
                if entry is not None:
                    return self._built(name, entry, platform)
                if unlocked is not None and failure.refusal is Refusal.UNREACHABLE:
                    return unlocked
                raise self._not_had(name, failure) from failure
        except (requests.RequestException, HTTPError, DockerException, ConnectionError) as error:
            raise EngineProblem(
                f"the engine did not give an answer about the image {name!r}: {error}; is it still running?"
            ) from error

    def _on_engine(
        self, name: str, platform: Platform | None, *, pulled: bool = False
    ) -> ProvidedImage | None:
        """Return the image if the engine has it for that platform; `pulled`: it is known to be pulled."""
        attributes = self._attributes(name)
        if attributes is None:
            return None
        identity = str(attributes["Id"])
        if platform and not platform.is_of(platform_of(attributes)):
            identity = self._variant(name, platform)
            if not identity:
                return None
        has_volumes = bool((attributes.get("Config") or {"Volumes": True}).get("Volumes"))
        digest = _digest(name, attributes.get("RepoDigests") or [])
        # All images in containerd's store have a digest; and so has one that was built here, then pushed.
        tells = not _is_in_containerd(attributes) and not attributes.get("Parent")
        if not digest or not (pulled or tells):
            return ProvidedImage(Image(name, identity, "found on the engine"), name, has_volumes)
        return ProvidedImage(Image(name, identity, "pulled", digest), name, has_volumes)

    def identities(self, reference: str) -> frozenset[str]:
        """Return the IDs that an image of the engine may have in a registry.

        With containerd's store, a multi-platform image has the ID of its index; if the engine has only some
        of the platforms, only the manifest for its own platform is pushed to a registry.
        Raises what docker-py raises.
        """
        attributes = self._attributes(reference)
        if attributes is None:
            return frozenset()
        found = {str(attributes["Id"])}
        if _is_in_containerd(attributes):
            found.add(self._variant(reference, platform_of(attributes)))
        return frozenset(filter(None, found))

    def _attributes(self, name: str) -> dict[str, Any] | None:
        try:
            return dict(self._client().images.get(name).attrs)
        except ImageNotFound:
            return None

    def _variant(self, name: str, platform: Platform) -> str:
        """Return the ID of an image's variant for one platform; empty if it is missing, or unknown.

        Engines report the platforms of a multi-platform image since version 1.49 of the API, which docker-py
        does not support.
        """
        api = self._client().api
        if version_lt(str(self._client().version()["ApiVersion"]), _VARIANTS_SINCE):
            return ""
        answer = api.get(
            f"{api.base_url}/v{_VARIANTS_SINCE}/images/{quote(name)}/json",
            params={"platform": json.dumps(platform.query)},
            timeout=api.timeout,
        )
        return str(answer.json()["Id"]) if answer.ok else ""

    def _locks(self) -> Mapping[str, str]:
        with self._lock:
            if self._lock_file is None:
                self._lock_file = read_lock(self._catalogue)
            return self._lock_file

    def _entry(self, name: str) -> Entry | None:
        return None if self._catalogue is None else find_entry(self._catalogue, name)

    def _pulled(self, name: str, platform: Platform | None) -> ProvidedImage:
        found = REFERENCE.fullmatch(name)
        repository = found["repository"] if found else name
        host, _ = resolve_repository_name(repository)
        with self._lock:
            registry = self._registries.setdefault(host, _Registry())
        # The engine refuses a reserved name without contacting the registry, which may be unreachable.
        asking = nullcontext(_nothing) if repository == RESERVED else registry.contact()
        with asking as answered, self._pulling() as client:
            for text in pull(client, name, platform=str(platform) if platform else None):
                answered()
                self._progress.image(name, text)
        here = self._on_engine(name, platform, pulled=True)
        if here is None:
            raise PullFailed(self._other_platform(name, platform))
        return here

    def _pulling(self) -> AbstractContextManager[docker.DockerClient]:
        return self.host.cancellable() if self.host else nullcontext(self._client())

    def _other_platform(self, name: str, platform: Platform | None) -> str:
        """Return the engine's message for an image of another platform; empty if it lacks the image."""
        attributes = self._attributes(name)
        if attributes is None or platform is None:
            return ""
        found = f"image with reference {name} was found but does not"
        if _is_in_containerd(attributes):
            return f"{found} provide the specified platform ({platform})"
        return f"{found} match the specified platform: wanted {platform}, actual: {platform_of(attributes)}"

    def _built_earlier(self, name: str, entry: Entry | None, platform: Platform | None) -> ProvidedImage:
        built = self._catalogue_image(name, entry) if entry else None
        if built is None and (other := self._other_platform(name, platform)):
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
        if platform and not platform.is_of(self._machine()):
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

    def _machine(self) -> Platform:
        """Return the platform for which the engine builds."""
        version = self._client().version()
        return platform_of({"Os": version["Os"], "Architecture": version["Arch"]})

    def _catalogue_image(self, name: str, entry: Entry) -> ProvidedImage | None:
        here = self._on_engine(entry.reference, None)
        if here is None:
            return None
        return ProvidedImage(Image(name, here.image.id, entry.origin), entry.reference, here.has_volumes)

    def _not_had(self, name: str, failure: PullFailed) -> ImageProblem:
        tries = {
            Refusal.UNREACHABLE: "try again with a network, or load it into the engine (`docker load`)",
            Refusal.NOT_FOUND: "check the name and the tag",
            Refusal.DENIED: "check the name, or `docker login` first",
            Refusal.PLATFORM: "leave `--platform` out, or name a platform that it is made for",
            Refusal.RESERVED: "it can only be used in a Dockerfile; if the page is to show that, "
            "say `:exit-code: 125`",
        }
        catalogue = ""
        if self._catalogue is not None and failure.refusal is Refusal.UNREACHABLE and ":" not in name:
            catalogue = f", or give it a Dockerfile in {self._catalogue / name}"
        reason = failure.refusal.value
        answer = ""
        if failure.refusal is not Refusal.UNREACHABLE:
            answer = (
                f"Unable to find image '{_tagged(name)}' locally\n"
                f"docker: Error response from daemon: {failure}"
            )
        return ImageProblem(
            f"no image {name!r}: {reason} ({failure}); {tries[failure.refusal]}{catalogue}",
            reason=f"there is no image `{name}`: {reason}",
            answer=answer,
        )


def _nothing() -> None:
    """Do nothing: no registry is contacted, so there is no answer to note."""


def _tagged(name: str) -> str:
    """Return `name` as the CLI prints it: with its implied tag."""
    found = REFERENCE.fullmatch(name)
    return name if found and (found["tag"] or found["digest"]) else f"{name}:latest"


def _digest(name: str, digests: list[str]) -> str:
    """Return the digest that belongs to `name`: an image may have digests of several repositories."""
    found = REFERENCE.fullmatch(name)
    repository = found["repository"] if found else name
    for entry in sorted(digests):
        other, _, digest = entry.partition("@")
        if resolve_repository_name(other) == resolve_repository_name(repository):
            return digest
    return ""


def _is_in_containerd(attributes: Mapping[str, Any]) -> bool:
    """Return whether an image is in containerd's store, where its ID is its manifest's or index's digest."""
    digests = attributes.get("RepoDigests") or []
    return str(attributes["Id"]) in {entry.partition("@")[2] for entry in digests}
