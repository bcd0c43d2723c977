"""What showing recordings costs: whole builds, side by side with the same pages as static code blocks.

    make bench
    PYTHONPATH=ext:tests .venv/bin/python tests/bench/replay.py --pages 100 --rounds 5

No engine is needed: one that prints what it is told makes the recordings, before the clock starts. Each
build is a process of its own, and builds of both kinds take turns. Quote the ratios, not the times; they
are medians, and are written to `build/bench.json` besides.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from measure import ENVIRONMENT, Usage, Wanted, report, run

STEPS = 10
LINES = 8
OUTPUT = "".join(
    f"{number:2} drwxr-xr-x 1 root root 4096 a line of what came out\n" for number in range(LINES)
)

COMMON = """
extensions = ["myst_parser"{more}]
html_theme = "alabaster"
html_sidebars = {{"**": []}}
html_last_updated_fmt = None
exclude_patterns = ["recordings"]
"""
REPLAYED = COMMON.format(more=', "docker_run"') + 'docker_run_engine = "none"\n'
RECORDED = (
    REPLAYED
    + f"""
docker_run_mode = "always"

def setup(app):
    from fake_engine import FakeEngine, FakeSession, use_fake_engine
    from docker_run.model import Stream
    FakeSession._execute = lambda self, command, _line, _step: self._printed(
        command, Stream.OUT, {OUTPUT.encode()!r})
    use_fake_engine(app, FakeEngine())
"""
)


def main() -> int:
    """Measure and print; the exit status says whether what is wanted is reached."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--pages", type=int, nargs="+", default=[100, 1000])
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    wanted: list[Wanted] = []
    with tempfile.TemporaryDirectory() as folder:
        for pages in given.pages:
            wanted += compare(Path(folder, str(pages)), pages, given.rounds)
    wanted.append(measure_import(given.rounds))
    return report(wanted)


def compare(folder: Path, pages: int, rounds: int) -> Iterable[Wanted]:
    """Build the same pages both ways, by turns; yield the ratios."""
    static, replayed = folder / "static", folder / "replayed"
    write(static, pages, COMMON.format(more=""), static_block)
    write(replayed, pages, RECORDED, run_block)
    build(replayed)
    (replayed / "conf.py").write_text(REPLAYED)
    nothing = Wanted(f"{pages} pages of {STEPS} steps, from nothing", 1.15 if pages >= 1000 else 1.1)
    unchanged = Wanted(f"{pages} pages of {STEPS} steps, nothing changed", 1.1)
    memory = Wanted(f"{pages} pages of {STEPS} steps, memory", 1.2)
    for _ in range(rounds):
        shutil.rmtree(static / "build", ignore_errors=True)
        shutil.rmtree(replayed / "build", ignore_errors=True)
        ours, theirs = build(replayed), build(static)
        nothing.add(ours, theirs)
        memory.ratios.append(ours.memory / theirs.memory)
        unchanged.add(build(replayed), build(static))
        print(f"{pages} pages: {ours}; static {theirs}", file=sys.stderr)
    return nothing, unchanged, memory


def write(folder: Path, pages: int, conf: str, block: Callable[[int], str]) -> None:
    """Write a project."""
    folder.mkdir(parents=True)
    (folder / "conf.py").write_text(conf)
    names = [f"page-{number}" for number in range(pages)]
    (folder / "index.md").write_text("# Pages\n\n```{toctree}\n" + "\n".join(names) + "\n```\n")
    for name in names:
        text = "".join(f"A paragraph above block {step}.\n\n{block(step)}\n" for step in range(STEPS))
        (folder / f"{name}.md").write_text(f"# {name}\n\n{text}")


def run_block(step: int) -> str:
    """Return a step."""
    return f"```{{docker-run}} --rm busybox ls -l /{step}\n```\n"


def static_block(step: int) -> str:
    """Return what the step shows, as a code block."""
    return f"```console\n$ docker run --rm busybox ls -l /{step}\n{OUTPUT}```\n"


def build(folder: Path) -> Usage:
    """Build the project in a process of its own."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", str(folder), str(folder / "build")]
    return run(command)


IMPORT = """
import sphinx.application, sphinx.builders.html, sphinx.cmd.build, myst_parser.sphinx_ext.main
from time import perf_counter, process_time
began = perf_counter(), process_time()
import docker_run.sphinx_ext.extension
print(perf_counter() - began[0], process_time() - began[1])
"""


def measure_import(rounds: int) -> Wanted:
    """Measure how long the extension's `import` statement takes, in parts of 60 ms: the median of 11 or more.

    It is measured within the process, which has imported Sphinx before. What the extension costs at a
    process's end, when all modules are freed, is in the ratios of whole builds.
    """
    wanted = Wanted("import, in parts of 60 ms on top of Sphinx", 1.0)
    for _ in range(max(11, 2 * rounds + 1)):
        command = [sys.executable, "-c", IMPORT]
        done = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True)
        seconds, processor = map(float, done.stdout.split())
        wanted.ratios.append(seconds / 0.060)
        wanted.processor.append(processor / 0.060)
    return wanted


if __name__ == "__main__":
    sys.exit(main())
