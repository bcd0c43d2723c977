"""The runners of a project: those of the extension, and those that were registered."""

from __future__ import annotations

from collections.abc import Mapping

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

from docker_run.engine.runners import built_in_runners
from docker_run.model import RunnerTraits
from docker_run.protocols import Runner
from docker_run.sphinx_ext.config.config_settings import REGISTERED, Settings
from docker_run.sphinx_ext.config.validators import PLACE_NAME, RESERVED
from docker_run.workflow.runner_registry import RunnerRegistry

_EVENT = "docker-run-runners"
"""Sphinx event: `handler(app) -> (name, runner)`. Registered runners live as long as `app`."""


def add_runner(app: Sphinx, name: str, runner: Runner, *, override: bool = False) -> None:
    """Register `runner`; see `docker_run.add_runner`. Raises `ExtensionError`."""
    app.setup_extension("docker_run")
    if not PLACE_NAME.fullmatch(name):
        raise ExtensionError(
            f"docker_run: {name!r} is not a name for a runner: use lower-case letters, digits and `-`"
        )
    if not override and (name in RESERVED or name in registered(app)):
        taken = "already has a meaning" if name in RESERVED else "is the name of another runner"
        raise ExtensionError(f"docker_run: {name!r} can't be the name of a runner: it {taken}")
    if isinstance(runner, type) or not isinstance(getattr(runner, "traits", None), RunnerTraits):
        raise ExtensionError(
            f"docker_run: the runner {name!r} has to be an object of a subclass of docker_run.Runner, "
            f"and is {runner!r}"
        )
    app.connect(_EVENT, lambda _app: (name, runner))


def runners_of(app: Sphinx) -> RunnerRegistry:
    """Return all runners of a project."""
    settings = Settings.of(app.config)
    return RunnerRegistry({**built_in_runners(settings.engine_settings(app.srcdir)), **registered(app)})


def registered(app: Sphinx) -> Mapping[str, Runner]:
    """Return the registered runners, by name; for each name the last one."""
    return dict(app.emit(_EVENT))


def _note_registered(app: Sphinx, config: Config) -> None:
    """Store the registered runners in the configuration, so that pages are read again when they change."""
    config[REGISTERED] = {
        place: repr(runner.traits)
        for name, runner in sorted(registered(app).items())
        for place in (name, *(() if name in RESERVED else runner.places()))
    }


def register(app: Sphinx) -> None:
    """Register the event with Sphinx."""
    app.add_event(_EVENT)
    app.connect("config-inited", _note_registered, priority=100)  # before settings are checked
