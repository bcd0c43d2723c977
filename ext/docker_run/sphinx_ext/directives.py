"""What authors write: the directives `docker-run` and `docker-report`, and the role `docker-value`.

Reading a page only takes its text apart: no engine, no network, no file is written, so that it is
safe in Sphinx's parallel workers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.directives.code import container_wrapper
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.typing import OptionSpec

from docker_run.errors import DockerRunError, FlagProblem, RefusedFlag
from docker_run.model import Finding, Location, Presentation
from docker_run.parse import OPTIONS, parse_presentation, parse_step
from docker_run.sphinx_ext.config import Settings
from docker_run.sphinx_ext.domain import BlockName, DockerRunDomain, ValueUse
from docker_run.sphinx_ext.nodes import docker_run_block, docker_run_report, docker_run_value

LARGEST_FILE = 1_000_000
"""Bytes that a file which a flag names may have."""


class AnyOption(dict[str, Callable[[str], str]]):
    """Takes every option as text.

    What a name or a value should have been is said by `docker_run.parse`, with a place, and on every
    build; docutils and MyST would leave out an option that they don't know.
    """

    def __contains__(self, name: object) -> bool:
        """Tell that there is such an option, whatever its name."""
        return True

    def __missing__(self, _name: str) -> Callable[[str], str]:
        """Return the converter of an option: none to speak of."""
        return directives.unchanged


class DockerRun(SphinxDirective):
    """Runs a `docker run` command line while the site is built, and shows its real output."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[OptionSpec] = AnyOption(dict.fromkeys(OPTIONS, directives.unchanged))

    def run(self) -> list[nodes.Node]:
        """Note the step, and leave its place in the page."""
        argument = self.arguments[0] if self.arguments else ""
        domain = DockerRunDomain.of(self.env)
        path, line = self.get_source_info()
        location = Location(path, line)
        presentation, step = Presentation(), -1
        try:
            presentation = parse_presentation(self.options)
            parsed = parse_step(
                argument,
                self.options,
                list(self.content),
                location=location,
                allow=Settings.of(self.config).allow,
                read=self._read,
            )
            step = domain.note_step(self.env.docname, parsed)
        except DockerRunError as error:
            finding = Finding(location, error.subtype, str(error))
            domain.problems.setdefault(self.env.docname, []).append(finding)
        if presentation.hidden:
            return []
        block = docker_run_block(
            docname=self.env.docname,
            step=step,
            command=f"docker run {argument}".strip(),
            presentation=presentation,
        )
        block.source, block.line = location
        return [self._framed(block, presentation, location)]

    def _framed(
        self, block: docker_run_block, presentation: Presentation, location: Location
    ) -> nodes.Element:
        """Put the block under its caption, and make its name a target."""
        framed: nodes.Element = block
        if presentation.caption:
            framed = container_wrapper(self, block, presentation.caption)
        if presentation.name:
            names = DockerRunDomain.of(self.env).names.setdefault(self.env.docname, [])
            is_new = presentation.name not in {known.name for known in names}
            names.append(BlockName(presentation.name, location))
            # A second block of this name gets no target: the finding about it says more than docutils.
            if is_new:
                self.add_name(framed)
        return framed

    def _read(self, name: str) -> str:
        """Return the text of a file that a flag names: one of the project's own, and of a decent size."""
        path = Path(self.env.doc2path(self.env.docname)).parent / name
        if not path.resolve().is_relative_to(Path(self.env.srcdir).resolve()):
            raise RefusedFlag(
                f"{name} is not below the folder of the pages, and its text could end up on a page: "
                "copy what the page needs into a file beside it"
            )
        self.env.note_dependency(path)
        if path.exists() and not path.is_file():
            raise FlagProblem(f"{name} is not a regular file")
        if path.exists() and path.stat().st_size > LARGEST_FILE:
            raise FlagProblem(f"{name} is larger than {LARGEST_FILE:,} bytes")
        return path.read_text(encoding="utf-8")


class DockerReport(SphinxDirective):
    """Shows what was run, where and when: for all pages, or for this one with the argument `page`."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Leave the report's place in the page."""
        domain = DockerRunDomain.of(self.env)
        scope = self.arguments[0] if self.arguments else ""
        if scope not in {"", "page"}:
            location = Location(*self.get_source_info())
            domain.problems.setdefault(self.env.docname, []).append(
                Finding(location, "option", f"`docker-report {scope}`: the only argument is `page`")
            )
            return []
        if not scope:
            domain.reports[self.env.docname] = True
        return [docker_run_report(docname=self.env.docname, whole=not scope)]


class DockerValue(SphinxRole):
    """Puts a value into a sentence that a step of the same page captured."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Note the use, and leave its place in the text."""
        domain = DockerRunDomain.of(self.env)
        path, line = self.get_source_info()
        use = ValueUse(self.text.strip(), Location(path, line))
        domain.uses.setdefault(self.env.docname, []).append(use)
        return [docker_run_value(docname=self.env.docname, value=use.name)], []


def register(app: Sphinx) -> None:
    """Add all directives and roles to Sphinx."""
    app.add_directive("docker-run", DockerRun)
    app.add_directive("docker-report", DockerReport)
    app.add_role("docker-value", DockerValue())
