"""A build's directory on this machine, locked for as long as the build is alive.

The directories of all builds of a user are in one place that no other machine shares and that survives a
restart. So a directory whose lock is free belongs to a dead build, for certain and at once, whatever PIDs,
names or clocks say; and a build without a directory here runs on another machine, or in a container.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path

from docker_run.system.locks import FileLock, holder_of, is_held, wait_until

_LOCK, _ENGINE, _URL, _WORK = "lock", "engine", "url", "work"
_LOCKS = "turns"
_ATTEMPTS = 100
_KEPT_SECONDS = 30 * 24 * 3600
"""How long a dead build's directory is kept if its engine has not been used since."""


class Liveness(Enum):
    """Whether a build is alive, as far as this machine can know."""

    ALIVE = "alive"
    DEAD = "dead"
    ELSEWHERE = "elsewhere"
    """It does not run on this machine, which can't tell whether it is alive."""


def default_root() -> Path:
    """Return the parent of this user's build directories: not in the home, which machines may share."""
    if sys.platform == "win32":
        return Path(tempfile.gettempdir(), "docker-run")
    return Path(f"/var/tmp/docker-run-{os.geteuid()}")  # noqa: S108 - its owner is checked


class BuildDirectories:
    """The directories of all builds of this user on this machine."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or default_root()

    def open(self, build: str, *, engine: str, url: str = "") -> BuildDirectory:
        """Create and lock the directory of a new build. Raises `OSError`.

        `engine` is the ID of its engine, `url` the address at which it was found.
        """
        for _ in range(_ATTEMPTS):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_owner(self._root)
            path = self._root / build
            lock = FileLock(path / _LOCK)
            # Another process may have removed it as a dead build's before it was locked.
            with suppress(FileNotFoundError):
                path.mkdir(exist_ok=True)
                if lock.try_acquire():
                    if lock.is_linked:
                        (path / _URL).write_text(url, encoding="utf-8")
                        (path / _ENGINE).write_text(engine, encoding="utf-8")
                        return BuildDirectory(path, lock)
                    lock.release()
            time.sleep(0.01)
        raise OSError(f"{self._root / build} can't be locked")

    def join(self, build: str) -> BuildDirectory | None:
        """Return the directory of a build in another process that this one takes part in; None if gone."""
        path = self._root / build
        return BuildDirectory(path) if path.is_dir() else None

    def liveness(self, build: str) -> Liveness:
        """Return whether the build `build` is alive, as far as this machine can know."""
        path = self._root / build
        try:
            if not build or path.name != build or not path.is_dir():
                return Liveness.ELSEWHERE
            return Liveness.ALIVE if is_held(path / _LOCK) else Liveness.DEAD
        except OSError:
            return Liveness.ELSEWHERE

    def dead(self) -> frozenset[str]:
        """Return the dead builds of this machine."""
        paths = self._root.glob("*-*") if self._root.is_dir() else ()
        return frozenset(path.name for path in paths if self.liveness(path.name) is Liveness.DEAD)

    def has_dead(self, urls: Collection[str]) -> bool:
        """Return whether a dead build of this machine used an engine at one of `urls`."""
        return any(self._url(build) in urls for build in self.dead())

    def _url(self, build: str) -> str | None:
        with suppress(OSError):
            return (self._root / build / _URL).read_text(encoding="utf-8")
        return None  # it was killed before it created anything, or another engine answers there by now

    def remove(self, dead: Iterable[str], *, engine: str = "", url: str = "") -> int:
        """Remove what the builds `dead` left on this machine; return how many of them left something.

        The record that a build is dead is kept until the engine that it used has been swept. The engine with
        the ID `engine`, which answers at `url`, has been swept since these builds died.
        """
        removed = 0
        for build in sorted(dead):
            path = self._root / build
            lock = FileLock(path / _LOCK)
            with suppress(OSError):
                if path.is_dir() and lock.try_acquire():
                    try:
                        removed += _remove_left(path)
                        if _is_obsolete(path, engine):
                            _remove_tree(path)
                        elif url and self._url(build) == url:
                            # Its engine is no longer at that address: no need to ask there again.
                            (path / _URL).unlink()
                    finally:
                        lock.release()
        self._remove_free_locks()
        with suppress(OSError):
            self._root.rmdir()
        return removed

    @contextmanager
    def lock(
        self, key: str, *, what: str, say: Callable[[str], None], stopped: Callable[[], bool]
    ) -> Iterator[None]:
        """Hold the lock named `key`, one build of this machine at a time; others wait.

        `say` gets the notice that names `what` is waited for. Where locking fails, no build waits.
        """
        lock = FileLock(self._root / _LOCKS / hashlib.sha256(key.encode()).hexdigest()[:32])

        def acquired() -> bool:
            lock.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not lock.try_acquire():
                return False
            if not lock.is_linked:
                lock.release()
                return False
            return True

        held = False
        with suppress(OSError):
            held = wait_until(
                acquired, what=what, say=say, holder=lambda: holder_of(lock.path), stopped=stopped
            )
        try:
            yield
        finally:
            if held:
                with suppress(OSError):
                    lock.remove()
                    lock.path.parent.rmdir()
                    self._root.rmdir()

    def _remove_free_locks(self) -> None:
        directory = self._root / _LOCKS
        for path in directory.glob("*") if directory.is_dir() else ():
            lock = FileLock(path)
            with suppress(OSError):
                if lock.try_acquire():
                    lock.remove()
        with suppress(OSError):
            directory.rmdir()


class BuildDirectory:
    """The directory of one build, which counts as alive for as long as this object holds its lock.

    Without a lock, the build is that of another process, which removes the directory.
    """

    def __init__(self, path: Path, lock: FileLock | None = None) -> None:
        self._path = path
        self._lock = lock

    @contextmanager
    def work(self) -> Iterator[Path]:
        """Create an empty temporary directory, and remove it; if this build can't, the next one does."""
        base = self._path / _WORK
        base.mkdir(exist_ok=True)
        directory = Path(tempfile.mkdtemp(dir=base))
        try:
            yield directory
        finally:
            unmount_below(directory)
            shutil.rmtree(directory, ignore_errors=True)

    def close(self, *, keep: bool = False) -> None:
        """Release the lock and remove the directory; `keep` leaves it, like that of a dead build."""
        if self._lock is None:
            return
        if not keep:
            with suppress(OSError):
                _remove_tree(self._path)
                self._path.parent.rmdir()
        self._lock.release()


def unmount_below(directory: Path) -> None:
    """Unmount what scripts mounted below `directory`, innermost first: removal must not reach into it."""
    try:
        table = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    import ctypes  # noqa: PLC0415 - needed on Linux only

    # proc_pid_mountinfo(5): the fifth field; blanks and backslashes are octal escapes.
    points = [line.split()[4].encode(errors="surrogateescape") for line in table.splitlines()]
    paths = [point.decode("unicode_escape").encode("latin-1") for point in points]
    below = [path for path in paths if path.startswith(os.fsencode(directory.resolve()) + b"/")]
    libc = ctypes.CDLL(None) if below else None
    for path in reversed(below):
        if libc is not None:
            libc.umount2(path, 2)  # MNT_DETACH: even if a process that is just ending still uses it


def _remove_left(path: Path) -> int:
    """End the processes of a dead build, and remove its temporary files; return 1 if there were any."""
    work = path / _WORK
    if not work.is_dir():
        return 0
    _end_processes_in(work)
    unmount_below(work)
    shutil.rmtree(work, ignore_errors=True)
    return 1


def _end_processes_in(directory: Path) -> None:
    """Kill the processes with their root or working directory in `directory`: scripts of a dead build."""
    inside = directory.resolve()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            places = ((process / link).readlink() for link in ("cwd", "root"))
            if any(place.is_relative_to(inside) for place in places):
                os.kill(int(process.name), signal.SIGKILL)


def _is_obsolete(path: Path, engine: str) -> bool:
    """Return whether the record that this directory's build is dead is no longer needed."""
    try:
        record = path / _ENGINE
        return record.read_text(encoding="utf-8") == engine or (
            time.time() - record.stat().st_mtime > _KEPT_SECONDS
        )
    except OSError:
        return True  # it was killed before it created anything


def _remove_tree(path: Path) -> None:
    """Remove a build's directory, its lock last: without one it would look like that of a new build."""
    unmount_below(path)
    for entry in path.iterdir():
        if entry.name != _LOCK:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    (path / _LOCK).unlink(missing_ok=True)
    path.rmdir()


def _check_owner(root: Path) -> None:
    """Raise `PermissionError` if another user owns the directory, or may write to it."""
    if sys.platform == "win32":
        return
    status = root.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError(f"{root} belongs to, or can be written by, another user")
