"""Pulling an image: its progress, and the classification of an engine's refusal."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

import docker
from docker.errors import APIError

from docker_run.catalogue.reference import REFERENCE
from docker_run.errors import ImageProblem

RESERVED = "scratch"
"""The name that the engine itself refuses to pull: the empty base image of a Dockerfile."""


class Refusal(Enum):
    """Why a pull failed."""

    UNREACHABLE = "the registry can't be reached"
    NOT_FOUND = "the registry has no such image"
    DENIED = "the registry has no such image, or shows it to others only"
    CREDENTIALS = "the registry does not accept the credentials"
    LIMITED = "the registry limits how many images are pulled"
    RESERVED = "the name is reserved"
    PLATFORM = "there is none for this platform"


ADVICE = {
    Refusal.UNREACHABLE: "try again with a network, or load it into the engine (`docker load`)",
    Refusal.NOT_FOUND: "check the name and the tag",
    Refusal.DENIED: "check the name, or `docker login` first",
    Refusal.CREDENTIALS: "`docker login` again, or `docker logout`: public images need no credentials",
    Refusal.LIMITED: "try again later, or `docker login`, which raises the limit",
    Refusal.PLATFORM: "leave `--platform` out, or name a platform that it is made for",
    Refusal.RESERVED: "it can only be used in a Dockerfile; if the page is to show that, "
    "say `:exit-code: 125`",
}
"""What to try, for each refusal."""


_REFUSALS = {
    kind: re.compile(pattern)
    for kind, pattern in (
        (Refusal.RESERVED, r"reserved name"),
        # Before those of registries: a proxy may ask for authentication, too.
        (Refusal.UNREACHABLE, r"proxyconnect|proxy authentication required"),
        (Refusal.LIMITED, r"toomanyrequests|too many requests|rate limit"),
        (Refusal.CREDENTIALS, r"incorrect username or password|access token"),
        (
            Refusal.DENIED,
            r"\bdenied\b|unauthorized|authentication required|no basic auth credentials|forbidden",
        ),
        (
            Refusal.PLATFORM,
            r"no match for platform|no matching manifest|does not (match|provide) the specified platform",
        ),
        # The last, with containerd's store: `failed to resolve reference "NAME": NAME: not found`.
        (
            Refusal.NOT_FOUND,
            r"manifest.* not found|manifest unknown|name unknown|not found:|: [^ ]+: not found$",
        ),
    )
}
"""Messages of engines, in lower case, in the order in which they are tried."""


def is_temporary(refusal: Refusal) -> bool:
    """Return whether another attempt, or another machine, might succeed."""
    return refusal in {Refusal.UNREACHABLE, Refusal.LIMITED, Refusal.CREDENTIALS}


class PullFailed(ImageProblem):
    """A pull failed; the message is the engine's own."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal(message)


def refusal(message: str) -> Refusal:
    """Classify an engine's error message for a failed pull.

    The response's status does not help: engines respond with 500 to most of these. Anything else counts as
    unreachable: names that don't resolve, timeouts, refused connections, bad certificates and proxies.
    """
    text = message.lower()
    return next((kind for kind, pattern in _REFUSALS.items() if pattern.search(text)), Refusal.UNREACHABLE)


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


class RegistryContact:
    """The state of a registry: unknown, reachable, or unreachable for a reason.

    With a mirror (`has_mirror`), it is never unreachable for good: the mirror may have another image.
    """

    def __init__(self, *, has_mirror: bool = False) -> None:
        self._has_mirror = has_mirror
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
            elif not self._answers and not self._has_mirror:
                self._out_of_reach = str(failure)
            raise
        finally:
            if held:
                self._first_contact.release()

    def _check(self) -> None:
        if self._out_of_reach:
            raise PullFailed(self._out_of_reach)
