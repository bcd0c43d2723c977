"""Pulling an image: its progress, and the classification of an engine's refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

import docker
from docker.errors import APIError

from docker_run.catalogue.reference import REFERENCE
from docker_run.errors import ImageProblem

RESERVED = "scratch"
"""The name that the engine itself refuses to pull: the empty base image of a Dockerfile."""


_OF_ANOTHER_PLATFORM = re.compile(
    r"no match for platform|no matching manifest|does not (match|provide) the specified platform"
)
_NOT_FOUND = re.compile(
    r"manifest.* not found|manifest unknown|name unknown|not found:"
    # With containerd's store: `failed to resolve reference "NAME": NAME: not found`.
    r"|: [^ ]+: not found$"
)


class Refusal(Enum):
    """Why a pull failed."""

    UNREACHABLE = "the registry can't be reached"
    NOT_FOUND = "the registry has no such image"
    DENIED = "the registry has no such image, or shows it to others only"
    RESERVED = "the name is reserved"
    PLATFORM = "there is none for this platform"


class PullFailed(ImageProblem):
    """A pull failed; the message is the engine's own."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal(message)


def refusal(message: str) -> Refusal:
    """Classify an engine's error message for a failed pull.

    The response's status does not help: engines respond with 500 to most of these. Anything else counts as
    unreachable: names that don't resolve, timeouts, refused connections, bad certificates and proxies, and
    rate limits.
    """
    text = message.lower()
    if "reserved name" in text:
        return Refusal.RESERVED
    if re.search(
        r"\bdenied\b|unauthorized|authentication required|no basic auth credentials|forbidden", text
    ):
        return Refusal.DENIED
    if _OF_ANOTHER_PLATFORM.search(text):
        return Refusal.PLATFORM
    if _NOT_FOUND.search(text):
        return Refusal.NOT_FOUND
    return Refusal.UNREACHABLE


@dataclass(slots=True)
class PullStatus:
    """The progress of a pull, from the engine's events.

    The events are described at https://docs.docker.com/reference/api/engine/ (`POST /images/create`).
    """

    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Layer → bytes downloaded, bytes in total; only for layers whose download has begun."""

    def add(self, event: Mapping[str, object]) -> str:
        """Process an event; return the progress to show, e.g. `pulling 3.1 of 4.2 MB`."""
        layer, status = str(event.get("id", "")), str(event.get("status", ""))
        detail = event.get("progressDetail")
        if status == "Downloading" and isinstance(detail, Mapping):
            current, total = int(detail.get("current", 0)), int(detail.get("total", 0))
            self.sizes[layer] = (current, max(current, total))
        elif layer in self.sizes:  # "Verifying Checksum", "Download complete", "Extracting", "Pull complete"
            total = self.sizes[layer][1]
            self.sizes[layer] = (total, total)
        if not self.sizes:
            return "pulling"
        had, size = (sum(column) / 1e6 for column in zip(*self.sizes.values(), strict=True))
        return "unpacking" if had == size else f"pulling {had:.1f} of {size:.1f} MB"


def pull(client: docker.DockerClient, name: str, *, platform: str | None) -> Iterator[str]:
    """Pull `name`, and yield its progress; the first item means that the registry has answered.

    Raises `PullFailed`, and what docker-py raises if the engine is gone.
    """
    found = REFERENCE.fullmatch(name)
    tag = (found["digest"] or found["tag"] if found else None) or "latest"
    status = PullStatus()
    try:
        for event in client.api.pull(
            found["repository"] if found else name, tag=tag, stream=True, decode=True, platform=platform
        ):
            if "error" in event:
                raise PullFailed(str(event["error"]))
            yield status.add(event)
    except APIError as error:
        raise PullFailed(str(error.explanation or error)) from error
