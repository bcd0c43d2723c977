"""Whole builds of pages that run on labs."""

from __future__ import annotations

import os
import re
import signal
import textwrap
from pathlib import Path

import docker
import pytest

from builds import CONF, IMAGES, build, start, wait_for
from docker_run.engine.cleanup import labels

pytestmark = pytest.mark.engine

LABS = 'docker_run_lab = "lab"\n'
WEB = """\
---
docker_run_images: [nginx]
---
# Page {name}

```{{docker-run}}
$ docker run -d -p 80:80 --name web nginx
$ curl -sI --retry 30 --retry-all-errors localhost | head -n 1
$ echo {name} && sleep 2
$ docker ps -a --format '{{{{.Names}}}} {{{{.Ports}}}}'
```
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "conf.py").write_text(CONF.format(images=IMAGES) + LABS)
    return folder


def write(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.md").write_text(textwrap.dedent(text))


def recorded(folder: Path, page: str) -> str:
    return (folder / "recordings" / f"{page}.txt").read_text()


def left_of(client: docker.DockerClient, pid: int) -> list[str]:
    """Return the ids of all containers, volumes and networks that belong to the build of this process."""
    api = client.api
    filters = {"label": [f"{labels.PID}={pid}"]}
    return [
        *(one["Id"] for one in api.containers(all=True, filters=filters)),
        *(one["Name"] for one in api.volumes(filters=filters)["Volumes"] or ()),
        *(one["Id"] for one in api.networks(filters=filters)),
    ]


def volumes_of(client: docker.DockerClient, pid: int) -> set[str]:
    """Return the names of the volumes without a name that the build's containers have."""
    containers = client.api.containers(all=True, filters={"label": [f"{labels.PID}={pid}"]})
    names = {mount.get("Name", "") for one in containers for mount in one["Mounts"]}
    return {name for name in names if re.fullmatch("[0-9a-f]{64}", name)}


def volumes(client: docker.DockerClient) -> set[str]:
    return {one["Name"] for one in client.api.volumes()["Volumes"] or ()}


def test_two_pages_at_the_same_time(folder: Path, engine_url: str, client: docker.DockerClient) -> None:
    for name in ("index", "other"):
        write(folder, name, WEB.format(name=name))
    with start(folder, engine_url) as process:
        log, _ = process.communicate()
    assert left_of(client, process.pid) == []
    assert "2 pages, 8 commands run, 0 shown from recordings, 2 recordings changed, 0 failed" in log
    for name in ("index", "other"):
        text = recorded(folder, name)
        assert "tty|HTTP/1.1 200 OK" in text
        (listed,) = re.findall(r"^tty\|(web .*)$", text, re.MULTILINE)
        assert listed.startswith("web 0.0.0.0:80->80/tcp")
        assert "place: lab\n" in text
        assert re.search(r"^image: nginx \| sha256:\w{64} \| \S.* \| sha256:\w{64}$", text, re.MULTILINE)
    # And what was run is not run again.
    again = build(folder, engine_url)
    assert "0 commands run, 8 shown from recordings, 0 recordings changed, 0 failed" in again


def test_a_lab_that_dies_fails_its_page_and_no_other(folder: Path, engine_url: str) -> None:
    write(folder, "index", "# A\n\n```{docker-run}\n$ echo on\n$ sleep 1\n```\n")
    write(
        folder,
        "dying",
        """\
        # B

        ```{docker-run}
        $ echo first
        ```

        ```{docker-run}
        $ kill -9 $(pidof dockerd); sleep 60
        ```
        """,
    )
    log = build(folder, engine_url)
    (warning,) = re.findall(r"dying\.md:7: WARNING: .*?\[docker_run\.lab\]", log, re.DOTALL)
    assert "kill -9" in warning
    assert "the last lines of its log" in warning
    assert "tty|on" in recorded(folder, "index")
    # What did not get to its end is no recording; what did is kept apart, and shown below the box.
    assert not (folder / "recordings" / "dying.txt").exists()
    kept = (folder.parent / "out" / "doctrees" / "docker_run.failed" / "dying.txt").read_text()
    assert "tty|first" in kept
    assert "kill" not in kept
    html = (folder.parent / "out" / "html" / "dying.html").read_text()
    assert html.index("echo") < html.index("docker-run-failed") < html.index("pidof")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_nothing(
    folder: Path, engine_url: str, client: docker.DockerClient, number: signal.Signals
) -> None:
    write(folder, "index", "# A\n\n```{docker-run}\n$ touch /begun && sleep 600\n```\n")
    write(folder, "other", "# B\n\n```{docker-run}\n$ docker ps\n```\n")
    (folder / "conf.py").write_text(
        (folder / "conf.py").read_text() + "docker_run_jobs = 1\ndocker_run_timeout = 600\n"
    )
    with start(folder, engine_url, "-v") as process:
        wait_for(lambda: begun(client, process.pid), "the command")
        had = volumes_of(client, process.pid)
        assert had
        os.kill(process.pid, number)
        printed, _ = process.communicate()
    assert process.returncode != 0, printed
    assert left_of(client, process.pid) == []
    assert not had & volumes(client)


def begun(client: docker.DockerClient, pid: int) -> bool:
    """Tell whether the command of the build's page `index` runs."""
    wanted = [f"{labels.PAGE}=index", f"{labels.PID}={pid}"]
    for one in client.api.containers(filters={"label": wanted}):
        execution = client.api.exec_create(one["Id"], ["test", "-e", "/begun"])
        client.api.exec_start(execution["Id"])
        if client.api.exec_inspect(execution["Id"])["ExitCode"] == 0:
            return True
    return False


@pytest.mark.parametrize("is_half_removed", [False, True], ids=["whole", "half removed"])
def test_what_a_killed_build_left_goes_with_the_next(
    folder: Path, engine_url: str, client: docker.DockerClient, *, is_half_removed: bool
) -> None:
    write(folder, "index", "# A\n\n```{docker-run}\n$ touch /begun && sleep 600\n```\n")
    with start(folder, engine_url, "-D", "docker_run_jobs=1") as process:
        wait_for(lambda: begun(client, process.pid), "the command")
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    had = volumes_of(client, process.pid)
    if is_half_removed:
        # As by an engine that is killed between a container and its volumes.
        for each in client.api.containers(all=True, filters={"label": [f"{labels.PID}={process.pid}"]}):
            client.api.remove_container(each["Id"], force=True)
        assert had <= volumes(client)
    assert left_of(client, process.pid)
    write(folder, "index", "# A\n\n```{docker-run}\n$ echo on\n```\n")
    log = build(folder, engine_url)
    assert re.search(r"removed \d+ .* of (a build|\d+ builds) that (was|were) killed", log), log
    assert left_of(client, process.pid) == []
    assert not had & volumes(client)


def test_files_values_and_several_labs(folder: Path, engine_url: str) -> None:
    write(
        folder,
        "index",
        """\
        # A

        ```{docker-file} app/hello.sh
        :mode: 755

        #!/bin/sh
        echo "Hello, $1, from $(hostname)"
        ```

        ```{docker-run}
        :capture: who = Hello, (\\w+)

        $ cd app
        $ ./hello.sh world
        $ ls nowhere # exit-code: 2
        ```

        ```{docker-run}
        :lab: client

        $ getent hosts lab | wc -l
        ```

        It greets the {docker-value}`who`.
        """,
    )
    build(folder, engine_url, "-W")
    html = (folder.parent / "out" / "html" / "index.html").read_text()
    assert "Hello, world, from lab" in html
    assert re.search(r'greets the <span class="docker-run-value">world</span>', html)


def test_an_optional_image_that_cannot_be_had(folder: Path, engine_url: str) -> None:
    write(
        folder,
        "index",
        """\
        # A

        ```{docker-run}
        :optional:

        $ docker run no-such-image-here
        ```

        ```{docker-run} --rm no-such-image-here
        :optional:
        ```

        ```{docker-run}
        $ echo on
        ```
        """,
    )
    build(folder, engine_url, "-W")
    text = recorded(folder, "index")
    assert text.count("not run: it could not get the image `no-such-image-here`") == 2
    assert "tty|on" in text
