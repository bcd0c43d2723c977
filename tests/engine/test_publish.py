"""The image of the course, built from a few pages, run, and asked for them, on a real engine."""

from __future__ import annotations

import gzip
import http.client
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import docker
import pytest
from docker.errors import ImageNotFound

from docker_run.engine.commands.project_image import BUILT_AS

pytestmark = pytest.mark.engine

PROJECT = Path(__file__).parents[2]
PAGES = {
    "index.html": "<h1>The course</h1>",
    "guide/index.html": "<h1>Größe</h1>",
    "404.html": "<h1>There is no such page</h1>",
    "_static/look.css": "body { color: red }\n" * 100,
    "_static/look.js": "'use strict';\n",
    "_static/drawing.svg": "<svg/>",
    "objects.inv": "inventory",
    ".buildinfo": "Sphinx's own",
    ".doctrees/index.doctree": "Sphinx's own",
    "_sources/index.md.txt": "of an earlier build",
}

Build = Callable[..., subprocess.CompletedProcess[str]]


class Answer(NamedTuple):
    """What the web server said."""

    status: int
    headers: dict[str, str]
    body: bytes


Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def tag() -> str:
    return f"test-{uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the settings of the course's image, and a few pages."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(PROJECT / "docs" / "publish", folder / "docs" / "publish")
    for name, content in PAGES.items():
        path = folder / "build" / "html" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    # As with a strict umask.
    (folder / "build" / "html" / "index.html").chmod(0o600)
    (folder / "build" / "html" / "guide").chmod(0o700)
    (folder / "secret").write_text("not to be published")
    return folder


@pytest.fixture(scope="module")
def build(engine_url: str, project: Path, tag: str) -> Iterator[Build]:
    """Give a function that builds the image; what it made is removed after the module's tests."""

    def build(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "docker_run", "build", "--engine", engine_url, "--tag", tag]
        command += ["--catalogue", str(PROJECT / "docs" / "images"), "--file", "docs/publish/Dockerfile"]
        return subprocess.run(
            [*command, *arguments, "."],
            env={**os.environ, "PYTHONPATH": str(PROJECT / "ext")},
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )

    yield build
    client = docker.DockerClient(base_url=engine_url)
    for image in labelled(client, tag):
        client.api.remove_image(image, force=True)
    assert labelled(client, tag) == []
    client.close()


@pytest.fixture(scope="module")
def ask(engine_url: str, build: Build, tag: str) -> Iterator[Ask]:
    """Give a function that asks the image, which is running, for an address."""
    done = build()
    assert done.returncode == 0, done.stderr
    client = docker.DockerClient(base_url=engine_url)
    try:
        with running(client, tag) as port:
            yield lambda *words, **headers: request(port, *words, **headers)
    finally:
        client.close()


@contextmanager
def running(client: docker.DockerClient, image: str) -> Iterator[int]:
    """Run the image; give the port of this machine at which it answers."""
    container = client.containers.run(image, detach=True, ports={"80/tcp": ("127.0.0.1", None)})
    try:
        end = time.monotonic() + 60
        while True:
            container.reload()
            bound = container.ports.get("80/tcp")
            try:
                request(int(bound[0]["HostPort"]), "/")
                break
            except (TypeError, OSError, http.client.HTTPException):
                assert time.monotonic() < end, container.logs().decode()
                time.sleep(0.1)
        yield int(bound[0]["HostPort"])
    finally:
        container.remove(force=True, v=True)


def request(port: int, path: str, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": "course.example:8080", **headers})
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def labelled(client: docker.DockerClient, tag: str) -> list[str]:
    return sorted(client.api.images(quiet=True, filters={"label": f"{BUILT_AS}={tag}:latest"}))


@pytest.mark.parametrize("path", ["/", "/index.html", "/?a=b"])
def test_the_front_page(ask: Ask, path: str) -> None:
    answer = ask(path)
    assert (answer.status, answer.body.decode()) == (200, PAGES["index.html"])
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


def test_another_page(ask: Ask) -> None:
    answer = ask("/guide/")
    assert (answer.status, answer.body.decode()) == (200, PAGES["guide/index.html"])


def test_the_address_of_a_folder_leads_into_it_wherever_the_site_is(ask: Ask) -> None:
    answer = ask("/guide")
    assert (answer.status, answer.headers["location"]) == (301, "/guide/")


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/_static/look.css", ("text/css; charset=utf-8",)),
        # It is the one or the other with the version of nginx.
        (
            "/_static/look.js",
            ("application/javascript; charset=utf-8", "text/javascript; charset=utf-8"),
        ),
        ("/_static/drawing.svg", ("image/svg+xml; charset=utf-8", "image/svg+xml")),
        ("/objects.inv", ("application/octet-stream",)),
    ],
)
def test_files_are_said_to_be_what_they_are(ask: Ask, path: str, kinds: tuple[str, ...]) -> None:
    answer = ask(path)
    assert (answer.status, answer.body.decode()) == (200, PAGES[path[1:]])
    assert answer.headers["content-type"] in kinds


def test_files_are_compressed_for_who_can_read_that(ask: Ask) -> None:
    answer = ask("/_static/look.css", **{"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(answer.body).decode() == PAGES["_static/look.css"]


def test_a_browser_that_has_the_page_is_told_so(ask: Ask) -> None:
    first = ask("/")
    assert ask("/", **{"If-None-Match": first.headers["etag"]}).status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere.html",
        "/guide/nowhere/",
        "/_static/",
        "/404.html",
        "/.buildinfo",
        "/.doctrees/index.doctree",
        "/_sources/index.md.txt",
        "/secret",
        "/Dockerfile",
    ],
)
def test_what_is_not_of_the_site_is_not_there(ask: Ask, path: str) -> None:
    answer = ask(path)
    assert (answer.status, answer.body.decode()) == (404, PAGES["404.html"])
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_the_report_names_sizes_and_the_engine(build: Build, engine_url: str, tag: str) -> None:
    done = build()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(rf"{tag}: \d+\.\d MB", lines[0])
    assert re.fullmatch(r"it begins from nginx, (built from docs/images/nginx|pulled): \d+\.\d MB", lines[1])
    assert lines[2] == f"it is on the engine at {engine_url}"


def test_a_new_image_takes_the_place_of_the_old(
    client: docker.DockerClient, build: Build, project: Path, tag: str
) -> None:
    page = project / "build" / "html" / "new.html"
    page.write_text("one")
    assert build().returncode == 0
    before = client.images.get(tag)
    assert build().returncode == 0
    again = client.images.get(tag)
    # Built again as it is, it is the same, but for an engine that has no cache in containerd's store.
    assert again.id == before.id or "containerd" in str(client.info()["DriverStatus"])
    first = again.id
    page.write_text("two")
    assert build().returncode == 0
    assert client.images.get(tag).id != first
    with pytest.raises(ImageNotFound):
        client.images.get(first)
    page.unlink()


def test_another_image_of_the_name_loses_the_name_only(
    client: docker.DockerClient, build: Build, tag: str
) -> None:
    dockerfile = io.BytesIO(f"FROM scratch\nLABEL of={tag}\n".encode())
    theirs, _ = client.images.build(fileobj=dockerfile, tag=tag, rm=True)
    try:
        assert build().returncode == 0
        assert client.images.get(theirs.id).tags == []
    finally:
        client.api.remove_image(theirs.id)


def test_a_file_holds_the_image_with_its_name(build: Build, project: Path, tag: str) -> None:
    output = project / "site.tar"
    done = build("--output", "site.tar")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == (
        f"run it anywhere: docker load -i site.tar && docker run -d -p 80:80 {tag}"
    )
    with tarfile.open(output) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest
        assert f'"{tag}:latest"' in manifest.read().decode()
    output.unlink()


def test_a_step_that_fails_is_named_by_its_line(build: Build, project: Path, tag: str) -> None:
    broken = project / "docs" / "publish" / "Broken"
    broken.write_text("# A comment\nARG BASE=nginx\nFROM ${BASE}\n\nRUN echo last words; false\n")
    done = build("--file", "docs/publish/Broken")
    assert (done.returncode, done.stdout) == (1, "")
    said = done.stderr[done.stderr.index("docker_run: ") :]
    assert said.startswith("docker_run: docs/publish/Broken:5: this can't be built; the last lines were:\n")
    assert "last words" in said
    broken.unlink()
