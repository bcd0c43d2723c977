"""One build of an image: following what the engine's builder prints, and removing what it leaves."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import docker
from docker.errors import APIError, BuildError

from docker_run.model import Chunk, Stream, TerminalSize
from docker_run.terminal import screen

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
    **settings: Any,  # noqa: ANN401 - docker-py's own
) -> None:
    """Build an image; `settings` are those of docker-py's `APIClient.build`.

    `show` is told how far it is. Raises `BuildFailed`, and what docker-py raises where the engine is gone.
    """
    printed: list[str] = []
    made: list[str] = []
    show("sending the context")
    try:
        for event in client.api.build(rm=True, forcerm=True, decode=True, **settings):
            if "error" in event:
                raise BuildFailed([*printed, str(event["error"])], step=len(made))
            for line in str(event.get("stream", "")).splitlines():
                printed = [*printed, line][-_SHOWN:] if line.strip() else printed
                _follow(line, made, show)
    except (APIError, BuildError) as error:
        raise BuildFailed([*printed, str(error)], step=len(made)) from error
    finally:
        _remove_stages(client, made)


def _follow(line: str, made: list[str], show: Callable[[str], None]) -> None:
    """Read a line of the builder's own output; note the images that it made."""
    if found := re.match(r"Step (\d+/\d+) : (\w+)", line):
        show(f"step {found[1]}")
        made.append("not ours" if found[2].upper() == "FROM" else "")
    elif made and line == " ---> Using cache":
        made[-1] = "not ours"
    elif made and not made[-1] and (found := re.match(r" ---> ([0-9a-f]{12,64})$", line)):
        made[-1] = found[1]


def _remove_stages(client: docker.DockerClient, made: list[str]) -> None:
    """Remove the images of build stages: without a name and a label nobody would know whose they are.

    The engine refuses to remove what the finished image is made of, and so it stays.
    """
    for image in reversed([identity for identity in made if re.fullmatch("[0-9a-f]+", identity)]):
        try:
            attributes = client.images.get(image).attrs
            if not attributes.get("RepoTags") and not attributes.get("RepoDigests"):
                client.api.remove_image(image, noprune=True)
        except APIError:
            continue
