"""The course itself, from its recordings: as it is published, and as any machine can build it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


def shown(page: Path) -> str:
    """Return the text of a page of HTML."""
    return re.sub("<[^>]*>", "", page.read_text(encoding="utf-8"))


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
    pages = [path for path in course.glob("0*.html") if "docker run" in shown(path)]
    assert len(pages) >= 3


@pytest.mark.parametrize("page", ["index", "07-hello-world", "08-detached", "09-images", "authors/console"])
def test_the_course_runs_on_labs(page: str) -> None:
    recording = PROJECT / "docs" / "recordings" / f"{page}.txt"
    assert "\nplace: lab\n" in recording.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["authors/index", "authors/directive"])
def test_what_the_manual_says_of_running_directly_is_run_directly(page: str) -> None:
    recording = PROJECT / "docs" / "recordings" / f"{page}.txt"
    assert "\nplace: direct\n" in recording.read_text(encoding="utf-8")


def test_the_first_command_of_the_course_shows_its_pull(course: Path) -> None:
    text = shown(course / "07-hello-world.html")
    first, second = text.split("$ docker run hello-world\n")[1:3]
    assert first.startswith("Unable to find image"), text
    assert second.startswith("Hello from"), text


def test_what_a_page_published_is_seen_from_another_machine(course: Path) -> None:
    text = shown(course / "08-detached.html")
    assert re.search(r"On client\s+\$ curl -sI http://lab/ \| head -n 1\nHTTP/1.1 200 OK", text), text


def test_no_recording_names_the_machine_or_a_registry() -> None:
    for path in sorted((PROJECT / "docs" / "recordings").rglob("*.txt")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"registry-\d|\bdial tcp\b|/root/|/home/|/tmp/pytest", text), path


def test_pages_say_what_they_ran_on(course: Path) -> None:
    for path in sorted(course.glob("0*.html")):
        assert "Docker Engine" in path.read_text(encoding="utf-8"), path
