"""Executors of both kinds for tests, and engines that can be opened in the processes of one."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from docker_run.engine.runners import DirectRunner, LabRunner
from docker_run.model import Image, Session, Step, StepOutput
from docker_run.protocols import EngineSource, RunContext, Runner
from docker_run.workflow.open_runners import OpenRunners
from docker_run.workflow.run import Outcome, execute
from fake_engine import FakeEngine, FakeSession
from told import Quiet

JOBS = 2


@contextmanager
def process_pool() -> Iterator[ProcessPoolExecutor]:
    """Give a pool whose processes begin with nothing, as on macOS and Windows; it waits for their end."""
    with ProcessPoolExecutor(JOBS, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


class TickingClock:
    """A clock on which each look takes a second."""

    def __init__(self) -> None:
        self.ticks = 0

    def now(self) -> datetime:
        return datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        self.ticks += 1
        return float(self.ticks)


class Told(Quiet):
    """Progress that remembers commands and notices."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, str]] = []
        self.notes: list[str] = []

    def command(self, page: str, text: str) -> None:
        self.commands.append((page, text))

    def note(self, message: str) -> None:
        self.notes.append(message)


@dataclass(frozen=True)
class FakeSettings(EngineSource[FakeEngine]):
    """Opens a fake engine in each process. `error` is raised at `point` of the session of the page `bad`."""

    timeout: float = 5.0
    gone_after: int | None = None
    point: str = ""
    error: BaseException | None = None
    log: str = ""
    """A file to which each engine adds a line when it is opened, and when it is closed."""

    def expected(self) -> tuple[str, ...]:
        return ("fake://engine",)

    def has_dead_builds(self) -> bool:
        return False

    def open(self, context: RunContext) -> FakeEngine:
        engine = Broken(self, context)
        engine.note("opened")
        return engine


class Broken(FakeEngine):
    """Fails at one point of a session, with an error that nobody expects of it."""

    def __init__(self, settings: FakeSettings, context: RunContext) -> None:
        super().__init__(
            timeout=settings.timeout, gone_after=settings.gone_after, interrupted=context.interrupted
        )
        self.settings = settings
        self.progress = context.progress

    def fail(self, point: str, page: str) -> None:
        if self.settings.error is not None and (point, page) == (self.settings.point, "bad"):
            raise self.settings.error

    def note(self, what: str) -> None:
        if self.settings.log:
            with Path(self.settings.log).open("a", encoding="ascii") as file:
                file.write(f"{what} {os.getpid()}\n")

    @contextmanager
    def session(self, session: Session) -> Iterator[FakeSession]:
        self.fail("open", session.page)
        with super().session(session) as running:
            yield BrokenSession(running, self)
        self.fail("remove", session.page)

    def prepare(self, sessions: Sequence[Session]) -> None:
        super().prepare(sessions)
        self.fail("prepare", "bad")

    def close(self) -> None:
        super().close()
        self.note("closed")
        self.fail("close", "bad")


class BrokenSession(FakeSession):
    """A session of such an engine."""

    def __init__(self, running: FakeSession, engine: Broken) -> None:
        self.__dict__.update(running.__dict__)
        self._broken = engine

    def run(self, step: Step) -> StepOutput:
        self._broken.fail("run", self._session.page)
        return super().run(step)

    def images(self) -> tuple[Image, ...]:
        self._broken.fail("images", self._session.page)
        return super().images()


def runners_on(source: FakeSettings) -> dict[str, Runner]:
    """Return the two runners of the extension."""
    return {"direct": DirectRunner(source), "lab": LabRunner(source)}


def outcomes(
    sessions: Sequence[Session],
    source: FakeSettings,
    *,
    executor: Executor | None = None,
    jobs: int = JOBS,
    progress: Told | None = None,
) -> list[Outcome]:
    """Return what came out of `sessions`, in the order in which it came."""
    found: list[Outcome] = []
    opened = OpenRunners(runners_on(source), progress=progress or Told())
    with closing(opened):
        opened.engine(source)
        execute(
            sessions, runners=opened, clock=TickingClock(), jobs=jobs, settle=found.append, executor=executor
        )
    return found
