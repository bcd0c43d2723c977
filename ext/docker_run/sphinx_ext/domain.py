"""What the pages ask for, kept from build to build: a Sphinx domain."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

from sphinx.domains import Domain
from sphinx.util.nodes import make_refnode

from docker_run.model import Finding, Location, Session, Step, TerminalSize
from docker_run.recordings.key import session_keys
from docker_run.shell.invocations import calls
from docker_run.sphinx_ext.config import Settings
from docker_run.sphinx_ext.front_matter import Definitions, PagePlace
from docker_run.warning_types import WarningType
from docker_run.workflow.page import Examined, Pages, PageState

if TYPE_CHECKING:
    from docutils import nodes
    from docutils.nodes import Element
    from sphinx.addnodes import pending_xref
    from sphinx.builders import Builder
    from sphinx.environment import BuildEnvironment


PER_PAGE = ("places", "steps", "anchors", "uses", "indexed", "names", "problems", "reports", "examined")
"""The kinds of data that reading a page gives."""


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


class DockerRunDomain(Domain):
    """Holds the steps of each page, in order, and where their values are used."""

    name = "docker-run"
    label = "docker-run"
    data_version = 6
    initial_data: ClassVar[dict[str, dict[str, object]]] = {
        # docname → PagePlace, None where the page names a kind of lab that there isn't
        "places": {},
        # docname → list[Step]
        "steps": {},
        # docname → {index of a step: id of the block that shows it}
        "anchors": {},
        # docname → {name of a command: IndexedCommand}
        "indexed": {},
        # docname → list[ValueUse]
        "uses": {},
        # docname → {name of a block: list[Location], in their order}
        "names": {},
        # docname → list[Finding]: what is wrong with the text of its directives
        "problems": {},
        # docname → True: pages with a report of the whole build, or an index
        "reports": {},
        # docname → Examined: pages with whose recording nothing was wrong
        "examined": {},
        # name of a builder → {docname: fingerprint of the recording that its page shows}
        "shown": {},
    }

    definitions = Definitions({})
    """Those of this build. Not among the data, which are kept: folders of labs change between builds."""

    states: Mapping[str, PageState] = MappingProxyType({})
    """What this build has found of each page, by docname. Not among the data, either."""

    pages: Pages | None = None
    """Where this build finds what its pages show. Not among the data, either."""

    @cached_property
    def settings(self) -> Settings:
        """The values of `conf.py`, checked once."""
        return Settings.of(self.env.config)

    @classmethod
    def of(cls, env: BuildEnvironment) -> DockerRunDomain:
        """Return the domain of `env`."""
        return cast("DockerRunDomain", env.get_domain(cls.name))

    @property
    def places(self) -> dict[str, PagePlace | None]:
        """Where each page runs, by docname; None for one that names a kind of lab that there isn't."""
        return cast("dict[str, PagePlace | None]", self.data["places"])

    @property
    def steps(self) -> dict[str, list[Step]]:
        """The steps of each page, by docname."""
        return cast("dict[str, list[Step]]", self.data["steps"])

    @property
    def uses(self) -> dict[str, list[ValueUse]]:
        """The places that show values, by docname."""
        return cast("dict[str, list[ValueUse]]", self.data["uses"])

    @property
    def anchors(self) -> dict[str, dict[int, str]]:
        """The ids of the blocks that a reader sees, by docname and index of the step."""
        return cast("dict[str, dict[int, str]]", self.data["anchors"])

    @property
    def indexed(self) -> dict[str, dict[str, IndexedCommand]]:
        """The entries of indexes of commands, by docname and name."""
        return cast("dict[str, dict[str, IndexedCommand]]", self.data["indexed"])

    @property
    def names(self) -> dict[str, dict[str, list[Location]]]:
        """Where the blocks of each name are, by docname and name."""
        return cast("dict[str, dict[str, list[Location]]]", self.data["names"])

    @property
    def problems(self) -> dict[str, list[Finding]]:
        """What is wrong with the text of directives, by docname; such a page is not run."""
        return cast("dict[str, list[Finding]]", self.data["problems"])

    @property
    def reports(self) -> dict[str, bool]:
        """The pages that show something of all other pages, a report or an index, by docname."""
        return cast("dict[str, bool]", self.data["reports"])

    @property
    def examined(self) -> dict[str, Examined]:
        """What was found of pages that have not been read again since, by docname."""
        return cast("dict[str, Examined]", self.data["examined"])

    def shown(self, builder: str) -> dict[str, str]:
        """Return the fingerprints of the recordings that the pages of `builder` show, by docname."""
        return cast("dict[str, dict[str, str]]", self.data["shown"]).setdefault(builder, {})

    def note_step(self, docname: str, step: Step) -> int:
        """Add `step` to the page; returns its index there."""
        steps = self.steps.setdefault(docname, [])
        steps.append(step)
        return len(steps) - 1

    def note_name(self, docname: str, name: str, location: Location) -> bool:
        """Keep that a block of the page is called `name`; tell whether it is the first one there."""
        locations = self.names.setdefault(docname, {}).setdefault(name, [])
        locations.append(location)
        return len(locations) == 1

    def has_image(self, docname: str, name: str) -> bool:
        """Tell whether the page has an image called `name`, without a tag, from one of its own lines.

        That is one which its front matter lists, or to which a command so far gives the name: `-t NAME`.
        """
        place = self.places.get(docname)
        if name in {image.partition(":")[0] for image in (place.images if place else ())}:
            return True
        given = re.compile(rf"(?:\s(?:-t|--tag)[ =]|\stag \S{{1,200}}+ )['\"]?{re.escape(name)}(?![\w./-])")
        commands = (command for step in self.steps.get(docname, []) for command in step.commands)
        return any(given.search(command.text) for command in commands)

    def session(self, docname: str, *, terminal: TerminalSize) -> Session | None:
        """Return the page's session; None for a page without steps.

        `terminal` is the size for pages that don't say.
        """
        steps = self.steps.get(docname)
        place_of_page = self.places.get(docname)
        if not steps or place_of_page is None:
            return None
        kind, images, own_terminal = place_of_page
        terminal, place = own_terminal or terminal, self.definitions.place(kind)
        return Session(
            page=docname,
            steps=tuple(steps),
            keys=session_keys(
                steps, place=place, terminal=terminal, images=images, contexts=self.definitions.contexts
            ),
            place=place,
            terminal=terminal,
            images=images,
        )

    def called(self, name: str, *, pages: str = "*") -> list[tuple[str, str]]:
        """Return where readers see `name` called: pages, and the id of the first such block on each.

        `pages` is a pattern that docnames have to match, as of a shell.
        """
        found = []
        for docname in sorted(each for each in self.anchors if fnmatchcase(each, pages)):
            steps = self.steps.get(docname, [])
            for number, anchor in sorted(self.anchors[docname].items()):
                lines = (line for each in steps[number].commands for line in (each.text, *each.typed))
                if any(calls(line, name) for line in lines):
                    found.append((docname, anchor))
                    break
        return found

    def sessions(self, *, terminal: TerminalSize) -> tuple[Session, ...]:
        """Return all sessions, sorted by page."""
        found = (self.session(docname, terminal=terminal) for docname in sorted(self.steps))
        return tuple(session for session in found if session is not None)

    def duplicates(self) -> tuple[Finding, ...]:
        """Find the names that two blocks, or two values of one page, have in common."""
        findings: list[Finding] = []
        seen: dict[str, Location] = {}
        for docname in sorted(self.names):
            for name, locations in self.names[docname].items():
                for location in locations:
                    findings += _duplicate(seen, name, location, "block")
        for docname in sorted(self.steps):
            captured: dict[str, Location] = {}
            for step in self.steps[docname]:
                for capture in step.captures:
                    findings += _duplicate(captured, capture.name, step.location, "value")
        return tuple(findings)

    def resolve_xref(  # noqa: PLR0917 (Sphinx's signature)
        self,
        env: BuildEnvironment,  # noqa: ARG002
        fromdocname: str,
        builder: Builder,
        typ: str,  # noqa: ARG002
        target: str,
        node: pending_xref,  # noqa: ARG002
        contnode: Element,
    ) -> nodes.reference:
        """Resolve a link of an index: `docname#id`."""
        docname, _, anchor = target.partition("#")
        return make_refnode(builder, fromdocname, docname, anchor, contnode)

    def resolve_any_xref(  # noqa: PLR0917 (Sphinx's signature)
        self,
        env: BuildEnvironment,  # noqa: ARG002
        fromdocname: str,  # noqa: ARG002
        builder: Builder,  # noqa: ARG002
        target: str,  # noqa: ARG002
        node: pending_xref,  # noqa: ARG002
        contnode: Element,  # noqa: ARG002
    ) -> list[tuple[str, nodes.reference]]:
        """Resolve nothing: named blocks are labels of the standard domain."""
        return []

    def clear_doc(self, docname: str) -> None:
        """Forget the page `docname`, which is read again or is gone."""
        for kind in PER_PAGE:
            self.data[kind].pop(docname, None)

    def merge_domaindata(self, docnames: Collection[str], otherdata: dict[str, object]) -> None:
        """Take over what a parallel worker has read."""
        for kind in PER_PAGE:
            theirs = cast("dict[str, object]", otherdata[kind])
            mine = cast("dict[str, object]", self.data[kind])
            mine.update({docname: theirs[docname] for docname in sorted(docnames) if docname in theirs})


def _duplicate(seen: dict[str, Location], name: str, location: Location, what: str) -> list[Finding]:
    first = seen.setdefault(name, location)
    if first is location:
        return []
    return [
        Finding(
            location,
            WarningType.DUPLICATE_NAME,
            f"there is a {what} with the name `{name}` already, at {first.path}:{first.line}: "
            "give one of them another name",
        )
    ]
