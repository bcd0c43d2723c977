"""The data from reading a page: one value per document, which Sphinx keeps in its environment."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, overload

from docker_run.model import Finding, Location, Place, Session, Step, TerminalSize
from docker_run.recordings.key import SCHEME, session_keys
from docker_run.sphinx_ext.front_matter import PagePlace
from docker_run.warning_types import WarningType


class ValueUse(NamedTuple):
    """A place in the text that shows a captured value."""

    name: str
    location: Location
    page: str
    """The docname of the page whose step captures it."""


class IndexedCommand(NamedTuple):
    """An entry of an index of commands."""

    name: str
    """The name at the start of a command: `chroot`, `docker image ls`."""
    location: Location
    pages: str
    """A glob of the docnames of the pages to list."""


class KnownKeys(NamedTuple):
    """The cached keys of a page's steps, valid until the page is read again or their other inputs change."""

    keys: tuple[str, ...]
    inputs: tuple[object, ...]
    """The other inputs."""


class Steps(Sequence[Step]):
    """The steps of a page, which are unpickled on first use.

    Sphinx loads its environment in every build, and most builds need no steps of unchanged pages.
    """

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self._steps = list(steps)
        self._packed = b""
        self._count = len(self._steps)

    def append(self, step: Step) -> None:
        """Add `step`."""
        self._unpacked().append(step)
        self._count += 1

    def _unpacked(self) -> list[Step]:
        packed = self._packed  # read only once: another thread may unpack them concurrently
        if packed:
            # As trustworthy as the page that contains these bytes, which Sphinx has unpickled.
            self._steps, self._packed = pickle.loads(packed), b""  # noqa: S301
        return self._steps

    @overload
    def __getitem__(self, index: int) -> Step: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Step]: ...

    def __getitem__(self, index: int | slice) -> Step | Sequence[Step]:
        return self._unpacked()[index]

    def __iter__(self) -> Iterator[Step]:
        return iter(self._unpacked())

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __getstate__(self) -> tuple[bytes, int]:
        return self._packed or pickle.dumps(self._steps, pickle.HIGHEST_PROTOCOL), self._count

    def __setstate__(self, state: tuple[bytes, int]) -> None:
        self._steps = []
        self._packed, self._count = state


@dataclass
class PageData:
    """The data from reading a page. The directives add to it; it does not change after all pages are read.

    Without slots, for fast unpickling: with slots, Python code sets each field.
    """

    place: PagePlace | None = None
    """Where the page runs; None before its front matter is read, and if that names an unknown place."""
    has_unknown_place: bool = False
    """Whether the front matter names an unknown kind of lab or runner."""
    steps: Steps = field(default_factory=Steps)
    """The steps, in order."""
    anchors: dict[int, str] = field(default_factory=dict)
    """The IDs of the blocks that a reader sees, by the index of the step."""
    uses: list[ValueUse] = field(default_factory=list)
    """The uses of captured values."""
    indexed: dict[str, IndexedCommand] = field(default_factory=dict)
    """The entries of its indexes of commands, by name."""
    names: dict[str, list[Location]] = field(default_factory=dict)
    """The locations of the blocks of each name, in order."""
    values: dict[str, list[Location]] = field(default_factory=dict)
    """The locations of the captures of each name, in order."""
    problems: list[Finding] = field(default_factory=list)
    """Problems of its directives; a page with problems is not run."""
    shows_all_pages: bool = False
    """Whether it shows data of all other pages: a report of the whole build, or an index."""

    def note_step(self, step: Step) -> int:
        """Add `step`; return its index."""
        self.steps.append(step)
        for capture in step.captures:
            self.values.setdefault(capture.name, []).append(step.location)
        return len(self.steps) - 1

    def note_name(self, name: str, location: Location) -> bool:
        """Note the name of a block; return whether it is the first block of that name."""
        locations = self.names.setdefault(name, [])
        locations.append(location)
        return len(locations) == 1

    def has_image(self, name: str) -> bool:
        """Return whether the page itself has an image `name`, without a tag.

        That is an image in its front matter, or one that an earlier command names: `-t NAME`.
        """
        place = self.place
        if name in {image.partition(":")[0] for image in (place.images if place else ())}:
            return True
        given = re.compile(rf"(?:\s(?:-t|--tag)[ =]|\stag \S{{1,200}}+ )['\"]?{re.escape(name)}(?![\w./-])")
        return any(given.search(command.text) for step in self.steps for command in step.commands)

    def session(
        self,
        docname: str,
        *,
        place: Place,
        terminal: TerminalSize,
        contexts: Mapping[str, str],
        known: MutableMapping[str, KnownKeys],
    ) -> Session:
        """Return the session of the page, which has to have steps, on its `place`.

        `terminal` is the default size; `contexts` are those of the catalogue's images. `known` is a cache of
        pages' keys, which is updated.
        """
        _, images, own_terminal = self.place or PagePlace()
        terminal = own_terminal or terminal
        on_machines = place.traits.machines or place.traits.files
        inputs = (SCHEME, place.name, place.definition, on_machines, terminal, images, contexts)
        if docname not in known or known[docname].inputs != inputs:
            keys = session_keys(self.steps, place=place, terminal=terminal, images=images, contexts=contexts)
            known[docname] = KnownKeys(keys, inputs)
        return Session(
            page=docname,
            steps=self.steps,
            keys=known[docname].keys,
            place=place,
            terminal=terminal,
            images=images,
        )

    def duplicate_values(self) -> Iterator[Finding]:
        """Yield findings for duplicate names of captured values."""
        seen: dict[str, Location] = {}
        for name, locations in self.values.items():
            for location in locations:
                yield from duplicate(seen, name, location, "value")


def duplicate(seen: dict[str, Location], name: str, location: Location, what: str) -> Iterator[Finding]:
    """Yield a finding if `name` has been `seen` before; else add it."""
    first = seen.setdefault(name, location)
    if first is not location:
        yield Finding(
            location,
            WarningType.DUPLICATE_NAME,
            f"there is a {what} with the name `{name}` already, at {first.path}:{first.line}: "
            "give one of them another name",
        )
