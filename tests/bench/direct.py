"""What a build takes that runs commands directly on an engine, beside the same containers by hand.

    make bench
    ENGINE=unix:///… PYTHONPATH=ext:tests .venv/bin/python tests/bench/direct.py --pages 20 --rounds 5

By hand (`by_hand.py`) means docker-py and a pool of threads. Several ways to do that are tried, with several
numbers of workers; the best two are measured, by turns with builds, and the better one of these counts. What
is measured are whole processes: of the build also Sphinx, and all that it makes on the engine and removes.
Beside it stands the ratio to the same where each worker has a network of its own, as each page of a build:
an engine takes longer to connect a container to one than to its default network.
Quote the ratios, not the times: they are medians, and are written to `build/bench.json` besides.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from by_hand import WAYS
from measure import ENVIRONMENT, Usage, Wanted, report, run

from docker_run.engine.connection.discovery import find
from docker_run.model import Recording
from docker_run.recordings.store import Store
from docker_run.terminal.segments import plain_text

CATALOGUE = Path(__file__).parents[2] / "docs" / "images"
IMAGE = "busybox"
STEPS = 5
WORKERS = (2, 3, 4, 6, 8)
TRIED = 0.3
"""The share of the commands with which the ways by hand are tried."""
MOST = 1.1

CONF = """
extensions = ["myst_parser", "docker_run"]
html_theme = "alabaster"
html_sidebars = {{"**": []}}
html_last_updated_fmt = None
exclude_patterns = ["recordings"]
docker_run_engine = {engine!r}
docker_run_images = {catalogue!r}
docker_run_mode = "always"
"""


class Lines:
    """Progress as lines on standard error."""

    def note(self, message: str) -> None:
        print(message, file=sys.stderr)

    def image(self, name: str, status: str) -> None: ...

    def command(self, page: str, text: str) -> None: ...


@dataclass(frozen=True)
class ByHand:
    """A way to run containers by hand, and how many at a time."""

    way: str
    workers: int
    networks: str = "default"
    """`own`: one for each worker."""

    def run(self, commands: Sequence[str], *, image: str, output: Path, environ: Mapping[str, str]) -> Usage:
        """Run `commands`; what they print is written to `output`."""
        program = str(Path(__file__).with_name("by_hand.py"))
        arguments = [self.way, str(self.workers), self.networks, str(output), image, *commands]
        return run([sys.executable, program, *arguments], environ=environ)

    def __str__(self) -> str:
        return f"{self.way}, {self.workers} at a time{', own networks' * (self.networks == 'own')}"


def main() -> int:
    """Measure and print; the exit status says whether what is wanted is reached."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--pages", type=int, default=20)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    url = find(os.environ.get("ENGINE") or "auto", environ=os.environ, private=True, progress=Lines())
    with tempfile.TemporaryDirectory() as name:
        return report(compare(Path(name), url, pages=given.pages, rounds=given.rounds))


def compare(folder: Path, url: str, *, pages: int, rounds: int) -> list[Wanted]:
    """Run the same commands both ways, by turns; return the ratios to the better way by hand."""
    commands = [f"echo {number}" for number in range(pages * STEPS)]
    write(folder / "docs", url, commands)
    build(folder)  # and with it the image
    (image,) = {image.id for recording in recordings(folder, pages) for image in recording.images}
    environ, output = {**ENVIRONMENT, "DOCKER_HOST": url}, folder / "printed.json"
    best = fastest(commands[: int(TRIED * len(commands))], image=image, output=output, environ=environ)
    best.append(replace(best[0], networks="own"))
    ours: list[Usage] = []
    theirs: dict[ByHand, list[Usage]] = {each: [] for each in best}
    for _ in range(rounds):
        ours.append(build(folder))
        printed = [of_command for each in recordings(folder, pages) for of_command in outputs(each)]
        for each in best:
            theirs[each].append(each.run(commands, image=image, output=output, environ=environ))
            check(each, json.loads(output.read_text()), printed)
        print(f"ours {ours[-1]}", *(f"{each} {theirs[each][-1]}" for each in best), sep="; ", file=sys.stderr)
    *best, with_networks = best
    chosen = min(best, key=lambda each: statistics.median(usage.seconds for usage in theirs[each]))
    print(f"by hand: {chosen}", file=sys.stderr)
    what = f"{len(commands)} docker run, cold, beside docker-py"
    wanted = [Wanted(what, MOST), Wanted(f"{what}, own networks", MOST)]
    for each, way in zip(wanted, (chosen, with_networks), strict=True):
        for usages in zip(ours, theirs[way], strict=True):
            each.add(*usages)
    return wanted


def fastest(commands: Sequence[str], *, image: str, output: Path, environ: Mapping[str, str]) -> list[ByHand]:
    """Try all ways by hand; return the best two."""
    ways = [ByHand(way, workers) for way in WAYS for workers in WORKERS]
    seconds = {each: each.run(commands, image=image, output=output, environ=environ).seconds for each in ways}
    for each in ways:
        print(f"{each!s:40} {seconds[each]:.2f} s for {len(commands)}", file=sys.stderr)
    return sorted(ways, key=seconds.__getitem__)[:2]


def write(folder: Path, url: str, commands: Sequence[str]) -> None:
    """Write a project whose pages run `commands`."""
    folder.mkdir(parents=True)
    (folder / "conf.py").write_text(CONF.format(engine=url, catalogue=str(CATALOGUE)))
    names = [f"page-{number:04}" for number in range(len(commands) // STEPS)]
    (folder / "index.md").write_text("# Pages\n\n```{toctree}\n" + "\n".join(names) + "\n```\n")
    for number, name in enumerate(names):
        steps = commands[number * STEPS : (number + 1) * STEPS]
        blocks = (f"```{{docker-run}} --rm {IMAGE} {command}\n```\n" for command in steps)
        (folder / f"{name}.md").write_text(f"# {name}\n\n" + "\n".join(blocks))


def build(folder: Path) -> Usage:
    """Build the project from nothing in a process of its own."""
    shutil.rmtree(folder / "build", ignore_errors=True)
    shutil.rmtree(folder / "docs" / "recordings", ignore_errors=True)
    return run([sys.executable, "-m", "sphinx", "-q", "-W", str(folder / "docs"), str(folder / "build")])


def recordings(folder: Path, pages: int) -> list[Recording]:
    """Return what the build has recorded, in the order of the pages."""
    store = Store(folder / "docs" / "recordings")
    found = [store.load(f"page-{number:04}") for number in range(pages)]
    return [each for each in found if each is not None]


def outputs(recording: Recording) -> list[tuple[str, int]]:
    """Return what each command of a page printed, and its exit status."""
    return [
        (plain_text(command.output), command.exit_code)
        for step in recording.steps
        for command in step.commands
    ]


def check(way: ByHand, printed: list[tuple[str, str, int]], recorded: list[tuple[str, int]]) -> None:
    """Exit where one way got something else than the other: what loses output is fast."""
    if [(out.rstrip("\n"), status) for out, _, status in printed] != recorded:
        sys.exit(f"{way}: what was printed is not what was recorded")


if __name__ == "__main__":
    sys.exit(main())
