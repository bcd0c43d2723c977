"""Small sites, built in this process with a fake engine."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from sphinx.testing.util import SphinxTestApp

from fake_engine import FakeEngine, use_fake_engine

CONF = """
extensions = ["myst_parser", "docker_run"]
html_theme = "basic"
html_last_updated_fmt = None
root_doc = "index"
numfig = True
docker_run_engine = "none"
"""


@dataclass
class Result:
    """What one build gave."""

    out: Path
    log: str
    warnings: list[str]
    """Each warning, without colours, with paths from the site's folder."""
    status: int

    def text(self, name: str) -> str:
        """Return the text of a file of the output."""
        return (self.out / name).read_text(encoding="utf-8")

    def printed(self, name: str) -> list[str]:
        """Return the lines of output that a page of HTML shows."""
        found = re.findall(r'<span class="go[^>]*>([^<]*)</span>', self.text(name))
        return [line.rstrip("\n") for line in found]

    @property
    def tally(self) -> str:
        """The line at the end of the build."""
        (line,) = re.findall(r"^docker-run: \d+ pages?,.*$", self.log, re.MULTILINE)
        return str(line)


class Site:
    """A Sphinx project in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.write("conf.py", CONF)

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def recording(self, page: str) -> Path:
        """Return where the recording of `page` is."""
        return self.folder / "recordings" / f"{page}.txt"

    def build(
        self,
        builder: str = "html",
        *,
        engine: FakeEngine | None = None,
        parallel: int = 0,
        **config: Any,  # noqa: ANN401 (values of conf.py)
    ) -> Result:
        """Build as `sphinx-build` does; without `engine`, none answers."""
        status, warning = StringIO(), StringIO()
        builddir = self.folder.parent / "build"
        builddir.mkdir(exist_ok=True)
        config = {f"docker_run_{name}": value for name, value in config.items()}
        app = SphinxTestApp(
            builder,
            srcdir=self.folder,
            builddir=builddir,
            status=status,
            warning=warning,
            parallel=parallel,
            confoverrides=config,
        )
        try:
            if engine is not None:
                use_fake_engine(app, engine)
            app.build()
            code = app.statuscode
        finally:
            app.cleanup()
        plain = re.sub(r"\x1b\[[\d;]*m", "", warning.getvalue()).replace(f"{self.folder}/", "")
        found = re.split(
            r"^(?=\S+: (?:WARNING|ERROR|CRITICAL)|(?:WARNING|ERROR|CRITICAL): )", plain, flags=re.MULTILINE
        )
        log = re.sub(r"\x1b\[[\d;]*m", "", status.getvalue())
        return Result(builddir / builder, log, [each.strip() for each in found if each.strip()], code)

    def forget(self) -> None:
        """Remove all that builds have made but for the recordings, as in a fresh clone."""
        shutil.rmtree(self.folder.parent / "build", ignore_errors=True)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    # Under `CI=true` Sphinx draws its progress as on a terminal.
    monkeypatch.setenv("NO_COLOR", "1")
    return Site(tmp_path / "site")


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(timeout=0.2)
