"""The whole course from nothing: no recordings, and each command run on the engine that the tests have."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

pytestmark = pytest.mark.engine


def test_the_course_is_built_from_nothing(engine_url: str, tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("recordings"))
    shutil.copy(PROJECT / "conf.py", tmp_path)
    (tmp_path / "tests").mkdir()
    shutil.copy(PROJECT / "tests" / "container_runner.py", tmp_path / "tests")  # the manual shows it

    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-c", ".", "docs", "html"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "ENGINE": engine_url}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    told = re.search(r"(\d+) pages, (\d+) commands run, 0 shown from recordings, .* 0 failed", printed)
    assert told, printed
    # Each page has the recording that the repository has, or nobody would see one that is missing.
    kept, made = (folder / "docs" / "recordings" for folder in (PROJECT, tmp_path))
    names = {path.relative_to(kept) for path in kept.rglob("*.txt")}
    assert {path.relative_to(made) for path in made.rglob("*.txt")} == names
    assert len(names) == int(told[1])
