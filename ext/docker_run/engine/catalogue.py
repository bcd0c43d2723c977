"""Building images here: those of the catalogue (`docs/images/NAME/Dockerfile`), and labs.

Those of the catalogue stand in for a registry that is out of reach.

A folder may have an executable `bootstrap`: it is run in a copy of the folder before the build, to
make files that a Dockerfile can't make (a root file system to begin with).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import APIError, BuildError

from docker_run.engine.context import Entry
from docker_run.errors import ImageProblem
from docker_run.model import Chunk, Stream, TerminalSize
from docker_run.terminal import screen

_SHOWN = 15
"""How many of the last lines of a failed build are shown."""


def build(
    client: docker.DockerClient,
    entry: Entry,
    *,
    arguments: Mapping[str, str],
    show: Callable[[str], None],
    anew: bool = False,
) -> None:
    """Build `entry` on the engine as `entry.reference`; `arguments` are its build arguments.

    `anew` runs also the steps whose results the engine has from earlier builds. `show` is told how
    far it is. Raises `ImageProblem` with the last lines that the build printed,
    and what docker-py raises where the engine is gone.
    """
    with _context(entry, show) as folder:
        _build(client, entry, folder, arguments=arguments, show=show, anew=anew)


def _build(
    client: docker.DockerClient,
    entry: Entry,
    folder: Path,
    *,
    arguments: Mapping[str, str],
    show: Callable[[str], None],
    anew: bool,
) -> None:
    printed: list[str] = []
    made: list[str] = []
    show("sending the context")
    try:
        for event in client.api.build(
            path=str(folder),
            tag=entry.reference,
            buildargs=dict(arguments),
            nocache=anew,
            rm=True,
            forcerm=True,
            decode=True,
        ):
            if "error" in event:
                raise _failed(entry, [*printed, str(event["error"])])
            for line in str(event.get("stream", "")).splitlines():
                printed = [*printed, line][-_SHOWN:] if line.strip() else printed
                _follow(line, made, show)
    except (APIError, BuildError) as error:
        raise _failed(entry, [*printed, str(error)]) from error
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


@contextmanager
def _context(entry: Entry, show: Callable[[str], None]) -> Iterator[Path]:
    script = entry.folder / "bootstrap"
    if not script.exists():
        yield entry.folder
        return
    with tempfile.TemporaryDirectory(prefix="docker-run-") as temporary:
        folder = Path(temporary) / entry.folder.name
        shutil.copytree(entry.folder, folder)
        show("running bootstrap")
        _bootstrap(entry, folder)
        yield folder


def _bootstrap(entry: Entry, folder: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - a script of the author's own repository
            [str(folder / "bootstrap")],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        raise _failed(entry, [f"bootstrap: {error.strerror}; is it executable, with a `#!` line?"]) from error
    if done.returncode:
        lines = done.stdout.decode(errors="replace").splitlines()
        raise _failed(entry, [*lines, f"bootstrap: exit status {done.returncode}"])


def _failed(entry: Entry, lines: list[str]) -> ImageProblem:
    printed = "\n".join(line.rstrip() for line in lines[-_SHOWN:]).encode()
    # As a terminal would show it: builders print colours, and bars of progress.
    last = screen.text(screen.lines((Chunk(Stream.ERR, printed),), TerminalSize()))
    return ImageProblem(
        f"{entry.folder} can't be built; its last lines were:\n{last}",
        reason=f"the image `{entry.name}` could not be built",
    )
