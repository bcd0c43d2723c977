"""Many builds, something happening to each of them; what is lost or left behind is counted.

    make soak                       # 200 builds
    make soak BUILDS=20 SEED=7      # fewer, and as they were with this seed

Each round changes the pages, builds while something goes wrong, and looks at the recordings: each has to be
what it was, or else what the commands really print. Then it builds once more, undisturbed: now everything
must have been run, and nothing of either build may be left, on the engine, on the machine, or in git.
It needs root on Linux, `dockerd`, git, and an engine for the current one to run on.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from current_engine import current_engine
from docker_run.engine.find import find
from soak.check import crashed, losses, snapshot
from soak.engines import NestedEngine, OwnEngine, SoakEngine, copy_images
from soak.faults import Fault, Hung, Round, available, finish
from soak.leftovers import Traces, traces
from soak.site import WAYS, Site
from told import Quiet

_RECORDINGS_ROOM = "512k"
_SETTLE_SECONDS = 20.0
"""How long what the engine itself is about to remove may take: a container whose process has just ended."""


class Soak:
    """Sites and engines, and what was counted so far."""

    def __init__(self, folder: Path, engines: list[SoakEngine], *, seed: int) -> None:
        self._folder = folder
        self._engines = engines
        self._seed = seed
        self._sites: dict[tuple[str, str], tuple[Site, Traces, float]] = {}
        self._faults = available()
        self.builds = 0
        self.struck: Counter[str] = Counter()
        self.losses: list[str] = []
        self.leftovers: list[str] = []

    def round(self, number: int) -> None:
        """Build twice: while something happens, and undisturbed."""
        rng = random.Random(f"{self._seed}:{number}")  # noqa: S311 - to be drawn again
        engine = self._engines[number % len(self._engines)]
        way = rng.choice(sorted(WAYS))
        site, clean, typical = self._site(engine, way)
        kind = self._faults[(number // len(self._engines)) % len(self._faults)]
        before = snapshot(site)
        site.next_round()
        fault = kind(Round(site, engine, engine.url, rng, typical))
        status = self._strike(number, fault)
        now, log = snapshot(site), site.log()
        problems = crashed(log, site.folder.parent)
        recovered = self._undisturbed(site, engine)
        truth = snapshot(site)
        problems += recovered + losses(before, now, truth)
        left = self._left(site, engine, clean)
        site.commit()
        self.builds += 2
        self.losses += [f"#{number}: {problem}" for problem in problems]
        self.leftovers += [f"#{number}: {each}" for each in left]
        print(
            f"#{number} {engine.name} {way} {fault.name} {fault.told}: exit {status}"
            f"{''.join(f'{chr(10)}    LOST {each}' for each in problems)}"
            f"{''.join(f'{chr(10)}    LEFT {each}' for each in left)}",
            flush=True,
        )
        if problems or left:
            print("    " + "\n    ".join(log.splitlines()[-40:]), flush=True)

    def _strike(self, number: int, fault: Fault) -> int | str:
        try:
            status = fault.run()
        except Hung:
            self.losses.append(f"#{number}: the build hung")
            return "hung"
        finally:
            self.struck[fault.name] += 1
        return status

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
        return problems

    def _site(self, engine: SoakEngine, way: str) -> tuple[Site, Traces, float]:
        """Return the site of an engine and a way, what there is once it is built, and how long that takes."""
        key = engine.name, way
        if key not in self._sites:
            folder = self._folder / f"{engine.name}-{way}"
            site = Site(folder / "site", way, mark=f"{os.getpid()}-{engine.name}-{way}")
            mount = ["mount", "-t", "tmpfs", "-o", f"size={_RECORDINGS_ROOM}", "tmpfs", str(site.recordings)]
            subprocess.run(mount, check=True)
            for _ in range(2):  # the first also makes images
                site.next_round()
                began = time.monotonic()
                if problems := self._undisturbed(site, engine):
                    raise SystemExit("\n".join(problems))
                typical = time.monotonic() - began
            site.commit()
            with closing(engine.client()) as client:
                self._sites[key] = site, traces(client, site, engine.interfaces()), typical
            print(f"{engine.name} {way}: {typical:.1f} s a build", flush=True)
        return self._sites[key]

    def _left(self, site: Site, engine: SoakEngine, clean: Traces) -> list[str]:
        """Return what the two builds left behind; git's own view is of the recordings alone."""
        give_up = time.monotonic() + _SETTLE_SECONDS
        while True:
            with closing(engine.client()) as client:
                found = traces(client, site, engine.interfaces())
            left = [each for each in found.new_since(clean) if not _is_new_page(each)]
            if not left or time.monotonic() > give_up:
                return left
            time.sleep(0.2)

    def close(self) -> None:
        """Unmount what was mounted."""
        for site, _, _ in self._sites.values():
            subprocess.run(["umount", str(site.recordings)], check=True)


def _is_new_page(trace: str) -> bool:
    """Tell whether a trace is the page that this round changed, or its new recording."""
    return trace.startswith("git:  M ") and trace.endswith((".md", ".txt"))


@contextmanager
def _engines(names: list[str], folder: Path) -> Iterator[list[SoakEngine]]:
    with ExitStack() as closing_all:
        url = find(os.environ.get("ENGINE") or "auto", environ=os.environ, private=True, progress=Quiet())
        engines: list[SoakEngine] = []
        if "own" in names:
            own = OwnEngine(folder / "own")
            closing_all.callback(own.close)
            engines.append(own)
        if "current" in names:
            shared = folder / "current"
            shared.mkdir()
            engines.append(NestedEngine(closing_all.enter_context(current_engine(url, shared))))
        for engine in engines:
            copy_images(url, engine.url)
        yield engines


def main() -> int:
    """Do it; the exit status says whether anything was lost or left."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--builds", type=int, default=200, help="how many builds with a fault")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--engine", choices=("own", "current", "both"), default="both")
    options = parser.parse_args()
    names = ["own", "current"] if options.engine == "both" else [options.engine]
    print(f"seed {options.seed}", flush=True)
    # Not in /tmp: the paths of sockets have to be short.
    with (
        tempfile.TemporaryDirectory(prefix="soak-", dir="/var/tmp") as temporary,
        _engines(names, Path(temporary)) as engines,
    ):
        soak = Soak(Path(temporary), engines, seed=options.seed)
        with closing(soak):
            for number in range(options.builds):
                soak.round(number)
    for each in (*soak.losses, *soak.leftovers):
        print(each)
    kinds = ", ".join(f"{count} {name}" for name, count in sorted(soak.struck.items()))
    print(
        f"seed {options.seed}: {soak.builds} builds, {soak.struck.total()} faults ({kinds}), "
        f"losses {len(soak.losses)}, leftovers {len(soak.leftovers)}"
    )
    return 1 if soak.losses or soak.leftovers else 0


if __name__ == "__main__":
    sys.exit(main())
