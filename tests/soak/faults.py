"""What happens to a build: each fault strikes once, at a moment that is drawn by chance."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from faulty_engine import Fault as Lie
from faulty_engine import FaultyEngine, answered
from soak.clock import Clock
from soak.engines import SoakEngine
from soak.site import Site

PATIENCE = 300.0
"""Seconds after which a build counts as hung."""
_HANG_SECONDS = 3.0
_SAYS = b'{"message": "%s"}'
_HOURS = (-40 * 24, -3 * 24, -2, -1, 1, 2, 3 * 24, 40 * 24)
"""By how much clocks are moved: more, and less, than anything is kept or waited for."""


@dataclass
class Round:
    """One build, and what it is built on."""

    site: Site
    engine: SoakEngine
    url: str
    """Where the build believes its engine to be."""
    rng: random.Random
    usual: float
    """Seconds that a build of this site takes to which nothing happens."""

    def moment(self) -> float:
        """Draw a moment: seconds after the start of a build; near its end, it would often be too late."""
        return self.rng.uniform(0.0, 0.85 * self.usual)


class Hung(Exception):
    """A build did not end."""


class Fault(ABC):
    """Something that happens to a build."""

    name: str

    def __init__(self, round: Round) -> None:  # noqa: A002 - the word for it
        self.round = round
        self.told = ""
        """What was drawn, for the log."""
        self.is_harmless = False
        """Whether it should cost the build nothing: that has to succeed, and to run everything."""
        self.moves_clock = False
        self.has_struck = True
        """Whether the build still ran when it happened."""

    @abstractmethod
    def run(self) -> int:
        """Build while it happens; return the exit status. What is broken is whole again afterwards."""

    def _start(self, *, out: Path | None = None, within: Sequence[str] = ()) -> subprocess.Popen[str]:
        return self.round.site.start(self.round.url, out=out, within=within)

    def _wait_for_moment(self, process: subprocess.Popen[str]) -> bool:
        """Wait for the moment that is drawn; tell whether the build still runs then."""
        moment = self.round.moment()
        self.told += f" after {moment:.2f} s"
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            return True
        self.has_struck = False
        self.told += ", which was too late"
        return False


def finish(process: subprocess.Popen[str]) -> int:
    """Wait for a build's end. Raises `Hung`, after killing it."""
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise Hung from None


class Signal(Fault):
    """The build gets a signal: as from Ctrl-C, a build server, a closed terminal, or the kernel."""

    name = "signal"

    def run(self) -> int:
        number = self.round.rng.choice((signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL))
        self.told = number.name
        process = self._start()
        if self._wait_for_moment(process):
            with suppress(ProcessLookupError):
                # Ctrl-C goes to all processes of the terminal; the others to one.
                (os.killpg if number is signal.SIGINT else os.kill)(process.pid, number)
        return finish(process)


class EngineDies(Fault):
    """The engine is killed, or ends in good order; it is started again when the build has ended."""

    name = "engine-dies"

    def run(self) -> int:
        how = self.round.rng.choice(self.round.engine.deaths)
        self.told = how
        process = self._start()
        try:
            if self._wait_for_moment(process):
                getattr(self.round.engine, how)()
            return finish(process)
        finally:
            self.round.engine.revive()


class EngineRestarts(Fault):
    """The engine is killed, and started again while the build goes on."""

    name = "engine-restarts"

    def run(self) -> int:
        process = self._start()
        try:
            if self._wait_for_moment(process):
                self.round.engine.kill()
                self.round.engine.revive()
            return finish(process)
        finally:
            self.round.engine.revive()


class EngineHangs(Fault):
    """The engine does nothing for some seconds."""

    name = "engine-hangs"

    def run(self) -> int:
        process = self._start()
        if self._wait_for_moment(process):
            with self.round.engine.hung():
                time.sleep(_HANG_SECONDS)
        return finish(process)


class EngineLies(Fault):
    """What is between the build and the engine answers one request wrongly, or cuts its connection."""

    name = "engine-lies"

    def run(self) -> int:
        rng = self.round.rng
        request = rng.choice(
            ("", "POST .*/create", "POST .*/start", "attach", "wait", "exec", "json", "DELETE")
        )
        skip = rng.randrange(5 if request else 60)
        how, lie = rng.choice(
            (
                ("500", {"answer": answered(500, _SAYS % b"something went wrong", kind="application/json")}),
                (
                    "disk full",
                    {"answer": answered(500, _SAYS % b"no space left on device", kind="application/json")},
                ),
                ("a page", {"answer": answered(502)}),
                ("a page that looks well", {"answer": answered(200)}),
                ("hung up", {"answer": b""}),
                ("cut before the answer", {"cut_head": True}),
                ("cut", {"cut_after": rng.randrange(40)}),
                ("slow", {"delay": rng.uniform(0.5, 4.0)}),
            )
        )
        self.is_harmless = how == "slow"
        self.told = f"{how}, at request {skip + 1} like {request or 'any'!r}"
        path = self.round.site.folder.parent / "faulty.sock"
        with FaultyEngine(self.round.engine.url, path) as faulty:
            faulty.inject(Lie(request=request, skip=skip, times=1, **lie))
            status = finish(self.round.site.start(faulty.url))
            if not faulty.hits():
                self.has_struck = False
                self.told += ", of which there were not so many"
        return status


class DiskFull(Fault):
    """The file system of the recordings has no room left, for the rest of the build."""

    name = "disk-full"

    def run(self) -> int:
        ballast = self.round.site.recordings / ".ballast"
        process = self._start()
        try:
            if self._wait_for_moment(process):
                with suppress(OSError), ballast.open("wb") as file:
                    while True:
                        file.write(b"\0" * 4096)
                        file.flush()
            return finish(process)
        finally:
            ballast.unlink(missing_ok=True)


class TwoBuilds(Fault):
    """The same project is built twice at once; one of the builds may be killed."""

    name = "two-builds"

    def run(self) -> int:
        self.is_harmless = self.round.rng.random() < 0.5
        with self._another() as second:
            first = self._start()
            if not self.is_harmless and self._wait_for_moment(second):
                self.told += ", the second killed"
                second.kill()
            return finish(first)

    @contextmanager
    def _another(self, *within: str) -> Iterator[subprocess.Popen[str]]:
        """Start one more build, and wait for its end."""
        out = self.round.site.folder.parent / "other"
        process = self._start(out=out, within=within)
        try:
            yield process
        finally:
            finish(process)
            shutil.rmtree(out, ignore_errors=True)
            out.with_suffix(".log").unlink(missing_ok=True)


class OtherMachine(TwoBuilds):
    """Two builds at once on two machines that share an engine, whose clock may have been moved.

    The other machine is one without the files that tell who is alive.
    """

    name = "other-machine"

    def run(self) -> int:
        self.is_harmless = True
        folder = self.round.site.folder.parent / "elsewhere"
        folder.mkdir()
        hide = 'mount --bind "$0" /var/tmp && exec "$@"'
        hours = self.round.rng.choice((0, *_HOURS))
        self.told = f"its clock moved by {hours:+} h"
        try:
            with self._another("unshare", "--mount", "sh", "-c", hide, str(folder)) as second:
                self._wait_for_moment(second)
                with self._moved(hours) if hours else nullcontext(self.round.url) as url:
                    return finish(self.round.site.start(url))
        finally:
            folder.rmdir()  # it has to be empty

    @contextmanager
    def _moved(self, hours: int) -> Iterator[str]:
        """Give the URL of the engine as it would be with another clock, but for what it wrote down before."""
        with closing(self.round.engine.client()) as client:
            info = client.api.info()
        moved = datetime.fromisoformat(str(info["SystemTime"])) + timedelta(hours=hours)
        info["SystemTime"] = moved.isoformat()
        with FaultyEngine(self.round.engine.url, self.round.site.folder.parent / "moved.sock") as engine:
            answer = answered(200, json.dumps(info).encode(), kind="application/json")
            engine.inject(Lie(request="GET /info", answer=answer))
            yield engine.url


class ClockMoves(Fault):
    """The machine's time of day is another one from the start of the build, or jumps in the middle."""

    name = "clock-moves"

    def run(self) -> int:
        self.is_harmless = self.moves_clock = True
        rng, site = self.round.rng, self.round.site
        hours = [rng.choice((0, *_HOURS)), rng.choice(_HOURS)]
        self.told = f"by {hours[0]:+} h, then by {hours[1]:+} h"
        clock = Clock(site.folder.parent)
        clock.move(hours[0])
        site.environ = clock.environ
        try:
            process = self._start()
            if self._wait_for_moment(process):
                clock.move(hours[1])
            return finish(process)
        finally:
            site.environ = {}


KINDS: tuple[type[Fault], ...] = (
    Signal,
    EngineDies,
    ClockMoves,
    EngineLies,
    TwoBuilds,
    EngineRestarts,
    DiskFull,
    OtherMachine,
    EngineHangs,
)
"""All faults, in the order in which they come."""
