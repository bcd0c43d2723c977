"""A command is run for as long as any of its processes lives, and gets what would end us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from builds import wait_for

RUN = "import os, sys; from docker_run.system.processes import run; sys.exit(run(sys.argv[1:], os.environ))"
BELOW = """
import signal, sys, time
def end(number, frame):
    open(sys.argv[1] + ".ending", "w").close()
    time.sleep(1)
    open(sys.argv[1] + ".ended", "w").write(str(number))
    sys.exit()
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGHUP, end)
open(sys.argv[1] + ".ready", "w").close()
time.sleep(600)
"""
"""A build that cleans up for a second when it is to end."""


def started(*command: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", RUN, *command], env=environment)


@pytest.mark.parametrize(("script", "status"), [("exit 3", 3), ("kill -9 $$", 137), ("true", 0)])
def test_its_status_is_the_commands(script: str, status: int) -> None:
    with started("sh", "-c", script) as process:
        assert process.wait(60) == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_build_below_the_command_is_told_and_waited_for(tmp_path: Path, number: signal.Signals) -> None:
    """What `make live` runs ends at once, and leaves the build that it had started."""
    mark = str(tmp_path / "build")
    below = f"'{sys.executable}' -c \"$1\" '{mark}' & wait"
    with started("sh", "-c", below, "sh", BELOW) as process:
        wait_for(lambda: Path(f"{mark}.ready").exists(), "the build")
        process.send_signal(number)
        process.wait(60)
        assert Path(f"{mark}.ended").read_text() == str(int(number))


def test_what_nohup_ignores_ends_nothing(tmp_path: Path) -> None:
    ready, on = tmp_path / "ready", tmp_path / "on"
    script = f"touch '{ready}'; while [ ! -e '{on}' ]; do sleep 0.05; done; exit 5"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = started("sh", "-c", script)
    finally:
        signal.signal(signal.SIGHUP, before)
    with process:
        wait_for(ready.exists, "the command")
        process.send_signal(signal.SIGHUP)
        on.touch()
        assert process.wait(60) == 5


def test_orphans_that_end_are_reaped_while_the_command_goes_on() -> None:
    script = """
(sleep 0.1 &)
sleep 1
for each in /proc/[0-9]*/stat; do
    read -r pid name state parent rest <"$each" && [ "$parent" = "$PPID" ] && echo "$state"
done 2>/dev/null
true
"""
    code = (
        "import os, sys; from docker_run.system.processes import run; sys.exit(run(sys.argv[1:], os.environ))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "sh", "-c", script], capture_output=True, text=True, check=True
    )
    assert "Z" not in done.stdout.split()
    assert done.stdout.split(), "the command itself is a child"
