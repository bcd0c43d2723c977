"""Build contexts: what goes into an image that is built here, and what identifies it.

Nothing here asks an engine, or imports Docker's library: what a lab is has to be known also where
pages are shown from recordings alone.

A Dockerfile begins FROM another image of ours through an argument, so that it also builds by itself
where the public image can be had:

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
"""The program in a folder of the catalogue that is run before the build."""

_LATEST = "latest"
_NONE: Mapping[str, str] = MappingProxyType({})
_FROM_ARGUMENT = re.compile(
    r"^[ \t]*FROM(?:[ \t]+--\S+)*[ \t]+\$(?:\{(\w+)\}|(\w+))(?=\s|\Z)", re.IGNORECASE | re.MULTILINE
)


class Base(NamedTuple):
    """An image of ours that another one begins from."""

    argument: str
    """The build argument that says so."""
    default: str
    """Its default: how the Dockerfile calls the image."""
    entry: Entry


class Other(NamedTuple):
    """An image that one of ours begins from and that isn't built with it, e.g. a public one."""

    argument: str
    """The build argument that says so."""
    name: str
    fingerprint: str = ""
    """That of its build context, where the catalogue has one: then it may be built here as well."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An image that is built here."""

    name: str
    folder: Path
    bases: tuple[Base, ...]
    """The images of ours that its Dockerfile begins from."""
    others: tuple[Other, ...] = ()
    """Other images that it begins from in this way."""

    @property
    def origin(self) -> str:
        """Where the image comes from, for readers."""
        # The folder as seen from the project: the catalogue's own two names, not all of the path.
        depth = 2 + len(PurePosixPath(self.name).parts)
        return f"built from {PurePosixPath(*self.folder.resolve().parts[-depth:])}"

    @property
    def reference(self) -> str:
        """The name under which it is built: never the public one, and another for each content.

        It is marked as ours by this name, and not by a label, which its containers would inherit.
        """
        return f"docker-run/{self.name}:{self.fingerprint()[:16]}"

    @property
    def tags(self) -> tuple[str, ...]:
        """The public tags that it truthfully stands for: those in its file `tags`, else `latest`."""
        return _tags(self.folder)

    def fingerprint(self) -> str:
        """Return the SHA-256, in hexadecimal, of all that goes into the image and its bases."""
        digest = hashlib.sha256()
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        for path in sorted(files, key=lambda path: path.relative_to(self.folder).parts):
            relative = path.relative_to(self.folder).as_posix()
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
    """Return the image that `name` is in the catalogue, if it is there and stands for the name's tag.

    Raises `ImageProblem` where Dockerfiles begin from each other in a circle.
    """

    def place(name: str) -> tuple[str, Path] | None:
        found = REFERENCE.fullmatch(name)
        if not found or found["digest"]:
            return None
        folder = catalogue / found["repository"]
        if not (folder / "Dockerfile").is_file() or (found["tag"] or _LATEST) not in _tags(folder):
            return None
        return found["repository"], folder

    return _find(name, place, within=())


def names(catalogue: Path) -> tuple[str, ...]:
    """Return what all images of the catalogue are called: `NAME:TAG`, for each of their tags."""
    # What is found recursively is not behind symbolic links; an image's own folder may be one.
    found = [*catalogue.rglob("Dockerfile"), *catalogue.glob("*/Dockerfile")]
    folders = sorted({path.parent for path in found})
    return tuple(
        f"{folder.relative_to(catalogue).as_posix()}:{tag}" for folder in folders for tag in _tags(folder)
    )


def contexts(catalogue: Path | None) -> dict[str, str]:
    """Return what decides each image of the catalogue, by its name with its tag (`busybox:latest`).

    It is the fingerprint of the image's build context, and the digest that the lock file has for it.
    Left out is what can't be read, or begins from itself: who wants such an image is told so.
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
    """Tell whether a file is a program; Windows doesn't know, and there it is the one that has to be."""
    return path.name == BOOTSTRAP if sys.platform == "win32" else bool(path.stat().st_mode & 0o100)


def _tags(folder: Path) -> tuple[str, ...]:
    try:
        words = (folder / "tags").read_text(encoding="utf-8").split()
    except FileNotFoundError:
        words = []
    return tuple(dict.fromkeys(words)) or (_LATEST,)


def find_lab(kinds: Mapping[str, Path], kind: str, *, contexts: Mapping[str, str] = _NONE) -> Entry:
    """Return the image of a kind of lab; `kinds` are the folders of the project's own kinds, by name.

    The built-in kind is `lab`, also where `kinds` does not name it. A kind begins from another one
    where the default of the argument is its name, and else from a public image, which the catalogue
    may have a build context of: `contexts` are those (see the function of that name).
    Raises `ImageProblem`: an unknown kind, no Dockerfile, a circle.
    """
    folders = {DEFAULT_LAB: LAB_CONTEXT, **kinds}

    def place(name: str) -> tuple[str, Path] | None:
        if name not in folders:
            return None
        if not (folders[name] / "Dockerfile").is_file():
            raise ImageProblem(f"the lab {name!r} has no {folders[name] / 'Dockerfile'}")
        return f"lab-{name}", folders[name]

    entry = _find(kind, place, within=(), contexts=contexts)
    if entry is None:
        raise ImageProblem(
            f"there is no kind of lab {kind!r}; `docker_run_labs` has {', '.join(sorted(folders))}"
        )
    return entry


def lab_definition(kinds: Mapping[str, Path], kind: str, *, contexts: Mapping[str, str] = _NONE) -> str:
    """Return what identifies a kind of lab: the SHA-256 of its build context and of those it begins from.

    See `find_lab`. Raises `ImageProblem` and `OSError`.
    """
    return find_lab(kinds, kind, contexts=contexts).fingerprint()


_Place = Callable[[str], tuple[str, Path] | None]
"""Returns the name and the folder of an image of ours, by how a Dockerfile calls it."""


def _find(
    name: str, place: _Place, *, within: tuple[str, ...], contexts: Mapping[str, str] = _NONE
) -> Entry | None:
    found = place(name)
    if found is None:
        return None
    own, folder = found
    dockerfile = folder / "Dockerfile"
    if own in within:
        raise ImageProblem(
            f"{dockerfile} begins FROM itself, through {' and '.join(within)}; break the circle"
        )
    bases, others = [], []
    for argument, default in base_arguments(dockerfile.read_text(encoding="utf-8")):
        base = _find(default, place, within=(*within, own), contexts=contexts)
        if base is None:
            others.append(Other(argument, default, contexts.get(_tagged(default), "")))
        else:
            bases.append(Base(argument, default, base))
    return Entry(own, folder, tuple(bases), tuple(others))


def _tagged(name: str) -> str:
    """Return the name with its tag, as the engine completes it."""
    found = REFERENCE.fullmatch(name)
    return f"{name}:{_LATEST}" if found and not found["tag"] and not found["digest"] else name


def base_arguments(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Find the arguments that are all of what a FROM line begins from: (name, default).

    Only those before the first FROM can be. See
    https://docs.docker.com/reference/dockerfile/#understand-how-arg-and-from-interact.
    """
    used = {found[1] or found[2] for found in _FROM_ARGUMENT.finditer(dockerfile)}
    for line in dockerfile.splitlines():
        if re.match(r"\s*FROM\s", line, re.IGNORECASE):
            return
        found = re.match(r"\s*ARG\s+(\w+)=[\"']?([^\s\"']+)", line, re.IGNORECASE)
        if found and found[1] in used:
            yield found[1], found[2]
