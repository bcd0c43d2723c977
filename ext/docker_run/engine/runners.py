"""The built-in runners: directly on a Docker engine, and on its labs.

They are values. docker-py is only imported when an engine is opened, so that replay does not need it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from docker_run.engine.settings import EngineSettings, Limits
from docker_run.errors import EngineProblem
from docker_run.model import DEFAULT_LAB, DIRECT, LAB, RunnerTraits, Session
from docker_run.protocols import Engine, EngineSource, RunContext, Runner, RunnerSession


class SessionEngine(Engine, Protocol):
    """An engine that can host the sessions of both runners."""

    def prepare(self, sessions: Sequence[Session]) -> None:
        """Begin to prepare the labs of `sessions`, in other threads."""

    def session(self, session: Session) -> AbstractContextManager[RunnerSession]:
        """Open `session`; leaving the context removes all that it created. Raises `EngineProblem`."""


@dataclass(frozen=True, slots=True)
class DockerSource(EngineSource["SessionEngine"]):
    """Finds the Docker engine that `settings` ask for, or starts one. Can be pickled."""

    settings: EngineSettings
    build: str = ""
    """The ID of the build in another process that this one takes part in; empty for a build of its own."""

    def expected(self) -> tuple[str, ...]:
        """Return the URLs that would be tried, without a request to any."""
        if self.settings.engine == "none":
            return ()
        from docker_run.engine.connection.discovery import expected  # noqa: PLC0415 (see above)

        try:
            return expected(self.settings.engine, environ=os.environ, private=self.settings.private)
        except EngineProblem:
            # The setting is invalid, which is reported when the engine is opened.
            return ()

    def has_dead_builds(self) -> bool:
        """Return whether builds of this machine died on those engines, without a request to any."""
        if not (urls := self.expected()):
            return False
        from docker_run.engine.cleanup.build_directory import BuildDirectories  # noqa: PLC0415 (see above)

        return BuildDirectories().has_dead(urls)

    def open(self, context: RunContext) -> SessionEngine:
        """Find the engine, or start one if the settings allow it. Raises `EngineProblem`."""
        from docker_run.engine.connection.discovery import find  # noqa: PLC0415 (see above)

        url = find(
            self.settings.engine,
            environ=os.environ,
            private=self.settings.private,
            progress=context.progress,
        )
        from docker_run.engine.open_engine import open_engine  # noqa: PLC0415 (an engine answers)

        limits = Limits(
            seconds=context.timeout, max_output=context.max_output, interrupted=context.interrupted
        )
        return open_engine(
            self.settings,
            environ=os.environ,
            progress=context.progress,
            limits=limits,
            build=self.build,
            url=url,
        )

    def join(self, url: str, build: str) -> DockerSource:
        """Return the source with which another process opens the engine at `url`, as part of `build`."""
        return DockerSource(replace(self.settings, engine=url, private=False), build)


@dataclass(frozen=True)
class DirectRunner(Runner):
    """Runs `docker run` lines through the API of an engine."""

    source: EngineSource[SessionEngine]

    def session(self, session: Session, context: RunContext) -> AbstractContextManager[RunnerSession]:
        """Open `session`. Raises `EngineProblem`."""
        return context.engine(self.source).session(session)

    def title(self, place: str) -> str:  # noqa: ARG002 (it serves one)
        """Return the title for reports."""
        return "the engine itself"


@dataclass(frozen=True)
class LabRunner(Runner):
    """Types commands into the shells of labs, which it starts on an engine."""

    source: EngineSource[SessionEngine]
    kinds: tuple[tuple[str, str], ...] = ()
    """The build contexts of the project's own kinds: (name, absolute path of the directory), sorted."""
    catalogue: Path | None = None
    """The directory of the catalogue, whose images the labs' own Dockerfiles may be based on."""

    traits = RunnerTraits(console=True, machines=True, files=True, images=True)

    def session(self, session: Session, context: RunContext) -> AbstractContextManager[RunnerSession]:
        """Open `session`. Raises `EngineProblem`."""
        return context.engine(self.source).session(session)

    def prepare(self, sessions: Sequence[Session], context: RunContext) -> None:
        """Begin to prepare the labs of `sessions`."""
        context.engine(self.source).prepare(sessions)

    def places(self) -> tuple[str, ...]:
        """Return the names of the project's own kinds."""
        return tuple(name for name, _ in self.kinds)

    def definition(self, place: str) -> str:
        """Return the hash of the build context of a kind. Raises `ImageProblem` and `OSError`."""
        from docker_run.catalogue.build_context import contexts, lab_definition  # noqa: PLC0415 (see above)

        kinds = {name: Path(directory) for name, directory in self.kinds}
        return lab_definition(kinds, place, contexts=contexts(self.catalogue))

    def title(self, place: str) -> str:
        """Return the title of a kind for reports."""
        return "a lab" if place == DEFAULT_LAB else f"a lab of the kind {place}"


def built_in_runners(settings: EngineSettings) -> Mapping[str, Runner]:
    """Return the built-in runners, by name; they share an engine."""
    source = DockerSource(settings)
    return {
        DIRECT: DirectRunner(source),
        LAB: LabRunner(source, kinds=settings.labs.kinds, catalogue=settings.catalogue),
    }
