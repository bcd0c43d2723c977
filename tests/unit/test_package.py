"""What is installed: the wheel has all that the tree has, and works with nothing of the tree beside it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

EXT = Path(__file__).parents[2] / "ext"
LEFT_BY_OTHERS = ("__pycache__", "*.egg-info", "build")
"""What installing with `-e` and running leave in the tree."""

DATA = ("py.typed", "engine/labs/image/*", "sphinx_ext/rendering/static/*")
OLDEST = EXT.parent / "requirements-oldest.txt"
PAGE = "# Page\n\n```{docker-run} --rm busybox echo hi\n```\n"
CONF = 'extensions = ["myst_parser", "docker_run"]\nhtml_theme = "basic"\ndocker_run_mode = "replay"\n'

IMPORT_ALL = """
import importlib, pkgutil, sys
import docker_run
for module in pkgutil.walk_packages(docker_run.__path__, "docker_run."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
found = {name: each.__file__ for name, each in sys.modules.items() if name.split(".")[0] == "docker_run"}
print(*sorted(name for name, path in found.items() if not path.startswith(sys.argv[1])), len(found))
"""


def test_the_oldest_versions_that_are_tested_are_the_lowest_that_are_allowed() -> None:
    project = tomllib.loads((EXT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lowest = dict(re.fullmatch(r"(\w+)>=([\d.]+).*", each).groups() for each in project["dependencies"])
    pins = dict(re.findall(r"^([\w-]+)==([\d.]+)", OLDEST.read_text(encoding="utf-8"), re.MULTILINE))
    for name, version in lowest.items():
        assert f"{pins[name.lower()]}.0".startswith(f"{version}."), f"{name}: make requirements"


def tree() -> set[str]:
    """Return the files of the tree that belong into the package."""
    root = EXT / "docker_run"
    found = {path for path in root.rglob("*.py") if "__pycache__" not in path.parts}
    for pattern in DATA:
        matching = {path for path in root.glob(pattern) if path.is_file()}
        assert matching, pattern
        found |= matching
    return {str(path.relative_to(EXT)) for path in found}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with what the wheel holds."""
    folder = tmp_path_factory.mktemp("package")
    # Building leaves files beside the sources: those of a copy.
    shutil.copytree(EXT, folder / "ext", ignore=shutil.ignore_patterns(*LEFT_BY_OTHERS))
    before = sorted(EXT.iterdir())
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    options = ["--disable-pip-version-check", "--no-cache-dir", "--wheel-dir", str(folder)]
    done = subprocess.run(
        [*pip, *options, str(folder / "ext")], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(EXT.iterdir()) == before
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def run(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the wheel's contents before all else on its path."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": str(installed)},
        cwd=installed.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_has_the_files_of_the_tree(installed: Path) -> None:
    held = {
        str(path.relative_to(installed)) for path in (installed / "docker_run").rglob("*") if path.is_file()
    }
    assert held == tree()


def test_every_module_of_the_wheel_can_be_imported(installed: Path) -> None:
    done = run(installed, "-c", IMPORT_ALL, str(installed))
    assert done.returncode == 0, done.stderr
    elsewhere, _, count = done.stdout.strip().rpartition(" ")
    assert elsewhere == ""
    assert int(count) == len([name for name in tree() if name.endswith(".py")]) - 1  # but for __main__


def test_the_wheel_builds_a_site(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text(PAGE)
    done = run(installed, "-m", "sphinx", "-q", str(tmp_path), str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert "recording-missing" in done.stderr
    seen = re.sub("<[^>]*>", "", (tmp_path / "out" / "index.html").read_text())
    assert "docker run --rm busybox echo hi" in seen
    assert (tmp_path / "out" / "_static" / "docker_run.css").is_file()
