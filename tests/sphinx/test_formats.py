"""Recordings of format 1 are shown as they were; they become today's at their next run, or are converted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docker_run.__main__ import main
from fake_engine import FakeEngine

if TYPE_CHECKING:
    from conftest import Site

PAGE = "# Page\n\n```{docker-run} --rm busybox echo one\n```\n\n```{docker-run} -t busybox echo two\n```\n"
FORMAT_1 = [
    ("docker-run recording 2", "docker-run recording 1"),
    ("out|one", r"out|\e[1mo\e[mne"),
    ("tty|two", r"tty|1%\r\e[Ktwo and so on, in more columns than the terminal of this page has\e[0m"),
]


@pytest.fixture
def old(site: Site, engine: FakeEngine) -> Path:
    """Build a page, and give its recording as format 1 has it."""
    site.write("index.md", PAGE)
    assert site.build(engine=engine, terminal=(40, 24)).warnings == []
    path = site.recording("index")
    text = path.read_text()
    for today, before in FORMAT_1:
        assert text.count(today) == 1
        text = text.replace(today, before)
    path.write_text(text)
    return path


def test_it_is_shown_as_what_a_reader_sees_of_it(site: Site, old: Path) -> None:
    before = old.read_bytes()
    result = site.build(terminal=(40, 24))
    assert result.warnings == []
    html = result.text("index.html")
    assert '<span class="go go-Bold">o</span><span class="go">ne' in html
    assert '<span class="go">two and so on, in more columns than the terminal of this page has' in html
    assert old.read_bytes() == before


def test_a_run_that_prints_the_same_writes_it_in_todays_format(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", "# Page\n\n```{docker-run} --rm busybox echo one\n```\n")
    site.build(engine=engine)
    path = site.recording("index")
    today = path.read_bytes()
    path.write_bytes(today.replace(b"recording 2", b"recording 1"))
    assert site.build("docker-check", engine=engine).warnings == []
    assert path.read_bytes() != today
    site.build(engine=FakeEngine(), mode="always")
    assert path.read_bytes() == today


def test_converting(site: Site, old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = site.build(terminal=(40, 24)).text("index.html")
    folder = old.parent
    (folder / "notes.txt").write_text("no recording")
    (folder / "damaged.txt").write_text("docker-run recording 1\n<<<<<<< HEAD\n")
    shutil.copy(old, folder / "copy.txt")
    assert main(["convert", str(folder)], {}) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0].endswith("copy.txt, line 2: the recording of the page `index` has another name")
    assert "damaged.txt, line 2: a merge left its conflict here" in said[1]
    assert said[2:] == [f"{old}: converted"]
    assert [(folder / name).read_text()[:24] for name in ("notes.txt", "damaged.txt", "copy.txt")] == [
        "no recording",
        "docker-run recording 1\n<",
        "docker-run recording 1\np",
    ]
    text = old.read_text()
    assert text.startswith("docker-run recording 2\n")
    assert "out|\\e[1mo\\e[mne\n" in text
    assert "tty|two and so on, in more columns than the terminal of this page has\n" in text
    assert site.build(terminal=(40, 24)).text("index.html") == shown
    for name in ("damaged.txt", "copy.txt"):
        (folder / name).unlink()
    assert main(["convert", str(folder)], {}) == 0
    assert capsys.readouterr().err == ""


def test_converting_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(tmp_path / "none")], {}) == 1
    assert "there is no directory" in capsys.readouterr().err


def test_output_that_is_no_text_stays_a_failed_run(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", "# Page\n\n```{docker-run} --rm busybox printf a\\\\0b\n```\n")
    first = site.build(engine=engine)
    assert any("output-encoding" in warning and "NUL bytes" in warning for warning in first.warnings)
    assert site.build().warnings == first.warnings  # of the run that is kept
    assert not site.recording("index").exists()
