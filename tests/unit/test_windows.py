"""What works on any system: importing, replaying, finding an engine on TCP; as far as can be simulated.

Nothing of this was ever run on Windows itself; see `like_windows`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_run.catalogue.build_context import find_entry, lab_definition
from docker_run.docker_cli.values.mounts import resolve
from docker_run.recordings.store import Store
from version_server import answering

TESTS = Path(__file__).parents[1]
LIKE_WINDOWS = TESTS / "like_windows.py"

CONF = """
extensions = ["myst_parser", "docker_run"]
html_theme = "basic"
docker_run_engine = {engine!r}
docker_run_private_engine = True
"""
PAGE = "# Page\n\n```{docker-run} --rm busybox echo hi\n```\n"

BUILD = "import sys; from sphinx.cmd.build import main; sys.exit(main(sys.argv[1:]))\n"


def run(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program as on Windows."""
    script = folder / "program.py"
    script.write_text(program)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    return subprocess.run(
        [sys.executable, str(LIKE_WINDOWS), str(script), *arguments],
        env=environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]), "USERPROFILE": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_simulation_has_nothing_of_unix(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "import os, signal, socket, sys\n"
        "assert not [n for n in ('fcntl', 'pwd') if n in sys.modules]\n"
        "have = [hasattr(os, 'getuid'), hasattr(socket, 'AF_UNIX'), hasattr(signal, 'SIGHUP')]\n"
        "assert have == [False] * 3\n"
        "try:\n    import fcntl\nexcept ImportError:\n    print('none')\n",
    )
    assert (done.returncode, done.stdout) == (0, "none\n"), done.stderr


def test_a_site_is_built_from_recordings(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "conf.py").write_text(CONF.format(engine="none"))
    (site / "index.md").write_text(PAGE)
    record(site)
    for mode in ("replay", "auto"):
        out = tmp_path / mode
        done = run(tmp_path, BUILD, "-q", "-W", "-D", f"docker_run_mode={mode}", str(site), str(out))
        assert done.returncode == 0, done.stderr
        assert re.search('<span class="go">hi\\n?</span>', (out / "index.html").read_text())


def record(site: Path) -> None:
    """Record the page."""
    from sphinx.testing.util import SphinxTestApp  # noqa: PLC0415

    from fake_engine import FakeEngine, use_fake_engine  # noqa: PLC0415

    app = SphinxTestApp("html", srcdir=site, builddir=site.parent / "recorded")
    try:
        use_fake_engine(app, FakeEngine())
        app.build()
    finally:
        app.cleanup()


FINDING = """
import sys
from docker_run.engine.connection.connect import connect
from docker_run.engine.connection.discovery import expected, find
from docker_run.engine.private.private_engine import PrivateEngine
from docker_run.errors import EngineProblem
import told

environ = {"USERPROFILE": sys.argv[2]}
for url in ("unix:///var/run/docker.sock", "npipe:////./pipe/docker_engine"):
    try:
        connect(url, environ=environ)
    except EngineProblem as problem:
        print(problem)
try:
    find("auto", environ=environ, private=True, progress=told.Quiet())
except EngineProblem as problem:
    print(problem)
print(*expected("auto", environ=environ, private=False))
print(find(sys.argv[1], environ=environ, private=False, progress=told.Quiet()))
"""


def test_engines_are_found_on_tcp_and_pipes_and_others_say_what_is_wrong(tmp_path: Path) -> None:
    with answering(("127.0.0.1", 0)) as url:
        done = run(tmp_path, FINDING, url, str(tmp_path))
    assert done.returncode == 0, done.stderr
    unix, pipe, first, private, expected, found = done.stdout.splitlines()
    assert "use npipe:// or tcp://" in unix
    assert pipe.startswith("no engine at npipe:////./pipe/docker_engine: ")
    assert first.startswith("no engine at npipe:////./pipe/docker_engine: ")
    assert first.endswith("(from the default pipe)")
    assert private == "no private engine: this is not Linux"
    assert expected == "npipe:////./pipe/docker_engine"
    assert found == url


PAGES = st.lists(
    st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=12),
    min_size=1,
    max_size=3,
).map("/".join)


@given(
    page=PAGES | st.sampled_from(["con", "a/nul.x", "aux", "a:b", "dir\\x", "end.", "blank ", "..", "COM1"])
)
def test_files_of_recordings_can_be_had_on_windows(page: str) -> None:
    inside = Store(Path("recordings")).path(page).relative_to("recordings")
    there = PureWindowsPath(str(inside).replace("/", "\\"))
    assert there.parts == PurePosixPath(inside).parts
    assert not there.is_absolute()
    for part in there.parts:
        assert not PureWindowsPath(part).is_reserved()
        assert not re.search(r'[<>:"|?*\\/\x00-\x1f]|[. ]$', part)


@pytest.mark.parametrize(
    ("directory", "path", "absolute"),
    [
        ("C:\\docs\\pages", "./data", "C:\\docs\\pages\\data"),
        ("C:\\docs\\pages", "../data", "C:\\docs\\data"),
        ("\\\\server\\share\\docs", "./data", "\\\\server\\share\\docs\\data"),
        ("C:\\docs", "/var/data", "/var/data"),
        ("/docs/pages", "./data", "/docs/pages/data"),
    ],
)
def test_folders_beside_a_page(directory: str, path: str, absolute: str) -> None:
    assert resolve(path, directory) == absolute


def test_what_identifies_an_image_is_the_same_on_all_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "web"
    for name in ("Dockerfile", "a", "B", "b/c", "bootstrap"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("#!/bin/sh\n")
    (folder / "bootstrap").chmod(0o755)

    def identity() -> str:
        entry = find_entry(tmp_path, "web")
        assert entry is not None
        return entry.fingerprint()

    here = (identity(), lab_definition({}, "lab"))
    # There, no file is executable, and names are sorted without regard to their case.
    (folder / "bootstrap").chmod(0o644)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(Path, "__lt__", lambda self, other: str(self).lower() < str(other).lower())
    assert (identity(), lab_definition({}, "lab")) == here
