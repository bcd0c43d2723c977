"""Running a command for as long as any of its processes lives, and passing on to them what ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from docker_run.system.signals import ENDING

_PR_SET_CHILD_SUBREAPER = 36
"""linux/prctl.h"""
_END_SECONDS = 15.0
_LOOK_SECONDS = 0.05


def run(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run `command`; return its exit status, as a shell would. Raises `OSError` where it can't be started.

    Ctrl-C reaches the command from the terminal; other signals that end programs are passed on to it and
    to all processes below it. A build that its parent left behind while it cleans up is waited for.
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
    for number in ENDING:
        # What `nohup` ignores, everybody here ignores.
        if signal.getsignal(number) != signal.SIG_IGN:
            handled[number] = signal.signal(number, pass_on)
    try:
        yield
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)


def descendants(pid: int) -> list[int]:
    """Return the processes below the process `pid`; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            # proc_pid_stat(5): the name, field 2, is in brackets and may hold anything; 4 is the parent.
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] not in "ZX":
                children.setdefault(int(fields[1]), []).append(int(folder.name))
    found: list[int] = []
    below = list(children.get(pid, ()))
    while below:
        found.append(below.pop())
        below += children.get(found[-1], ())
    return found


def _adopt_orphans() -> None:
    """Become the parent of what the command leaves behind, so that it can be waited for."""
    if sys.platform.startswith("linux"):
        import ctypes  # noqa: PLC0415 - where there is such a call

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for the command's end; orphans that end before it are reaped: nobody else would do it."""
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
        time.sleep(_LOOK_SECONDS)
