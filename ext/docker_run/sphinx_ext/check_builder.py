"""The builder `docker-check`: runs everything, writes nothing, and fails if an output has drifted."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders import Builder

from docker_run.sphinx_ext.reporting.log import get_logger

logger = get_logger(__name__)


class DockerCheckBuilder(Builder):
    """Compares the current output of all commands with the recordings.

    The comparison itself is done where all sessions are run (`docker_run.sphinx_ext.build`).
    """

    name = "docker-check"
    format = ""
    # Shown if there were no warnings.
    epilog = "The outputs are what the pages and their recordings say."
    allow_parallel = True

    def get_outdated_docs(self) -> Iterator[str]:
        """Return nothing: no page is written."""
        return iter(())

    def get_target_uri(self, docname: str, typ: str | None = None) -> str:  # noqa: ARG002
        """Return an empty URI: there are no pages to link to."""
        return ""

    def prepare_writing(self, docnames: AbstractSet[str]) -> None:
        """Prepare nothing."""

    def write_doc(self, docname: str, doctree: nodes.document) -> None:
        """Write nothing."""


def register(app: Sphinx) -> None:
    """Register the builder with Sphinx."""
    app.add_builder(DockerCheckBuilder)
