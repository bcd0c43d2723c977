"""The engine of a build: sessions are opened directly on it, or on labs that it hosts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from docker_run.engine.direct.direct_runner import DirectSessions
from docker_run.engine.host import Host
from docker_run.engine.labs.lab_runner import LabSessions
from docker_run.errors import LabProblem
from docker_run.model import LAB, Session
from docker_run.protocols import RunnerSession
from docker_run.system.closing import close_all


class DockerEngine:
    """Docker, for the sessions of both runners. Implements `protocols.Engine`.

    `labs` may be None where no session runs on one.
    """

    def __init__(self, host: Host, *, direct: DirectSessions, labs: LabSessions | None = None) -> None:
        self._host = host
        self._direct = direct
        self._labs = labs

    @property
    def url(self) -> str:
        """Where the engine listens."""
        return self._host.url

    def sweep(self) -> str:
        """Remove what killed builds left behind, and say what. Raises `EngineProblem`."""
        return self._host.sweep()

    def prepare(self, sessions: Sequence[Session]) -> None:
        """Begin with what the labs of `sessions` need."""
        if self._labs is not None:
            self._labs.prepare(sessions)

    def session(self, session: Session) -> AbstractContextManager[RunnerSession]:
        """Open `session`; leaving the context removes all that it made. Raises `EngineProblem`."""
        if session.place.runner != LAB:
            return self._direct.open(session)
        if self._labs is None:
            raise LabProblem(f"there are no labs here, and `{session.page}` runs on one")
        return self._labs.open(session)

    def share(self) -> str:
        """Let other processes run sessions of this build; return its name. Raises `EngineProblem`."""
        return self._host.share()

    def interrupt(self) -> None:
        """End all sessions, for good."""
        self._host.interrupt()

    def close(self) -> None:
        """End what sessions need besides, and let go of the engine's connections."""
        labs = () if self._labs is None else (self._labs.close,)
        close_all(self._direct.close, *labs, self._host.close)
