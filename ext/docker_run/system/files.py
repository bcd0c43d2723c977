"""Plain files, of a bounded size: opened without waiting for anybody, read and written piece by piece."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from docker_run.system.locks import FileLock, try_lock

_PIECE = 1 << 16
# Not to wait for a pipe's other end, not to follow a link, not to get a terminal; Windows has none of these.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


_UNFINISHED = ".recording-*.tmp"
"""How the name of a file begins and ends that is not yet in its place."""


def open_plain(path: Path, *, largest: int) -> BinaryIO:
    """Open the file at `path` for reading.

    Raises `OSError`, also for what is no plain file (a directory, a device, a pipe, a symbolic link) and
    for a file of more than `largest` bytes.
    """
    # Already to open a device may do something to it.
    _check(path.lstat(), path, largest)
    descriptor = os.open(path, _FLAGS)
    try:
        _check(os.fstat(descriptor), path, largest)
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _check(found: os.stat_result, path: Path, largest: int) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "Not a plain file", str(path))
    if found.st_size > largest:
        raise OSError(errno.EFBIG, f"Larger than {largest:,} bytes", str(path))


def bounded_lines(file: BinaryIO, *, largest: int) -> Iterator[bytes]:
    """Yield the lines of `file`, with their ends. Raises `OSError` beyond `largest` bytes: it may grow."""
    left = largest
    while line := file.readline(left + 1):
        left -= len(line)
        if left < 0:
            raise OSError(errno.EFBIG, f"Larger than {largest:,} bytes")
        yield line


def bounded(pieces: Iterable[bytes], *, largest: int) -> Iterator[bytes]:
    """Yield `pieces`. Raises `OSError` where they are more than `largest` bytes together."""
    left = largest
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise OSError(errno.EFBIG, f"Larger than {largest:,} bytes")
        yield piece


def holds(file: BinaryIO, pieces: Iterable[bytes]) -> bool:
    """Tell whether `file` holds `pieces`, one after another, and nothing else."""
    return all(file.read(len(piece)) == piece for piece in pieces) and not file.read(1)


def contents(file: BinaryIO) -> Iterator[bytes]:
    """Yield what `file` holds, piece by piece."""
    while piece := file.read(_PIECE):
        yield piece


def begins_otherwise(path: Path, text: bytes) -> bool:
    """Tell whether there is a plain file at `path` that can be read, and does not begin with `text`."""
    try:
        with open_plain(path, largest=sys.maxsize) as file:
            return file.read(len(text)) != text
    except OSError:
        return False


def replace(path: Path, pieces: Iterable[bytes]) -> None:
    """Make `pieces` what the file at `path` holds, in one go."""
    new, file = _unfinished(path)
    try:
        with file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
            if os.name == "posix":  # elsewhere an open file keeps its name
                new.replace(path)
        if os.name != "posix":
            new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def remove_unfinished(directory: Path) -> None:
    """Remove what a process that was killed in the middle of `replace` left below `directory`."""
    for path in list(files_below(directory)):
        if path.match(_UNFINISHED) and not path.is_symlink():
            lock = FileLock(path)
            with suppress(OSError):
                if lock.try_acquire():  # else somebody is just writing it
                    lock.remove()


def _unfinished(path: Path) -> tuple[Path, BinaryIO]:
    """Create the file that is to replace the one at `path`; it is locked for as long as it is written."""
    while True:
        # No recording's name begins with a dot. Not `tempfile`: its files only their owner may read.
        new = path.with_name(_UNFINISHED.replace("*", secrets.token_hex(8)))
        file = new.open("xb")
        try:
            is_locked = try_lock(file.fileno())
        except OSError:
            return new, file  # where there are no locks, nobody takes it for unfinished, either
        # Before the lock, somebody may have taken it for what a killed build left.
        if is_locked and (os.name != "posix" or os.fstat(file.fileno()).st_nlink):
            return new, file
        file.close()


def files_below(directory: Path) -> Iterator[Path]:
    """Yield the plain files and links below `directory`, in no order; links are not followed."""
    waiting = [directory]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                        yield Path(entry.path)
        except OSError:
            continue  # it is gone, or may not be read: no recording of it can be, either
