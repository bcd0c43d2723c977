"""Locks between processes, and waiting for them with a notice of what is waited for.

A lock belongs to an open file, so the system releases it when its process ends, in whatever way: no
holder has to be checked for being alive.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

_POLL_SECONDS = 0.05
_QUIET_SECONDS = 1.0
"""Shorter waits are not reported."""
_LONGEST_COMMAND = 60
"""Limit of a holder's command line in a notice, in characters."""


class FileLock:
    """An exclusive lock on the file `path`, or on an existing directory. Not reentrant.

    A process that is forked while the lock is held shares it (see flock(2)).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    def try_acquire(self) -> bool:
        """Acquire the lock if it is free; return whether this call acquired it. Raises `OSError`."""
        if self._descriptor >= 0:
            return False
        flags = os.O_RDONLY if self.path.is_dir() else os.O_RDWR | os.O_CREAT
        descriptor = os.open(self.path, flags | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            is_locked = try_lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if not is_locked:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Release the lock, if this object holds it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def remove(self) -> None:
        """Remove the file, then release the lock: a waiting process has to check `is_linked`."""
        if sys.platform == "win32":
            self.release()  # an open file can't be removed there
        self.path.unlink(missing_ok=True)
        self.release()

    @property
    def is_linked(self) -> bool:
        """Whether the locked file still exists under its name: its last holder may have removed it."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except OSError:
            return False


def is_held(path: Path) -> bool:
    """Return whether any process holds the lock on `path`; False if there is no file. Raises `OSError`."""
    if not path.exists():
        return False
    lock = FileLock(path)
    if lock.try_acquire():
        lock.release()
        return False
    return True


def wait_until(
    attempt: Callable[[], bool],
    *,
    what: str,
    say: Callable[[str], None],
    holder: Callable[[], str] = str,
    seconds: float | None = None,
    stopped: Callable[[], bool] = bool,
) -> bool:
    """Poll `attempt` until it succeeds; return False if `seconds` pass, or `stopped` is true, before that.

    After a second, `say` is called once with a notice that names `what` is waited for and, where it is
    known, the `holder` of it (see `holder_of`).
    """
    began = time.monotonic()
    is_said = False
    while not attempt():
        waited = time.monotonic() - began
        if stopped() or (seconds is not None and waited >= seconds):
            return False
        if not is_said and waited >= _QUIET_SECONDS:
            is_said = True
            who = holder()
            say(f"waiting for {what}" + (f", held by {who}" if who else ""))
        time.sleep(_POLL_SECONDS)
    return True


def holder_of(path: Path) -> str:
    """Describe the process that holds a lock on `path`: `process 42 (make html)`; empty if unknown.

    On Linux, from `/proc/locks` (proc_locks(5)). A process in another PID namespace has no number here.
    """
    try:
        status = path.stat()
        table = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return ""
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in table.splitlines():
        words = line.split()
        # `1: FLOCK ADVISORY WRITE 42 08:01:123 0 EOF`; an arrow marks a waiting process.
        if len(words) > 5 and words[5] == device and words[4].isdecimal():
            return _described(int(words[4]))
    return ""


def _described(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return f"process {pid}"
    command = " ".join(word.decode(errors="replace") for word in words)
    printable = "".join(character if character.isprintable() else "?" for character in command)
    if len(printable) > _LONGEST_COMMAND:
        printable = printable[: _LONGEST_COMMAND - 1] + "…"
    return f"process {pid} ({printable})" if printable else f"process {pid}"


# `fcntl` exists on POSIX only, `msvcrt` on Windows only.
if sys.platform == "win32":
    import msvcrt

    def try_lock(descriptor: int) -> bool:
        """Lock an open file, until it is closed, if it is free; return whether this call locked it."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Lock an open file, until it is closed, if it is free; return whether this call locked it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
