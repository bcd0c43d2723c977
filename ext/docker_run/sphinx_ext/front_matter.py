"""Parsing the front matter of a page: where it runs, its images, the size of its terminals."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from sphinx.environment import BuildEnvironment

from docker_run.errors import shortened
from docker_run.model import DIRECT, Finding, Location, TerminalSize
from docker_run.near_matches import near_match
from docker_run.sphinx_ext.config.config_settings import PREFIX, Settings, setting_names
from docker_run.sphinx_ext.config.validators import NO_LAB
from docker_run.warning_types import WarningType
from docker_run.workflow.runner_registry import RunnerRegistry, unknown_place

LAB, IMAGES, TERMINAL = "docker_run_lab", "docker_run_images", "docker_run_terminal"
"""The fields of a page's front matter."""

_SIZE = re.compile(r"(\[)?\s*+(?P<columns>[0-9]{1,4})(?:\s*+[,x]\s*+|\s++)(?P<rows>[0-9]{1,4})\s*+(?(1)\])")

_OURS = re.compile(r"docker[-_ ]run[-_ ]?", re.IGNORECASE)
"""The beginning of a field that is meant for us."""

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)(?:^---[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
"""MyST's front matter, at the top of a page."""
_FIELD = re.compile(rf"\s*+:?[\"']?({_OURS.pattern}[^:]*+):", re.IGNORECASE)
"""A line of a page's source that sets one of our fields."""


class PagePlace(NamedTuple):
    """The place where a page runs, and its environment."""

    name: str = DIRECT
    """The name of a runner, or of a kind of lab."""
    images: tuple[str, ...] = ()
    """The images that it has from the start."""
    terminal: TerminalSize | None = None
    """The size of its terminals; None for the project's."""


class _Problems:
    """Problems of a page's front matter, as findings at the lines of its fields."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.findings: list[Finding] = []

    def add(self, field: str, message: str) -> None:
        """Note a problem of `field`."""
        location = Location(str(self._path), self._lines.get(field, 1))
        self.findings.append(Finding(location, WarningType.OPTION, f"`{shortened(field)}`: {message}"))

    @cached_property
    def _lines(self) -> Mapping[str, int]:
        """The first line of the page's source, from 1, that sets each field."""
        found: dict[str, int] = {}
        source = self._path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(source.splitlines(), 1):
            if field := _FIELD.match(line):
                found.setdefault(field[1].rstrip().strip("\"'"), number)
        return found


def place_of_page(
    env: BuildEnvironment, document: nodes.document, settings: Settings, runners: RunnerRegistry
) -> tuple[PagePlace | None, list[Finding]]:
    """Return the place of the page that is being read, and the problems of its front matter.

    The place is None if it is unknown. `document` is the page as far as it has been read.
    """
    fields = _fields(env, document)
    problems = _Problems(Path(env.doc2path(env.docname)))
    problem, findings = problems.add, problems.findings
    for field in sorted(fields.keys() - {LAB, IMAGES, TERMINAL}):
        problem(field, _unknown_field(field))
    for field in _dropped_fields(env, fields):
        problem(field, "the front matter can't be read, so what this field says is unknown; fix it")
    name = settings.place
    if LAB in fields:
        name = DIRECT if fields[LAB].lower() in NO_LAB else fields[LAB]
    if name not in runners:
        problem(LAB, f"{unknown_place(name, runners.names)}; `none` runs the page directly on the engine")
        return None, findings
    images: tuple[str, ...] = ()
    try:
        images = parse_images(fields.get(IMAGES, ""))
    except ValueError as error:
        problem(IMAGES, str(error))
    terminal: TerminalSize | None = None
    try:
        terminal = parse_terminal(fields[TERMINAL]) if TERMINAL in fields else None
    except ValueError as error:
        problem(TERMINAL, str(error))
    if images and not runners.traits(name).images:
        where = f"on {runners.title(name)}" if runners.traits(name).console else "directly on the engine"
        problem(
            IMAGES,
            f"the page runs {where}, which has the images that it has: leave the field "
            "out, or give the page a lab (`docker_run_lab`)",
        )
        images = ()
    return PagePlace(name, images, terminal), findings


def parse_images(text: str) -> tuple[str, ...]:
    """Parse a list of images: JSON, to which MyST converts YAML's, or words. Raises `ValueError`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = text
    if found is None:
        return ()
    names = found if isinstance(found, list) else re.findall(r"[^\s,]+", text)
    # Not at the top: few pages list images.
    from docker_run.catalogue.reference import REFERENCE  # noqa: PLC0415

    for name in names:
        if not isinstance(name, str) or not REFERENCE.fullmatch(name):
            shown = shortened(str(name))
            raise ValueError(f"`{shown}` is not the name of an image; write e.g. `[busybox, debian:13]`")
    return tuple(dict.fromkeys(names))


def parse_terminal(text: str) -> TerminalSize:
    """Parse columns and rows, as in `[120, 24]`, `120, 24` or `120x24`. Raises `ValueError`."""
    size = _SIZE.fullmatch(text.strip())
    if not size or not all(1 <= int(size[name]) <= 1000 for name in ("columns", "rows")):
        shown = shortened(text)
        raise ValueError(f"`{shown}` is not a size of a terminal; write columns and rows, e.g. `[120, 24]`")
    return TerminalSize(int(size["columns"]), int(size["rows"]))


def _fields(env: BuildEnvironment, document: nodes.document) -> dict[str, str]:
    """Return our fields of the page, as Sphinx collects them when it has read the whole page."""
    fields: dict[str, str] = {}
    first = document.first_child_not_matching_class(nodes.PreBibliographic)  # type: ignore[arg-type]
    if first is not None and isinstance(document[first], nodes.field_list):
        for field in document[first].findall(nodes.field):
            fields[field[0].astext()] = field[1].astext()
    # MyST has already put the fields here, also for a part of the page that is a separate document.
    fields |= {name: str(value) for name, value in env.metadata[env.docname].items()}
    return {name: value.strip() for name, value in fields.items() if _OURS.match(name)}


def _dropped_fields(env: BuildEnvironment, fields: Mapping[str, str]) -> list[str]:
    """Return our fields that were lost: MyST drops all fields of front matter that it can't parse."""
    front = _FRONT_MATTER.match(Path(env.doc2path(env.docname)).read_text(encoding="utf-8", errors="replace"))
    names = re.findall(r"^[\"']?([\w-]+)[\"']?[ \t]*:", front[1], re.MULTILINE) if front else []
    return [name for name in names if _OURS.match(name) and name not in fields]


def _unknown_field(field: str) -> str:
    """Return the message for an unknown field, with a suggestion."""
    known = {name.removeprefix(PREFIX): name for name in (LAB, IMAGES, TERMINAL)}
    name = _OURS.sub("", field).lower()
    if close := near_match(name, known):
        return f"there is no such field: did you mean `{known[close]}`?"
    there_are = f"a page's front matter can have `{LAB}`, `{IMAGES}` and `{TERMINAL}`"
    if field in setting_names():
        return f"this is a setting for all pages, in conf.py; {there_are}"
    return f"there is no such field; {there_are}"
