"""Running the script `bootstrap` of an image's folder, of which nothing is to outlive the build.

On Linux the script and all that it starts end with this process, in whichever way that ends: they are in
a process name space of their own where that may be made (root may), with mounts of their own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from docker_run.errors import Interrupted

_LOOK_SECONDS = 0.1


class BootstrapFailed(Exception):
    """The script came to nothing; `lines` are what it printed, and why."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(lines[-1])
        self.lines = lines


def run_bootstrap(script: Path, *, temporary: Path, interrupted: Callable[[], bool]) -> None:
    """Run `script` in its folder, with `temporary` as the place of its temporary files.

    Raises `BootstrapFailed`, and `Interrupted` after killing it.
    """
    # A file: whatever the script leaves running can't keep a pipe open, and nobody has to read one.
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(  # noqa: S603 - a script of the author's own repository
                [*_contained(), str(script)],
                cwd=script.parent,
                env=os.environ | {"TMPDIR": str(temporary)},
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
                return process.wait(_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if interrupted():
                    raise Interrupted(f"the build was interrupted while {script} ran") from None
    finally:
        if process.poll() is None:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)  # it leads a session, and so a group, of its own
    else:
        process.kill()
    process.wait()


def _not_started(reason: str) -> str:
    return f"bootstrap: {reason}; is it executable, with a `#!` line?"


@cache
def _contained() -> tuple[str, ...]:
    """Return the beginning of the command line: what makes the script end with this process."""
    dies = ("setpriv", "--pdeathsig", "KILL", "--")
    alone = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--")
    # util-linux has both, but not on every Linux with these options, and not every root may use them.
    for words in ((*dies, *alone), dies):
        if shutil.which(words[0]) and _works(words):
            return words
    return ()


def _works(words: tuple[str, ...]) -> bool:
    done = subprocess.run([*words, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603 - constants
    return done.returncode == 0
