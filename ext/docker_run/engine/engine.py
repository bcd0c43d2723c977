"""The engine of a build, for sessions directly on it or on its labs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from docker_run.engine.direct.direct_session import DirectSessions
from docker_run.engine.host import Host
from docker_run.engine.labs.lab_pool import LabPool
from docker_run.errors import LabProblem
from docker_run.model import LAB, Session
from docker_run.protocols import RunnerSession
from docker_run.system.closing import close_all


class DockerEngine:
    """A Docker engine, for the sessions of both runners. Implements `protocols.Engine`.

    `labs` may be None if no session runs on one.
    """

    def __init__(self, host: Host, *, direct: DirectSessions, labs: LabPool | None = None) -> None:
        self._host = host
        self._direct = direct
        self._labs = labs

    @property
    def url(self) -> str:
        """The URL at which the engine listens."""
        return self._host.url

    def sweep(self) -> str:
        """Remove what killed builds left, and return what was removed. Raises `EngineProblem`."""
        return self._host.sweep()

    def prepare(self, sessions: Sequence[Session]) -> None:
        """Begin to prepare the labs of `sessions`."""
        if self._labs is not None:
            self._labs.prepare(sessions)

    def session(self, session: Session) -> AbstractContextManager[RunnerSession]:
        """Open `session`; leaving the context removes all that it created. Raises `EngineProblem`."""
        if session.place.runner != LAB:
            return self._direct.open(session)
        if self._labs is None:
            raise LabProblem(f"there are no labs here, and `{session.page}` runs on one")
        return self._labs.open(session)

    def share(self) -> str:
        """Let other processes run sessions of this build; return its ID. Raises `EngineProblem`."""
        return self._host.share()

    def interrupt(self) -> None:
        """End all sessions; further ones can't be opened."""
        self._host.interrupt()

    def close(self) -> None:
        """Remove what sessions share, and close the connections to the engine."""
        labs = () if self._labs is None else (self._labs.close,)
        close_all(self._direct.close, *labs, self._host.close)
