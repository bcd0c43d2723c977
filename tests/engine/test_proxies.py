"""The proxies of `config.json` reach what runs: containers, builds and labs; nothing does without them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from contract import run, text
from docker_run.engine.connection.connect import connect
from docker_run.engine.engine import DockerEngine
from docker_run.engine.open_engine import open_engine
from docker_run.engine.settings import EngineSettings
from docker_run.errors import ImageProblem
from docker_run.model import Step, Stream
from lab_sessions import session, shown, step
from registries import CATALOGUE
from told import Quiet

pytestmark = pytest.mark.engine

PROXY = "http://127.0.0.1:1"
"""Nobody listens there, in a container or on a lab: who asks it says so."""

PROXIES = {"default": {"httpProxy": PROXY, "httpsProxy": PROXY, "noProxy": "intern.example"}}
OURS = sorted(["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"])
FILTER = "grep -i _proxy | sort"


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory, engine_url: str) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("config")
    (folder / "config.json").write_text(json.dumps({"proxies": PROXIES}))
    return {"DOCKER_CONFIG": str(folder), "DOCKER_HOST": engine_url, "PATH": os.environ["PATH"]}


@pytest.fixture(scope="module")
def behind(engine_url: str, environ: dict[str, str]) -> Iterator[DockerEngine]:
    """Open the engine as a user behind a proxy does."""
    settings = EngineSettings(engine=engine_url, catalogue=CATALOGUE, allow=None)
    with contextlib.closing(open_engine(settings, environ=environ, progress=Quiet())) as engine:
        yield engine


def test_containers_get_what_they_get_from_the_cli(
    behind: DockerEngine, environ: dict[str, str], busybox: str
) -> None:
    line = ["--rm", "-e", "HTTPS_PROXY=mine", busybox, "sh", "-c", f"env | {FILTER}"]
    theirs = subprocess.run(
        ["docker", "run", *line], env=environ, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    ours = text(
        run(behind, f"--rm -e HTTPS_PROXY=mine busybox sh -c 'env | {FILTER}'"), Stream.OUT
    ).splitlines()
    assert ours == theirs
    assert sorted(entry.partition("=")[0] for entry in ours) == OURS
    assert "HTTPS_PROXY=mine" in ours


def test_builds_get_them(engine_url: str, environ: dict[str, str], busybox: str) -> None:
    client = connect(engine_url, environ=environ)
    try:
        dockerfile = f"FROM {busybox}\nRUN env | {FILTER} > /seen\n"
        image, _ = client.images.build(fileobj=io.BytesIO(dockerfile.encode()), rm=True)
        seen = client.containers.run(image.id, ["cat", "/seen"], remove=True).decode().splitlines()
        client.images.remove(image.id)
    finally:
        client.close()
    assert sorted(entry.partition("=")[0] for entry in seen) == OURS


def test_a_lab_pulls_through_them_and_gives_them_to_its_containers(behind: DockerEngine) -> None:
    asked = step(f"env | {FILTER}", f"docker run --rm busybox env | {FILTER}")
    pulling = step("docker pull -q elsewhere.example/image")
    with behind.session(session(asked, pulling)) as running:
        own, inner = map(shown, running.run(asked))
        with pytest.raises(ImageProblem, match=r"proxyconnect tcp: dial tcp 127\.0\.0\.1:1: connect"):
            running.run(pulling)
    assert f"http_proxy={PROXY}" in own.splitlines()
    assert "NO_PROXY=intern.example,localhost,127.0.0.1,::1,lab," in own
    # The mirror was asked without a proxy, and nobody else.
    assert sorted(inner.splitlines()[-6:]) == sorted(
        [f"{name}={PROXY}" for name in OURS if "no_" not in name.lower()]
        + [f"{name}=intern.example" for name in ("NO_PROXY", "no_proxy")]
    )


def test_without_them_a_lab_has_none(lab_engine: DockerEngine) -> None:
    asked: Step = step("env | grep -ci _proxy", "ls -a .docker")
    with lab_engine.session(session(asked)) as running:
        variables, folder = map(shown, running.run(asked))
    assert variables == "0"
    assert "No such file" in folder
