"""What reading one page gives: a value for each document, which Sphinx keeps in its environment."""

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
    """As it stands at the start of a command: `chroot`, `docker image ls`."""
    location: Location
    pages: str
    """Which pages count: a pattern of docnames, as of a shell."""


class KnownKeys(NamedTuple):
    """The keys of a page's steps: true until it is read again, or what else they are made of is another."""

    keys: tuple[str, ...]
    made_of: tuple[object, ...]


class Steps(Sequence[Step]):
    """The steps of a page. Unpickled, they stay packed until one is asked for.

    Sphinx reads its environment in every build, and of pages that have not changed nobody asks.
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
        if self._packed:
            # Sphinx has unpickled the page that these bytes are a part of.
            self._steps, self._packed = pickle.loads(self._packed), b""  # noqa: S301
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
    """What reading a page gives. The directives add to it; when all pages are read, it stays as it is.

    Without slots: of a value that has some, each field is set by Python code when it is unpickled.
    """

    place: PagePlace | None = None
    """Where the page runs; None before its front matter is read, and where that names none that there is."""
    has_unknown_place: bool = False
    """Whether the front matter names a kind of lab or runner that there isn't."""
    steps: Steps = field(default_factory=Steps)
    """In their order on the page."""
    anchors: dict[int, str] = field(default_factory=dict)
    """The ids of the blocks that a reader sees, by the index of the step."""
    uses: list[ValueUse] = field(default_factory=list)
    """Where captured values are shown."""
    indexed: dict[str, IndexedCommand] = field(default_factory=dict)
    """The entries of its indexes of commands, by name."""
    names: dict[str, list[Location]] = field(default_factory=dict)
    """Where the blocks of each name are, in their order."""
    values: dict[str, list[Location]] = field(default_factory=dict)
    """Where values of each name are captured, in their order."""
    problems: list[Finding] = field(default_factory=list)
    """What is wrong with the text of its directives; a page that has some is not run."""
    shows_all_pages: bool = False
    """Whether it shows something of all other pages: a report of the whole build, or an index."""

    def note_step(self, step: Step) -> int:
        """Add `step`; returns its index."""
        self.steps.append(step)
        for capture in step.captures:
            self.values.setdefault(capture.name, []).append(step.location)
        return len(self.steps) - 1

    def note_name(self, name: str, location: Location) -> bool:
        """Keep that a block is called `name`; tell whether it is the first one."""
        locations = self.names.setdefault(name, [])
        locations.append(location)
        return len(locations) == 1

    def has_image(self, name: str) -> bool:
        """Tell whether the page has an image called `name`, without a tag, from one of its own lines.

        That is one which its front matter lists, or to which a command so far gives the name: `-t NAME`.
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
        """Return the session of the page, which has steps, on `place`, which it names.

        `terminal` is the size for pages that don't say, `contexts` are those of the catalogue's images.
        `known` has the keys of pages, and is kept up to date.
        """
        _, images, own_terminal = self.place or PagePlace()
        terminal = own_terminal or terminal
        on_machines = place.traits.machines or place.traits.files
        made_of = (SCHEME, place.name, place.definition, on_machines, terminal, images, contexts)
        if docname not in known or known[docname].made_of != made_of:
            keys = session_keys(self.steps, place=place, terminal=terminal, images=images, contexts=contexts)
            known[docname] = KnownKeys(keys, made_of)
        return Session(
            page=docname,
            steps=self.steps,
            keys=known[docname].keys,
            place=place,
            terminal=terminal,
            images=images,
        )

    def duplicate_values(self) -> Iterator[Finding]:
        """Find the names that two captured values have in common."""
        seen: dict[str, Location] = {}
        for name, locations in self.values.items():
            for location in locations:
                yield from duplicate(seen, name, location, "value")


def duplicate(seen: dict[str, Location], name: str, location: Location, what: str) -> Iterator[Finding]:
    """Find that `name` has been `seen` before; where it has not, it is from now on."""
    first = seen.setdefault(name, location)
    if first is not location:
        yield Finding(
            location,
            WarningType.DUPLICATE_NAME,
            f"there is a {what} with the name `{name}` already, at {first.path}:{first.line}: "
            "give one of them another name",
        )
