"""Running the script `bootstrap` of an image's directory, so that none of its processes outlives the build.

On Linux the script and its descendants end with this process, in whatever way that ends: where permitted (to
root), they run in a PID and a mount namespace of their own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from docker_run.errors import Interrupted

_POLL_SECONDS = 0.1


class BootstrapFailed(Exception):
    """The script failed; `lines` are its output, and the reason."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(lines[-1])
        self.lines = lines


def run_bootstrap(script: Path, *, temporary: Path, interrupted: Callable[[], bool]) -> None:
    """Run `script` in its directory, with `temporary` as its `TMPDIR`, and this Python as `PYTHON`.

    Raises `BootstrapFailed`, and `Interrupted` after killing it.
    """
    # Not a pipe: a process that the script leaves running would keep it open, and it would need a reader.
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(  # noqa: S603 - a script of the author's own repository
                [*_containment(), str(script)],
                cwd=script.parent,
                env=os.environ | {"TMPDIR": str(temporary), "PYTHON": sys.executable},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise BootstrapFailed([_not_started(error.strerror or "")]) from error
        status = _await(process, script, interrupted)
        if status:
            output.seek(0)
            lines = output.read().decode(errors="replace").splitlines()
            if status in (126, 127) and not os.access(script, os.X_OK):
                raise BootstrapFailed([_not_started("Permission denied")])
            raise BootstrapFailed([*lines, f"bootstrap: exit status {status}"])


def _await(process: subprocess.Popen[bytes], script: Path, interrupted: Callable[[], bool]) -> int:
    try:
        while True:
            try:
                return process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                if interrupted():
                    raise Interrupted(f"the build was interrupted while {script} ran") from None
    finally:
        if process.poll() is None:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)  # it is the leader of its own session, and so of a group
    else:
        process.kill()
    process.wait()


def _not_started(reason: str) -> str:
    return f"bootstrap: {reason}; is it executable, with a `#!` line?"


@cache
def _containment() -> tuple[str, ...]:
    """Return the command prefix that makes the script end with this process; empty if there is none."""
    dies = ("setpriv", "--pdeathsig", "KILL", "--")
    alone = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--")
    # util-linux has both, but older versions lack the options, and root in a container may not be permitted.
    for words in ((*dies, *alone), dies):
        if shutil.which(words[0]) and _works(words):
            return words
    return ()


def _works(words: tuple[str, ...]) -> bool:
    done = subprocess.run([*words, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603 - constants
    return done.returncode == 0
