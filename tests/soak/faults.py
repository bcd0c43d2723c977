"""What happens to a build: each fault strikes once, at a moment that is drawn by chance."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from faulty_engine import Fault as Lie
from faulty_engine import FaultyEngine, answered
from soak.engines import SoakEngine
from soak.site import Site

PATIENCE = 300.0
"""Seconds after which a build counts as hung."""
_HANG_SECONDS = 3.0
_SAYS = b'{"message": "%s"}'


@dataclass
class Round:
    """One build, and what it is built on."""

    site: Site
    engine: SoakEngine
    url: str
    """Where the build believes its engine to be."""
    rng: random.Random
    typical: float
    """Seconds that a build of this site takes to which nothing happens."""

    def moment(self) -> float:
        """Draw a moment: seconds after the start of a build."""
        return self.rng.uniform(0.0, self.typical)


class Hung(Exception):
    """A build did not end."""


class Fault(ABC):
    """Something that happens to a build."""

    name: str

    def __init__(self, round: Round) -> None:  # noqa: A002 - the word for it
        self.round = round
        self.told = ""
        """What was drawn, for the log."""

    @abstractmethod
    def run(self) -> int:
        """Build while it happens; return the exit status. What is broken is whole again afterwards."""

    def _start(self, *arguments: str, out: Path | None = None) -> subprocess.Popen[str]:
        return self.round.site.start(self.round.url, *arguments, out=out)

    def _wait_for_moment(self, process: subprocess.Popen[str]) -> bool:
        """Wait for the moment that is drawn; tell whether the build still runs then."""
        moment = self.round.moment()
        self.told += f" after {moment:.2f} s"
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            return True
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
        how = self.round.rng.choice(("kill", "stop"))
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
        skip = rng.randrange(12 if request else 60)
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
        self.told = f"{how}, at request {skip + 1} like {request or 'any'!r}"
        path = self.round.site.folder.parent / "faulty.sock"
        with FaultyEngine(self.round.engine.url, path) as faulty:
            faulty.inject(Lie(request=request, skip=skip, times=1, **lie))
            return finish(self.round.site.start(faulty.url))


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
        other = self.round.site.folder.parent / "other"
        first = self._start()
        second = self._start(out=other)
        try:
            if self.round.rng.random() < 0.5 and self._wait_for_moment(second):
                self.told += ", the second killed"
                second.kill()
            return finish(first)
        finally:
            finish(second)
            shutil.rmtree(other, ignore_errors=True)
            other.with_suffix(".log").unlink(missing_ok=True)


class ClockMoves(Fault):
    """The time of day of the build jumps, by hours or days, forth or back."""

    name = "clock-moves"

    def run(self) -> int:
        jump = self.round.rng.choice((-86400, -3600, 3600, 86400, 40 * 86400))
        self.told = f"by {jump / 3600:+g} h"
        clock = self.round.site.folder.parent / "clock"
        clock.write_text("+0\n")
        site = self.round.site
        site.environ = {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        try:
            process = self._start()
            if self._wait_for_moment(process):
                clock.write_text(f"{jump:+d}\n")
            return finish(process)
        finally:
            site.environ = {}


def library() -> Path | None:
    """Return the library that makes processes believe in another time, from Debian's package `faketime`."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def available() -> list[type[Fault]]:
    """Return all faults that this machine can have."""
    faults = [Signal, EngineDies, EngineRestarts, EngineHangs, EngineLies, DiskFull, TwoBuilds]
    return [*faults, ClockMoves] if library() else list(faults)
