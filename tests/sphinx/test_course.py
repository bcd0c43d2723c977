"""The course itself, from its recordings: as it is published, and as any machine can build it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGES = sorted((PROJECT / "docs").glob("[0-2][0-9]-*.md"))


def shown(page: Path) -> str:
    """Return the text of a page of HTML."""
    return re.sub("<[^>]*>", "", page.read_text(encoding="utf-8"))


def test_the_recordings_are_those_of_the_pages(course: Path) -> None:
    # That nothing is missing or stale is the strict build; this is that there is something.
    for page in PAGES:
        assert "\n$ " in shown(course / f"{page.stem}.html"), page


@pytest.mark.parametrize("page", ["index", *(path.stem for path in PAGES), "authors/console"])
def test_the_course_runs_on_labs(page: str) -> None:
    recording = PROJECT / "docs" / "recordings" / f"{page}.txt"
    assert "\nplace: lab\n" in recording.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["authors/index", "authors/directive"])
def test_what_the_manual_says_of_running_directly_is_run_directly(page: str) -> None:
    recording = PROJECT / "docs" / "recordings" / f"{page}.txt"
    assert "\nplace: direct\n" in recording.read_text(encoding="utf-8")


def test_the_first_command_of_the_course_shows_its_pull(course: Path) -> None:
    text = shown(course / "08-hello-world.html")
    first, second = text.split("$ docker run hello-world\n")[1:3]
    assert first.startswith("Unable to find image"), text
    assert second.startswith("Hello from"), text


def test_what_a_page_published_is_seen_from_another_machine(course: Path) -> None:
    text = shown(course / "09-detached.html")
    assert re.search(r"On client\s+\$ curl -sI http://lab/ \| head -n 1\nHTTP/1.1 200 OK", text), text


def test_no_recording_names_the_machine_or_a_registry() -> None:
    sources = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    texts = [path.read_text(encoding="utf-8") for path in sources if path.is_file()]
    hosts = set(re.findall(r"\bhttps?://([^/\s:]+)", "\n".join(texts))) - {"deb.debian.org"}
    for path in sorted((PROJECT / "docs" / "recordings").rglob("*.txt")):
        text = path.read_text(encoding="utf-8")
        assert [host for host in sorted(hosts) if host in text] == [], path
        assert str(PROJECT) not in text, path
        assert not re.search(r"registry-\d|\bdial tcp\b|/tmp/pytest", text), path


def test_pages_say_what_they_ran_on(course: Path) -> None:
    names = [page.stem for page in PAGES]
    assert names
    for name in names:
        assert "Docker Engine" in (course / f"{name}.html").read_text(encoding="utf-8"), name


def test_each_field_in_the_reference_of_the_api_has_a_description(course: Path) -> None:
    # What Python itself says of a named tuple's field.
    assert "Alias for field" not in (course / "reference" / "api.html").read_text(encoding="utf-8")
