"""Many builds, something happening to each of them; what is lost or left behind is counted.

    make soak                       # 200 builds to which something happens
    make soak BUILDS=20 SEED=7      # fewer, and as they were with this seed

Each round changes the pages, builds while something goes wrong, and looks at the recordings: each has to be
what it was, or else what the commands really print. Then it builds once more, undisturbed: now everything
must have been run, and nothing of either build may be left, on the engine, on the machine, or in git.
It needs root on Linux, git, `dockerd`, iproute2, gcc, and an engine for the current one to run on.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.connection.discovery import find
from docker_run.engine.host import Host
from docker_run.engine.images.lab_image import LabImages
from docker_run.engine.images.provider import Images
from docker_run.system.signals import termination_as_interrupt
from other_engines import CATALOGUE, other_engine
from soak.faults import KINDS
from soak.machine import command, socket_there
from soak.rounds import Settings, soak
from soak.site import IMAGES
from told import Quiet

_ENGINES = ("own", "current")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--builds", type=int, default=200, help="how many builds with a fault")
    parser.add_argument("--first", type=int, default=0, help="the number of the first of them")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--engine", choices=(*_ENGINES, "both"), default="both")
    parser.add_argument("--way", choices=("direct", "lab", "both"), default="both")
    parser.add_argument("--fault", choices=[kind.name for kind in KINDS], help="only this one")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    return parser.parse_args()


def _provide_images(url: str) -> list[str]:
    """Make sure that an engine has the images that builds need: on the machine there is no network.

    Return what they are called there.
    """
    clients = Clients(lambda: connect(url))
    host = Host(url, clients=clients, timeout=60, max_output=1_000_000)
    try:
        images = Images(clients, catalogue=CATALOGUE, progress=Quiet())
        lab = LabImages(images, clients, {}, Quiet(), catalogue=CATALOGUE).provide("lab")
        return [*(images.provide(name).reference for name in IMAGES), lab]
    finally:
        host.close()


def _run_inside(options: argparse.Namespace) -> int:
    """Prepare what the machine of the builds can't make itself, and go on there."""
    around = find(os.environ.get("ENGINE") or "auto", environ=os.environ, private=True, progress=Quiet())
    # Not in /tmp, which is another one there; and the paths of sockets have to be short.
    with (
        termination_as_interrupt(),
        ExitStack() as ends,
        tempfile.TemporaryDirectory(prefix="docker-run-soak-", dir="/var/lib") as temporary,
    ):
        base = Path(temporary)
        images = _provide_images(around)
        current = None
        if options.engine != "own":
            shared = base / "current"
            shared.mkdir()
            engine = ends.enter_context(other_engine("current", around, shared))
            current = [engine.container, engine.url]
        socket = Path(around.removeprefix("unix://"))
        inside = {
            "base": str(base),
            "around": f"unix://{socket_there(base, socket)}",
            "current": current,
            "images": images,
        }
        words = ["-m", "soak", *_repeated(options), "--inside", json.dumps(inside)]
        process = subprocess.Popen(command(base, words, sockets=[socket]))
        try:
            status = process.wait()
        except BaseException:
            process.send_signal(signal.SIGKILL)  # and with it everything on the machine
            process.wait()
            raise
        if status not in (0, 1):
            print(f"the machine of the builds ended with {status}: this run says nothing")
        return status


def _repeated(options: argparse.Namespace) -> list[str]:
    given = {name: value for name, value in vars(options).items() if value is not None}
    return [word for name, value in given.items() for word in (f"--{name}", str(value))]


def main() -> int:
    """Do it; the exit status says whether anything was lost or left."""
    options = _options()
    if options.inside is None:
        print(f"seed {options.seed}", flush=True)
        try:
            return _run_inside(options)
        except KeyboardInterrupt:
            print("interrupted: this run says nothing")
            return 130
    inside = json.loads(options.inside)
    return soak(
        Settings(
            base=Path(inside["base"]),
            around=inside["around"],
            images=tuple(inside["images"]),
            current=tuple(inside["current"]) if inside["current"] else None,
            has_own=options.engine != "current",
            seed=options.seed,
            numbers=range(options.first, options.first + options.builds),
            ways=("direct", "lab") if options.way == "both" else (options.way,),
            kinds=tuple(kind for kind in KINDS if options.fault in (None, kind.name)),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
