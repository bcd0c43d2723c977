"""Checks of the settings in `conf.py`.

While a setting is invalid, nothing is run, and pages show their recordings: a wrong setting must never make
more run than a right one would.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

from sphinx.application import Sphinx
from sphinx.config import Config

from docker_run.errors import DockerRunError, ImageProblem, shortened
from docker_run.model import Finding, Location
from docker_run.near_matches import near_match
from docker_run.sphinx_ext.config.config_settings import PREFIX, REGISTERED, Settings, setting_names
from docker_run.sphinx_ext.config.validators import RESERVED, lab_setting
from docker_run.sphinx_ext.reporting.log import get_logger
from docker_run.sphinx_ext.runner_registration import registered
from docker_run.warning_types import WarningType
from docker_run.workflow.runner_registry import unknown_place

logger = get_logger(__name__)


class Problem(NamedTuple):
    """An invalid setting in `conf.py`."""

    name: str
    """The name of the setting in conf.py."""
    message: str
    """The problem, which follows the name."""
    line: int | None
    """The line of conf.py that sets it; None if it was set elsewhere."""


def problems(app: Sphinx) -> tuple[Problem, ...]:
    """Return all invalid values and unknown names."""
    lines = dict(reversed(list(_assigned(app))))
    found = [*_bad_values(app.config), *_bad_directories(app), *_unknown_names(app.config, lines)]
    return tuple(Problem(name, message, lines.get(name)) for name, message in found)


def _bad_values(config: Config) -> Iterator[tuple[str, str]]:
    for setting in fields(Settings):
        name = PREFIX + setting.name
        if isinstance(given := config.overrides.get(name), str):
            try:
                config.convert_overrides(name, given)
            except ValueError:  # Sphinx only warns, and uses another value
                yield name, f"= {shown(given)}: that can't be set with `-D`"
                continue
        try:
            setting.metadata["check"](config[name])
        except ValueError as error:
            yield name, f"= {shown(config[name])}: should be {error}"
            continue
        if setting.name == "lab":
            places = Settings.of(config).places(config)
            if lab_setting(config[name]) not in {None, *places}:
                yield name, f"= {shown(config[name])}: {unknown_place(config[name], places)}"
        elif setting.name == "labs":
            for taken in sorted(set(config[name]) & set(config[REGISTERED])):
                yield (
                    name,
                    f"= {shown(config[name])}: {taken!r} is the name of a runner; give the kind another",
                )


def shown(value: object) -> str:
    """Return the `repr` of a value, which Python refuses for an integer of thousands of digits."""
    try:
        return shortened(repr(value))
    except ValueError:
        return f"… (a {type(value).__name__} with too large a number)"


def _bad_directories(app: Sphinx) -> Iterator[tuple[str, str]]:
    images = Settings.of(app.config).images
    if images and not Path(app.srcdir, images).is_dir():
        yield f"{PREFIX}images", f"= {shown(images)}: there is no directory {Path(app.srcdir, images)}"
    if not images:
        return
    from docker_run.catalogue.lock_file import read_lock  # noqa: PLC0415 (few projects have a catalogue)

    try:
        read_lock(Settings.of(app.config).catalogue(app.srcdir))
    except ImageProblem as error:
        yield f"{PREFIX}images", f"= {shown(images)}: {error}"


def _unknown_names(config: Config, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    # Not those in `config`: another extension may have a setting with our prefix.
    for name in dict.fromkeys([*lines, *config.overrides]):
        if name.startswith(PREFIX) and name not in config:
            known = [setting.removeprefix(PREFIX) for setting in setting_names()]
            close = near_match(name.removeprefix(PREFIX), known)
            yield name, f"is not a setting{f': did you mean `{PREFIX}{close}`?' if close else ''}"


def config_findings(app: Sphinx) -> Iterator[Finding]:
    """Yield findings for the `problems`, each kind of lab that can't be built, and each runner that fails."""
    for problem in problems(app):
        message = f"{problem.message}; nothing is run until it is fixed"
        yield _finding(app, problem.name, message, line=problem.line)
    kinds = {
        name: Path(directory) for name, directory in Settings.of(app.config).lab_settings(app.srcdir).kinds
    }
    for kind in kinds:
        from docker_run.catalogue.build_context import lab_definition  # noqa: PLC0415 (few have any)

        try:
            lab_definition(kinds, kind)
        except (DockerRunError, OSError) as error:
            # Only the pages on such labs are affected.
            line = dict(reversed(list(_assigned(app)))).get(f"{PREFIX}labs")
            yield _finding(app, f"{PREFIX}labs", f"[{kind!r}]: {error}", line=line)
    for name, runner in registered(app).items():
        for place in () if name in RESERVED else (name, *runner.places()):
            try:
                runner.definition(place)
            except (DockerRunError, OSError) as error:
                yield _finding(app, f"the runner {place!r}", f"can't be identified: {error}", line=None)


def _finding(app: Sphinx, name: str, message: str, *, line: int | None) -> Finding:
    """Return the finding for the setting `name`, at its line of conf.py, if it was set there."""
    place = Location(str(Path(app.confdir, "conf.py")), line) if line else None
    return Finding(place, WarningType.CONFIG, f"{name} {message}")


def report_problems(app: Sphinx, _config: Config) -> None:
    """Warn of all `config_findings`."""
    for finding in config_findings(app):
        place = f"{finding.location.path}:{finding.location.line}" if finding.location else None
        logger.warning("%s", finding.message, type="docker_run", subtype=finding.subtype, location=place)


def _assigned(app: Sphinx) -> Iterator[tuple[str, int]]:
    """Yield the names that `conf.py` assigns at module level, each with its line."""
    try:
        waiting: deque[ast.AST] = deque([ast.parse(Path(app.confdir, "conf.py").read_bytes())])
    except (OSError, SyntaxError):
        return  # there is no conf.py, or Sphinx has reported its error
    while waiting:
        node = waiting.popleft()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def register(app: Sphinx) -> None:
    """Check the settings once they are loaded."""
    app.connect("config-inited", report_problems)
