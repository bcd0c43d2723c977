"""The course itself, from its recordings: as it is published, and as any machine can build it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
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
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "ENGINE": "none"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out / "html"


def test_the_recordings_are_those_of_the_pages(course: Path) -> None:
    # That nothing is missing or stale is the strict build; this is that there is something.
    pages = [
        path for path in course.glob("0*.html") if "docker run" in re.sub("<[^>]*>", "", path.read_text())
    ]
    assert len(pages) >= 3


def test_no_recording_names_the_machine_or_a_registry() -> None:
    for path in sorted((PROJECT / "docs" / "recordings").rglob("*.txt")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"registry-\d|\bdial tcp\b|/root/|/home/|/tmp/pytest", text), path


def test_pages_say_what_they_ran_on(course: Path) -> None:
    for path in sorted(course.glob("0*.html")):
        assert "Docker Engine" in path.read_text(encoding="utf-8"), path
