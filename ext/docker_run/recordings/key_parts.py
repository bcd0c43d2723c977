"""What a page's keys are made of, part by part: so that a build can say which one has changed.

A key says that something has. The digests of its parts are kept beside Sphinx's caches when a page is
recorded, and read only where a key is no longer that of the recording.
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
"""How much of a digest is kept: it only helps to say why something else was found to have changed."""
_LARGEST = 4 * 1024**2


class PartKind(StrEnum):
    """What a part is."""

    # Of the page as a whole.
    PLACE = "place"
    """The name of where it runs."""
    DEFINITION = "definition"
    """What identifies the machine."""
    TERMINAL = "terminal"
    IMAGES = "images"
    """Those that its labs begin with."""

    # Of a step.
    COMMAND = "command"
    TYPED = "typed"
    """What is typed into a command."""
    FILE = "file"
    """A file that a command's line names."""
    MACHINE = "machine"
    """The name of the lab on which the step is."""
    MACHINE_FILE = "machine-file"
    """What it puts there."""

    # Of either.
    CONTEXT = "context"
    """The build context of an image that is named there."""


class Part(NamedTuple):
    """A part of what decides what a page prints."""

    kind: PartKind
    of: str = ""
    """Which one of its kind: the number of a command, the name of a file or an image."""


Parts = Mapping[Part, str]
"""The digest of each part."""


class KeyParts(NamedTuple):
    """The parts of a session's keys."""

    page: Parts
    """Of the page as a whole."""
    steps: tuple[Parts, ...]
    """Of each step."""


def key_parts(session: Session, contexts: Mapping[str, str]) -> KeyParts:
    """Take apart what the keys of `session` are made of; `contexts` are those that they were made with."""
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
    """Remembers the parts of the keys of each page's recording.

    It is a cache, a file for each page: what is missing or damaged is not remembered.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def save(self, page: str, key: str, parts: KeyParts) -> None:
        """Remember the parts of `key`, with which the page has been recorded."""
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
        """Forget all pages but `pages`: the others are gone."""
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
    """Read what `_as_json` has made. Raises `ValueError` and `TypeError`."""
    return dict(_pairs(found))


def _pairs(found: Collection[tuple[str, str, str]]) -> Iterator[tuple[Part, str]]:
    for kind, of, value in found:
        yield Part(PartKind(kind), str(of)), str(value)
