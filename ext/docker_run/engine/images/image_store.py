"""The images that an engine has: their origins, digests and platforms."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import docker
from docker.auth import resolve_repository_name
from docker.errors import ImageNotFound
from docker.utils import version_lt

from docker_run.catalogue.recorded_images import PULLED
from docker_run.catalogue.reference import REFERENCE
from docker_run.engine.images.platforms import Platform, platform_of
from docker_run.model import Image

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

    @property
    def is_pulled(self) -> bool:
        """Whether it is known to come from a registry."""
        return self.image.origin == PULLED

    def named(self, name: str) -> ProvidedImage:
        """Return the same image under the name that the author uses."""
        return replace(self, image=replace(self.image, name=name))

    def deviating(self, reason: str) -> ProvidedImage:
        """Return the same image; `reason` is why it is not the one that was to be reproduced."""
        return replace(self, image=replace(self.image, deviation=reason))


class ImageStore:
    """The images of an engine. Methods raise what docker-py raises.

    `client` returns the calling thread's client.
    """

    def __init__(self, client: Callable[[], docker.DockerClient]) -> None:
        self._client = client

    def find(self, name: str, platform: Platform | None, *, pulled: bool = False) -> ProvidedImage | None:
        """Return the image if the engine has it for that platform; `pulled`: it is known to be pulled."""
        attributes = self.attributes(name)
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
        return ProvidedImage(Image(name, identity, PULLED, digest), name, has_volumes)

    def identities(self, reference: str) -> frozenset[str]:
        """Return the IDs that an image of the engine may have in a registry.

        With containerd's store, a multi-platform image has the ID of its index; if the engine has only some
        of the platforms, only the manifest for its own platform is pushed to a registry.
        """
        attributes = self.attributes(reference)
        if attributes is None:
            return frozenset()
        found = {str(attributes["Id"])}
        if _is_in_containerd(attributes):
            found.add(self._variant(reference, platform_of(attributes)))
        return frozenset(filter(None, found))

    def attributes(self, name: str) -> dict[str, Any] | None:
        """Return the attributes of an image in the Engine API; None if the engine lacks it."""
        try:
            return dict(self._client().images.get(name).attrs)
        except ImageNotFound:
            return None

    def other_platform(self, name: str, platform: Platform | None) -> str:
        """Return the engine's message for an image of another platform; empty if it lacks the image."""
        attributes = self.attributes(name)
        if attributes is None or platform is None:
            return ""
        found = f"image with reference {name} was found but does not"
        if _is_in_containerd(attributes):
            return f"{found} provide the specified platform ({platform})"
        return f"{found} match the specified platform: wanted {platform}, actual: {platform_of(attributes)}"

    def has_mirror(self) -> bool:
        """Return whether the engine has a registry mirror for Docker Hub."""
        return bool((self._client().info().get("RegistryConfig") or {}).get("Mirrors"))

    def machine(self) -> Platform:
        """Return the platform for which the engine builds."""
        version = self._client().version()
        return platform_of({"Os": version["Os"], "Architecture": version["Arch"]})

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
