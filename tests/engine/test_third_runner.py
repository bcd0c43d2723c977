"""A project's own runner, which knows of the extension only what is public, runs pages on a real engine."""

from __future__ import annotations

import ast
import gc
import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

import docker_run
from builds import build
from container_runner import ContainerRunner
from contract import MAX_OUTPUT, TIMEOUT, RunnerContract
from docker_run.model import Place
from docker_run.workflow.open_runners import OpenRunners
from told import Quiet

pytestmark = pytest.mark.engine

MODULE = Path(__file__).parents[1] / "container_runner.py"
CONF = """
import docker_run
from container_runner import ContainerRunner

extensions = ["myst_parser"]
html_theme = "basic"

def setup(app):
    docker_run.add_runner(app, "box", ContainerRunner({name!r}))
"""
PAGE = """---
docker_run_lab: box
---

# A page in a box

```{docker-run}
$ echo kept >/tmp/file; cat /tmp/file
$ ls /nowhere # exit-code: 1
```

```{docker-report} page
```
"""


@pytest.fixture
def box(client: docker.DockerClient, busybox: str) -> Iterator[str]:
    """Give the name of a container that runs until the test ends."""
    name = f"box-{secrets.token_hex(4)}"
    container = client.containers.run(busybox, ["sleep", "3600"], name=name, detach=True, init=True)
    yield name
    container.remove(force=True)


def project(folder: Path, name: str, page: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "conf.py").write_text(CONF.format(name=name))
    (folder / "index.md").write_text(page)
    return folder


def test_it_is_short_and_knows_what_is_public_only() -> None:
    source = MODULE.read_text(encoding="utf-8") + "".join(CONF.partition("def setup")[1:])
    code = [line for line in source.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert len(code) <= 40
    tree = ast.parse(source.replace("{name!r}", "name"))
    assert "from docker_run" not in source
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "docker_run"
    }
    assert used <= set(docker_run.__all__)


def test_a_page_is_run_recorded_and_replayed(tmp_path: Path, engine_url: str, box: str) -> None:
    folder = project(tmp_path / "site", box, PAGE)
    printed = build(folder, engine_url, "-W")
    assert "1 page, 2 commands run" in printed
    recording = folder / "recordings" / "index.txt"
    recorded = recording.read_text()
    assert "place: box" in recorded
    html = (tmp_path / "out" / "html" / "index.html").read_text()
    assert ">kept\n" in html
    assert "No such file or directory" in html
    assert f"<p>container {box}, " in html  # of the report

    assert "0 commands run" in build(folder, engine_url, "-W")

    for path in (tmp_path / "out").rglob("*.pickle"):
        path.unlink()  # as in a fresh clone
    printed = build(folder, "unix:///nowhere.sock", "-W", "-D", "docker_run_mode=replay")
    assert "0 commands run, 2 shown from recordings" in printed
    assert ">kept\n" in (tmp_path / "out" / "html" / "index.html").read_text()
    assert recording.read_text() == recorded


def test_an_unexpected_exit_status_is_a_finding(tmp_path: Path, engine_url: str, box: str) -> None:
    folder = project(tmp_path / "site", box, PAGE.replace(" # exit-code: 1", ""))
    printed = build(folder, engine_url)
    assert "index.md:7: WARNING: `ls /nowhere` ended with exit status 1, expected 0" in printed
    assert "[docker_run.exit-code]" in printed
    assert not (folder / "recordings" / "index.txt").exists()


def test_a_container_that_is_gone_is_a_finding(tmp_path: Path, engine_url: str) -> None:
    printed = build(project(tmp_path / "site", "no-such-box", PAGE), engine_url)
    assert "no-such-box" in printed
    assert not (tmp_path / "site" / "recordings" / "index.txt").exists()


# docker-py leaves the sockets of outputs open (see `docker_run.engine.streams` for what closes them).
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestContainerRunner(RunnerContract):
    place = Place("box", "", "box", ContainerRunner.traits)

    @pytest.fixture
    def engine(self, box: str, engine_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenRunners]:
        monkeypatch.setenv("DOCKER_HOST", engine_url)
        runners = {"box": ContainerRunner(box)}
        opened = OpenRunners(runners, progress=Quiet(), timeout=TIMEOUT, max_output=MAX_OUTPUT)
        with closing(opened):
            yield opened
        gc.collect()  # in this test, where the warning is expected
