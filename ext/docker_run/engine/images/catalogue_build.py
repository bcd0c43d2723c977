"""Building images of the catalogue (`docs/images/NAME/Dockerfile`) and of labs.

The catalogue's images are built where no registry can be reached.

A directory may have an executable `bootstrap`: it is run in a copy of the directory before the build, to
create files that a Dockerfile can't (e.g. a root file system).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import docker

from docker_run.catalogue.build_context import BOOTSTRAP, Entry
from docker_run.catalogue.dockerfile import ignore_patterns
from docker_run.engine.host import Host
from docker_run.engine.images.bootstrap import BootstrapFailed, run_bootstrap
from docker_run.engine.images.docker_build import BuildFailed, context_archive, run_build
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

    `anew` ignores the engine's build cache. `show` gets the progress. `host` is that of the build of the
    documentation that needs the image.
    Raises `ImageProblem` with the last lines of the build's output, `Interrupted`,
    and what docker-py raises if the engine is gone.
    """
    try:
        with (
            _context(entry, show, host) as directory,
            context_archive(
                directory, exclude=ignore_patterns(directory, directory / "Dockerfile")
            ) as archive,
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
            f"{entry.directory} can't be built; its last lines were:\n{failure}",
            reason=f"the image `{entry.name}` could not be built",
        ) from failure


@contextmanager
def _context(entry: Entry, show: Callable[[str], None], host: Host | None) -> Iterator[Path]:
    script = entry.directory / BOOTSTRAP
    if not script.exists():
        yield entry.directory
        return
    with host.work() if host else _temporary() as work:
        directory, temporary = work / entry.directory.name, work / ".tmp"
        temporary.mkdir()
        shutil.copytree(entry.directory, directory)
        show("running bootstrap")
        try:
            run_bootstrap(
                directory / BOOTSTRAP,
                temporary=temporary,
                interrupted=host.interrupted.is_set if host else bool,
            )
        except BootstrapFailed as failure:
            raise BuildFailed(failure.lines) from failure
        yield directory


@contextmanager
def _temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="docker-run-") as directory:
        yield Path(directory)
