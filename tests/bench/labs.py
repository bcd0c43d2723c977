"""What labs cost: how long until one can be typed at, and what a command takes on top of itself.

    make bench

Everything is measured in one run; quote the ratios, not the times. It needs an engine.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import docker

from docker_run.engine.cleanup import labels
from docker_run.engine.connection.connect import connect
from docker_run.engine.connection.discovery import find
from docker_run.engine.engine import DockerEngine
from docker_run.engine.open_engine import open_engine
from docker_run.engine.settings import EngineSettings
from docker_run.model import Step
from docker_run.protocols import RunnerSession
from lab_sessions import session, shown, step

STARTS = 9
COMMANDS = 200
READY, COMMAND = 1.3, 0.010
"""What is wanted: at most this ratio, and these seconds a command."""


class Lines:
    """Progress as lines on standard error."""

    def note(self, message: str) -> None:
        print(message, file=sys.stderr)

    def image(self, name: str, status: str) -> None: ...

    def command(self, page: str, text: str) -> None: ...


def main() -> int:
    """Measure and print; the exit status says whether what is wanted is reached."""
    url = find(os.environ.get("ENGINE") or "auto", environ=os.environ, private=True, progress=Lines())
    settings = EngineSettings(engine=url, catalogue=Path(__file__).parents[2] / "docs" / "images")
    engine = open_engine(settings, environ=os.environ, progress=Lines())
    client = connect(url)
    with closing(client), closing(engine):
        warm_up(engine)
        ready = measure_starts(engine, client)
        overhead = measure_commands(engine)
        measure_ahead(engine)
    met = ready <= READY and overhead <= COMMAND
    wanted = f"ready within {READY} times that, and at most {COMMAND * 1e3:g} ms on top of a command"
    print(f"\n{'met' if met else 'NOT MET'}: {wanted}")
    return 0 if met else 1


def warm_up(engine: DockerEngine) -> None:
    """Build and stock what is missing, and bring it into the page cache."""
    with engine.session(session(step("true"), page="bench-warm-up")):
        pass


def measure_starts(engine: DockerEngine, client: docker.DockerClient) -> float:
    """Compare when the shell is at its prompt with when the engine inside listens: one lab, one clock."""
    ready, listens = [], []
    for number in range(STARTS):
        page = f"bench-{number}"
        began = time.time()
        with engine.session(session(step("true"), page=page)):
            ready.append(time.time() - began)
            listens.append(engine_listened(client, page) - began)
    ratio = statistics.median(a / b for a, b in zip(ready, listens, strict=True))
    row("lab ready, from being asked for", ready)
    row("its engine listens, from the same moment", listens)
    print(f"{'  ratio, the median of the pairs':45} {ratio:8.2f}")
    return ratio


def engine_listened(client: docker.DockerClient, page: str) -> float:
    """Return when the engine of the page's lab said that it listens, by the clock of this machine."""
    (container,) = client.api.containers(filters={"label": [f"{labels.PAGE}={page}"]})
    log = client.api.logs(container["Id"], timestamps=True).decode()
    line = next(line for line in log.splitlines() if "API listen on" in line)
    # Nanoseconds, which `datetime` does not know.
    return datetime.strptime(line[:26], "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=UTC).timestamp()


def measure_commands(engine: DockerEngine) -> float:
    """Compare commands typed at a lab's shell with the same ones in a loop of that shell."""
    worst = 0.0
    print()
    for command, count in ((":", COMMANDS), ("ls /", COMMANDS), ("docker version", COMMANDS // 10)):
        asked = step(command)
        loop = step(
            "begin=$EPOCHREALTIME",
            f"for i in {{1..{count}}}; do {command}; done",
            "end=$EPOCHREALTIME; echo took $((${end/./} - ${begin/./}))",
        )
        with engine.session(session(asked, loop, page="bench-commands")) as running:
            typed = [timed(running, asked) for _ in range(count)]
            *_, last = running.run(loop)
        alone = int(shown(last).split()[-1]) / 1e6 / count
        on_top = statistics.median(typed) - alone
        worst = max(worst, on_top)
        row(f"`{command}`, typed", typed)
        print(f"{'  in a loop of the same shell':45} {alone * 1e3:8.2f} ms")
        print(f"{'  on top':45} {on_top * 1e3:8.2f} ms")
    return worst


def timed(running: RunnerSession, asked: Step) -> float:
    """Run a step, and return how long it took."""
    began = time.perf_counter()
    running.run(asked)
    return time.perf_counter() - began


def measure_ahead(engine: DockerEngine) -> None:
    """Show what it saves that labs are started while the page before them runs."""
    asked = step("sleep 3")
    sessions = [session(asked, page=f"bench-ahead-{number}") for number in range(4)]
    waits = []
    engine.prepare(sessions)
    for each in sessions:
        began = time.perf_counter()
        with engine.session(each) as running:
            waits.append(time.perf_counter() - began)
            running.run(asked)
    print()
    row("waiting for a lab that was started ahead", waits[1:])


def row(what: str, seconds: Sequence[float]) -> None:
    """Print the median, the minimum and the maximum, in milliseconds."""
    low, middle, high = (value * 1e3 for value in (min(seconds), statistics.median(seconds), max(seconds)))
    print(f"{what:45} {middle:8.2f} ms  ({low:.2f} to {high:.2f}, n={len(seconds)})")


if __name__ == "__main__":
    sys.exit(main())
