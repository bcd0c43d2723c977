"""Building images here: those of the catalogue (`docs/images/NAME/Dockerfile`), and labs.

Those of the catalogue stand in for a registry that is out of reach.

A folder may have an executable `bootstrap`: it is run in a copy of the folder before the build, to
make files that a Dockerfile can't make (a root file system to begin with).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import docker

from docker_run.catalogue.build_context import BOOTSTRAP, Entry
from docker_run.catalogue.dockerfile import left_out
from docker_run.engine.host import Host
from docker_run.engine.images.bootstrap import BootstrapFailed, run_bootstrap
from docker_run.engine.images.docker_build import BuildFailed, packed, run_build
from docker_run.errors import ImageProblem


def build(
    client: docker.DockerClient,
    entry: Entry,
    *,
    arguments: Mapping[str, str],
    show: Callable[[str], None],
    anew: bool = False,
    host: Host | None = None,
) -> None:
    """Build `entry` on the engine as `entry.reference`; `arguments` are its build arguments.

    `anew` runs also the steps whose results the engine has from earlier builds. `show` is told how
    far it is. `host` is where the build belongs to that wants the image.
    Raises `ImageProblem` with the last lines that the build printed, `Interrupted`,
    and what docker-py raises where the engine is gone.
    """
    try:
        with (
            _context(entry, show, host) as folder,
            packed(folder, exclude=left_out(folder, folder / "Dockerfile")) as archive,
        ):
            run_build(
                client,
                show=show,
                host=host,
                fileobj=archive,
                custom_context=True,
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
def _context(entry: Entry, show: Callable[[str], None], host: Host | None) -> Iterator[Path]:
    script = entry.folder / BOOTSTRAP
    if not script.exists():
        yield entry.folder
        return
    with host.work() if host else _temporary() as work:
        folder, temporary = work / entry.folder.name, work / ".tmp"
        temporary.mkdir()
        shutil.copytree(entry.folder, folder)
        show("running bootstrap")
        try:
            run_bootstrap(
                folder / BOOTSTRAP,
                temporary=temporary,
                interrupted=host.interrupted.is_set if host else bool,
            )
        except BootstrapFailed as failure:
            raise BuildFailed(failure.lines) from failure
        yield folder


@contextmanager
def _temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="docker-run-") as folder:
        yield Path(folder)
