"""The course from nothing: no recordings, and each command run on the engine that the tests have.

All of it on the built-in lab; the pages about images on the one with the classic image store, too; and the
pages that use images with a second set of them, which differs from the course's as official images do.
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

ABOUT_IMAGES = re.compile(r"^\$ .*\bdocker (image|history|import|save|system df)\b", re.MULTILINE)


def build(folder: Path, engine_url: str, *options: str) -> tuple[int, str]:
    """Build the copy of the course in `folder`; return Sphinx's exit status, and what it printed."""
    command = [sys.executable, "-m", "sphinx", *options, "-c", ".", "docs", "html"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "ENGINE": engine_url}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def copy_pages(pages: Collection[str], folder: Path) -> None:
    """Copy the course to `folder`: of its pages only `pages`, and no recordings."""
    shutil.copytree(PROJECT / "docs", folder / "docs", ignore=shutil.ignore_patterns("recordings", "*.md"))
    for page in pages:
        shutil.copy(PROJECT / "docs" / f"{page}.md", folder / "docs" / f"{page}.md")
    shutil.copy(PROJECT / "conf.py", folder)


def assert_built(printed: str, pages: Collection[str]) -> None:
    """Assert that all pages were run, and none failed; links to pages that aren't here may be warned of."""
    assert f"docker-run: {len(pages)} pages, " in printed, printed
    assert ", 0 failed, " in printed, printed
    assert "[docker_run." not in printed, printed


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


@pytest.mark.own_engine  # where the lab's images are kept has nothing to do with the engine that hosts it
def test_the_pages_about_images_also_hold_with_the_classic_image_store(
    engine_url: str, tmp_path: Path
) -> None:
    pages = {
        page.stem for page in (PROJECT / "docs").glob("*.md") if ABOUT_IMAGES.search(page.read_text("utf-8"))
    }
    assert pages >= {"11-your-own", "15-dockerfile", "16-layers", "18-registry"}
    copy_pages(pages, tmp_path)
    (tmp_path / "docs" / "index.md").write_text("# Pages about images\n", "utf-8")

    _, printed = build(tmp_path, engine_url, "-D", "docker_run_lab=classic")

    assert_built(printed, pages)
    recorded = tmp_path / "docs" / "recordings" / "16-layers.txt"
    assert "upperdir=/var/lib/docker/overlay2/" in recorded.read_text("utf-8")


@pytest.mark.own_engine  # what is in the images has nothing to do with the engine that hosts the lab
def test_the_pages_that_use_images_also_hold_with_a_second_set_of_them(
    engine_url: str, tmp_path: Path
) -> None:
    names = {path.name for path in SECOND_SET.iterdir()}
    uses = re.compile(rf"^image: ({'|'.join(sorted(names))})(:\S+)? \|", re.MULTILINE)
    pages = {
        path.relative_to(RECORDINGS).with_suffix("").as_posix()
        for path in RECORDINGS.rglob("*.txt")
        if uses.search(path.read_text("utf-8"))
    }
    assert pages >= {"08-hello-world", "10-images", "12-attach", "18-registry", "authors/directive"}
    copy_pages(pages, tmp_path)
    catalogue = tmp_path / "tests" / "images"
    shutil.copytree(PROJECT / "docs" / "images", catalogue)
    for name in names:
        shutil.rmtree(catalogue / name)
        shutil.copytree(SECOND_SET / name, catalogue / name)

    settings = ("docker_run_images=../tests/images", "docker_run_images_from=catalogue")
    _, printed = build(tmp_path, engine_url, *(word for setting in settings for word in ("-D", setting)))

    assert_built(printed, pages)
    recorded = "".join(path.read_text("utf-8") for path in (tmp_path / "docs").rglob("recordings/**/*.txt"))
    assert set(re.findall(r" \| built from tests/images/(\S+)", recorded)) >= names
    assert "built from docs/images/" not in recorded
