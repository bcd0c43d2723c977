"""The directives `docker-run`, `docker-file`, `docker-report`, `docker-index`, and the role `docker-value`.

Reading a page only parses its text: without an engine, network access or writes, so it is safe in Sphinx's
parallel workers.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.directives.code import container_wrapper
from sphinx.environment import BuildEnvironment
from sphinx.util import docname_join
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.typing import OptionSpec

from docker_run import authoring
from docker_run.errors import DockerRunError, FlagProblem, OptionProblem, RefusedFlag, shortened
from docker_run.model import DEFAULT_LAB, Finding, Location, RunnerTraits
from docker_run.sphinx_ext.domain import DockerRunDomain
from docker_run.sphinx_ext.front_matter import PagePlace, place_of_page
from docker_run.sphinx_ext.page_data import IndexedCommand, ValueUse
from docker_run.sphinx_ext.rendering.file_blocks import shown_file
from docker_run.sphinx_ext.rendering.nodes import (
    docker_run_block,
    docker_run_calls,
    docker_run_collapse,
    docker_run_report,
    docker_run_value,
)
from docker_run.system.files import bounded, contents, open_plain
from docker_run.terminal import markup
from docker_run.warning_types import WarningType

LARGEST_FILE = 1_000_000
"""Limit of a file that a flag names, in bytes."""


_ANYTHING = RunnerTraits(console=True, machines=True, files=True, images=True)
"""The traits for a page with an unknown place, which should have no further findings."""

_COPY = "copy what the page needs into a file beside it"
_NO_SUCH_FILES = {
    errno.EISDIR: "is a directory: name the file in it",
    errno.EINVAL: "is not a regular file, but a pipe, a device or the like",
    errno.EFBIG: "is larger than {:,} bytes",
}
"""The messages for files that `open_plain` refuses, by errno."""


class AnyOption(dict[str, Callable[[str], str]]):
    """An option spec that accepts every option as text.

    `docker_run.authoring` reports invalid names and values, with a location, and on every build; docutils and
    MyST would drop an unknown option.
    """

    def __bool__(self) -> bool:
        """Return True: the directive has options."""
        return True

    def __contains__(self, name: object) -> bool:
        """Return True: every name is accepted."""
        return True

    def __missing__(self, _name: str) -> Callable[[str], str]:
        """Return the converter of an option, which returns the text unchanged."""
        return directives.unchanged


class DockerRunDirective(SphinxDirective):
    """Base class of our directives with a body: locations, and reporting of problems."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    @property
    def argument(self) -> str:
        """The text on the directive's own line."""
        return self.arguments[0] if self.arguments else ""

    @property
    def location(self) -> Location:
        """The location of the directive."""
        return Location(*self.get_source_info())

    def note_problems(self, *problems: Finding) -> None:
        """Note problems of the page, which is then not run."""
        if problems:
            DockerRunDomain.of(self.env).page_being_read.problems.extend(problems)

    def note_error(self, error: DockerRunError) -> None:
        """Note a problem of this directive, at the line of its body, if that is known."""
        location = self.location
        if isinstance(error, authoring.line_problem.LineProblem):
            location = location._replace(line=self.line_of_body(error.line))
        self.note_problems(Finding(location, error.subtype, shortened(str(error))))

    def line_of_body(self, number: int) -> int:
        """Return the line of the page at which line `number` of the body is."""
        _, first = self.content.items[0]
        if first == 0:  # MyST counts within the directive; in rST, a body can't begin at line 0
            return self.lineno + self.content_offset + number
        _, before = self.content.items[number - 1]
        return int(before or 0) + 1


class StepDirective(DockerRunDirective):
    """A directive that adds a step to its page."""

    def page_place(self) -> PagePlace | None:
        """Return the place of the page; None if its front matter names an unknown one."""
        return _noted_place(self.env, self.state.document)

    def name_target(self, node: nodes.Element, name: str) -> None:
        """Make the block's name, if it has one, a link target."""
        if not name:
            return
        is_new = DockerRunDomain.of(self.env).page_being_read.note_name(name, self.location)
        # A second block of this name gets no target: our finding about it says more than docutils' warning.
        if is_new:
            self.add_name(node)

    def read_own(
        self, name: str, *, refused: type[DockerRunError], bad: type[DockerRunError], largest: int
    ) -> bytes:
        """Return the content of a file of the project, relative to the page, of at most `largest` bytes.

        Symbolic links are followed, and their targets checked. Hidden files are refused, as in Sphinx's own
        `html_static_path`.

        Raises `OSError`, or an error of the class `refused` or `bad`.
        """
        path = Path(self.env.doc2path(self.env.docname)).parent / name
        # Also for a file that is refused: the page is read again when the file is replaced.
        self.env.note_dependency(path)
        try:
            real, root = path.resolve(), Path(self.env.srcdir).resolve()
        except (ValueError, RuntimeError) as error:  # a NUL in the name; a cycle of links
            raise bad(f"{name!r} can't be the name of a file: {error}") from None
        if not real.is_relative_to(root):
            raise refused(
                f"{name} is outside the directory of the pages, and its text could end up on a page: {_COPY}"
            )
        if any(part.startswith(".") for part in real.relative_to(root).parts):
            raise refused(
                f"{name} is hidden, or in a hidden directory (`.git/config` and `.env` hold secrets), "
                f"and its text could end up on a page: {_COPY}"
            )
        try:
            with open_plain(real, largest=largest) as file:
                return b"".join(bounded(contents(file), largest=largest))
        except OSError as error:
            if error.errno not in _NO_SUCH_FILES:
                raise
            raise bad(f"{name} {_NO_SUCH_FILES[error.errno].format(largest)}") from None


class DockerRun(StepDirective):
    """Runs commands while the site is built, and shows their real output."""

    option_spec: ClassVar[OptionSpec] = AnyOption()

    def run(self) -> list[nodes.Node]:
        """Note the step, and return its placeholder."""
        domain = DockerRunDomain.of(self.env)
        presentation, step, lab = authoring.presentation.Presentation(), -1, DEFAULT_LAB
        try:
            presentation = authoring.run_directive.parse_presentation(self.options)
            authoring.options.refuse_repeated(self.block_text.splitlines())
            if place := self.page_place():
                parsed = authoring.run_directive.parse_step(
                    self.argument,
                    self.options,
                    list(self.content),
                    location=self.location,
                    allow=domain.build.settings.allow,
                    read=self._read,
                    traits=domain.build.runners.traits(place.name),
                    is_image=self._is_image,
                )
                step, lab = domain.page_being_read.note_step(parsed), parsed.lab
        except DockerRunError as error:
            self.note_error(error)
        if presentation.hidden:
            return []
        block = docker_run_block(
            docname=self.env.docname,
            step=step,
            commands=self._as_written(),
            presentation=presentation,
            lab="" if lab == DEFAULT_LAB else lab,
        )
        block.source, block.line = self.location
        framed: nodes.Element = block
        if presentation.caption:
            framed = container_wrapper(self, block, presentation.caption)
        self.name_target(framed, presentation.name)
        if step >= 0:
            self._note_anchor(framed, step)
        return [framed]

    def _note_anchor(self, framed: nodes.Element, step: int) -> None:
        """Make the block a target for indexes, by its name or else by its number."""
        if not framed["ids"]:
            anchor = f"docker-run-{step + 1}"
            while anchor in self.state.document.ids:
                anchor += "x"
            framed["ids"].append(anchor)
            self.state.document.note_explicit_target(framed)
        DockerRunDomain.of(self.env).page_being_read.anchors[step] = framed["ids"][0]

    def _as_written(self) -> list[str]:
        """Return the commands to show if they can't be parsed, as far as they are recognisable."""
        if self.argument:
            return [f"docker run {self.argument}"]
        lines = [line for line in self.content if line.startswith(markup.PROMPT)]
        return [line.removeprefix(markup.PROMPT) for line in lines] or ["docker run"]

    def _is_image(self, name: str) -> bool:
        """Return whether `name`, without a tag, is an image of the catalogue or of the page."""
        domain = DockerRunDomain.of(self.env)
        catalogue = domain.build.settings.catalogue(self.env.srcdir)
        if catalogue is not None and (catalogue / name / "Dockerfile").is_file():
            return True
        return domain.page_being_read.has_image(name)

    def _read(self, name: str) -> str:
        return self.read_own(name, refused=RefusedFlag, bad=FlagProblem, largest=LARGEST_FILE).decode()


class DockerFile(StepDirective):
    """Puts a file on the page's lab, and shows it."""

    option_spec: ClassVar[OptionSpec] = AnyOption()

    def run(self) -> list[nodes.Node]:
        """Note the step, and return the block with the file."""
        try:
            presentation = authoring.file_directive.parse_file_presentation(self.options)
            authoring.options.refuse_repeated(self.block_text.splitlines())
            place = self.page_place()
            runners = DockerRunDomain.of(self.env).build.runners
            step = authoring.file_directive.parse_file(
                self.argument,
                self.options,
                list(self.content),
                location=self.location,
                traits=runners.traits(place.name) if place else _ANYTHING,
                read=self._read,
            )
        except DockerRunError as error:
            self.note_error(error)
            return []
        if place is not None:
            DockerRunDomain.of(self.env).page_being_read.note_step(step)
        if presentation.hidden or step.file is None:
            return []
        framed = shown_file(self, step.file, presentation, lab=step.lab, location=self.location)
        self.name_target(framed, presentation.name)
        return [framed]

    def _read(self, name: str) -> bytes:
        largest = authoring.file_directive.LARGEST_HIDDEN
        return self.read_own(name, refused=OptionProblem, bad=OptionProblem, largest=largest)


class DockerReport(SphinxDirective):
    """Shows what was run, where and when: for all pages, or for this one with the argument `page`."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the report's placeholder."""
        page = DockerRunDomain.of(self.env).page_being_read
        scope = self.arguments[0] if self.arguments else ""
        if scope not in {"", "page"}:
            location = Location(*self.get_source_info())
            page.problems.append(
                Finding(location, WarningType.OPTION, f"`docker-report {scope}`: the only argument is `page`")
            )
            return []
        if not scope:
            page.shows_all_pages = True
        return [docker_run_report(docname=self.env.docname, whole=not scope)]


class DockerIndex(DockerRunDirective):
    """An index of commands: each line of its body is `name: what it does`, and gets the pages that run it."""

    option_spec: ClassVar[OptionSpec] = {"pages": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the list, with placeholders for the pages."""
        entries = nodes.definition_list("", classes=["docker-run-index"])
        if self.argument or not any(map(str.strip, self.content)):
            form = "write a line `name: what it does` for each command below it, and nothing behind it"
            self.note_problems(Finding(self.location, WarningType.OPTION, f"`docker-index`: {form}"))
        for number, line in enumerate(self.content, 1):
            if line.strip():
                try:
                    entries += self._entry(number, line)
                except authoring.line_problem.LineProblem as error:
                    self.note_error(error)
        DockerRunDomain.of(self.env).page_being_read.shows_all_pages = True
        return [entries] if len(entries) else []

    def _entry(self, number: int, line: str) -> nodes.definition_list_item:
        """Return the entry of one line of the body, and note its command. Raises `LineProblem`."""
        name, colon, text = (part.strip() for part in line.partition(": "))
        if not colon or not name:
            raise authoring.line_problem.LineProblem(number, line, "write `name: what it does`")
        location = self.location._replace(line=self.line_of_body(number))
        entry = IndexedCommand(" ".join(name.split()), location, self.options.get("pages", "*"))
        entries = DockerRunDomain.of(self.env).page_being_read.indexed
        if entries.setdefault(entry.name, entry) is not entry:
            raise authoring.line_problem.LineProblem(
                number, line, f"`{entry.name}` is in the index of this page already"
            )
        description, messages = self.parse_inline(text, lineno=location.line)
        pages = docker_run_calls(command=entry.name, pages=entry.pages)
        return nodes.definition_list_item(
            "",
            nodes.term("", "", nodes.literal(name, entry.name)),
            nodes.definition(
                "",
                nodes.paragraph("", "", *description),
                nodes.paragraph("", "", pages, classes=["docker-run-calls"]),
                *messages,
            ),
        )


class DockerValue(SphinxRole):
    """Inserts a value that a step of this page, or of another (`page:name`), captured."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Note the use, and return its placeholder."""
        path, line = self.get_source_info()
        page, _, name = self.text.strip().rpartition(":")
        docname = docname_join(self.env.docname, page.strip()) if page else self.env.docname
        use = ValueUse(name.strip(), Location(path, line), docname)
        DockerRunDomain.of(self.env).page_being_read.uses.append(use)
        return [docker_run_value(docname=use.page, value=use.name)], []


def _noted_place(env: BuildEnvironment, document: nodes.document) -> PagePlace | None:
    """Return the place of the page that is being read; problems of its front matter are noted once."""
    domain = DockerRunDomain.of(env)
    page = domain.page_being_read
    if page.place is None and not page.has_unknown_place:
        build = domain.build
        page.place, problems = place_of_page(env, document, build.settings, build.runners)
        page.has_unknown_place = page.place is None
        page.problems += problems
    return page.place


def _examine(env: BuildEnvironment, document: nodes.document) -> None:
    """Check what no directive of ours can, on pages that may have none."""
    _noted_place(env, document)  # on a page without directives, fields would not be checked
    for block in document.findall(nodes.literal_block):
        # For other names Sphinx warns that there is no such lexer, but this is the name of ours. MyST drops
        # the text after the name, so the command would disappear silently.
        if block.get("language") == "docker-run" and not _is_shown_file(block):
            location = Location(str(env.doc2path(env.docname)), block.line or 1)
            message = (
                "a code block in the language `docker-run` runs nothing: for the directive, write "
                "`{docker-run}`, with braces, in MyST, and `.. docker-run::` in reStructuredText"
            )
            problem = Finding(location, WarningType.SYNTAX, message)
            DockerRunDomain.of(env).page_being_read.problems.append(problem)


def _is_shown_file(block: nodes.literal_block) -> bool:
    """Return whether the block is that of a `docker-file`, whose `:language:` may be any name."""
    frame = block.parent if not isinstance(block.parent, docker_run_collapse) else block.parent.parent
    return "docker-run-file" in frame.get("classes", ())


def register(app: Sphinx) -> None:
    """Register all directives and roles with Sphinx."""
    app.connect("doctree-read", lambda app, document: _examine(app.env, document))
    app.add_directive("docker-run", DockerRun)
    app.add_directive("docker-file", DockerFile)
    app.add_directive("docker-report", DockerReport)
    app.add_directive("docker-index", DockerIndex)
    app.add_role("docker-value", DockerValue())
