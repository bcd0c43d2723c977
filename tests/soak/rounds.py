"""The rounds of builds, on the machine that is theirs alone."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from other_engines import copy_images
from soak.check import crashed, losses, not_run, snapshot
from soak.engines import NestedEngine, OwnEngine, SoakEngine
from soak.faults import Fault, Hung, Round, finish
from soak.leftovers import Traces, of_project, on_engine, on_machine
from soak.site import Site

_RECORDINGS_ROOM = "512k"
_SETTLE_SECONDS = 20.0
"""How long what the engine itself is about to remove may take: a container whose process has just ended."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is done, and where."""

    base: Path
    """The folder of everything; see `soak.machine`."""
    around: str
    """The URL of an engine that has the images."""
    images: tuple[str, ...]
    """What they are called there."""
    current: tuple[str, str] | None
    """The id of the container of the current engine, on the one around it, and its URL."""
    has_own: bool
    """Whether there is one of the machine's version, too."""
    seed: int
    numbers: range
    """The rounds; each is drawn from the seed and its number alone."""
    ways: tuple[str, ...]
    kinds: tuple[type[Fault], ...]


class Soak:
    """Sites and engines, and what was counted so far."""

    def __init__(self, settings: Settings, engines: list[SoakEngine]) -> None:
        self._settings = settings
        self._engines = engines
        self._sites: dict[tuple[str, str], Site] = {}
        self._usual: dict[tuple[str, str], float] = {}
        self._clean: dict[str, Traces] = {}
        self.builds = 0
        self.struck: Counter[str] = Counter()
        self.losses: list[str] = []
        self.leftovers: list[str] = []

    def prepare(self) -> None:
        """Make and build the sites; what there is after that is what may be there after each round."""
        for number in self._settings.numbers:
            engine, way, _ = self._draw(number)
            if (engine.name, way) not in self._sites:
                self._sites[engine.name, way], self._usual[engine.name, way] = self._site(engine, way)
        for engine in self._engines:
            self._clean[engine.name] = self._traces(engine)

    def round(self, number: int) -> None:
        """Build twice: while something happens, and undisturbed."""
        engine, way, rng = self._draw(number)
        site = self._sites[engine.name, way]
        kind = self._settings.kinds[(number // len(self._engines)) % len(self._settings.kinds)]
        before, began = snapshot(site), time.monotonic()
        site.next_round()
        fault = kind(Round(site, engine, engine.url, rng, self._usual[engine.name, way]))
        status, problems = self._strike(fault)
        if fault.is_harmless:
            took = time.monotonic() - began
            self._usual[engine.name, way] = min(self._usual[engine.name, way], took)
        now, log = snapshot(site), site.log()
        problems += crashed(log, site.folder.parent)
        problems += self._undisturbed(site, engine)
        problems += losses(before, now, snapshot(site))
        left = self._left(site, engine)
        site.commit()
        if fault.moves_clock:
            # Sphinx takes a page for unchanged that is older than its last look at it, by its clock then.
            shutil.rmtree(site.out / "doctrees")
        took = time.monotonic() - began
        self.builds += 2
        self.losses += [f"#{number}: {problem}" for problem in problems]
        self.leftovers += [f"#{number}: {each}" for each in left]
        print(
            f"#{number} {engine.name} {way} {fault.name} {fault.told}: exit {status}, {took:.0f} s"
            f"{''.join(f'{chr(10)}    LOST {each}' for each in problems)}"
            f"{''.join(f'{chr(10)}    LEFT {each}' for each in left)}",
            flush=True,
        )
        if problems or left:
            print("    " + "\n    ".join(log.splitlines()[-40:]), flush=True)

    def _draw(self, number: int) -> tuple[SoakEngine, str, random.Random]:
        """Draw what round `number` is built on, and how; return with what its fault is drawn, too."""
        rng = random.Random(f"{self._settings.seed}:{number}")  # noqa: S311 - to be drawn again
        return self._engines[number % len(self._engines)], rng.choice(self._settings.ways), rng

    def end(self, before: Traces) -> None:
        """Look at the machine when everything on it has ended; `before` is from before anything began."""
        left = _settled(lambda: Traces.of(on_machine()).new_since(before))
        self.leftovers += [f"at the end: {each}" for each in left]
        print("".join(f"    LEFT at the end: {each}\n" for each in left), end="", flush=True)

    def _strike(self, fault: Fault) -> tuple[int | str, list[str]]:
        """Build while it happens; return the exit status, and what is wrong with it."""
        try:
            status = fault.run()
        except Hung:
            return "hung", ["the build hung"]
        self.struck[fault.name] += fault.has_struck
        log = fault.round.site.log()
        if fault.is_harmless and (status or ", 0 failed" not in log):
            return status, [f"a build that nothing was done to ended with {status}"]
        return status, []

    def _undisturbed(self, site: Site, engine: SoakEngine) -> list[str]:
        """Build without a fault; return what went wrong."""
        try:
            status = finish(site.start(engine.url, "-W", "--keep-going"))
        except Hung:
            return ["the undisturbed build hung"]
        log = site.log()
        problems = crashed(log, site.folder.parent)
        if status or ", 0 failed" not in log:
            problems.append(f"the undisturbed build ended with {status}:\n{log[-3000:]}")
        return problems + not_run(site)

    def _site(self, engine: SoakEngine, way: str) -> tuple[Site, float]:
        """Return a site that is built, and how long that takes."""
        site = Site(self._settings.base / f"{engine.name}-{way}" / "site", way)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_RECORDINGS_ROOM}", "tmpfs", str(site.recordings)]
        subprocess.run(mount, check=True)
        for _ in range(2):  # the first may also make images
            site.next_round()
            began = time.monotonic()
            if problems := self._undisturbed(site, engine):
                raise SystemExit("\n".join(problems))
            typical = time.monotonic() - began
        site.commit()
        print(f"{engine.name} {way}: {typical:.1f} s a build", flush=True)
        return site, typical

    def _traces(self, engine: SoakEngine, site: Site | None = None) -> Traces:
        with closing(engine.client()) as client:
            found = [*on_machine(), *on_engine(client), *(f"in its container: {x}" for x in engine.traces())]
        return Traces.of([*found, *(of_project(site) if site else ())])

    def _left(self, site: Site, engine: SoakEngine) -> list[str]:
        """Return what the two builds left behind; git's own view is of the recordings alone."""

        def new() -> list[str]:
            found = self._traces(engine, site).new_since(self._clean[engine.name])
            return [each for each in found if not _is_new_page(each)]

        return _settled(new)

    def close(self) -> None:
        """Unmount what was mounted."""
        for site in self._sites.values():
            subprocess.run(["umount", str(site.recordings)], check=True)


def _settled(look: Callable[[], list[str]]) -> list[str]:
    """Look for leftovers until there are none; return those that stay."""
    give_up = time.monotonic() + _SETTLE_SECONDS
    while (left := look()) and time.monotonic() < give_up:
        time.sleep(0.2)
    return left


def _is_new_page(trace: str) -> bool:
    """Tell whether a trace is the page that this round changed, or its new recording."""
    return trace.startswith("git:  M ") and trace.endswith((".md", ".txt"))


@contextmanager
def _engines(settings: Settings) -> Iterator[list[SoakEngine]]:
    with ExitStack() as ends:
        engines: list[SoakEngine] = []
        if settings.has_own:
            own = OwnEngine(settings.base / "own")
            ends.callback(own.close)
            engines.append(own)
        if settings.current:
            engines.append(NestedEngine(settings.around, *settings.current))
        for engine in engines:
            copy_images(settings.images, settings.around, engine.url)
        yield engines


def soak(settings: Settings) -> int:
    """Do all rounds; the exit status says whether anything was lost or left."""
    before = Traces.of(on_machine())
    began = time.monotonic()
    with _engines(settings) as engines:
        soak = Soak(settings, engines)
        with closing(soak):
            soak.prepare()
            for number in settings.numbers:
                soak.round(number)
    soak.end(before)
    for each in (*soak.losses, *soak.leftovers):
        print(each)
    kinds = ", ".join(f"{count} {name}" for name, count in sorted(soak.struck.items()))
    print(
        f"seed {settings.seed}, {(time.monotonic() - began) / 60:.0f} min: {soak.builds} builds, "
        f"{soak.struck.total()} faults ({kinds}), losses {len(soak.losses)}, leftovers {len(soak.leftovers)}"
    )
    return 1 if soak.losses or soak.leftovers else 0
