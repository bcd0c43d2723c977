"""How a build comes by its engine. Docker's own library is imported only when one is opened."""

from __future__ import annotations

import os

from sphinx.application import Sphinx

from docker_run.errors import EngineProblem
from docker_run.protocols import Engine, Progress
from docker_run.sphinx_ext.config import Settings
from docker_run.sphinx_ext.config_checks import problems

OPEN_EVENT = "docker-run-open-engine"
"""Sphinx event: `handler(app, progress) -> Engine | None`. The first answer is used instead of Docker."""


class SphinxEngines:
    """The engines of a Sphinx project. Implements `workflow.Engines`."""

    def __init__(self, app: Sphinx, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    def expected(self) -> tuple[str, ...]:
        """Return what tells the engines apart that would be tried, without asking any of them."""
        if self._given:
            return (OPEN_EVENT,)
        from docker_run.engine.connection.discovery import expected  # noqa: PLC0415 (replay needs no docker)

        settings = self._settings
        try:
            return expected(settings.engine, environ=os.environ, private=settings.private_engine)
        except EngineProblem:
            # A setting that names no engine; opening one says what is wrong with it.
            return ()

    def has_dead_builds(self) -> bool:
        """Return whether builds of this machine died on those engines, without asking any of them."""
        if self._given:
            return False
        from docker_run.engine.cleanup.build_folder import BuildFolders  # noqa: PLC0415 (replay needs none)

        return BuildFolders().has_dead(self.expected())

    def identity(self, engine: Engine) -> str:
        """Return what tells `engine` apart: its URL, or that a handler of the event gave it."""
        return OPEN_EVENT if self._given else engine.url

    def open(self, progress: Progress) -> Engine:
        """Find an engine, or start one if the settings allow it.

        Raises `EngineProblem`, also where a value of conf.py is wrong: what it was meant to be can't be
        known.
        """
        if wrong := sorted({problem.name for problem in problems(self._app)}):
            raise EngineProblem(f"nothing is run until this is fixed in conf.py: {', '.join(wrong)}")
        given: Engine | None = self._app.emit_firstresult(
            OPEN_EVENT, progress, allowed_exceptions=(EngineProblem,)
        )
        if given is not None:
            return given
        from docker_run.engine import opening  # noqa: PLC0415 (replay needs no docker)

        settings, srcdir = self._settings, self._app.srcdir
        wanted = opening.EngineSettings(
            engine=settings.engine,
            private=settings.private_engine,
            catalogue=settings.catalogue(srcdir),
            allow=settings.allow,
            timeout=settings.timeout,
            max_output=settings.max_output,
            limits=settings.direct_limits(),
            labs=settings.lab_settings(srcdir),
        )
        return opening.open_engine(wanted, environ=os.environ, progress=progress)

    @property
    def _given(self) -> bool:
        return bool(self._app.events.listeners.get(OPEN_EVENT))


def register(app: Sphinx) -> None:
    """Add the event to Sphinx."""
    app.add_event(OPEN_EVENT)
