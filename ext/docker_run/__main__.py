"""`python -m docker_run`: tasks on an engine outside of a build, for Makefiles and authors."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from docker_run.engine.connection.discovery import find
from docker_run.engine.private.private_engine import PrivateEngine
from docker_run.engine.settings import ImagesFrom
from docker_run.errors import EngineProblem, ImageProblem
from docker_run.system import processes
from docker_run.system.signals import termination_as_interrupt
from docker_run.terminal.visible import visible

_INTERRUPTED = 130
"""The exit status of a program that was ended by Ctrl-C, as in shells."""
_BUILD = "build an image whose Dockerfile begins from images of a catalogue (ARG BASE=…, FROM ${BASE})"


class _Lines:
    """Reports progress as lines on standard error."""

    def note(self, message: str) -> None:
        print(visible(message), file=sys.stderr)  # noqa: T201 - a command line program

    def image(self, name: str, status: str) -> None:
        self.note(f"{name}: {status}")

    def command(self, page: str, text: str) -> None:
        self.note(f"{page}: $ {text}")


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the subcommand; return the exit status."""
    options = _parser(environ).parse_args(arguments)
    try:
        with termination_as_interrupt():
            return _act(options, environ)
    except KeyboardInterrupt:
        _Lines().note("docker_run: interrupted")
        return _INTERRUPTED
    except (EngineProblem, ImageProblem) as problem:
        _Lines().note(f"docker_run: {problem}")
        return 1


def _act(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    if options.action == "clean":
        return _clean(options.engine, environ)
    if options.action == "images":
        return _images(options, environ)
    if options.action == "lock":
        return _lock(options.engine, environ, catalogue=options.catalogue, names=options.names)
    if options.action == "build":
        return _build(options, environ)
    if options.action == "convert":
        return _convert(options.recordings)
    return _run(options.engine, environ, command=options.command, optional=options.optional)


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m docker_run", description="Things to do with the engine.")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--engine",
        metavar="SETTING",
        default=environ.get("ENGINE") or "auto",
        help="auto, none, or the URL of an engine (default: %(default)s)",
    )
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("clean", parents=[common], help="remove what builds left behind on the engine")
    of_images = "show the images of a catalogue; get and build those that are missing"
    _add_images(actions.add_parser("images", parents=[common], help=of_images))
    lock = actions.add_parser(
        "lock",
        parents=[common],
        help="ask registries what the names of images mean today, and write that into CATALOGUE/lock.toml",
    )
    lock.add_argument("catalogue", type=Path, metavar="CATALOGUE", help="the directory, e.g. docs/images")
    lock.add_argument(
        "names",
        nargs="*",
        metavar="IMAGE",
        help="only these (default: those of the catalogue and of the lock file)",
    )
    _add_build(actions.add_parser("build", parents=[common], help=_BUILD, description=_BUILD))
    convert = actions.add_parser(
        "convert", help="write recordings of earlier formats in today's; needs no engine"
    )
    convert.add_argument(
        "recordings", type=Path, metavar="RECORDINGS", help="the directory, e.g. docs/recordings"
    )
    run = actions.add_parser(
        "engine", parents=[common], help="run a command with DOCKER_HOST set to an engine, started if need be"
    )
    run.add_argument(
        "--optional", action="store_true", help="without an engine, run the command all the same"
    )
    run.add_argument("command", nargs="+", metavar="COMMAND")
    return parser


def _add_images(images: argparse.ArgumentParser) -> None:
    images.add_argument("catalogue", type=Path, metavar="CATALOGUE", help="the directory, e.g. docs/images")
    images.add_argument("--rebuild", action="store_true", help="rebuild what was built here before")
    images.add_argument(
        "--from",
        dest="images_from",
        choices=list(ImagesFrom),
        default=ImagesFrom.AUTO,
        type=ImagesFrom,
        help="where they come from, as `docker_run_images_from` says in conf.py (default: %(default)s)",
    )


def _add_build(build: argparse.ArgumentParser) -> None:
    build.add_argument("directory", type=Path, metavar="DIRECTORY", help="the build context")
    build.add_argument("--tag", required=True, metavar="NAME[:TAG]", help="the name of the image")
    build.add_argument(
        "--file", type=Path, metavar="DOCKERFILE", help="the Dockerfile (default: DIRECTORY/Dockerfile)"
    )
    build.add_argument(
        "--catalogue",
        type=Path,
        metavar="CATALOGUE",
        help="the directory of images, e.g. docs/images, to build what can't be pulled",
    )
    build.add_argument(
        "--output", type=Path, metavar="FILE.tar", help="save the image in a file, as `docker save` does"
    )


def _clean(setting: str, environ: Mapping[str, str]) -> int:
    # Not at the top: the subcommand `engine` does not need Docker's library.
    from docker_run.engine.cleanup.build_directory import BuildDirectories  # noqa: PLC0415
    from docker_run.engine.cleanup.sweep import remove_all  # noqa: PLC0415
    from docker_run.engine.connection.client_pool import Clients  # noqa: PLC0415
    from docker_run.engine.connection.connect import connect  # noqa: PLC0415
    from docker_run.engine.host import Host  # noqa: PLC0415

    directories = BuildDirectories()
    dead = directories.dead()
    if directories.remove(dead):
        _Lines().note("removed temporary files of builds that were killed")
    private = PrivateEngine(may_install=False)
    if setting == "none":
        return 0
    try:
        # Without data, a private engine has nothing to remove, and is not started.
        kept = private.data_root.exists()
        url = find(setting, environ=environ, private=kept, progress=_Lines(), engine=private)
    except EngineProblem as problem:
        _Lines().note(f"nothing to remove on an engine: {problem}")
        return 0 if setting == "auto" else 1
    host = Host(url, clients=Clients(lambda: connect(url, environ=environ)), timeout=60, max_output=0)
    try:
        _Lines().note(f"{url}: {remove_all(host.clients(), directories, say=_Lines().note)}")
        directories.remove(dead, engine=host.identity(), url=url)
    finally:
        host.close()
    return 0


def _images(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    # Not at the top: as for `clean`.
    from docker_run.engine.commands.catalogue_report import catalogue_report  # noqa: PLC0415

    if not options.catalogue.is_dir():
        _Lines().note(f"docker_run: there is no directory {options.catalogue}")
        return 1
    url = find(options.engine, environ=environ, private=True, progress=_Lines())
    table, missing = catalogue_report(
        url,
        options.catalogue,
        environ=environ,
        images_from=options.images_from,
        rebuild=options.rebuild,
        progress=_Lines(),
    )
    print(visible(table))  # noqa: T201 - a command line program
    return 1 if missing else 0


def _lock(setting: str, environ: Mapping[str, str], *, catalogue: Path, names: Sequence[str]) -> int:
    # Not at the top: as for `clean`.
    from docker_run.engine.commands.lock_update import update_lock  # noqa: PLC0415

    if not catalogue.is_dir():
        _Lines().note(f"docker_run: there is no directory {catalogue}")
        return 1
    url = find(setting, environ=environ, private=True, progress=_Lines())
    changes, failed = update_lock(url, catalogue, names, environ=environ, progress=_Lines())
    print(visible(changes))  # noqa: T201 - a command line program
    return 1 if failed else 0


def _build(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    # Not at the top: as for `clean`.
    from docker_run.engine.commands.project_image import ImageSettings, build_image, report  # noqa: PLC0415

    wanted = ImageSettings(
        directory=options.directory,
        dockerfile=options.file or options.directory / "Dockerfile",
        tag=options.tag,
        catalogue=options.catalogue,
        output=options.output,
    )
    wanted.check()
    try:
        url = find(options.engine, environ=environ, private=True, progress=_Lines())
    except EngineProblem as problem:
        reasons = "; ".join(str(problem).splitlines())
        if options.engine.strip() == "none":
            reasons += "; say `auto`, or the URL of one"
        raise EngineProblem(f"an engine is needed to build {wanted.tag}: {reasons}") from problem
    built = build_image(url, wanted, environ=environ, progress=_Lines())
    print(visible(report(built, private=url == PrivateEngine().url)))  # noqa: T201 - a command line program
    return 0


def _convert(recordings: Path) -> int:
    # Not at the top: as for `clean`.
    from docker_run.recordings.store import Store  # noqa: PLC0415

    if not recordings.is_dir():
        _Lines().note(f"docker_run: there is no directory {recordings}")
        return 1
    failed = 0
    for path, problem in Store(recordings).convert():
        failed += bool(problem)
        _Lines().note(problem or f"{path}: converted")
    return 1 if failed else 0


def _run(setting: str, environ: Mapping[str, str], *, command: Sequence[str], optional: bool) -> int:
    changed = dict(environ)
    try:
        changed["DOCKER_HOST"] = find(setting, environ=environ, private=True, progress=_Lines())
    except EngineProblem as problem:
        if not optional:
            raise
        _Lines().note(f"no engine for {Path(command[0]).name}: {problem}")
        # The command must not find an engine by itself that is not to be used.
        changed["ENGINE"] = "none"
        changed.pop("DOCKER_HOST", None)
    try:
        # This process stays until the whole command has ended: a private engine ends with it.
        return processes.run(command, changed)
    except OSError as error:
        _Lines().note(f"docker_run: {command[0]}: {error.strerror}")
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
