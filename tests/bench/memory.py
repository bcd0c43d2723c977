"""What a build takes of memory for each byte that was recorded.

    PYTHONPATH=ext:tests .venv/bin/python tests/bench/memory.py

No engine is needed: one that prints what it is told takes its place. Each build is a process of its own;
what is measured is the most that it had resident, less what a build of an empty page has. Beside it
stands the same text in Sphinx's own literal blocks. Quote the ratios, not the sizes.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEGABYTE = 10**6
LINE = "0123456789 abcdefghij " * 3
SIZES = (1, 10, 50)
MOST = 12.0
"""What is wanted: at most so many bytes for each byte recorded, for all of a page's output in HTML."""

CONF = """
extensions = ["myst_parser", "docker_run"]
html_theme = "basic"
html_last_updated_fmt = None
exclude_patterns = ["recordings"]
docker_run_engine = "none"
docker_run_max_output = 10**9
docker_run_jobs = 1
docker_run_mode = MODE

def setup(app):
    from dataclasses import replace
    from fake_engine import FakeEngine, FakeSession, use_fake_engine
    from docker_run.model import Chunk, Stream
    line = LINE

    def printed(self, command, _line, _step):
        # An argument such as 900000/plain: how many bytes, and which lines.
        size, _, kind = command.text.split()[-1].partition("/")
        text = {"plain": line + "\\n", "short": "y\\n", "coloured": "\\x1b[31m" + line + "\\x1b[m\\n"}[kind]
        return self._printed(command, Stream.OUT, (text * (int(size) // len(text) + 1)).encode()[: int(size)])

    FakeSession._execute = printed
    use_fake_engine(app, FakeEngine(max_output=10**9))
"""


def main() -> int:
    """Measure and print; the exit status says whether what is wanted is reached."""
    empty = peak({"index": "# Page\n"})
    print(f"{'an empty page':52} {empty / MEGABYTE:8.0f} MB")
    ratios = []
    for kind, sizes in (("plain", SIZES), ("short", (1,)), ("coloured", (1,))):
        for size in sizes:
            pages = {"index": page([f"{size * MEGABYTE}/{kind}"])}
            ratio = row(f"one command, {size} MB, {kind} lines", pages, size, empty)
            # A line of one character is thirty of HTML, also in Sphinx's own blocks.
            ratios += [ratio] if kind == "plain" else []
    sixty = ["900000/plain"] * 60
    ratios.append(row("60 commands of 900 KB on one page", {"index": page(sixty)}, 54, empty))
    spread = {f"page{number}": page(sixty[:1]) for number in range(60)}
    # Of many pages, it is the largest that counts.
    row("60 pages of 900 KB", {"index": contents(spread)} | spread, 54, empty)
    for size in SIZES:
        row(f"Sphinx's own literal block, {size} MB", {"index": static(size * MEGABYTE)}, size, empty)
    met = max(ratios) <= MOST
    print(f"\n{'met' if met else 'NOT MET'}: at most {MOST:g} bytes for each byte recorded")
    return 0 if met else 1


def page(arguments: list[str]) -> str:
    """Return a page with a command for each of `arguments`."""
    return "# Page\n\n" + "\n".join(f"```{{docker-run}} busybox {each}\n```\n" for each in arguments)


def contents(pages: dict[str, str]) -> str:
    """Return a page that lists `pages`."""
    return "# Contents\n\n```{toctree}\n" + "\n".join(pages) + "\n```\n"


def static(size: int) -> str:
    """Return a page with `size` bytes in one of Sphinx's literal blocks."""
    return f"# Page\n\n```{{code-block}} none\n{(LINE + chr(10)) * (size // (len(LINE) + 1))}```\n"


def row(what: str, pages: dict[str, str], size: float, empty: int) -> float:
    """Build `pages`, of which `size` megabytes are output; print what that took, and return the ratio."""
    taken = peak(pages) - empty
    ratio = taken / (size * MEGABYTE)
    print(f"{what:52} {taken / MEGABYTE:8.0f} MB {ratio:8.1f} bytes for each", flush=True)
    return ratio


def peak(pages: dict[str, str]) -> int:
    """Return the most bytes that a build of `pages` from recordings has resident."""
    with project(pages) as folder:
        build(folder, "always")
        return build(folder, "replay")


@contextmanager
def project(pages: dict[str, str]) -> Iterator[Path]:
    """Give a Sphinx project of `pages`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "docs")
        folder.mkdir()
        for docname, text in pages.items():
            Path(folder, f"{docname}.md").write_text(text, encoding="utf-8")
        yield folder


def build(folder: Path, mode: str) -> int:
    """Build in a new process, from nothing but the recordings; return the most bytes it had resident."""
    conf = CONF.replace("MODE", repr(mode)).replace("= LINE", f"= {LINE!r}")
    Path(folder, "conf.py").write_text(conf, encoding="utf-8")
    out = folder.parent / mode
    arguments = [sys.executable, "-m", "sphinx", "-q", "-d", f"{out}/doctrees", str(folder), f"{out}/html"]
    process = os.posix_spawn(sys.executable, arguments, os.environ)
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"the build failed: {' '.join(arguments)}")
    return usage.ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
