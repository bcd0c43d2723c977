"""The Sphinx domain, which keeps the data of pages between builds."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, cast

from sphinx.domains import Domain
from sphinx.util.nodes import make_refnode

from docker_run.model import Finding, Location
from docker_run.sphinx_ext.build_state import BuildState
from docker_run.sphinx_ext.page_data import KnownKeys, PageData, duplicate
from docker_run.workflow.page import Examination
from docker_run.workflow.runner_registry import RunnerRegistry

if TYPE_CHECKING:
    from docutils import nodes
    from docutils.nodes import Element
    from sphinx.addnodes import pending_xref
    from sphinx.builders import Builder
    from sphinx.environment import BuildEnvironment


class DockerRunDomain(Domain):
    """The data from reading each page, and the results of earlier builds."""

    name = "docker-run"
    label = "docker-run"
    data_version = 9
    initial_data: ClassVar[dict[str, dict[str, object]]] = {
        # docname → PageData
        "pages": {},
        # docname → Examination: pages whose recording was right
        "examined": {},
        # docname → KnownKeys
        "keys": {},
        # name of a builder → {docname: fingerprint of the recording that its page shows}
        "shown": {},
    }

    @classmethod
    def of(cls, env: BuildEnvironment) -> DockerRunDomain:
        """Return the domain of `env`."""
        return cast("DockerRunDomain", env.get_domain(cls.name))

    @cached_property
    def build(self) -> BuildState:
        """The state of this build, which is not part of the pickled data."""
        return BuildState(self.env, page_data=self.pages, examined=self.examined, keys=self.keys)

    def begin_build(self, edited: Collection[str], *, runners: RunnerRegistry) -> None:
        """Begin a new build in this application, which reads the pages `edited`."""
        self.build = BuildState(
            self.env,
            page_data=self.pages,
            examined=self.examined,
            keys=self.keys,
            edited=edited,
            runners=runners,
        )

    @property
    def pages(self) -> dict[str, PageData]:
        """The data of each page, by docname."""
        return cast("dict[str, PageData]", self.data["pages"])

    @property
    def examined(self) -> dict[str, Examination]:
        """The results of examining pages that have not been read again since, by docname."""
        return cast("dict[str, Examination]", self.data["examined"])

    @property
    def keys(self) -> dict[str, KnownKeys]:
        """The keys of pages that have not been read again since, by docname."""
        return cast("dict[str, KnownKeys]", self.data["keys"])

    def page(self, docname: str) -> PageData:
        """Return the data of the page `docname`."""
        return self.pages.setdefault(docname, PageData())

    @property
    def page_being_read(self) -> PageData:
        """The data of the page that is being read."""
        return self.page(self.env.docname)

    def broken_pages(self) -> list[str]:
        """Return the pages with an invalid directive, sorted; they are not run."""
        return sorted(docname for docname, page in self.pages.items() if page.problems)

    def shown(self, builder: str) -> dict[str, str]:
        """Return the fingerprints of what the pages of `builder` show, by docname."""
        return cast("dict[str, dict[str, str]]", self.data["shown"]).setdefault(builder, {})

    def duplicates(self) -> Iterator[tuple[str, Finding]]:
        """Yield (docname, finding) for duplicate names of blocks, and of values of one page."""
        seen: dict[str, Location] = {}
        for docname in sorted(self.pages):
            for name, locations in self.pages[docname].names.items():
                for location in locations:
                    yield from ((docname, each) for each in duplicate(seen, name, location, "block"))
            yield from ((docname, each) for each in self.pages[docname].duplicate_values())

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
        """Remove the data of the page `docname`, which is read again or was removed."""
        self.pages.pop(docname, None)
        self.examined.pop(docname, None)
        self.keys.pop(docname, None)

    def merge_domaindata(self, docnames: Collection[str], otherdata: dict[str, object]) -> None:
        """Merge the data from a parallel worker."""
        theirs = cast("dict[str, PageData]", otherdata["pages"])
        self.pages.update({docname: theirs[docname] for docname in sorted(docnames) if docname in theirs})
