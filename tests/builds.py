"""Sphinx projects that are built in processes of their own, on a real engine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

CONF = """
extensions = ["myst_parser", "docker_run"]
html_theme = "basic"
docker_run_images = {images!r}
"""
IMAGES = str(Path(__file__).parents[1] / "docs" / "images")
PATIENCE = 60.0


# A process that is started in the background of a shell may be told to ignore Ctrl-C, and one that is
# started with `nohup` the end of its terminal; these are not.
SPHINX = """
import signal, sys
from sphinx.cmd.build import main
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
sys.exit(main(sys.argv[1:]))
"""


def start(folder: Path, url: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a build; it is in a process group of its own."""
    out = folder.parent / "out"
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            SPHINX,
            "-d",
            str(out / "doctrees"),
            str(folder),
            str(out / "html"),
            *arguments,
        ],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "DOCKER_HOST": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def build(folder: Path, url: str, *arguments: str) -> str:
    """Build; return what was printed."""
    with start(folder, url, *arguments) as process:
        printed, _ = process.communicate()
    assert process.returncode == 0, printed
    return printed


def wait_for(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.05)
