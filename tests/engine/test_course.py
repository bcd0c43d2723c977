"""The course from nothing: no recordings, and each command run on the engine that the tests have.

All of it on the built-in lab. The pages that use images also with a second set of them, which differs from
the course's as official images do: those about images on the lab with the classic image store, the others on
the built-in one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

pytestmark = pytest.mark.engine

RECORDINGS = PROJECT / "docs" / "recordings"

SECOND_SET = PROJECT / "tests" / "images"
"""Other images of the names that the catalogue has, in place of which they are built."""
SECOND_NAMES = {path.name for path in SECOND_SET.iterdir()}

ABOUT_IMAGES = re.compile(r"^\$ .*\bdocker (image|history|import|save|system df)\b", re.MULTILINE)


def build(folder: Path, engine_url: str, *options: str) -> tuple[int, str]:
    """Build the copy of the course in `folder`; return Sphinx's exit status, and what it printed."""
    command = [sys.executable, "-m", "sphinx", *options, "-c", ".", "docs", "html"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "ENGINE": engine_url}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_course_is_built_from_nothing(engine_url: str, tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("recordings"))
    shutil.copy(PROJECT / "conf.py", tmp_path)
    (tmp_path / "tests").mkdir()
    shutil.copy(PROJECT / "tests" / "container_runner.py", tmp_path / "tests")  # the manual shows it

    status, printed = build(tmp_path, engine_url, "-W", "--keep-going")
    assert status == 0, printed
    told = re.search(r"(\d+) pages, (\d+) commands run, 0 shown from recordings, .* 0 failed", printed)
    assert told, printed
    # Each page has the recording that the repository has, or nobody would see one that is missing.
    made = tmp_path / "docs" / "recordings"
    names = {path.relative_to(RECORDINGS) for path in RECORDINGS.rglob("*.txt")}
    assert {path.relative_to(made) for path in made.rglob("*.txt")} == names
    assert len(names) == int(told[1])


@pytest.mark.own_engine  # what is in images, and where a lab keeps them, doesn't depend on the lab's host
def test_the_pages_about_images_also_hold_with_the_classic_image_store(
    engine_url: str, tmp_path: Path
) -> None:
    pages = pages_about_images()
    assert pages >= {"11-your-own", "15-dockerfile", "16-layers", "18-registry"}

    build_with_second_set(pages, tmp_path, engine_url, "-D", "docker_run_lab=classic")

    recorded = tmp_path / "docs" / "recordings" / "16-layers.txt"
    assert "upperdir=/var/lib/docker/overlay2/" in recorded.read_text("utf-8")


@pytest.mark.own_engine  # as above
def test_the_pages_that_use_images_also_hold_with_a_second_set_of_them(
    engine_url: str, tmp_path: Path
) -> None:
    """All but those that the test above builds with the second set."""
    uses = re.compile(rf"^image: ({'|'.join(sorted(SECOND_NAMES))})(:\S+)? \|", re.MULTILINE)
    pages = {
        path.relative_to(RECORDINGS).with_suffix("").as_posix()
        for path in RECORDINGS.rglob("*.txt")
        if uses.search(path.read_text("utf-8"))
    } - pages_about_images()
    assert pages >= {"09-detached", "12-attach", "13-mounts", "authors/directive"}

    build_with_second_set(pages, tmp_path, engine_url)


def pages_about_images() -> set[str]:
    """Return the pages that show what an engine says of its images."""
    pages = (PROJECT / "docs").glob("*.md")
    return {page.stem for page in pages if ABOUT_IMAGES.search(page.read_text("utf-8"))}


def build_with_second_set(pages: Collection[str], folder: Path, engine_url: str, *options: str) -> None:
    """Build `pages` with the second set of images, in `folder`, and assert that none failed.

    Links to pages that aren't there are warned of.
    """
    shutil.copytree(PROJECT / "docs", folder / "docs", ignore=shutil.ignore_patterns("recordings", "*.md"))
    for page in pages:
        shutil.copy(PROJECT / "docs" / f"{page}.md", folder / "docs" / f"{page}.md")
    if "index" not in pages:
        (folder / "docs" / "index.md").write_text("# Some pages\n", "utf-8")
    shutil.copy(PROJECT / "conf.py", folder)
    catalogue = folder / "tests" / "images"
    shutil.copytree(PROJECT / "docs" / "images", catalogue)
    for name in SECOND_NAMES:
        shutil.rmtree(catalogue / name)
        shutil.copytree(SECOND_SET / name, catalogue / name)

    settings = ("docker_run_images=../tests/images", "docker_run_images_from=catalogue")
    set_on_the_line = (word for setting in settings for word in ("-D", setting))
    _, printed = build(folder, engine_url, *set_on_the_line, *options)

    assert f"docker-run: {len(pages)} pages, " in printed, printed
    assert ", 0 failed, " in printed, printed
    assert "[docker_run." not in printed, printed
    recorded = "".join(path.read_text("utf-8") for path in (folder / "docs").rglob("recordings/**/*.txt"))
    assert "built from tests/images/busybox" in recorded
    assert "built from docs/images/" not in recorded
