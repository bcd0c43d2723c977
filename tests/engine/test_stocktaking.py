"""The command that shows a catalogue's images, on a real engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import docker
import pytest
from docker.errors import ImageNotFound

from docker_run.engine.images.provider import Images
from told import Quiet

pytestmark = pytest.mark.engine

CATALOGUE = Path(__file__).parents[2] / "docs/images"


@pytest.fixture
def unique() -> str:
    return f"test{uuid4().hex[:12]}"


@pytest.fixture(autouse=True)
def no_trace(client: docker.DockerClient, unique: str) -> Iterator[None]:
    yield
    for image in client.images.list():
        for tag in image.tags:
            if unique in tag:
                client.images.remove(tag)


def images(engine_url: str, *arguments: object) -> tuple[int, list[list[str]], str]:
    done = subprocess.run(
        [sys.executable, "-m", "docker_run", "images", "--engine", engine_url, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": "ext"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, [line.split() for line in done.stdout.splitlines()], done.stderr


def test_each_image_is_shown(engine_url: str) -> None:
    status, table, _ = images(engine_url, CATALOGUE)
    assert status == 0
    rows = {row[0]: row[1:] for row in table}
    assert list(rows) == ["IMAGE", *sorted(path.parent.name for path in CATALOGUE.glob("*/Dockerfile"))]
    for name, row in list(rows.items())[1:]:
        tags = {"alpine": ["latest,", "3.23"], "debian": ["latest,", "trixie"]}.get(name, ["latest"])
        assert row[: len(tags)] == tags
        assert re.fullmatch(
            rf"(built from docs/images/{name}|pulled) \d+\.\d MB sha256:[0-9a-f]{{64}}",
            " ".join(row[len(tags) :]),
        )


def test_an_origin_that_there_is_not(engine_url: str) -> None:
    status, table, said = images(engine_url, "--from", "nowhere", CATALOGUE)
    assert (status, table) == (2, [])
    assert "'nowhere'" in said
    assert "catalogue" in said


def test_what_was_built_before_is_built_anew_when_asked(
    client: docker.DockerClient, tmp_path: Path, unique: str
) -> None:
    folder = tmp_path / "docs/images" / unique
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    (folder / "tags").write_text("latest\n1\n")

    def provide(*, anew: bool) -> list[str]:
        images = Images(lambda: client, catalogue=folder.parent, progress=Quiet(), anew=anew)
        return [images.provide(name).image.id for name in (unique, f"{unique}:1")]

    first = provide(anew=False)
    assert provide(anew=False) == first
    second = provide(anew=True)
    assert len({*first, *second}) == 2
    with pytest.raises(ImageNotFound):
        client.images.get(first[0])


def test_a_catalogue_that_is_not_there(engine_url: str, tmp_path: Path) -> None:
    status, table, said = images(engine_url, tmp_path / "nowhere")
    assert (status, table) == (1, [])
    assert said.startswith("docker_run: there is no directory")
