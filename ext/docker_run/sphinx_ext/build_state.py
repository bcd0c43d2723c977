"""The state of one build, which is not pickled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from docker_run.build_result import Tally
from docker_run.model import Session
from docker_run.recordings.failed_runs import FailedRuns
from docker_run.recordings.key_parts import KeyPartsCache
from docker_run.recordings.run_cache import RunCache
from docker_run.recordings.store import Store
from docker_run.sphinx_ext.config.config_settings import Settings
from docker_run.sphinx_ext.page_data import KnownKeys, PageData
from docker_run.sphinx_ext.reporting.progress import LoggedProgress
from docker_run.workflow.page import Examination, Pages, PageState, ShownPages
from docker_run.workflow.rerun_reasons import Changes
from docker_run.workflow.runner_registry import RunnerRegistry
from docker_run.workflow.stores import Stores

if TYPE_CHECKING:
    from sphinx.environment import BuildEnvironment


class BuildState:
    """The state of one build, apart from what Sphinx keeps for the next one.

    The domain of each Sphinx application has one, and gets a new one when the next build begins. Workers that
    read pages are forked with it before pages are read, workers that write them when it is complete.
    """

    def __init__(
        self,
        env: BuildEnvironment,
        *,
        page_data: Mapping[str, PageData],
        examined: MutableMapping[str, Examination],
        keys: MutableMapping[str, KnownKeys],
        edited: Collection[str] = (),
        runners: RunnerRegistry | None = None,
    ) -> None:
        """`edited` are the pages that are read in this build, `runners` those of the project."""
        self._page_data = page_data
        self._examined = examined
        self._keys = keys
        self.edited = frozenset(edited)
        self.runners = runners or RunnerRegistry()
        self.srcdir = Path(env.srcdir)
        self.doctreedir = Path(env.doctreedir)
        self.settings = Settings.of(env.config)
        self.recordings = Store(self.srcdir / self.settings.recordings)
        self.failed = FailedRuns(self.doctreedir / "docker_run.failed")
        self.progress = LoggedProgress(log=self.doctreedir / "docker_run.log")
        self.page_states: dict[str, PageState] = {}
        """The state of each page by its docname, once its session has gone through the workflow."""
        self.tally: Tally | None = None
        """The totals of the build, once it has run."""

    @cached_property
    def contexts(self) -> Mapping[str, str]:
        """The fingerprints of the catalogue's images (`build_context.contexts`)."""
        if (catalogue := self.settings.catalogue(self.srcdir)) is None:
            return {}
        from docker_run.catalogue.build_context import contexts  # noqa: PLC0415 (few projects have one)

        return contexts(catalogue)

    def _session(self, docname: str) -> Session | None:
        page = self._page_data[docname]
        if not page.steps or page.place is None:
            return None
        return page.session(
            docname,
            place=self.runners.place(page.place.name),
            terminal=self.settings.terminal,
            contexts=self.contexts,
            known=self._keys,
        )

    @cached_property
    def sessions(self) -> Mapping[str, Session]:
        """The session of each page that has one, by docname, sorted. Available when all pages are read."""
        found = {docname: self._session(docname) for docname in sorted(self._page_data)}
        return {docname: session for docname, session in found.items() if session is not None}

    @cached_property
    def stores(self) -> Stores:
        """The stores of the project."""
        return Stores(
            recordings=self.recordings,
            failed=self.failed,
            memory=RunCache(self.doctreedir / "docker_run.jsonl"),
            parts=KeyPartsCache(self.doctreedir / "docker_run.parts"),
        )

    @cached_property
    def pages(self) -> Pages:
        """The loader of this build's pages."""
        return Pages(self.recordings, self.failed, examined=self._examined, on_defect=self.progress.defect)

    @cached_property
    def changes(self) -> Changes:
        """Describes what has changed on pages since they were recorded."""
        return Changes(self.pages, self.stores.parts, self.contexts)

    @cached_property
    def shown(self) -> ShownPages:
        """The pages as this build shows them."""
        return ShownPages(self.sessions, self.page_states, self._page_data, self.pages)
