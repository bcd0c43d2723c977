"""The course's own directive `drawing`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

PROJECT = Path(__file__).parents[2]

if TYPE_CHECKING:
    from conftest import Site

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">'
    '<rect id="a"/>{more}<path class="arrow" d="M0 0"/></svg>'
)
USES = '<use href="#a"/><path fill="url(\'#a\')"/>'
PAGE = """# Page

```{drawing} one.svg
One box.
```

```{drawing} one.svg
:caption: Again

The same.
```
"""
EXTENSION = f"""
import sys
sys.path.insert(0, {str(PROJECT / "docs" / "_extensions")!r})
extensions += ["drawing"]
"""


@pytest.fixture
def drawn(site: Site) -> Site:
    site.write("conf.py", (site.folder / "conf.py").read_text() + EXTENSION)
    site.write("index.md", PAGE)
    site.write("drawings/one.svg", SVG.format(box="0,0,100,50", more=USES))
    return site


def test_it_is_part_of_the_page(drawn: Site) -> None:
    result = drawn.build()
    assert result.warnings == []
    html = result.text("index.html")
    assert 'aria-label="One box."' in html
    assert "<figcaption>Again</figcaption>" in html
    assert "max-width:100px" in html
    figures = html[html.index("<figure") : html.rindex("</figure>")]
    ids = re.findall(r' id="([^"]*)"', figures)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'(?:url\(#|href="#)([^")]+)', figures):
        assert target in ids


def test_a_drawing_with_links_is_a_group_of_them(drawn: Site) -> None:
    drawn.write(
        "drawings/one.svg", SVG.format(box="0 0 70 50", more='<a href="two.html"><text>Two</text></a>')
    )
    html = drawn.build().text("index.html")
    assert 'role="group"' in html
    assert 'role="img"' not in html
    assert 'href="two.html"' in html


def test_it_follows_its_file(drawn: Site) -> None:
    drawn.build()
    drawn.write("drawings/one.svg", SVG.format(box="0 0 70 50", more=""))
    assert "max-width:70px" in drawn.build().text("index.html")


PAGE_OF = {"text": [".txt"], "latex": [".tex"], "man": [".1"]}


@pytest.mark.parametrize("builder", PAGE_OF)
def test_other_formats_have_its_text(drawn: Site, builder: str) -> None:
    result = drawn.build(builder)
    assert not [warning for warning in result.warnings if "drawing" in warning]
    (page,) = (path for path in result.out.rglob("*") if path.suffix in PAGE_OF[builder])
    assert re.search(r"One\s+box.*Again", page.read_text(), re.DOTALL)


@pytest.mark.parametrize(
    ("svg", "said"),
    [
        ("<svg", "not well-formed"),
        ("<svg/>", "the outermost element has to be"),
        (SVG.format(box="0 0", more=""), "should be"),
        (SVG.format(box="0 0 nan 5", more=""), "should be"),
        (SVG.format(box="0 0 9 9", more="<script/>"), "<script> has no place in a drawing"),
        (SVG.format(box="0 0 9 9", more='<g onclick="x()"/>'), "has no place in a drawing"),
        (SVG.format(box="0 0 9 9", more='<a href="javascript:x()"/>'), "has no place in a drawing"),
    ],
)
def test_what_is_no_picture(drawn: Site, svg: str, said: str) -> None:
    drawn.write("drawings/one.svg", svg)
    warnings = drawn.build().warnings
    assert warnings
    assert all(warning.startswith("index.md:") and said in warning for warning in warnings)


@pytest.mark.parametrize("name", ["two.svg", "../conf.py", "/etc/hostname"])
def test_files_that_are_not_there_or_not_ours(drawn: Site, name: str) -> None:
    drawn.write("index.md", PAGE.replace("one.svg", name))
    warnings = drawn.build().warnings
    assert warnings
    assert all(warning.startswith("index.md:") for warning in warnings)
