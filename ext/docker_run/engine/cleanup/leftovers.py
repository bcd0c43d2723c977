"""Things on an engine that carry our labels: finding them, telling them from others', removing them."""

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
from docker_run.engine.cleanup.anonymous_volumes import WITHOUT_A_NAME
from docker_run.engine.cleanup.labels import BUILD, IMAGES, LEASE, LEASE_NAME, NAME, VOLUMES, Owner
from docker_run.engine.cleanup.removal import Resource


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a build made on an engine."""

    kind: Resource
    id: str
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    created: float = 0.0
    """By the engine's clock, in seconds."""
    image: str = ""
    """The id of the image that a container was made from."""

    @property
    def owner(self) -> Owner:
        """The build that made it."""
        return Owner.from_labels(self.labels)

    @property
    def is_lease(self) -> bool:
        """Whether it is nothing but a sign of life."""
        return self.kind is Resource.VOLUME and LEASE in self.labels and self.name.startswith(LEASE_NAME)

    def exists(self, api: APIClient) -> bool:
        """Tell whether a container is still there; of other things, that isn't asked."""
        if self.kind is not Resource.CONTAINER:
            return False
        return bool(api.containers(all=True, filters={"id": self.id}))

    def remove(self, api: APIClient) -> bool:
        """Remove it; say whether that was done. Raises what docker-py raises."""
        return removal.remove(api, self.kind, self.id)


def labelled(api: APIClient, label: str = BUILD) -> Iterator[Thing]:
    """Find the containers, networks and volumes with `label`. Raises what docker-py raises."""
    filters: Any = {"label": [label]}
    for each in api.containers(all=True, filters=filters):
        name = next(iter(each.get("Names") or ()), "").removeprefix("/")
        labels, created = each.get("Labels") or {}, float(each.get("Created") or 0)
        yield Thing(Resource.CONTAINER, each["Id"], name, labels, created, str(each.get("ImageID", "")))
    for each in api.networks(filters=filters):
        # By its name: asked by its id, Podman also removes a network that has containers.
        name, labels, created = each["Name"], each.get("Labels") or {}, _moment(each["Created"])
        yield Thing(Resource.NETWORK, name, name, labels, created)
    for each in api.volumes(filters=filters).get("Volumes") or ():
        # Drivers of others need not say when: other things of the same build do.
        created = _moment(each["CreatedAt"]) if each.get("CreatedAt") else 0.0
        yield Thing(Resource.VOLUME, each["Name"], each["Name"], each.get("Labels") or {}, created)


def is_ours(api: APIClient, thing: Thing, inherited: dict[str, str]) -> bool:
    """Tell whether a build made `thing`, and not somebody from an image that has our labels.

    `docker commit` gives them to an image, which gives them to containers. A container that a build
    named says so in its labels; of others, the image tells, and where that is gone nobody: such a
    container stays. `inherited` remembers what images say, by their ids.
    """
    if thing.kind is not Resource.CONTAINER:
        return True
    if thing.labels.get(NAME):
        return thing.labels[NAME] == thing.name
    if thing.image not in inherited:
        try:
            labels = (_attributes(api, thing.image).get("Config") or {}).get("Labels") or {}
            inherited[thing.image] = str(labels.get(BUILD, ""))
        except ImageNotFound:
            return False
    return inherited[thing.image] != thing.labels.get(BUILD)


def unnamed_images(api: APIClient, things: Iterable[Thing]) -> list[Thing]:
    """Find the images that dead builds were making, by what their signs of life say; the last one first."""
    found: dict[str, Thing] = {}
    for thing in things:
        for record in _records(thing, IMAGES):
            if not isinstance(record, dict):
                continue
            for image in _chain(api, record):
                found[image] = Thing(Resource.IMAGE, image, labels=thing.owner.labels())
    return [found[image] for image in found if _is_unnamed(api, image)]


def unnamed_volumes(things: Iterable[Thing]) -> list[Thing]:
    """Return the volumes of dead builds' containers that have no labels, by what their signs of life say."""
    # Nothing that somebody has given a name is ever one of them.
    return [
        Thing(Resource.VOLUME, name, name, thing.owner.labels())
        for thing in things
        for name in _records(thing, VOLUMES)
        if isinstance(name, str) and WITHOUT_A_NAME.fullmatch(name)
    ]


def _records(thing: Thing, label: str) -> list[Any]:
    """Read what a sign of life says; a label that a page has given to something else says nothing."""
    try:
        records = json.loads(thing.labels.get(label, "[]")) if thing.is_lease else []
    except ValueError:
        return []
    return records if isinstance(records, list) else []


def _chain(api: APIClient, record: Mapping[str, Any]) -> list[str]:
    """Return what was made, from the last to the first, and before it what the engine made after that.

    A builder ends the step at which its client is killed, and what that made was never told.
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
    """Compare an image's last step with an instruction of a Dockerfile, as the builder printed it."""
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


def _moment(text: str) -> float:
    """Read a time as engines write it (RFC 3339)."""
    return datetime.fromisoformat(text).timestamp()
