"""The parts of a page's keys, so that a build can report which of them have changed.

A key only shows that something has changed. The digests of its parts are stored beside Sphinx's caches when
a page is recorded, and read only if a key differs from the recording's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from docker_run.model import Session, Step
from docker_run.recordings.key import contexts_of, digest, texts
from docker_run.system import files

_DIGITS = 12
"""Hexadecimal digits that are stored of a digest. They are enough, since the key itself detects changes."""
_LARGEST = 4 * 1024**2
"""Limit of a file, in bytes."""


class PartKind(StrEnum):
    """The kind of a part."""

    # Of the page as a whole.
    PLACE = "place"
    """The name of the place where it runs."""
    DEFINITION = "definition"
    """The machine's `Place.definition`."""
    TERMINAL = "terminal"
    IMAGES = "images"
    """The images that its labs have from the start."""

    # Of a step.
    COMMAND = "command"
    TYPED = "typed"
    """The typed input of a command."""
    FILE = "file"
    """A file that a command line names."""
    MACHINE = "machine"
    """The name of the step's lab."""
    MACHINE_FILE = "machine-file"
    """The file that the step puts on its lab."""

    # Of either.
    CONTEXT = "context"
    """The build context of an image that the page or the step names."""


class Part(NamedTuple):
    """A part of what decides a page's output."""

    kind: PartKind
    of: str = ""
    """Which one of its kind: the index of a command, the name of a file or an image."""


Parts = Mapping[Part, str]
"""The digest of each part."""


class KeyParts(NamedTuple):
    """The parts of a session's keys."""

    page: Parts
    """The parts of the page as a whole."""
    steps: tuple[Parts, ...]
    """The parts of each step."""


def key_parts(session: Session, contexts: Mapping[str, str]) -> KeyParts:
    """Return the parts of the keys of `session`, which were computed with `contexts`."""
    place, terminal = session.place, session.terminal
    page = {
        Part(PartKind.PLACE): _short(place.name),
        Part(PartKind.DEFINITION): _short(place.definition),
        Part(PartKind.TERMINAL): _short(list(terminal)),
        Part(PartKind.IMAGES): _short(list(session.images)),
        **_of_contexts(contexts_of(session.images, contexts)),
    }
    return KeyParts(page, tuple(_of_step(step, contexts) for step in session.steps))


def _of_step(step: Step, contexts: Mapping[str, str]) -> Parts:
    parts = {Part(PartKind.MACHINE): _short(step.lab), **_of_contexts(contexts_of(texts(step), contexts))}
    for number, command in enumerate(step.commands):
        parts[Part(PartKind.COMMAND, str(number))] = _short(command.text)
        parts[Part(PartKind.TYPED, str(number))] = _short(list(command.typed))
    for name, text in step.files:
        parts[Part(PartKind.FILE, name)] = _short(text)
    if (file := step.file) is not None:
        content = hashlib.sha256(file.data).hexdigest()
        parts[Part(PartKind.MACHINE_FILE, file.path)] = _short([content, file.mode, file.owner])
    return parts


def _of_contexts(contexts: Collection[tuple[str, str]]) -> Parts:
    return {Part(PartKind.CONTEXT, name): _short(identity) for name, identity in contexts}


def _short(value: object) -> str:
    return digest(value)[:_DIGITS]


class KeyPartsCache:
    """The parts of the keys of each page's recording, in one file per page.

    A cache: missing or damaged files are ignored.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def save(self, page: str, key: str, parts: KeyParts) -> None:
        """Store the parts of `key`, with which the page has been recorded."""
        text = json.dumps(
            {"key": key, "page": _as_json(parts.page), "steps": [_as_json(step) for step in parts.steps]},
            separators=(",", ":"),
        )
        with suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True)
            self._path(page).write_text(text, encoding="ascii")

    def load(self, page: str, key: str) -> KeyParts | None:
        """Return the parts of `key`, if the page was last recorded with it."""
        try:
            with files.open_plain(self._path(page), largest=_LARGEST) as file:
                found = json.load(file)
            parts = KeyParts(_parts(found["page"]), tuple(_parts(step) for step in found["steps"]))
            return parts if found["key"] == key else None
        except (OSError, ValueError, TypeError, LookupError, RecursionError):
            return None

    def discard_others(self, pages: Collection[str]) -> None:
        """Delete the files of all pages except `pages`: the others no longer exist."""
        kept = set(map(self._path, pages))
        for path in self._directory.glob("*.json"):
            if path not in kept:
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _path(self, page: str) -> Path:
        return self._directory / f"{hashlib.sha256(page.encode('utf-8', 'surrogatepass')).hexdigest()}.json"


def _as_json(parts: Parts) -> list[tuple[str, str, str]]:
    return [(part.kind.value, part.of, value) for part, value in parts.items()]


def _parts(found: Collection[tuple[str, str, str]]) -> Parts:
    """Return the inverse of `_as_json`. Raises `ValueError` and `TypeError`."""
    return dict(_pairs(found))


def _pairs(found: Collection[tuple[str, str, str]]) -> Iterator[tuple[Part, str]]:
    for kind, of, value in found:
        yield Part(PartKind(kind), str(of)), str(value)
