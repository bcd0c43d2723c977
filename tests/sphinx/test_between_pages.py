"""What a page shows of others: their values, and where commands are run; terminals of its own size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fake_engine import FakeEngine

if TYPE_CHECKING:
    from conftest import Site

INDEX = """# Index

```{{toctree}}
guide/first
guide/second
```

{}
"""
FIRST = """# First

```{docker-run} --rm busybox echo WORD
:capture: word = .+
```
"""
SECOND = """# Second

```{docker-run} --rm busybox echo two
:hidden:
```

```{docker-run} --rm busybox echo three
:name: third
```
"""


@pytest.fixture
def pages(site: Site) -> Site:
    site.write("index.md", INDEX.format("It said {docker-value}`guide/first:word`."))
    site.write("guide/first.md", FIRST.replace("WORD", "one"))
    site.write("guide/second.md", SECOND)
    return site


def test_a_value_of_another_page(pages: Site, engine: FakeEngine) -> None:
    result = pages.build(engine=engine)
    assert result.warnings == []
    assert 'It said <span class="docker-run-value">one</span>.' in result.text("index.html")
    # The page that shows it is written again when it changes, though its own text does not.
    pages.write("guide/first.md", FIRST.replace("WORD", "ten"))
    assert "ten</span>." in pages.build(engine=engine).text("index.html")


def test_the_page_of_a_value_is_seen_from_the_page_that_names_it(pages: Site, engine: FakeEngine) -> None:
    pages.write(
        "guide/second.md", "# Second\n\n{docker-value}`first:word` {docker-value}`/guide/first:word`\n"
    )
    result = pages.build(engine=engine)
    assert result.warnings == []
    assert result.text("guide/second.html").count('<span class="docker-run-value">one</span>') == 2


@pytest.mark.parametrize(
    ("role", "said"),
    [
        (
            "guide/first:ward",
            "no step of the page `guide/first` captures a value `ward` (captured there: `word`)",
        ),
        ("guide/fist:word", "there is no page `guide/fist` to take a value from"),
    ],
)
def test_values_of_other_pages_that_there_are_not(
    pages: Site, engine: FakeEngine, role: str, said: str
) -> None:
    pages.write("index.md", INDEX.format(f"It said {{docker-value}}`{role}`."))
    for _ in range(2):
        (warning,) = pages.build(engine=engine).warnings
        assert warning.startswith("index.md:8: WARNING: ")
        assert said in warning
        assert warning.endswith("[docker_run.value]")


LISTED = "```{{docker-index}}\n{}\n```"


def test_an_index_leads_to_the_first_block_that_runs_a_command(pages: Site, engine: FakeEngine) -> None:
    pages.write("index.md", INDEX.format(LISTED.format("docker run: *create* and start")))
    result = pages.build(engine=engine)
    assert result.warnings == []
    html = result.text("index.html")
    assert "<em>create</em> and start" in html
    # On the second page, the reader does not see the first block.
    assert 'href="guide/first.html#docker-run-1"' in html
    assert 'href="guide/second.html#third"' in html
    assert 'id="docker-run-1"' in result.text("guide/first.html")
    assert 'id="third"' in result.text("guide/second.html")
    for builder in ("text", "latex", "singlehtml", "man"):
        assert pages.build(builder, engine=engine).warnings == []
    assert "First, Second" in pages.build("text", engine=engine).text("index.txt")


def test_an_index_of_some_pages(pages: Site, engine: FakeEngine) -> None:
    pages.write("index.md", INDEX.format(LISTED.format(':pages: "*/first"\n\ndocker run: run')))
    html = pages.build(engine=engine).text("index.html")
    assert "guide/first.html#docker-run-1" in html
    assert "guide/second.html#third" not in html
    pages.write("index.md", INDEX.format(LISTED.format(":pages: nowhere\n\ndocker run: run")))
    assert "docker_run.index" in " ".join(pages.build(engine=engine).warnings)


def test_an_index_knows_what_is_typed_into_a_shell(pages: Site, engine: FakeEngine) -> None:
    pages.write("index.md", INDEX.format(LISTED.format("pivot_root: another root")))
    body = "pivot_root . old\nexit\n"
    pages.write("guide/first.md", f"# First\n\n```{{docker-run}} -it --rm busybox\n{body}```\n")
    result = pages.build(engine=engine)
    assert "docker_run.index" not in " ".join(result.warnings)
    assert 'href="guide/first.html#docker-run-1"' in result.text("index.html")


def test_an_index_follows_its_pages(pages: Site, engine: FakeEngine) -> None:
    pages.write("index.md", INDEX.format(LISTED.format("docker run: run")))
    pages.build(engine=engine)
    pages.write("guide/first.md", "# First\n")
    html = pages.build(engine=engine).text("index.html")
    assert "guide/first.html#" not in html
    assert "guide/second.html#third" in html


@pytest.mark.parametrize(
    ("body", "line", "said", "subtype"),
    [
        ("docker stop: end", 9, "no page runs `docker stop` where a reader sees it", "index"),
        ("docker run: x\n\ndocker run", 11, "`docker run`: write `name: what it does`", "body"),
        ("docker run: x\ndocker   run: y", 10, "`docker run` is in the index of this page already", "body"),
        ("", 8, "write a line `name: what it does` for each command", "option"),
    ],
)
def test_entries_that_make_no_sense(  # noqa: PLR0917 (fixtures)
    pages: Site, engine: FakeEngine, body: str, line: int, said: str, subtype: str
) -> None:
    pages.write("index.md", INDEX.format(LISTED.format(body)))
    (warning,) = pages.build(engine=engine).warnings
    assert warning.startswith(f"index.md:{line}: WARNING: ")
    assert said in warning
    assert warning.endswith(f"[docker_run.{subtype}]")


SIZED = "---\ndocker_run_terminal: {}\n---\n\n# Page\n\n```{{docker-run}} --rm busybox true\n```\n"


@pytest.mark.parametrize("size", ["[120, 30]", "120, 30", "120x30", "120 30"])
def test_a_page_has_terminals_of_a_size_of_its_own(site: Site, engine: FakeEngine, size: str) -> None:
    site.write("index.md", SIZED.format("80x24"))
    site.build(engine=engine)
    site.write("index.md", SIZED.format(size))
    result = site.build(engine=engine)
    assert result.warnings == []
    assert "1 command run" in result.tally
    assert "\nterminal: 120x30\n" in site.recording("index").read_text()


@pytest.mark.parametrize("size", ["120", "'120,24]'", "[0, 24]", "[120, 2000]", "wide", "[1, 2, 3]"])
def test_sizes_that_are_none(site: Site, engine: FakeEngine, size: str) -> None:
    site.write("index.md", SIZED.format(size))
    (warning,) = site.build(engine=engine).warnings
    assert warning.startswith("index.md:2: WARNING: `docker_run_terminal`: ")
    assert "write columns and rows, e.g. `[120, 24]`" in warning
    assert engine.commands == []


def test_a_value_follows_its_capture(pages: Site, engine: FakeEngine) -> None:
    pages.build(engine=engine)
    pages.write("guide/first.md", FIRST.replace("WORD", "one").replace("= .+", "= o"))
    assert 'It said <span class="docker-run-value">o</span>.' in pages.build(engine=engine).text("index.html")


def test_an_index_follows_names_and_titles(pages: Site, engine: FakeEngine) -> None:
    pages.write("index.md", INDEX.format(LISTED.format("docker run: run")))
    pages.build(engine=engine)
    pages.write(
        "guide/second.md", SECOND.replace(":name: third", ":name: other").replace("# Second", "# Last")
    )
    html = pages.build(engine=engine).text("index.html")
    assert "guide/second.html#other" in html
    assert ">Last</" in html[html.index("docker-run-calls") :]


def test_a_link_of_an_index_has_its_label_in_latex(pages: Site, engine: FakeEngine) -> None:
    pages.write("index.md", INDEX.format(LISTED.format("docker run: run")))
    result = pages.build("latex", engine=engine)
    (tex,) = [path.read_text() for path in result.out.glob("*.tex") if "docker-run-1" in path.read_text()]
    for target in ("guide/first:docker-run-1", "guide/second:third"):
        assert f"\\hyperref[\\detokenize{{{target}}}]" in tex
        assert f"\\label{{\\detokenize{{{target}}}}}" in tex


def test_an_id_that_is_taken_already(pages: Site, engine: FakeEngine) -> None:
    pages.write("guide/first.md", "# First\n\n## docker-run-1\n\nText.\n" + FIRST.partition("\n")[2])
    result = pages.build(engine=engine)
    assert [
        warning for warning in result.warnings if "docker-run" in warning and "Duplicate" in warning
    ] == []
