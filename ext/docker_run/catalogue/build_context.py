"""Build contexts of the catalogue's images and of labs, and their fingerprints.

Nothing here uses an engine or Docker's library: a lab's fingerprint is also needed where pages are
shown from recordings alone.

A Dockerfile refers to another image of the catalogue through an argument of its FROM line, so that it
also builds by itself where the public image is available:

    ARG BASE=debian
    FROM ${BASE}
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

from docker_run.catalogue.lock_file import read_lock
from docker_run.catalogue.reference import REFERENCE
from docker_run.errors import ImageProblem
from docker_run.model import DEFAULT_LAB

LAB_CONTEXT = Path(__file__).parents[1] / "engine" / "labs" / "image"
"""The build context of the lab that comes with the extension: the kind `lab`."""

BOOTSTRAP = "bootstrap"
"""The program in an image's directory that is run before the build."""

_LATEST = "latest"
_NONE: Mapping[str, str] = MappingProxyType({})
_FROM_ARGUMENT = re.compile(
    r"^[ \t]*FROM(?:[ \t]+--\S+)*[ \t]+\$(?:\{(\w+)\}|(\w+))(?=\s|\Z)", re.IGNORECASE | re.MULTILINE
)


class Base(NamedTuple):
    """A base image that is built here, too."""

    argument: str
    """The build argument that names it."""
    default: str
    """The argument's default: the image's name in the Dockerfile."""
    entry: Entry


class ExternalBase(NamedTuple):
    """A base image that is not built along with the image, e.g. a public one."""

    argument: str
    """The build argument that names it."""
    name: str
    fingerprint: str = ""
    """The fingerprint of its build context, if the catalogue has one: it may then be built here as well."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An image that is built here."""

    name: str
    directory: Path
    bases: tuple[Base, ...]
    """The base images that are built here, too."""
    others: tuple[ExternalBase, ...] = ()
    """The other base images that an argument names."""

    @property
    def origin(self) -> str:
        """The image's origin, for readers."""
        # The directory relative to the project: the last two names of the catalogue's path, not all of it.
        depth = 2 + len(PurePosixPath(self.name).parts)
        return f"built from {PurePosixPath(*self.directory.resolve().parts[-depth:])}"

    @property
    def reference(self) -> str:
        """The name under which it is built: never the public one, and different for each content.

        The name marks it as built here; a label would be inherited by its containers.
        """
        return f"docker-run/{self.name}:{self.fingerprint()[:16]}"

    @property
    def tags(self) -> tuple[str, ...]:
        """The public tags that it may truthfully replace: those in its file `tags`, else `latest`."""
        return _tags(self.directory)

    def fingerprint(self) -> str:
        """Return the SHA-256, in hexadecimal, of the build contexts of the image and its bases."""
        digest = hashlib.sha256()
        files = [path for path in self.directory.rglob("*") if path.is_file()]
        for path in sorted(files, key=lambda path: path.relative_to(self.directory).parts):
            relative = path.relative_to(self.directory).as_posix()
            executable = _is_executable(path)
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{relative}\0{executable:d}\0{content}\n".encode())
        for base in self.bases:
            digest.update(f"{base.argument}={base.entry.fingerprint()}\n".encode())
        for other in self.others:
            if other.fingerprint:
                digest.update(f"{other.argument}={other.fingerprint}\n".encode())
        return digest.hexdigest()


def find_entry(catalogue: Path, name: str) -> Entry | None:
    """Return the catalogue's entry for the image `name`; None if it has none for the name's tag.

    Raises `ImageProblem` if base images form a cycle.
    """

    def locate(name: str) -> tuple[str, Path] | None:
        found = REFERENCE.fullmatch(name)
        if not found or found["digest"]:
            return None
        directory = catalogue / found["repository"]
        if not (directory / "Dockerfile").is_file() or (found["tag"] or _LATEST) not in _tags(directory):
            return None
        return found["repository"], directory

    return _find(name, locate, within=())


def names(catalogue: Path) -> tuple[str, ...]:
    """Return the names of all images of the catalogue: `NAME:TAG`, for each of their tags."""
    # `rglob` does not follow symbolic links; an image's own directory may be one.
    found = [*catalogue.rglob("Dockerfile"), *catalogue.glob("*/Dockerfile")]
    directories = sorted({path.parent for path in found})
    return tuple(
        f"{directory.relative_to(catalogue).as_posix()}:{tag}"
        for directory in directories
        for tag in _tags(directory)
    )


def contexts(catalogue: Path | None) -> dict[str, str]:
    """Return what identifies each image of the catalogue, by its name with its tag (`busybox:latest`).

    That is the fingerprint of its build context, and its digest in the lock file. Images that can't be read,
    or whose bases form a cycle, are left out: an error is raised when such an image is used.
    """
    found: dict[str, str] = {}
    with suppress(ImageProblem):
        found |= read_lock(catalogue)
    for name in names(catalogue) if catalogue and catalogue.is_dir() else ():
        with suppress(ImageProblem, OSError, UnicodeDecodeError):
            entry = find_entry(catalogue, name) if catalogue else None
            if entry is not None:
                found[name] = " ".join([entry.fingerprint(), *([found[name]] if name in found else [])])
    return found


def _is_executable(path: Path) -> bool:
    """Return whether a file is executable; on Windows, which has no such bit, only `bootstrap` is."""
    return path.name == BOOTSTRAP if sys.platform == "win32" else bool(path.stat().st_mode & 0o100)


def _tags(directory: Path) -> tuple[str, ...]:
    try:
        words = (directory / "tags").read_text(encoding="utf-8").split()
    except FileNotFoundError:
        words = []
    return tuple(dict.fromkeys(words)) or (_LATEST,)


def find_lab(kinds: Mapping[str, Path], kind: str, *, contexts: Mapping[str, str] = _NONE) -> Entry:
    """Return the image of a kind of lab.

    `kinds` are the directories of the project's own kinds, by name; `lab` is built in. The base of a kind is
    another kind if the argument's default is that one's name, else a public image, for which the catalogue
    may have a build context: `contexts` (see the function of that name).
    Raises `ImageProblem` for an unknown kind, a missing Dockerfile, or a cycle.
    """
    directories = {DEFAULT_LAB: LAB_CONTEXT, **kinds}

    def locate(name: str) -> tuple[str, Path] | None:
        if name not in directories:
            return None
        if not (directories[name] / "Dockerfile").is_file():
            raise ImageProblem(f"the lab {name!r} has no {directories[name] / 'Dockerfile'}")
        return f"lab-{name}", directories[name]

    entry = _find(kind, locate, within=(), contexts=contexts)
    if entry is None:
        raise ImageProblem(
            f"there is no kind of lab {kind!r}; `docker_run_labs` has {', '.join(sorted(directories))}"
        )
    return entry


def lab_definition(kinds: Mapping[str, Path], kind: str, *, contexts: Mapping[str, str] = _NONE) -> str:
    """Return what identifies a kind of lab: the SHA-256 of its build context and those of its bases.

    See `find_lab`. Raises `ImageProblem` and `OSError`.
    """
    return find_lab(kinds, kind, contexts=contexts).fingerprint()


_Locate = Callable[[str], tuple[str, Path] | None]
"""Resolves a name in a Dockerfile to the name and the directory of an image that is built here."""


def _find(
    name: str, locate: _Locate, *, within: tuple[str, ...], contexts: Mapping[str, str] = _NONE
) -> Entry | None:
    found = locate(name)
    if found is None:
        return None
    own, directory = found
    dockerfile = directory / "Dockerfile"
    if own in within:
        raise ImageProblem(
            f"{dockerfile} begins FROM itself, through {' and '.join(within)}; break the circle"
        )
    bases, others = [], []
    for argument, default in base_arguments(dockerfile.read_text(encoding="utf-8")):
        base = _find(default, locate, within=(*within, own), contexts=contexts)
        if base is None:
            others.append(ExternalBase(argument, default, contexts.get(_tagged(default), "")))
        else:
            bases.append(Base(argument, default, base))
    return Entry(own, directory, tuple(bases), tuple(others))


def _tagged(name: str) -> str:
    """Return the name with the tag that the engine adds to it."""
    found = REFERENCE.fullmatch(name)
    return f"{name}:{_LATEST}" if found and not found["tag"] and not found["digest"] else name


def base_arguments(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Yield the arguments, with their defaults, that alone are the image of a FROM line.

    They have to be declared before the first FROM. See
    https://docs.docker.com/reference/dockerfile/#understand-how-arg-and-from-interact.
    """
    used = {found[1] or found[2] for found in _FROM_ARGUMENT.finditer(dockerfile)}
    for line in dockerfile.splitlines():
        if re.match(r"\s*FROM\s", line, re.IGNORECASE):
            return
        found = re.match(r"\s*ARG\s+(\w+)=[\"']?([^\s\"']+)", line, re.IGNORECASE)
        if found and found[1] in used:
            yield found[1], found[2]
