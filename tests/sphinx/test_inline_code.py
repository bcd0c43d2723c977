"""The course's own transform of inline code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

PROJECT = Path(__file__).parents[2]

if TYPE_CHECKING:
    from conftest import Site

EXTENSION = f"""
import sys
sys.path.insert(0, {str(PROJECT / "docs" / "_extensions")!r})
extensions += ["inline_code"]
"""


def test_only_code_of_short_words_is_kept_whole(site: Site) -> None:
    site.write("conf.py", (site.folder / "conf.py").read_text() + EXTENSION)
    site.write("index.md", f"# Page\n\nType `docker run --rm busybox`, not `echo {'long-' * 9}`.\n")
    html = site.build().text("index.html")
    assert html.count("whole-words") == 1
    assert html.index("whole-words") < html.index("busybox") < html.index("long-")
