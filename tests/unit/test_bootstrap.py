"""A bootstrap script runs in its place, and nothing of it outlives the build."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from builds import wait_for
from docker_run.engine.images.bootstrap import BootstrapFailed, run_bootstrap
from docker_run.errors import Interrupted

RUN = """
import sys
from pathlib import Path
from docker_run.engine.images.bootstrap import run_bootstrap
run_bootstrap(Path(sys.argv[1]), temporary=Path(sys.argv[2]), interrupted=lambda: False)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    folder = tmp_path / "image"
    folder.mkdir()
    return folder / "bootstrap"


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def written(script: Path, *lines: str) -> Path:
    script.write_text("\n".join(("#!/bin/sh", *lines, "")))
    script.chmod(0o755)
    return script


def alive(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_it_runs_in_its_folder_with_temporary_files_of_its_own(script: Path, temporary: Path) -> None:
    written(script, "pwd > where", "mktemp -d > temporary")
    run_bootstrap(script, temporary=temporary, interrupted=lambda: False)
    assert (script.parent / "where").read_text() == f"{script.parent}\n"
    assert (script.parent / "temporary").read_text().startswith(f"{temporary}/")


def test_a_failure_says_what_it_printed_and_its_status(script: Path, temporary: Path) -> None:
    written(script, "echo one", "echo two >&2", "exit 3")
    with pytest.raises(BootstrapFailed) as failed:
        run_bootstrap(script, temporary=temporary, interrupted=lambda: False)
    assert failed.value.lines == ["one", "two", "bootstrap: exit status 3"]


def test_one_that_can_not_be_run_says_why(script: Path, temporary: Path) -> None:
    script.write_text("true\n")
    script.chmod(0o644)
    with pytest.raises(BootstrapFailed, match="Permission denied; is it executable"):
        run_bootstrap(script, temporary=temporary, interrupted=lambda: False)


def test_what_it_leaves_running_keeps_nobody(script: Path, temporary: Path) -> None:
    mark = f"1{secrets.randbelow(10**8):08}"
    written(script, f"setsid sleep {mark} &")
    run_bootstrap(script, temporary=temporary, interrupted=lambda: False)
    for process in alive(mark):
        os.kill(int(process), signal.SIGKILL)  # where it has no process name space of its own


def test_an_interrupted_build_ends_it(script: Path, temporary: Path) -> None:
    mark = f"1{secrets.randbelow(10**8):08}"
    written(script, f"sleep {mark}")
    interrupted = threading.Event()
    timer = threading.Thread(target=lambda: (wait_for(lambda: alive(mark), "it"), interrupted.set()))
    timer.start()
    with pytest.raises(Interrupted, match="bootstrap ran"):
        run_bootstrap(script, temporary=temporary, interrupted=interrupted.is_set)
    timer.join()
    wait_for(lambda: not alive(mark), "its end")


@pytest.mark.skipif(not Path("/usr/bin/setpriv").exists(), reason="no setpriv: the next build ends it")
def test_it_ends_with_a_build_that_is_killed(script: Path, temporary: Path) -> None:
    mark = f"1{secrets.randbelow(10**8):08}"
    written(script, f"exec sleep {mark}")
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(script), str(temporary)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        wait_for(lambda: alive(mark), "the script")
        process.kill()
    wait_for(lambda: not alive(mark), "its end, with the build")
