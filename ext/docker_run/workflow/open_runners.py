"""The runners of a build in one process, and the engines that they have opened there."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import cast

from docker_run.model import Session
from docker_run.protocols import E, Engine, EngineSource, Progress, Runner, RunnerSession
from docker_run.system.closing import close_all


class OpenRunners:
    """Opens sessions on `runners`, each by its name. Implements `protocols.RunContext`.

    `timeout` is in seconds, `max_output` in bytes, for each command.
    """

    def __init__(
        self,
        runners: Mapping[str, Runner],
        *,
        progress: Progress,
        timeout: float = 60.0,
        max_output: int = 1_000_000,
    ) -> None:
        self.runners = runners
        self.progress = progress
        self.timeout = timeout
        self.max_output = max_output
        self.interrupted = threading.Event()
        self._lock = threading.Lock()
        self._engines: dict[EngineSource[Engine], Engine] = {}

    def engine(self, source: EngineSource[E]) -> E:
        """Return the engine that `source` opens, which is done once. Raises `EngineProblem`."""
        with self._lock:
            if source not in self._engines:
                self._engines[source] = source.open(self)
            return cast("E", self._engines[source])

    def prepare(self, sessions: Sequence[Session]) -> None:
        """Let each runner take note of its sessions, which will be opened in this order."""
        for name, runner in self.runners.items():
            if own := [session for session in sessions if session.place.runner == name]:
                runner.prepare(own, self)

    def session(self, session: Session) -> AbstractContextManager[RunnerSession]:
        """Open `session`; leaving the context removes all that it made. Raises `EngineProblem`."""
        return self.runners[session.place.runner].session(session, self)

    def interrupt(self) -> None:
        """End all sessions, for good."""
        self.interrupted.set()
        close_all(*(engine.interrupt for engine in list(self._engines.values())))

    def close(self) -> None:
        """Close all engines; raise the first error, after all has been tried."""
        close_all(*(engine.close for engine in self._engines.values()))
