"""Building images here: those of the catalogue (`docs/images/NAME/Dockerfile`), and labs.

Those of the catalogue stand in for a registry that is out of reach.

A folder may have an executable `bootstrap`: it is run in a copy of the folder before the build, to
make files that a Dockerfile can't make (a root file system to begin with).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import docker

from docker_run.engine.builder import BuildFailed, run_build
from docker_run.engine.context import BOOTSTRAP, Entry
from docker_run.errors import ImageProblem


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
    try:
        with _context(entry, show) as folder:
            run_build(
                client,
                show=show,
                path=str(folder),
                tag=entry.reference,
                buildargs=dict(arguments),
                nocache=anew,
            )
    except BuildFailed as failure:
        raise ImageProblem(
            f"{entry.folder} can't be built; its last lines were:\n{failure}",
            reason=f"the image `{entry.name}` could not be built",
        ) from failure


@contextmanager
def _context(entry: Entry, show: Callable[[str], None]) -> Iterator[Path]:
    script = entry.folder / BOOTSTRAP
    if not script.exists():
        yield entry.folder
        return
    with tempfile.TemporaryDirectory(prefix="docker-run-") as temporary:
        folder = Path(temporary) / entry.folder.name
        shutil.copytree(entry.folder, folder)
        show("running bootstrap")
        _bootstrap(folder)
        yield folder


def _bootstrap(folder: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - a script of the author's own repository
            [str(folder / BOOTSTRAP)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        raise BuildFailed([f"bootstrap: {error.strerror}; is it executable, with a `#!` line?"]) from error
    if done.returncode:
        lines = done.stdout.decode(errors="replace").splitlines()
        raise BuildFailed([*lines, f"bootstrap: exit status {done.returncode}"])
