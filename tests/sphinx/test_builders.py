"""One code path for all formats: each shows the same text, in its own way."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docker_run.model import (
    CommandRecording,
    Environment,
    Image,
    Recording,
    StepRecording,
    TerminalSize,
)
from docker_run.sphinx_ext.rendering.footer import footer
from fake_engine import FakeEngine

if TYPE_CHECKING:
    from conftest import Site

PAGE = """# Page

```{docker-run} --rm busybox printf '\\x1b[31mred\\x1b[0m & <plain>\\n'
:caption: A caption
:name: colours
```

See {numref}`colours` and {ref}`colours`.

```{docker-run} --rm busybox echo behind
:collapse: Reveal it
```

```{docker-run} --rm ubuntu true
:optional:
```

```{docker-run} --rm busybox echo secret
:hidden:
:capture: word = (\\w+)
```

The word is {docker-value}`word`.

```{docker-report}
```

```{docker-report} page
```
"""

ONE_DOCUMENT = ("singlehtml", "latex", "man", "texinfo")
"""Builders that put all pages into one document."""

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
def test_every_builder_shows_the_output(site: Site, engine: FakeEngine, builder: str) -> None:
    site.write("index.md", PAGE + "\n```{toctree}\nother\n```\n")
    site.write("other.md", "# Other\n\n```{docker-run} --rm busybox echo elsewhere\n```\n")
    result = site.build(builder, engine=engine)
    assert [warning for warning in result.warnings if "docker" in warning or "unknown node" in warning] == []
    output = result.text(FILES[builder])
    if builder in ONE_DOCUMENT:
        assert "elsewhere" in output
    assert "\x1b" not in output
    for word in ("red", "plain", "behind", "A caption", "Not run in this build", "Fake Engine 1"):
        assert word in output, word
    assert "secret" in output  # the value
    assert "echo secret" not in output.replace("\\PYG", "")


def test_html_has_colours_and_a_fold(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", PAGE)
    html = site.build(engine=engine).text("index.html")
    assert '<span class="go go-FgRed">red</span>' in html
    assert "&amp; &lt;plain&gt;" in html
    assert '<details class="docker-run-collapse">' in html
    assert "<summary>Reveal it</summary>" in html
    assert html.index("<summary>Reveal it") < html.index('<span class="go">behind')
    assert 'href="#colours"' in html
    assert "docker_run.css" in html


def test_latex_has_colours(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", PAGE)
    tex = site.build("latex", engine=engine).text("projectnamenotset.tex")
    assert "goFgRed}{red}" in tex
    assert "dockerrun@do@FgRed" in tex


@pytest.mark.parametrize("mode", ["auto", "always"])
@pytest.mark.parametrize("builder", ["changes", "coverage", "dummy", "gettext", "linkcheck"])
def test_builders_that_write_no_pages_run_nothing(
    site: Site, engine: FakeEngine, builder: str, mode: str
) -> None:
    """Nor do they miss a recording, or an engine; but they say what is wrong with the text."""
    conf = (site.folder / "conf.py").read_text()
    site.write("conf.py", conf + 'linkcheck_ignore = [".*"]\nextensions += ["sphinx.ext.coverage"]\n')
    site.write("index.md", PAGE)
    result = site.build(builder, engine=engine, mode=mode)
    assert (result.warnings, result.status, engine.commands) == ([], 0, [])
    site.write("index.md", PAGE + "\n```{docker-run} --net= busybox ls\n:no-such-option:\n```\n")
    (warning,) = site.build(builder, engine=engine, mode=mode).warnings
    assert "no-such-option" in warning


def test_footers_tell_how_where_and_when_a_block_was_run(site: Site, engine: FakeEngine) -> None:
    text = "# P\n\n```{docker-run} --rm busybox sh -c 'exit 3'\n:exit-code: 3\n```\n"
    site.write("index.md", text + "\n```{docker-run} --rm busybox echo one\n```\n")
    html = site.build(engine=engine, footer=True).text("index.html")
    assert re.findall(r"<summary>(.*)</summary>", html) == ["exit status 3 · 0.0 s", "0.0 s"]
    assert html.count("docker-run-footer-status") == 1
    recording = site.recording("index").read_text()
    digest = re.findall(r"^image: busybox \|.*sha256:([0-9a-f]{12})", recording, re.MULTILINE)[0]
    (engine_name,) = re.findall(r"^engine: (.*)$", recording, re.MULTILINE)
    (day,) = re.findall(r"^date: (\S+)T", recording, re.MULTILINE)
    lines = re.findall(r'<div class="line">(.*)</div>', html)
    assert lines[0].endswith(f", sha256:{digest}…")
    assert lines[1:3] == [engine_name, f"Recorded on {day}"]
    # The words are those of all pages: a search would find all.
    assert day not in (site.folder.parent / "build" / "html" / "searchindex.js").read_text()
    # What prints the same keeps its recording, and so its date.
    site.recording("index").write_text(recording.replace(f"date: {day}", "date: 2024-02-29"))
    again = site.build(engine=engine, footer=True, mode="always").text("index.html")
    assert again.count("Recorded on 2024-02-29") == 2
    assert "docker-run-footer" not in site.build().text("index.html")
    assert "exit status" not in site.build("text", footer=True).text("index.txt")
    assert "exit status" not in site.build("epub", footer=True).text("index.xhtml")


@pytest.mark.parametrize(
    ("command", "is_named"),
    [
        ("docker run busybox ls", True),
        ("docker run --rm busybox", True),
        ("docker run busybox; echo", True),
        ("docker run busybox.", True),
        ("docker run busybox:1.36 ls", False),
        ("docker run other/busybox ls", False),
        ("cat busybox.conf", False),
        ("cat /etc/busybox", False),
    ],
)
def test_a_footer_tells_of_the_images_that_a_command_names(command: str, *, is_named: bool) -> None:
    recording = Recording(
        page="p",
        place="lab",
        terminal=TerminalSize(),
        date="2026-01-02T03:04:05Z",
        environment=Environment("Engine", "System", "x86_64"),
        images=(Image("busybox", f"sha256:{'a' * 64}", "pulled", f"sha256:{'b' * 64}"),),
    )
    step = StepRecording("key", (CommandRecording(command, 0, 1.25),))
    shown = footer(step, recording).astext()
    assert ("Image busybox: pulled, sha256:bbbbbbbbbbbb…" in shown) == is_named


@pytest.mark.parametrize(
    ("options", "settings", "folds"),
    [
        ("", {}, 20),
        ("", {"fold_lines": 7}, 7),
        ("", {"fold_lines": None}, 0),
        (":fold: 3\n", {"fold_lines": None}, 3),
        (":fold: no\n", {}, 0),
        (":fold: 40\n", {}, 0),  # it isn't that long
        (":emphasize-lines: 9\n", {}, 0),
        (":collapse:\n", {}, 0),
        (":emphasize-lines: 9\n:fold: 10\n", {}, 10),
    ],
)
def test_where_an_output_is_folded(
    site: Site, engine: FakeEngine, options: str, settings: dict[str, object], *, folds: int
) -> None:
    lines = "\n".join(f"line-{number}" for number in range(1, 31))
    site.write("index.md", f"# P\n\n```{{docker-run}} -i --rm busybox cat\n{options}\n{lines}\n```\n")
    html = site.build(engine=engine, **settings).text("index.html")
    attributes = re.findall(r'<pre class="docker-run-terminal"([^>]*)>', html)
    assert set(attributes) == {f' data-fold="{folds}"' if folds else ""}
    assert html.count("line-30") == 1
    # It's a matter of HTML alone.
    assert site.build("text", engine=engine, **settings).text("index.txt").count("line-") == 30


def test_only_chosen_lines_are_shown_and_the_rest_is_counted(site: Site, engine: FakeEngine) -> None:
    text = "# P\n\n```{docker-run} -i --rm busybox cat\n:lines: 2-3, 6-\n:emphasize-lines: 1\n"
    text += "\n".join(f"line-{number}" for number in range(1, 8)) + "\n```\n"
    site.write("index.md", text)
    result = site.build("text", engine=engine).text("index.txt")
    shown = [line.strip() for line in result.splitlines() if "line" in line]
    assert shown == [
        "… 1 line left out",
        "line-2",
        "line-3",
        "… 2 lines left out",
        "line-6",
        "line-7",
    ]
    assert 'class="hll"' in site.build(engine=engine).text("index.html")


def build_in_a_process(
    folder: Path, out: Path, *arguments: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-q",
            *arguments,
            "-d",
            str(out / "doctrees"),
            str(folder),
            str(out / "html"),
        ],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def recorded(site: Site, engine: FakeEngine) -> Path:
    """Give a site with many pages and a recording of each."""
    names = [f"p{number}" for number in range(8)]
    site.write("index.md", PAGE + "\n```{toctree}\n" + "\n".join(names) + "\n```\n")
    for name in names:
        site.write(f"{name}.md", f"# {name}\n\n```{{docker-run}} --rm busybox echo {name}\n```\n")
    site.build(engine=engine)
    site.forget()
    return site.folder


def test_replay_is_the_same_for_all_workers_and_hash_seeds(recorded: Path, tmp_path: Path) -> None:
    trees = []
    for number, (jobs, seed) in enumerate([("1", "0"), ("4", "0"), ("4", "4711")]):
        out = tmp_path / f"out{number}"
        done = build_in_a_process(
            recorded, out, "-W", "-j", jobs, "-D", "docker_run_mode=replay", PYTHONHASHSEED=seed
        )
        assert done.returncode == 0, done.stderr
        trees.append(
            {
                str(path.relative_to(out)): path.read_bytes()
                for path in sorted((out / "html").rglob("*"))
                if path.is_file() and path.suffix != ".inv"
            }
        )
    assert trees[0] == trees[1]
    assert trees[0] == trees[2]


@pytest.mark.parametrize(
    ("setting", "expected"), [("", ".linenos"), ("copybutton_exclude = '.mine'\n", ".mine")]
)
def test_sphinx_copybutton_leaves_out_prompts_and_output_of_terminals(
    recorded: Path, tmp_path: Path, setting: str, expected: str
) -> None:
    """Whatever else the project excludes; other blocks are copied as before."""
    with (recorded / "conf.py").open("a") as conf:
        conf.write(f'extensions += ["sphinx_copybutton"]\n{setting}')
    done = build_in_a_process(recorded, tmp_path / "out", "-D", "docker_run_mode=replay")
    assert done.returncode == 0, done.stderr
    script = (tmp_path / "out" / "html" / "_static" / "copybutton.js").read_text()
    classes = ("gp", "go", "g-Typed", "docker-run-copy", "docker-run-fold")
    ours = ", ".join(f"pre.docker-run-terminal .{name}" for name in classes)
    assert f"let exclude = '{expected}, {ours}';" in script


@pytest.mark.parametrize("theme", ["basic", "furo"])
def test_a_second_build_writes_no_page(recorded: Path, tmp_path: Path, theme: str) -> None:
    with (recorded / "conf.py").open("a") as conf:
        conf.write(f'html_theme = "{theme}"\nextensions += ["sphinx_copybutton", "sphinx_design"]\n')
    written = []
    for seed in ("1", "2"):
        done = build_in_a_process(
            recorded, tmp_path / "out", "-D", "docker_run_mode=replay", PYTHONHASHSEED=seed
        )
        assert done.returncode == 0, done.stderr
        pages = sorted((tmp_path / "out" / "html").glob("[ip]*.html"))
        written.append({path.name: path.stat().st_mtime_ns for path in pages})
    assert len(written[0]) == 9
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("setting", "tried"),
    [("docker_run_mode=replay", []), ("docker_run_engine=none", ["docker_run.workflow.open_runners"])],
)
def test_a_build_imports_what_it_uses(recorded: Path, tmp_path: Path, setting: str, tried: list[str]) -> None:
    """Replay nothing of Docker; a build in which nothing changed nothing that reads a page or a recording."""
    recordings = "docker_run.recordings"
    read = ["docker_run.docker_cli.run_line", f"{recordings}.reader", f"{recordings}.writer", "regex"]
    asked = {
        *read,
        "concurrent.futures.thread",
        "docker",
        "docker_run.engine.open_engine",
        f"{recordings}.compare",
        "docker_run.workflow.open_runners",
        "docker_run.workflow.run",
        "docker_run.workflow.workers",
        "wcwidth",
    }
    with (recorded / "conf.py").open("a") as conf:
        conf.write(
            "import sys\n"
            "def setup(app):\n"
            "    app.connect('build-finished',\n"
            f"        lambda *_: print('LOADED', *sorted(set({sorted(asked)!r}) & {{*sys.modules}}), '.'))\n"
        )
    loaded = []
    for _ in range(2):
        done = build_in_a_process(recorded, tmp_path / "out", "-D", setting)
        assert done.returncode == 0, done.stderr
        (found,) = re.findall("LOADED (.*)", done.stdout)
        loaded.append(found.split()[:-1])
    assert loaded == [sorted([*read, *tried]), tried]


def test_a_recording_that_breaks_an_expectation_fails_a_strict_build(
    site: Site, engine: FakeEngine, tmp_path: Path
) -> None:
    page = "# P\n\n```{docker-run} --rm busybox false\n:exit-code: 1\n```\n"
    site.write("index.md", page)
    site.build(engine=engine)
    site.write("index.md", page.replace(":exit-code: 1\n", ""))
    site.forget()
    for _ in range(2):
        done = build_in_a_process(site.folder, tmp_path / "out", "-W", "-D", "docker_run_mode=replay")
        assert done.returncode != 0
        assert "exit status 1" in done.stderr
