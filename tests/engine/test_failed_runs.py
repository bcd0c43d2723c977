"""The whole way of a failed run, with Sphinx in a process of its own, on a real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from builds import CONF, IMAGES, start

pytestmark = pytest.mark.engine

PAGE = """# Page

```{{docker-run}} --rm busybox sh -c 'echo "{word}"; exit {code}'
{options}```
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "conf.py").write_text(CONF.format(images=IMAGES))
    (folder / "other.md").write_text(
        "---\norphan: true\n---\n" + PAGE.format(word="fine", code=0, options="")
    )
    return folder


def built(folder: Path, url: str, *arguments: str) -> tuple[int, str, str]:
    """Build; return the exit status, what was printed, and the text of the page."""
    with start(folder, url, *arguments) as process:
        printed, _ = process.communicate()
    assert "Traceback" not in printed
    return process.returncode, printed, (folder.parent / "out" / "html" / "index.html").read_text()


def write(folder: Path, word: str, *, code: int, options: str = "") -> None:
    (folder / "index.md").write_text(PAGE.format(word=word, code=code, options=options))


def test_from_a_failed_run_to_a_recording(folder: Path, engine_url: str) -> None:
    recording = folder / "recordings" / "index.txt"
    write(folder, "first", code=0)
    status, printed, html = built(folder, engine_url)
    assert (status, "docker-run-failed" in html) == (0, False)
    good = recording.read_bytes()

    write(folder, "second", code=7)
    status, printed, html = built(folder, engine_url, "-W")
    assert status == 1
    assert "ended with exit status 7, expected 0" in printed
    assert "docker-run-failed" in html
    assert ">second<" in html.replace("\n", "<")
    assert recording.read_bytes() == good
    assert (folder / "recordings" / "other.txt").exists()

    # Another builder, without an engine.
    status, printed, _ = built(folder, "unix:///nowhere.sock", "-b", "text")
    assert "ended with exit status 7" in printed
    assert "Error:" in (folder.parent / "out" / "html" / "index.txt").read_text()
    assert recording.read_bytes() == good

    # A check finds it as well, and writes nothing.
    status, printed, _ = built(folder, engine_url, "-b", "docker-check")
    assert status == 1
    assert "ended with exit status 7" in printed
    assert recording.read_bytes() == good

    # What it printed is right, as soon as it is what is expected.
    write(folder, "second", code=7, options=":exit-code: 7\n")
    status, printed, html = built(folder, engine_url, "-W")
    assert (status, "docker-run-failed" in html) == (0, False)
    assert "0 commands run" in printed
    assert b"out|second" in recording.read_bytes()
    status, printed, _ = built(folder, engine_url, "-W", "-b", "docker-check")
    assert status == 0, printed


@pytest.mark.parametrize("arguments", [["-b", "docker-check"], ["-D", "docker_run_mode=always"]])
def test_without_an_engine_there_is_one_line(folder: Path, engine_url: str, arguments: list[str]) -> None:
    write(folder, "first", code=0)
    built(folder, engine_url)
    status, printed, _ = built(folder, "unix:///nowhere.sock", *arguments)
    assert status == 1
    (line,) = [line for line in printed.splitlines() if "ERROR" in line]
    assert "everything should be run, but there is no engine" in line


def test_a_check_of_recordings_needs_no_engine(folder: Path, engine_url: str) -> None:
    write(folder, "first", code=0)
    built(folder, engine_url)
    arguments = ["-b", "docker-check", "-D", "docker_run_mode=replay", "-W"]
    status, printed, _ = built(folder, "unix:///nowhere.sock", *arguments)
    assert status == 0
    assert "nothing is run, the recordings are verified" in printed
