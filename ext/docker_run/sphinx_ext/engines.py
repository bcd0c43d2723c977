"""How a build comes by its engine. Docker's own library is imported only when one is opened."""

from __future__ import annotations

import os

from sphinx.application import Sphinx
from sphinx.errors import SphinxError

from docker_run.errors import EngineProblem
from docker_run.protocols import Engine, Progress
from docker_run.sphinx_ext.config import Settings
from docker_run.sphinx_ext.config_problems import problems
from docker_run.terminal.visible import visible

OPEN_EVENT = "docker-run-open-engine"
"""Sphinx event: `handler(app, progress) -> Engine | None`. The first answer is used instead of Docker."""


class NoEngineError(SphinxError):
    """No engine answers, and this build can't do without."""

    category = "docker-run"

    def __init__(self, reason: str) -> None:
        super().__init__(visible(reason))  # Sphinx prints it as it is


def expected_engines(app: Sphinx, settings: Settings) -> tuple[str, ...]:
    """Return what tells the engines apart that a build would try, without asking any of them."""
    if app.events.listeners.get(OPEN_EVENT):
        return (OPEN_EVENT,)
    from docker_run.engine.find import expected  # noqa: PLC0415 (replay needs no docker)

    try:
        return expected(settings.engine, environ=os.environ, private=settings.private_engine)
    except EngineProblem:
        # A setting that names no engine; opening one says what is wrong with it.
        return ()


def identity(app: Sphinx, engine: Engine) -> str:
    """Return what tells `engine` apart: its URL, or that a handler of the event gave it."""
    return OPEN_EVENT if app.events.listeners.get(OPEN_EVENT) else engine.url


def open_engine(app: Sphinx, settings: Settings, progress: Progress) -> Engine:
    """Find an engine, or start one if the settings allow it.

    Raises `EngineProblem`, also where a value of conf.py is wrong: what it was meant to be can't be known.
    """
    if wrong := sorted({problem.name for problem in problems(app)}):
        raise EngineProblem(f"nothing is run until this is mended in conf.py: {', '.join(wrong)}")
    given: Engine | None = app.emit_firstresult(OPEN_EVENT, progress)
    if given is not None:
        return given
    from docker_run.engine import opening  # noqa: PLC0415 (replay needs no docker)

    wanted = opening.EngineSettings(
        engine=settings.engine,
        private=settings.private_engine,
        catalogue=settings.catalogue(app.srcdir),
        allow=settings.allow,
        timeout=settings.timeout,
        max_output=settings.max_output,
        labs=settings.lab_settings(app.srcdir),
    )
    return opening.open_engine(wanted, environ=os.environ, progress=progress)


def register(app: Sphinx) -> None:
    """Add the event to Sphinx."""
    app.add_event(OPEN_EVENT)
