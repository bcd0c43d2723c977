"""A recording holds only what met its expectations; any other run is shown until it is fixed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docker_run.errors import EngineProblem
from docker_run.model import Session
from fake_engine import FakeEngine, FakeSession

if TYPE_CHECKING:
    from conftest import Result, Site

HEAD = "# Page\n\nText.\n\n"
LINE = 5


def block(argument: str, *lines: str) -> str:
    return "\n".join([f"```{{docker-run}} {argument}", *lines, "```", ""])


BROKEN = {
    "exit-code": block("--rm busybox sh -c 'exit 3'"),
    "match": block("--rm busybox echo printed", ":match: other"),
    "capture": block("--rm busybox echo printed", ":capture: n = (other)"),
    "output-encoding": block(r"--rm busybox printf 'a\xff'"),
    "timeout": block("--rm busybox sleep 100"),
    "output-limit": block("--rm busybox yes"),
}


def boxes(result: Result, name: str = "index.html") -> list[str]:
    """Return the texts of the error boxes of a page."""
    html = result.text(name)
    # The last line of a box is its place and type.
    found = re.findall(r'<div class="docker-run-failed .*?docker_run\.[a-z-]+', html, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", box) for box in found]


def kept(site: Site) -> list[str]:
    """Return the pages of which a failed run is kept."""
    folder = site.folder.parent / "build" / "doctrees" / "docker_run.failed"
    return sorted(path.stem for path in folder.rglob("*.txt"))


@pytest.mark.parametrize("subtype", BROKEN)
def test_what_broke_an_expectation_becomes_no_recording(site: Site, engine: FakeEngine, subtype: str) -> None:
    site.write("index.md", HEAD + BROKEN[subtype])
    site.build(engine=engine)
    assert not site.recording("index").exists()


@pytest.mark.parametrize("subtype", BROKEN)
def test_what_broke_an_expectation_replaces_no_recording(
    site: Site, engine: FakeEngine, subtype: str
) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo good"))
    site.build(engine=engine)
    before = site.recording("index").read_bytes()
    site.write("index.md", HEAD + block("--rm busybox echo good") + BROKEN[subtype])
    result = site.build(engine=engine)
    assert site.recording("index").read_bytes() == before
    assert [f"[docker_run.{subtype}]" in warning for warning in result.warnings] == [True]
    assert len(boxes(result)) == 1
    # The same commands, of which there is a recording that met the expectations of then.
    assert result.printed("index.html")[0] == "good"


@pytest.mark.parametrize("subtype", BROKEN)
@pytest.mark.parametrize("with_engine", [False, True])
@pytest.mark.parametrize("mode", ["auto", "replay"])
def test_it_is_warned_of_on_every_build_and_by_every_builder(
    site: Site, subtype: str, mode: str, *, with_engine: bool
) -> None:
    engine = FakeEngine(timeout=0.2)
    site.write("index.md", HEAD + BROKEN[subtype])
    first = site.build(engine=engine).warnings
    assert first[0].startswith(f"index.md:{LINE}: WARNING: ")
    for builder in ("html", "text", "latex", "docker-check" if mode == "replay" else "html"):
        result = site.build(builder, engine=engine if with_engine else None, mode=mode)
        assert result.warnings == first
        assert ", 1 failed" in result.tally


def test_the_page_shows_the_message_and_what_was_printed(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo first") + BROKEN["match"])
    result = site.build(engine=engine)
    (box,) = boxes(result)
    assert "The output does not match other" in box
    assert "index.md, line 7" in box
    assert "docker_run.match" in box
    assert "Shown below: what the failed run printed. It is not recorded." in box
    assert result.printed("index.html") == ["first", "printed"]
    html = result.text("index.html")
    assert html.index("first") < html.index("docker-run-failed") < html.index("printed")


def test_the_box_stays_where_nothing_is_written_anew_and_goes_when_the_page_is_fixed(
    site: Site, engine: FakeEngine
) -> None:
    site.write("index.md", HEAD + BROKEN["match"])
    site.build(engine=engine)
    assert len(boxes(site.build())) == 1
    site.write("index.md", HEAD + block("--rm busybox echo other", ":match: other"))
    result = site.build(engine=engine)
    assert (result.warnings, boxes(result), kept(site)) == ([], [], [])
    assert "out|other" in site.recording("index").read_text()


def test_an_edit_of_the_expectation_makes_the_run_the_recording(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + BROKEN["match"])
    site.build(engine=engine)
    assert kept(site) == ["index"]
    site.write("index.md", HEAD + BROKEN["match"].replace("other", "printed"))
    result = site.build()  # without an engine: nothing need be run
    assert (result.warnings, boxes(result), kept(site)) == ([], [], [])
    assert ", 1 recording changed" in result.tally
    assert result.printed("index.html") == ["printed"]
    assert "out|printed" in site.recording("index").read_text()
    # The engine that ran it is known to have run it.
    engine.calls.clear()
    assert site.build(engine=engine).warnings == []
    assert engine.calls == []


def test_an_edit_that_does_not_fix_it_runs_it_again(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + BROKEN["match"])
    site.build(engine=engine)
    site.write("index.md", HEAD + BROKEN["match"].replace("other", "another"))
    (warning,) = site.build(engine=engine).warnings
    assert "`another`" in warning
    assert len(engine.commands) == 2


def test_it_is_tried_again_when_nothing_else_is_edited(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + BROKEN["exit-code"] + "\n```{toctree}\nother\n```\n")
    site.write("other.md", HEAD)
    site.build(engine=engine)
    assert len(engine.commands) == 1
    # While an author works on another page, nobody waits for what fails.
    site.write("other.md", HEAD + "More.\n")
    assert len(site.build(engine=engine).warnings) == 1
    assert len(engine.commands) == 1
    assert len(site.build(engine=engine).warnings) == 1
    assert len(engine.commands) == 2
    site.write("index.md", HEAD + "More.\n\n" + BROKEN["exit-code"] + "\n```{toctree}\nother\n```\n")
    (warning,) = site.build(engine=engine).warnings
    assert warning.startswith(f"index.md:{LINE + 2}: ")
    assert len(engine.commands) == 3


def test_an_expectation_that_a_recording_does_not_meet_any_more(site: Site, engine: FakeEngine) -> None:
    good = block("--rm busybox echo printed", ":match: printed")
    site.write("index.md", HEAD + good)
    site.build(engine=engine)
    site.write("index.md", HEAD + good.replace("match: printed", "match: other"))
    for result in (site.build(), site.build(mode="replay")):
        (box,) = boxes(result)
        assert "Shown below: what was recorded on 20" in box
        assert result.printed("index.html") == ["printed"]
    assert kept(site) == []
    site.build(engine=engine)
    assert len(engine.commands) == 2
    assert kept(site) == ["index"]


def test_the_world_has_changed_and_the_recording_stays(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo two", ":match: two"))
    site.build(engine=engine)
    # On another machine the same command printed something else, which was expected then.
    path = site.recording("index")
    path.write_text(path.read_text().replace("out|two", "out|one"))
    before = path.read_bytes()
    site.write("index.md", HEAD + block("--rm busybox echo two", ":match: one"))
    site.forget()
    result = site.build(engine=engine)
    assert path.read_bytes() == before
    assert result.printed("index.html") == ["two"]
    assert len(boxes(result)) == 1
    # A fresh clone has nothing of it.
    site.forget()
    fresh = site.build(mode="replay")
    assert (fresh.warnings, fresh.printed("index.html")) == ([], ["one"])


def test_values_are_those_of_the_run_that_is_shown(site: Site, engine: FakeEngine) -> None:
    page = HEAD + block("--rm busybox echo WORD", ":capture: word = (\\w+)", ":match: MATCH")
    site.write("index.md", page.replace("WORD", "one").replace("MATCH", "one"))
    site.write("other.md", "---\norphan: true\n---\n\n# O\n\nSo: {docker-value}`index:word`.\n")
    site.build(engine=engine)
    site.write("index.md", page.replace("WORD", "two").replace("MATCH", "one"))
    assert 'So: <span class="docker-run-value">two</span>' in site.build(engine=engine).text("other.html")


def test_nothing_is_kept_of_a_page_that_is_gone(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + "```{toctree}\nother\n```\n")
    site.write("other.md", HEAD + BROKEN["match"])
    site.build(engine=engine)
    assert kept(site) == ["other"]
    (site.folder / "other.md").unlink()
    site.write("index.md", HEAD)
    assert site.build(engine=engine).warnings == []
    folder = site.folder.parent / "build" / "doctrees" / "docker_run.failed"
    assert [path for path in folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["*.json", "*.txt"])
def test_what_is_kept_may_be_lost_or_damaged(site: Site, engine: FakeEngine, name: str) -> None:
    site.write("index.md", HEAD + BROKEN["match"])
    site.build(engine=engine)
    (path,) = (site.folder.parent / "build" / "doctrees" / "docker_run.failed").glob(name)
    path.write_text('{"problem": 1}')
    (warning,) = site.build().warnings
    assert "recording-missing" in warning
    assert len(site.build(engine=engine).warnings) == 1
    assert len(engine.commands) == 2
    shutil.rmtree(path.parent)
    assert len(site.build(engine=engine).warnings) == 1
    assert len(engine.commands) == 3


@contextmanager
def write_protected(folder: Path) -> Iterator[None]:
    """Put a file where a folder is to be, which not even root can write into."""
    folder.write_text("no folder")
    yield
    folder.unlink()


def test_what_can_not_be_kept_is_warned_of_all_the_same(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + BROKEN["match"] + "\n```{toctree}\nother\n```\n")
    site.write("other.md", HEAD + block("--rm busybox echo fine"))
    folder = site.folder.parent / "build" / "doctrees"
    folder.mkdir(parents=True)
    with write_protected(folder / "docker_run.failed"):
        result = site.build(engine=engine)
        assert ["match" in warning for warning in result.warnings] == [True, False]
        assert "recording-unsaved" in result.warnings[1]
        assert len(boxes(result)) == 2
        assert site.recording("other").exists()


def test_a_check_writes_nothing(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + BROKEN["match"])
    folder = site.folder.parent / "build" / "doctrees"
    result = site.build("docker-check", engine=engine)
    assert any("docker_run.match" in warning for warning in result.warnings)
    assert (result.status, kept(site)) == (1, [])
    assert not [path.name for path in folder.glob("docker_run*") if path.is_dir()]
    # Nor does it take away what is kept.
    site.build(engine=engine)
    site.write("index.md", HEAD + BROKEN["match"].replace("other", "printed"))
    site.build("docker-check", engine=engine)
    assert kept(site) == ["index"]
    assert not site.recording("index").exists()


class Leaving(FakeEngine):
    """Goes away while the page `index` is run."""

    @contextmanager
    def session(self, session: Session) -> Iterator[FakeSession]:
        if session.page == "index":
            raise EngineProblem("the engine went away")
        with super().session(session) as running:
            yield running


def test_an_engine_that_fails_says_nothing_of_the_page(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one"))
    site.build(engine=engine)
    before = site.recording("index").read_bytes()
    site.forget()
    result = site.build(engine=Leaving())
    (warning,) = result.warnings
    assert warning.startswith(f"index.md:{LINE}: WARNING: the engine went away")
    (box,) = boxes(result)
    assert "The engine went away" in box
    assert "Shown below: what was recorded on 20" in box
    assert result.printed("index.html") == ["one"]
    assert site.recording("index").read_bytes() == before
    # There is a recording of the page, so without an engine nothing is wrong with it.
    result = site.build()
    assert (result.warnings, boxes(result)) == ([], [])
    engine.commands.clear()
    assert site.build(engine=engine).warnings == []
    assert len(engine.commands) == 1


def test_an_engine_that_fails_in_the_middle_of_a_new_page(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one") + block("--rm busybox echo two"))
    result = site.build(engine=FakeEngine(gone_after=1))
    for _ in range(2):
        (warning,) = result.warnings
        assert warning.startswith("index.md:7: WARNING: the engine went away")
        assert result.printed("index.html") == ["one"]
        assert len(boxes(result)) == 1
        assert not site.recording("index").exists()
        result = site.build()
    assert site.build(engine=engine).warnings == []
    assert site.recording("index").exists()


def test_a_failed_run_outlives_an_engine_that_fails(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + BROKEN["match"])
    site.build(engine=engine)
    warnings = " ".join(site.build(engine=Leaving()).warnings)
    assert "docker_run.match" in warnings
    assert "docker_run.engine" in warnings
    assert ["docker_run.match" in warning for warning in site.build().warnings] == [True]


def test_a_failure_of_a_hidden_step_stands_below_the_title(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox sh -c 'exit 3'", ":hidden:"))
    html = site.build(engine=engine).text("index.html")
    assert html.index("<h1>") < html.index("docker-run-failed") < html.index("Text.")


def test_a_directive_that_can_not_be_understood_has_a_box(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--nmae x busybox"))
    result = site.build(engine=engine)
    (box,) = boxes(result)
    assert "--nmae" in box
    site.write("index.md", HEAD + block("--name x busybox"))
    assert boxes(site.build(engine=engine)) == []


FILES = {
    "html": "index.html",
    "dirhtml": "index.html",
    "singlehtml": "index.html",
    "epub": "index.xhtml",
    "latex": "projectnamenotset.tex",
    "text": "index.txt",
    "man": "projectnamenotset.1",
    "texinfo": "projectnamenotset.texi",
    "xml": "index.xml",
    "pseudoxml": "index.pseudoxml",
}


@pytest.mark.parametrize("builder", FILES)
def test_every_builder_shows_the_box(site: Site, engine: FakeEngine, builder: str) -> None:
    captioned = block("--rm busybox echo printed", ":match: other", ":caption: A caption", ":name: x")
    site.write("index.md", HEAD + captioned + "\n```{toctree}\nother\n```\n")
    site.write("other.md", HEAD + block("--rm busybox sh -c 'exit 3'", ":hidden:"))
    result = site.build(builder, engine=engine)
    assert sum("[docker_run." in warning for warning in result.warnings) == 2
    assert not [warning for warning in result.warnings if "unknown node" in warning]
    output = re.sub(r"\\|\s+|\{\}|-", "", result.text(FILES[builder]))
    assert "Theoutputdoesnotmatch" in output
    assert "index.md,line5" in output
    assert "AAcaption"[1:] in output
    both = builder in {"singlehtml", "latex", "man", "texinfo"}
    assert ("endedwithexitstatus3" in output) == both


def test_a_box_shows_nothing_that_a_format_can_not_hold(site: Site, engine: FakeEngine) -> None:
    printed = r"--rm busybox printf '\x1b]0;t\x07\x1b[31mx\x08 <b>&amp;\xef\xbf\xbe\x7f'"
    site.write("index.md", HEAD + block(printed, ":exit-code: 1"))
    for builder in ("html", "epub", "latex", "text"):
        text = site.build(builder, engine=engine).text(FILES[builder])
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]", text), builder
        assert "<b>" not in text or builder in {"text", "latex"}
