"""The course from nothing: no recordings, and each command run on the engine that the tests have.

All of it on the built-in lab, and the pages about images on the one with the classic image store, too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

pytestmark = pytest.mark.engine

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
    kept, made = (folder / "docs" / "recordings" for folder in (PROJECT, tmp_path))
    names = {path.relative_to(kept) for path in kept.rglob("*.txt")}
    assert {path.relative_to(made) for path in made.rglob("*.txt")} == names
    assert len(names) == int(told[1])


@pytest.mark.own_engine  # where the lab's images are kept has nothing to do with the engine that hosts it
def test_the_pages_about_images_also_hold_with_the_classic_image_store(
    engine_url: str, tmp_path: Path
) -> None:
    pages = [page for page in (PROJECT / "docs").glob("*.md") if ABOUT_IMAGES.search(page.read_text("utf-8"))]
    assert {page.stem for page in pages} >= {"11-your-own", "15-dockerfile", "16-layers", "18-registry"}
    shutil.copytree(PROJECT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("recordings", "*.md"))
    for page in pages:
        shutil.copy(page, tmp_path / "docs")
    shutil.copy(PROJECT / "conf.py", tmp_path)
    (tmp_path / "docs" / "index.md").write_text("# Pages about images\n", "utf-8")

    # Their links lead to pages that aren't here, which are warnings of other types.
    _, printed = build(tmp_path, engine_url, "-D", "docker_run_lab=classic")

    assert f"docker-run: {len(pages)} pages, " in printed, printed
    assert ", 0 failed, " in printed, printed
    assert "[docker_run." not in printed, printed
    recorded = tmp_path / "docs" / "recordings" / "16-layers.txt"
    assert "upperdir=/var/lib/docker/overlay2/" in recorded.read_text("utf-8")
