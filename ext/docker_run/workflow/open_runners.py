"""The runners of a build in one process, with the engines that they have opened.

Unpickled in another process, they become the runners of that process: the engines that this process has
opened are opened there, too, once, as part of the same build.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing import parent_process
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, cast

from docker_run.errors import Interrupted
from docker_run.model import Session
from docker_run.protocols import E, Engine, EngineSource, Progress, Runner, RunnerSession
from docker_run.system.closing import close_all

if TYPE_CHECKING:
    from docker_run.workflow.workers import Address, BuildProcess, Workers

_CLEANING_SECONDS = 30.0
"""Time limit for ending a worker's sessions when its build is dead."""


class OpenRunners:
    """Opens sessions on `runners`, which are given by name. Implements `protocols.RunContext`.

    `timeout` is in seconds, `max_output` in bytes, for each command. `joined` maps the sources of engines
    that another process of the build has opened to the sources for this process.
    """

    def __init__(
        self,
        runners: Mapping[str, Runner],
        *,
        progress: Progress,
        timeout: float = 60.0,
        max_output: int = 1_000_000,
        joined: Mapping[EngineSource[Engine], EngineSource[Engine]] = MappingProxyType({}),
    ) -> None:
        self.runners = runners
        self.progress = progress
        self.timeout = timeout
        self.max_output = max_output
        self.interrupted = threading.Event()
        self._joined = joined
        self._lock = threading.RLock()
        self._engines: dict[EngineSource[Engine], Engine] = {}
        self._build = os.urandom(16).hex()
        self._workers: Workers | None = None

    def __reduce__(self) -> tuple[object, ...]:
        """Unpickle as the runners of the other process."""
        return _runners_of_worker, (self._worker_settings(),)

    def engine(self, source: EngineSource[E]) -> E:
        """Return the engine of `source`, opened on first use. Raises `EngineProblem`."""
        with self._lock:
            if source not in self._engines:
                self._engines[source] = self._joined.get(source, source).open(self)
                if self.interrupted.is_set():
                    self._engines[source].interrupt()  # `interrupt` has missed it
            return cast("E", self._engines[source])

    def prepare(self, sessions: Sequence[Session]) -> None:
        """Announce to each runner its sessions, which will be opened in this order."""
        for name, runner in self.runners.items():
            if own := [session for session in sessions if session.place.runner == name]:
                runner.prepare(own, self)

    def session(self, session: Session) -> AbstractContextManager[RunnerSession]:
        """Open `session`; leaving the context removes all that it created. Raises `EngineProblem`."""
        return self.runners[session.place.runner].session(session, self)

    def interrupt(self) -> None:
        """End all sessions, also in other processes; further ones can't be opened."""
        self.interrupted.set()
        workers = () if self._workers is None else (self._workers.interrupt,)
        close_all(*workers, *(engine.interrupt for engine in list(self._engines.values())))

    def close(self) -> None:
        """Close all engines, those in other processes first; raise the first error at the end."""
        workers = () if self._workers is None else (self._workers.close,)
        close_all(*workers, *(engine.close for engine in self._engines.values()))

    def _worker_settings(self) -> _WorkerSettings:
        with self._lock:
            if self._workers is None:
                # Not at the top: only needed for other processes; builds use threads.
                from docker_run.workflow.workers import Workers  # noqa: PLC0415

                self._workers = Workers(self.progress)
                if self.interrupted.is_set():
                    self._workers.interrupt()
            return _WorkerSettings(
                build=self._build,
                address=self._workers.address,
                authkey=self._workers.authkey,
                runners=tuple(self.runners.items()),
                joined=tuple(
                    (source, source.join(engine.url, engine.share()))
                    for source, engine in self._engines.items()
                ),
                timeout=self.timeout,
                max_output=self.max_output,
            )


class _WorkerSettings(NamedTuple):
    """The settings for another process that runs sessions of a build."""

    build: str
    """An ID of the build, so that a process opens its engines only once."""
    address: Address
    authkey: bytes
    runners: tuple[tuple[str, Runner], ...]
    joined: tuple[tuple[EngineSource[Engine], EngineSource[Engine]], ...]
    timeout: float
    max_output: int


class _WorkerRunners(OpenRunners):
    """The runners of a process that runs sessions for the build in another process."""

    def __init__(self, settings: _WorkerSettings, build: BuildProcess) -> None:
        super().__init__(
            dict(settings.runners),
            progress=build,
            timeout=settings.timeout,
            max_output=settings.max_output,
            joined=dict(settings.joined),
        )
        self._open = 0
        self._idle = threading.Condition()
        build.watch(interrupt=self.interrupt, close=self.close)

    @contextmanager
    def session(self, session: Session) -> Iterator[RunnerSession]:
        """Open `session`. Raises `EngineProblem`."""
        with self._idle:
            self._open += 1
        try:
            with super().session(session) as running:
                yield running
        finally:
            with self._idle:
                self._open -= 1
                self._idle.notify_all()

    def close(self) -> None:
        """Close all engines, after the last session."""
        with self._idle:
            self._idle.wait_for(lambda: not self._open, timeout=_CLEANING_SECONDS)
        try:
            super().close()
        finally:
            with _lock:
                for key in [key for key, runners in _of_workers.items() if runners is self]:
                    del _of_workers[key]


_lock = threading.Lock()
_of_workers: dict[tuple[int, str], OpenRunners] = {}
"""The runners of this process, by its ID (a forked process has its parent's memory) and the build's ID.

Global, since executors have no other state that the tasks of a process share.
"""
_follows = 0
"""The ID of the process that follows its parent: this one, or the one that has forked it."""


def _runners_of_worker(settings: _WorkerSettings) -> OpenRunners:
    """Return the runners of this process for a build. Raises nothing: that would end the process."""
    from docker_run.workflow.workers import BuildProcess  # noqa: PLC0415 (as above)

    key = (os.getpid(), settings.build)
    with _lock:
        if key not in _of_workers:
            try:
                _of_workers[key] = _WorkerRunners(settings, BuildProcess(settings.address, settings.authkey))
            except OSError:
                return _RunnersOfDeadBuild()
            _follow_parent()
        return _of_workers[key]


class _RunnersOfDeadBuild(OpenRunners):
    """The runners of a process whose build has ended before its first session: they run nothing."""

    def __init__(self) -> None:
        super().__init__({}, progress=_Silence())

    def session(self, session: Session) -> AbstractContextManager[RunnerSession]:
        """Raise `Interrupted`."""
        raise Interrupted(f"the build ended before {session.page} ran")


class _Silence:
    """Discards all progress."""

    def note(self, message: str) -> None: ...
    def image(self, name: str, status: str) -> None: ...
    def command(self, page: str, text: str) -> None: ...


def _follow_parent() -> None:
    """In a process of a pool, ignore Ctrl-C (the build interrupts its workers), and end with its owner."""
    global _follows  # noqa: PLW0603 (once in a process)
    parent = parent_process()
    if parent is None or _follows == os.getpid():
        return
    _follows = os.getpid()
    with suppress(ValueError):  # not in the main thread
        # Ctrl-C reaches all processes of a terminal. Not `SIG_IGN`, which child processes would inherit.
        signal.signal(signal.SIGINT, lambda *_: None)

    def end() -> None:
        parent.join()
        while any(process == os.getpid() for process, _ in list(_of_workers)):
            time.sleep(0.1)  # the build is dead, and its sessions are being cleaned up
        os._exit(1)  # it would wait forever for its next task

    threading.Thread(target=end, name="docker-run parent", daemon=True).start()
