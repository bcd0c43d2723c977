"""Docker objects with our labels: listing them, verifying that a build created them, removing them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from docker import APIClient
from docker.errors import APIError, ImageNotFound

from docker_run.engine.cleanup import removal
from docker_run.engine.cleanup.anonymous_volumes import ANONYMOUS_NAME
from docker_run.engine.cleanup.labels import BUILD, IMAGES, LEASE, LEASE_NAME, NAME, VOLUMES, Owner
from docker_run.engine.cleanup.removal import Resource


@dataclass(frozen=True, slots=True)
class DockerObject:
    """A container, image, network or volume that a build created."""

    kind: Resource
    id: str
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    created: float = 0.0
    """By the engine's clock, in seconds."""
    image: str = ""
    """The ID of a container's image."""

    @property
    def owner(self) -> Owner:
        """The build that created it."""
        return Owner.from_labels(self.labels)

    @property
    def is_lease(self) -> bool:
        """Whether it is a build's lease."""
        return self.kind is Resource.VOLUME and LEASE in self.labels and self.name.startswith(LEASE_NAME)

    def exists(self, api: APIClient) -> bool:
        """Return whether a container still exists; False for other kinds."""
        if self.kind is not Resource.CONTAINER:
            return False
        return bool(api.containers(all=True, filters={"id": self.id}))

    def remove(self, api: APIClient) -> bool:
        """Remove it; return whether it was removed (see `removal.remove`). Raises what docker-py raises."""
        return removal.remove(api, self.kind, self.id)


def labelled_objects(api: APIClient, label: str = BUILD) -> Iterator[DockerObject]:
    """Yield the containers, networks and volumes with `label`. Raises what docker-py raises."""
    filters: Any = {"label": [label]}
    for each in api.containers(all=True, filters=filters):
        name = next(iter(each.get("Names") or ()), "").removeprefix("/")
        labels, created = each.get("Labels") or {}, float(each.get("Created") or 0)
        yield DockerObject(
            Resource.CONTAINER, each["Id"], name, labels, created, str(each.get("ImageID", ""))
        )
    for each in api.networks(filters=filters):
        # By name: given an ID, Podman also removes a network that has containers.
        name, labels, created = each["Name"], each.get("Labels") or {}, _timestamp(each["Created"])
        yield DockerObject(Resource.NETWORK, name, name, labels, created)
    for each in api.volumes(filters=filters).get("Volumes") or ():
        # Third-party drivers may omit the time; other objects of the same build have it.
        created = _timestamp(each["CreatedAt"]) if each.get("CreatedAt") else 0.0
        yield DockerObject(Resource.VOLUME, each["Name"], each["Name"], each.get("Labels") or {}, created)


def is_ours(api: APIClient, obj: DockerObject, inherited: dict[str, str]) -> bool:
    """Return whether a build created `obj`; else it inherited our labels from its image.

    `docker commit` passes a container's labels to an image, and so to that image's containers. A container
    that a build named has its name in a label; for others, the image's labels decide, and where the image is
    gone, the container is left alone. `inherited` caches the images' `BUILD` labels, by ID.
    """
    if obj.kind is not Resource.CONTAINER:
        return True
    if obj.labels.get(NAME):
        return obj.labels[NAME] == obj.name
    if obj.image not in inherited:
        try:
            labels = (_attributes(api, obj.image).get("Config") or {}).get("Labels") or {}
            inherited[obj.image] = str(labels.get(BUILD, ""))
        except ImageNotFound:
            return False
    return inherited[obj.image] != obj.labels.get(BUILD)


def images_of_leases(api: APIClient, objects: Iterable[DockerObject]) -> list[DockerObject]:
    """Return the untagged images that dead builds were building, as noted in their leases; latest first."""
    found: dict[str, DockerObject] = {}
    for obj in objects:
        for record in _records(obj, IMAGES):
            if not isinstance(record, dict):
                continue
            for image in _chain(api, record):
                found[image] = DockerObject(Resource.IMAGE, image, labels=obj.owner.labels())
    return [found[image] for image in found if _is_unnamed(api, image)]


def volumes_of_leases(objects: Iterable[DockerObject]) -> list[DockerObject]:
    """Return the anonymous volumes of dead builds' containers, as noted in their leases."""
    # The pattern makes sure that no named volume is ever among them.
    return [
        DockerObject(Resource.VOLUME, name, name, obj.owner.labels())
        for obj in objects
        for name in _records(obj, VOLUMES)
        if isinstance(name, str) and ANONYMOUS_NAME.fullmatch(name)
    ]


def _records(obj: DockerObject, label: str) -> list[Any]:
    """Parse the records of a lease's label; the same label on anything else is a page's, and is ignored."""
    try:
        records = json.loads(obj.labels.get(label, "[]")) if obj.is_lease else []
    except ValueError:
        return []
    return records if isinstance(records, list) else []


def _chain(api: APIClient, record: Mapping[str, Any]) -> list[str]:
    """Return the images of a build, latest first, including one that the engine created unreported.

    A builder completes the step at which its client is killed, and can't report that step's image.
    """
    made = [str(image) for image in record.get("made") or ()]
    base, step = str(record.get("on", "")), str(record.get("step", ""))
    last = []
    for image in api.images(all=True) if base and step else ():
        identity = str(image["Id"])
        if not any(_names(known, identity) for known in made):
            with suppress(APIError):
                parent = str(_attributes(api, identity).get("Parent", ""))
                if _names(base, parent) and _was_made_by(api, identity, step):
                    last.append(identity)
    return [*last, *reversed(made)]


def _names(short: str, identity: str) -> bool:
    return bool(short) and identity.removeprefix("sha256:").startswith(short.removeprefix("sha256:"))


def _was_made_by(api: APIClient, image: str, step: str) -> bool:
    """Return whether an image's last layer comes from the instruction `step`, as the builder printed it."""
    history: list[Mapping[str, Any]] = api.history(image)  # type: ignore[no-untyped-call]
    made_by = " ".join(str(history[0].get("CreatedBy", "")).split()) if history else ""
    keyword, _, rest = " ".join(step.split()).partition(" ")
    return made_by.endswith(rest) if keyword.upper() == "RUN" else f"#(nop) {keyword.upper()} " in made_by


def _is_unnamed(api: APIClient, image: str) -> bool:
    try:
        attributes = _attributes(api, image)
    except ImageNotFound:
        return False
    return not attributes.get("RepoTags") and not attributes.get("RepoDigests")


def _attributes(api: APIClient, image: str) -> Mapping[str, Any]:
    attributes: Mapping[str, Any] = api.inspect_image(image)  # type: ignore[no-untyped-call]
    return attributes


def _timestamp(text: str) -> float:
    """Parse an engine's timestamp (RFC 3339)."""
    return datetime.fromisoformat(text).timestamp()
