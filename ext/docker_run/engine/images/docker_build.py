"""One build of an image: following what the engine's builder prints, and removing what it leaves."""

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

_ENDING_SECONDS, _LOOK_SECONDS = 5.0, 0.1
_SHOWN = 15
"""How many of the last lines of a failed build are shown."""


class BuildFailed(Exception):
    """A build came to nothing; the message is the last lines that it printed, as a terminal shows them."""

    def __init__(self, lines: list[str], *, step: int = 0) -> None:
        printed = "\n".join(line.rstrip() for line in lines[-_SHOWN:]).encode()
        # Builders print colours, and bars of progress.
        super().__init__(screen.text(screen.lines((Chunk(Stream.ERR, printed),), TerminalSize())))
        self.step = step
        """The number of the instruction that failed, from 1; 0 where that is not known."""


def run_build(
    client: docker.DockerClient,
    *,
    show: Callable[[str], None],
    host: Host | None = None,
    **settings: Any,  # noqa: ANN401 - docker-py's own
) -> None:
    """Build an image; `settings` are those of docker-py's `APIClient.build`.

    `show` is told how far it is. Where there is a `host`, its interruption ends the build, and if this
    process is killed, the next one finds what the build has made.
    Raises `BuildFailed`, `Interrupted`, and what docker-py raises where the engine is gone.
    """
    build = str(uuid.uuid4())
    followed = _Followed(show, note=lambda made: host.lease.note_images(build, made) if host else None)
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
def packed(
    folder: Path, *, exclude: list[str], dockerfile: tuple[str | None, str | None] = (None, None)
) -> Iterator[IO[bytes]]:
    """Pack a build context, as docker-py does, into a file without a name: none is left if we are killed.

    `dockerfile` is the file's name in the context and, where it isn't in the folder, what it holds.
    Raises `OSError`.
    """
    with tempfile.TemporaryFile() as archive:
        # A path as text: docker-py compares it with what it finds.
        tar(cast("Any", str(folder)), exclude=exclude, dockerfile=dockerfile, fileobj=archive)
        yield archive


class _Followed:
    """What is known of a build from what it printed; `note` is told what would be left if it ended now."""

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
        """The ids of the images that it made, the first first."""
        return list(self._made.values())

    def add(self, text: str) -> None:
        """Take in what the builder printed."""
        for line in text.splitlines():
            if line.strip():
                self._printed = [*self._printed, line][-_SHOWN:]
                self._read(line)

    def failed(self, reason: str) -> BuildFailed:
        """Return the error of a build that ended for `reason`."""
        return BuildFailed([*self._printed, reason], step=len(self._steps))

    def _read(self, line: str) -> None:
        """Read a line of the builder's own."""
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
            # The last one of a step is the builder's: what a command printed stands before that.
            self._base = found[1]
            if not self._is_cached:
                self._made[len(self._steps)] = found[1]


def _remove_stages(client: docker.DockerClient, made: list[str], *, seconds: float = 0.0) -> None:
    """Remove the images of build stages: without a name and a label nobody would know whose they are.

    The engine refuses to remove what the finished image is made of, and so it stays. It refuses, too, to
    remove what a step begins from that it is just ending: that is tried for `seconds`.
    """
    give_up = time.monotonic() + seconds
    left = [image for image in reversed(made) if not _is_removed(client, image)]
    while left and time.monotonic() < give_up:
        time.sleep(_LOOK_SECONDS)
        left = [image for image in left if not _is_removed(client, image)]


def _is_removed(client: docker.DockerClient, image: str) -> bool:
    """Remove an image without a name; return whether nothing is left to be done about it."""
    try:
        attributes = client.images.get(image).attrs
        if not attributes.get("RepoTags") and not attributes.get("RepoDigests"):
            client.api.remove_image(image, noprune=True)
    except ImageNotFound:
        return True
    except APIError:
        return False
    return True
