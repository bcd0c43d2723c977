"""Running a command until the last of its processes has ended, with termination signals forwarded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from docker_run.system.signals import TERMINATION_SIGNALS

_PR_SET_CHILD_SUBREAPER = 36
"""linux/prctl.h"""
_END_SECONDS = 15.0
_POLL_SECONDS = 0.05


def run(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run `command`; return its exit status as a shell does (128 + signal). Raises `OSError`.

    Ctrl-C reaches the command from the terminal; other termination signals are forwarded to it and to all
    its descendants. Orphans, e.g. a build that is still cleaning up, are waited for.
    """
    _adopt_orphans()
    process = subprocess.Popen(command, env=environ)  # noqa: S603 - what the caller asked for
    with _passing_on(process):
        status = _wait(process)
        _await_orphans()
    return 128 - status if status < 0 else status


@contextmanager
def _passing_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    def pass_on(number: int, _frame: object) -> None:
        for pid in {process.pid, *descendants(os.getpid())}:
            with suppress(OSError):
                os.kill(pid, number)

    handled = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    for number in TERMINATION_SIGNALS:
        # A signal that `nohup` made ignored stays ignored.
        if signal.getsignal(number) != signal.SIG_IGN:
            handled[number] = signal.signal(number, pass_on)
    try:
        yield
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)


def descendants(pid: int) -> list[int]:
    """Return the PIDs of the descendants of the process `pid`; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            # proc_pid_stat(5): field 2, the name, is in brackets and may hold any character; 4 is the parent.
            fields = (directory / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] not in "ZX":
                children.setdefault(int(fields[1]), []).append(int(directory.name))
    found: list[int] = []
    below = list(children.get(pid, ()))
    while below:
        found.append(below.pop())
        below += children.get(found[-1], ())
    return found


def _adopt_orphans() -> None:
    """Become the parent of the command's orphans, so that they can be waited for."""
    if sys.platform.startswith("linux"):
        import ctypes  # noqa: PLC0415 - only where the call exists

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for the command to end, and reap orphans that end before it: no other process does."""
    if not sys.platform.startswith("linux"):
        return process.wait()
    while True:
        pid, status = os.wait()
        if pid == process.pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode


def _await_orphans() -> None:
    give_up = time.monotonic() + _END_SECONDS
    while time.monotonic() < give_up and descendants(os.getpid()):
        time.sleep(_POLL_SECONDS)
