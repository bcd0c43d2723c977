"""Building one image: parsing the builder's output, and removing its intermediate images."""

from __future__ import annotations

import re
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any, cast

import docker
from docker.errors import APIError, BuildError, ImageNotFound
from docker.utils.build import tar

from docker_run.engine.host import Host
from docker_run.model import Chunk, Stream, TerminalSize
from docker_run.terminal import screen

_ENDING_SECONDS, _POLL_SECONDS = 5.0, 0.1
_SHOWN = 15
"""The number of last lines of a failed build that are shown."""


class BuildFailed(Exception):
    """A build failed; the message is the last lines of its output, as a terminal shows them."""

    def __init__(self, lines: list[str], *, step: int = 0) -> None:
        printed = "\n".join(line.rstrip() for line in lines[-_SHOWN:]).encode()
        # Builders print colours and progress bars.
        super().__init__(screen.text(screen.lines((Chunk(Stream.ERR, printed),), TerminalSize())))
        self.step = step
        """The number of the instruction that failed, from 1; 0 if unknown."""


def run_build(
    client: docker.DockerClient,
    *,
    show: Callable[[str], None],
    host: Host | None = None,
    **settings: Any,  # noqa: ANN401 - docker-py's own
) -> None:
    """Build an image; `settings` are the arguments of docker-py's `APIClient.build`.

    `show` gets the progress. With a `host`, its interruption ends the build, and its lease names the
    intermediate images, so that the next build removes them if this process is killed.
    Raises `BuildFailed`, `Interrupted`, and what docker-py raises if the engine is gone.
    """
    build = str(uuid.uuid4())
    followed = _BuildLog(show, note=lambda made: host.lease.note_images(build, made) if host else None)
    show("sending the context")
    is_built = False
    try:
        with host.cancellable() if host else nullcontext(client) as building:
            for event in building.api.build(rm=True, forcerm=True, decode=True, **settings):
                if "error" in event:
                    raise followed.failed(str(event["error"]))
                followed.add(str(event.get("stream", "")))
        is_built = True
    except (APIError, BuildError) as error:
        raise followed.failed(str(error)) from error
    finally:
        _remove_stages(client, followed.made, seconds=0.0 if is_built else _ENDING_SECONDS)
        if host is not None:
            host.lease.note_images(build, {})


@contextmanager
def context_archive(
    directory: Path, *, exclude: list[str], dockerfile: tuple[str | None, str | None] = (None, None)
) -> Iterator[IO[bytes]]:
    """Pack a build context, as docker-py does, into an unnamed file, so that none is left if we are killed.

    `dockerfile` is the file's name in the context and, if it is outside of the directory, its content.
    Raises `OSError`.
    """
    with tempfile.TemporaryFile() as archive:
        # As a string: docker-py compares it with the paths that it walks.
        tar(cast("Any", str(directory)), exclude=exclude, dockerfile=dockerfile, fileobj=archive)
        yield archive


class _BuildLog:
    """Parses a builder's output; `note` gets the intermediate images that would be left if it ended now."""

    def __init__(self, show: Callable[[str], None], note: Callable[[dict[str, object]], None]) -> None:
        self._show = show
        self._note = note
        self._printed: list[str] = []
        self._steps: list[str] = []
        self._base = ""
        self._is_cached = False
        self._made: dict[int, str] = {}

    @property
    def made(self) -> list[str]:
        """The IDs of the images that it created, in order."""
        return list(self._made.values())

    def add(self, text: str) -> None:
        """Parse further output."""
        for line in text.splitlines():
            if line.strip():
                self._printed = [*self._printed, line][-_SHOWN:]
                self._read(line)

    def failed(self, reason: str) -> BuildFailed:
        """Return the error for a build that failed for `reason`."""
        return BuildFailed([*self._printed, reason], step=len(self._steps))

    def _read(self, line: str) -> None:
        """Parse a line, if it is the builder's own."""
        if found := re.match(r"Step (\d+/\d+) : (.+)", line):
            self._show(f"step {found[1]}")
            self._steps.append(found[2])
            self._is_cached = found[2].split()[0].upper() == "FROM"
            if self._is_cached:
                self._base = ""
            else:
                self._note({"made": self.made, "on": self._base, "step": found[2]})
        elif line == " ---> Using cache":
            self._is_cached = True
        elif self._steps and (found := re.fullmatch(r" ---> ([0-9a-f]{12,64})", line)):
            # A command may print such a line, too; the last one of a step is the builder's.
            self._base = found[1]
            if not self._is_cached:
                self._made[len(self._steps)] = found[1]


def _remove_stages(client: docker.DockerClient, made: list[str], *, seconds: float = 0.0) -> None:
    """Remove the images of build stages, which have neither a tag nor a label to show whose they are.

    The engine refuses to remove parents of the finished image, so those stay. It also refuses to remove the
    parent of a step that it is still completing: that is retried for `seconds`.
    """
    give_up = time.monotonic() + seconds
    left = [image for image in reversed(made) if not _is_removed(client, image)]
    while left and time.monotonic() < give_up:
        time.sleep(_POLL_SECONDS)
        left = [image for image in left if not _is_removed(client, image)]


def _is_removed(client: docker.DockerClient, image: str) -> bool:
    """Remove an image if it is untagged; return whether there is nothing left to do."""
    try:
        attributes = client.images.get(image).attrs
        if not attributes.get("RepoTags") and not attributes.get("RepoDigests"):
            client.api.remove_image(image, noprune=True)
    except ImageNotFound:
        return True
    except APIError:
        return False
    return True
