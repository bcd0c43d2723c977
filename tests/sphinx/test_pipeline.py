"""From a directive to a page: running, recording, replaying, and doing nothing where nothing is to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docker_run.recordings.store import Store
from fake_engine import FakeEngine

if TYPE_CHECKING:
    from conftest import Site

PAGE = """# Page

```{docker-run} --rm busybox echo {word}
:capture: word = (\\w+)
```

It said {docker-value}`word`.
"""


def page(word: str) -> str:
    return PAGE.replace("{word}", word)


def test_a_page_shows_what_came_out(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", page("hello"))
    result = site.build(engine=engine)
    assert result.warnings == []
    html = result.text("index.html")
    assert '<span class="gp">$ </span>' in html
    assert result.printed("index.html") == ["hello"]
    assert 'It said <span class="docker-run-value">hello</span>.' in html
    assert "out|hello" in site.recording("index").read_text()
    assert result.tally.startswith("docker-run: 1 page, 1 command run, 0 shown from recordings, 1 rec")


def test_a_second_build_runs_nothing_asks_nothing_and_changes_nothing(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", page("hello"))
    site.build(engine=engine)
    recorded = site.recording("index")
    before = (recorded.read_bytes(), recorded.stat().st_mtime_ns)
    engine.calls.clear()
    result = site.build(engine=engine)
    assert engine.calls == []
    assert "0 commands run, 1 shown from recordings, 0 recordings changed, 0 failed" in result.tally
    assert (recorded.read_bytes(), recorded.stat().st_mtime_ns) == before
    assert "0 source files to build" in result.log or "no targets are out of date" in result.log


def test_a_build_with_nothing_changed_reads_no_recording(
    site: Site, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write("index.md", page("hello"))
    site.build(engine=engine)
    site.forget()
    site.build()

    def load(_store: Store, page: str) -> None:
        raise AssertionError(page)

    monkeypatch.setattr(Store, "load", load)
    monkeypatch.setattr(Store, "fingerprint", load)
    result = site.build()
    assert result.warnings == []
    assert "1 shown from recordings, 0 recordings changed, 0 failed" in result.tally


def test_a_fresh_clone_runs_everything_once_and_keeps_equal_recordings(
    site: Site, engine: FakeEngine
) -> None:
    site.write("index.md", page("hello"))
    site.build(engine=engine)
    before = site.recording("index").stat().st_mtime_ns
    site.forget()
    engine.commands.clear()
    assert "1 command run, 0 shown from recordings, 0 recordings changed" in site.build(engine=engine).tally
    assert len(engine.commands) == 1
    assert site.recording("index").stat().st_mtime_ns == before


def test_a_build_without_an_engine_shows_the_same(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", page("hello"))
    with_engine = site.build(engine=engine).text("index.html")
    site.forget()
    result = site.build()
    assert result.warnings == []
    assert result.text("index.html") == with_engine
    assert "no engine, so the pages show their recordings" in result.log


def test_after_a_killed_build_the_engine_is_asked_what_is_left(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", page("hello"))
    result = site.build(engine=engine)
    assert "was killed" not in result.log
    marker = result.out.parent / "doctrees" / "docker_run.running"
    assert not marker.exists()
    marker.touch()  # what a killed build does not come to remove
    engine.calls.clear()
    result = site.build(engine=engine)
    assert engine.calls == ["sweep", "close"]
    assert "an earlier build was killed; nothing of it is left on the engine" in result.log
    assert "was killed" not in site.build(engine=engine).log


def test_replay_never_asks(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", page("hello"))
    site.build(engine=engine)
    site.forget()
    engine.calls.clear()
    result = site.build(engine=engine, mode="replay")
    assert engine.calls == []
    assert result.warnings == []


def test_always_runs_every_time(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", page("hello"))
    for count in (1, 2):
        site.build(engine=engine, mode="always")
        assert len(engine.commands) == count


def test_an_edit_runs_its_own_page_only(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", page("hello") + "\n```{toctree}\nother\n```\n")
    site.write("other.md", page("there"))
    site.build(engine=engine)
    engine.commands.clear()
    site.write("other.md", page("changed"))
    result = site.build(engine=engine)
    assert engine.commands == ["docker run --rm busybox echo changed"]
    assert "changed" in result.text("other.html")
    assert "1 command run, 1 shown from recordings, 1 recording changed" in result.tally


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text + "\nMore prose.\n",
        lambda text: text.replace("(\\w+)", "(h\\w+)"),
        lambda text: text.replace(":capture:", ":caption: A caption\n:capture:"),
        lambda text: "\n\n" + text,
    ],
)
def test_prose_and_looks_run_nothing(site: Site, engine: FakeEngine, edit: object) -> None:
    site.write("index.md", page("hello"))
    site.build(engine=engine)
    engine.calls.clear()
    site.write("index.md", edit(page("hello")))  # type: ignore[operator]
    assert site.build(engine=engine).warnings == []
    assert engine.calls == []


def test_a_recording_that_git_changed_is_shown(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", page("hello"))
    for builder in ("html", "text"):
        site.build(builder, engine=engine)
    path = site.recording("index")
    path.write_text(path.read_text().replace("out|hello", "out|howdy"))
    assert "howdy" in site.build("text", engine=engine).text("index.txt")
    # The other builder has a page of its own to write again.
    assert "howdy" in site.build("html", engine=engine).text("index.html")


def test_pages_run_at_the_same_time(site: Site) -> None:
    engine = FakeEngine()
    others = [f"p{number}" for number in range(5)]
    site.write("index.md", "# Index\n\n```{toctree}\n" + "\n".join(others) + "\n```\n")
    for name in others:
        site.write(f"{name}.md", "# P\n\n```{docker-run} busybox sleep 0.3\n```\n")
    result = site.build(engine=engine, jobs=3)
    assert 1 < engine.most_open <= 3
    assert "[5/5]" in result.log


def test_parallel_readers_and_writers_run_each_command_once(site: Site, engine: FakeEngine) -> None:
    names = [f"p{number}" for number in range(12)]
    site.write("index.md", "# Index\n\n```{toctree}\n" + "\n".join(names) + "\n```\n")
    for name in names:
        site.write(f"{name}.md", page(name))
    one = site.build(engine=engine)
    pages = {name: one.text(f"{name}.html") for name in [*names, "index"]}
    recordings = {name: site.recording(name).read_bytes() for name in names}
    site.forget()
    engine.commands.clear()
    four = site.build(engine=engine, parallel=4)
    assert sorted(engine.commands) == sorted(f"docker run --rm busybox echo {name}" for name in names)
    assert {name: four.text(f"{name}.html") for name in pages} == pages
    assert {name: site.recording(name).read_bytes() for name in names} == recordings


def test_an_optional_image_that_cannot_be_had_is_said_on_the_page(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", "# Page\n\n```{docker-run} --rm ubuntu echo hi\n:optional:\n```\n")
    result = site.build(engine=engine)
    assert result.warnings == []
    html = result.text("index.html")
    assert (
        "docker run --rm ubuntu echo hi" in html.replace('<span class="w"> </span>', " ") or "ubuntu" in html
    )
    assert "Not run in this build: there is no image <code" in html
    assert "0 commands run" in site.build(engine=engine).tally


def test_an_earlier_recording_of_an_optional_step_bears_its_date(site: Site, engine: FakeEngine) -> None:
    text = "# Page\n\n```{docker-run} --rm ubuntu echo hi\n:optional:\n```\n\n"
    text += "```{docker-run} --rm busybox echo WORD\n```\n"
    site.write("index.md", text.replace("WORD", "one"))
    site.build(engine=FakeEngine(images=("busybox", "ubuntu")))
    site.write("index.md", text.replace("WORD", "two"))
    result = site.build(engine=engine)
    assert result.printed("index.html") == ["hi", "two"]
    assert "Recorded on 20" in result.text("index.html")


def test_reports(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", page("hello") + "\n```{docker-report} page\n```\n\n```{toctree}\nreport\n```\n")
    site.write("report.md", "# Report\n\n```{docker-report}\n```\n")
    result = site.build(engine=engine)
    assert result.warnings == []
    assert "Fake Engine 1" in result.text("index.html")
    assert "busybox" in result.text("index.html")
    assert 'href="index.html"><span class="doc">Page</span></a>' in result.text("report.html")
    # The report shows what other pages ran: it is written again when they do.
    site.write("index.md", page("hello") + page("again").replace("# Page", "").replace("word", "second"))
    site.build(engine=engine)
    assert "<p>2</p>" in site.build(engine=engine).text("report.html")


@pytest.mark.parametrize("directory", ["recordings", "kept/[here]", "./kept/../recordings", "../beside"])
def test_recordings_are_no_pages(site: Site, engine: FakeEngine, directory: str) -> None:
    """Although they end as the sources of some projects do."""
    conf = (site.folder / "conf.py").read_text()
    site.write("conf.py", conf + 'source_suffix = {".md": "markdown", ".txt": "restructuredtext"}\n')
    site.write("conf.py", (site.folder / "conf.py").read_text() + 'html_static_path = ["_static"]\n')
    site.write("_static/recordings/look.css", "p {}")
    site.write("index.md", "# Page\n\n```{docker-run} --rm busybox echo one\n```\n")
    for _ in range(2):
        result = site.build(engine=engine, recordings=directory)
        assert (result.out / "_static" / "recordings" / "look.css").exists()
        assert (result.warnings, result.tally.partition(",")[0]) == ([], "docker-run: 1 page")
    assert (site.folder / directory / "index.txt").exists()
    assert [path.name for path in result.out.rglob("index.html")] == ["index.html"]
