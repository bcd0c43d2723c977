"""Regular files of bounded size: opened without blocking, read in chunks, replaced atomically."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fnmatch import translate
from pathlib import Path
from typing import BinaryIO

from docker_run.system.locks import FileLock, try_lock

_PIECE = 1 << 16
# Don't wait for a pipe's other end, follow a link, or acquire a terminal; Windows has none of these flags.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


_UNFINISHED = ".recording-*.tmp"
"""Glob of the temporary files that `replace` writes."""


def open_plain(path: Path, *, largest: int) -> BinaryIO:
    """Open the file at `path` for reading.

    Raises `OSError`, also for anything but a regular file (a directory, a device, a pipe, a symbolic
    link) and for a file of more than `largest` bytes.
    """
    # Before opening: merely opening a device may have an effect on it.
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
    """Yield the lines of `file`, with their ends. Raises `OSError` beyond `largest` bytes: files may grow."""
    left = largest
    while line := file.readline(left + 1):
        left -= len(line)
        if left < 0:
            raise OSError(errno.EFBIG, f"Larger than {largest:,} bytes")
        yield line


def bounded(pieces: Iterable[bytes], *, largest: int) -> Iterator[bytes]:
    """Yield `pieces`. Raises `OSError` if they exceed `largest` bytes in total."""
    left = largest
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise OSError(errno.EFBIG, f"Larger than {largest:,} bytes")
        yield piece


def holds(file: BinaryIO, pieces: Iterable[bytes]) -> bool:
    """Return whether the content of `file` is `pieces`, concatenated."""
    return all(file.read(len(piece)) == piece for piece in pieces) and not file.read(1)


def contents(file: BinaryIO) -> Iterator[bytes]:
    """Yield the content of `file` in chunks."""
    while piece := file.read(_PIECE):
        yield piece


def has_other_start(path: Path, text: bytes) -> bool:
    """Return whether `path` is a readable regular file that does not begin with `text`."""
    try:
        with open_plain(path, largest=sys.maxsize) as file:
            return file.read(len(text)) != text
    except OSError:
        return False


def replace(path: Path, pieces: Iterable[bytes]) -> None:
    """Write `pieces` to the file at `path`, atomically: it is replaced by a finished new one."""
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
    """Remove the temporary files below `directory` of processes that were killed during `replace`."""
    for path in list(map(Path, files_below(directory, named=_UNFINISHED))):
        if not path.is_symlink():
            lock = FileLock(path)
            with suppress(OSError):
                if lock.try_acquire():  # else a process is writing it
                    lock.remove()


def _unfinished(path: Path) -> tuple[Path, BinaryIO]:
    """Create the temporary file for `replace`, locked for as long as it is open."""
    while True:
        # No recording's name begins with a dot. Not `tempfile`: only their owner may read its files.
        new = path.with_name(_UNFINISHED.replace("*", secrets.token_hex(8)))
        file = new.open("xb")
        try:
            is_locked = try_lock(file.fileno())
        except OSError:
            return new, file  # without locks, `remove_unfinished` removes nothing, either
        # Before it was locked, another process may have removed it as a killed build's leftover.
        if is_locked and (os.name != "posix" or os.fstat(file.fileno()).st_nlink):
            return new, file
        file.close()


def files_below(directory: Path, *, named: str = "*") -> Iterator[str]:
    """Yield the paths of regular files and links below `directory`, unordered; links are not followed.

    `named` is a glob for their names.
    """
    is_wanted = re.compile(translate(named)).match
    waiting = [os.fspath(directory)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif is_wanted(entry.name) and (
                        entry.is_symlink() or entry.is_file(follow_symlinks=False)
                    ):
                        yield entry.path
        except OSError:
            continue  # it is gone or unreadable, and so are the recordings in it
