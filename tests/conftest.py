"""What all tests share: the engine that they use, and what happens where there is none."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import docker
import pytest

from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.connection.discovery import find
from docker_run.engine.images.provider import Images
from docker_run.errors import DockerRunError, EngineProblem
from other_engines import CATALOGUE, copy_images, other_engine
from told import Quiet

PROJECT = Path(__file__).parents[1]

SITE_URL = "https://course.example.org/guide"
"""Where the course says that it is; without the last slash, as somebody may write it."""

REQUIRED = "DOCKER_RUN_REQUIRE_ENGINE"
"""Set, a missing engine or browser is a failure: where all tests have to pass."""

ENGINES = ("own", "current")
"""On which engines tests run: the one that this machine has, and a current one in a container on it."""

PODMANS = {"5": "podman", "4": "podman-4"}
"""The versions of Podman that tests may run on, and what `other_engines` calls them."""

_ENGINE, _NO_ENGINE = pytest.StashKey[str](), pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        choices=ENGINES,
        default="own",
        help="own: all tests, on the engine that this machine has; current: those that need an engine, on "
        "Docker 28 or later in a container on that engine",
    )
    parser.addoption(
        "--podman",
        choices=PODMANS,
        default="5",
        help="the version of the Podman that tests start in a container on the machine's engine",
    )


def pytest_sessionstart() -> None:
    """Let SIGHUP mean to tests what it means at a terminal, also where they were started with `nohup`."""
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what has nothing to do with the engine, where only that is another one."""
    if config.getoption("--engine") == "own":
        return
    others = [
        item
        for item in items
        if "engine_url" not in getattr(item, "fixturenames", ()) or item.get_closest_marker("own_engine")
    ]
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=others)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("engine"):
        _look_for_engine(item.config)
        if item.config.stash[_NO_ENGINE]:
            _miss(f"no engine: {item.config.stash[_NO_ENGINE]}")
    if item.get_closest_marker("browser") and not (
        shutil.which("chromium") or shutil.which("chromium-browser")
    ):
        _miss("no browser: install chromium")


def _look_for_engine(config: pytest.Config) -> None:
    if _ENGINE in config.stash:
        return
    setting = os.environ.get("ENGINE") or "auto"
    try:
        url, problem = find(setting, environ=os.environ, private=False, progress=Quiet()), ""
    except EngineProblem as error:
        url, problem = "", str(error)
    config.stash[_ENGINE], config.stash[_NO_ENGINE] = url, problem


def _miss(reason: str) -> None:
    if os.environ.get(REQUIRED):
        pytest.fail(f"{reason} ({REQUIRED} is set)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def engine_url(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of the engine for tests; for tests that are marked `engine`."""
    own = pytestconfig.stash[_ENGINE]
    if pytestconfig.getoption("--engine") == "own":
        yield own
        return
    with ExitStack() as closing:
        try:
            current = closing.enter_context(other_engine("current", own, tmp_path_factory.getbasetemp()))
        except DockerRunError as problem:
            _miss(f"no current engine: {problem}")
        closing.enter_context(current.network())
        yield current.url


@pytest.fixture(scope="session")
def podman_url(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a Podman that has the image `busybox`; for tests that are marked `engine`."""
    own, kind = pytestconfig.stash[_ENGINE], PODMANS[pytestconfig.getoption("--podman")]
    with ExitStack() as closing:
        try:
            podman = closing.enter_context(other_engine(kind, own, tmp_path_factory.getbasetemp()))
        except DockerRunError as problem:
            _miss(f"no Podman: {problem}")
        clients = Clients(lambda: connect(own))
        closing.callback(clients.close)
        images = Images(clients, catalogue=CATALOGUE, progress=Quiet())
        copy_images([images.provide("busybox").reference], own, podman.url)
        yield podman.url


@pytest.fixture
def client(engine_url: str) -> Iterator[docker.DockerClient]:
    """Give a client of that engine; it is closed after the test."""
    client = connect(engine_url)
    yield client
    client.close()


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the course in replay mode, with all warnings as errors; give the folder of its HTML."""
    out = tmp_path_factory.mktemp("course")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", str(PROJECT)]
    command += [
        "-D",
        "docker_run_mode=replay",
        "-d",
        str(out / "doctrees"),
        str(PROJECT / "docs"),
        str(out / "html"),
    ]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "ENGINE": "none",
        "SITE_URL": SITE_URL,
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out / "html"
