"""Storage of recordings: a text file for each page, in one directory tree.

The format of the files is defined in `docker_run.recordings.writer`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO, NamedTuple

from docker_run.errors import NewerRecording, RecordingProblem, UnsavedRecording
from docker_run.model import Recording
from docker_run.system import files

SUFFIX = ".txt"
"""The suffix of a recording's file."""

LARGEST = 100 * 1024**2
"""Limit of a recording's file, in bytes, for reading and writing: GitHub's limit for committed files."""

# Characters that some file systems forbid in a name, or that are awkward in a shell or a review; `%` because
# it begins our escapes. A leading dot hides a file (and `..` consists of dots); Windows drops a trailing dot
# or blank, and reserves the names of devices.
_ODD = re.compile(r'[\x00-\x1f\x7f-\x9f"%*:<>?\\|\ud800-\udfff]|^[.]|[. ]$')
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(?=$|[.])", re.IGNORECASE)


class Signature(NamedTuple):
    """Identifies the state of a file."""

    inode: int
    size: int
    """In bytes."""
    modified: int
    """The mtime, in nanoseconds."""
    changed: int
    """The ctime, in nanoseconds, which programs can't set."""


class Store:
    """The recordings in one directory.

    Different pages may be loaded and saved in different threads at the same time. All methods raise
    `RecordingProblem` if a recording's path is not a regular file, or has more than `largest` bytes; it is
    then neither read nor waited for.

    `directory` itself may be a symbolic link, or be reached through one: the project names it. Its content
    may not.
    """

    def __init__(self, directory: Path, *, largest: int = LARGEST) -> None:
        self._directory = directory
        self._largest = largest

    def path(self, page: str) -> Path:
        """Return the path of the recording of `page`, always inside the directory.

        Page `a/b` has `a/b.txt`. Characters that some file systems forbid are written as `%` and two
        hexadecimal digits for each byte; no two pages have the same path.
        """
        return Path(self._location(page))

    def load(self, page: str) -> Recording | None:
        """Return the recording of `page`, or None if there is none.

        Raises `NewerRecording` if a later version of the extension wrote it, and `RecordingProblem` if it
        can't be read, or is the recording of another page.
        """
        path = self.path(page)
        recording = self._read(path)
        if recording is not None and recording.page != page:
            raise RecordingProblem(
                f"{path}, line 2: this is the recording of the page `{recording.page}`, not of `{page}`. If"
                f" the page was renamed, change the line to `page: {page}`, or delete the file and build with"
                " an engine.",
                line=2,
            )
        return recording

    def save(self, recording: Recording) -> bool:
        """Write `recording`, replacing that of its page; return whether the file changed.

        The file is replaced atomically. An unreadable one is first copied to a file beside it whose name ends
        in `.unreadable`.

        Raises `NewerRecording` if the page has a recording of a later version of the extension,
        `UnsavedRecording` if the file can't be written, and `RecordingProblem` if, on a case-insensitive file
        system, it belongs to a page whose name differs only in case.
        """
        path = self.path(recording.page)
        try:
            with self._open(path) as old:
                if old is not None and files.holds(old, _encoded(recording)):
                    return False
            if old is not None:
                self._protect(path, recording.page)
            path.parent.mkdir(parents=True, exist_ok=True)
            files.replace(path, files.bounded(_encoded(recording), largest=self._largest))
        except (OSError, ValueError) as error:
            reason = _reason(error) if isinstance(error, OSError) else str(error)
            raise UnsavedRecording(
                f"{path}: the recording of the page `{recording.page}` can't be written ({reason})."
                " Make sure that the directory is one you may write to and has room, and that the commands"
                " of the page print no more than a page can show, and build again."
            ) from error
        return True

    def orphans(self, pages: Collection[str]) -> tuple[Path, ...]:
        """Return the files of recordings that belong to none of `pages`, sorted.

        A regular file that does not begin like a recording is the user's, whatever its name.
        """
        return tuple(self._paths(besides=set(map(self._location, pages))))

    def convert(self) -> Iterator[tuple[Path, str]]:
        """Rewrite all recordings of earlier formats in the current one.

        Yields the path of each that was rewritten, with an empty string, and of each that could not be, with
        the reason.
        """
        for path in self._paths():
            try:
                recording = self._read(path)
                if recording is None:
                    continue
                if self.path(recording.page) != path:
                    yield (
                        path,
                        f"{path}, line 2: the recording of the page `{recording.page}` has another name",
                    )
                elif self.save(recording):
                    yield path, ""
            except RecordingProblem as problem:
                yield path, str(problem)

    def _location(self, page: str) -> str:
        """Return the path of the recording of `page` as a string, which is faster than a `Path`."""
        return os.path.join(self._directory, *_safe_parts(page))  # noqa: PTH118 (see above)

    def _paths(self, *, besides: Collection[str] = ()) -> list[Path]:
        """Return the paths of all recordings except those in `besides`, sorted."""
        found = files.files_below(self._directory, named=f"*{SUFFIX}")
        others = (Path(path) for path in found if path not in besides)
        return sorted(filter(_may_be_recording, others))

    def _read(self, path: Path) -> Recording | None:
        """Return the recording at `path`, or None if there is none."""
        with self._open(path) as file:
            if file is None:
                return None
            return self._parsed(file, path)

    def _parsed(self, file: BinaryIO, path: Path) -> Recording:
        # Not at the top: if nothing has changed, no recording is read.
        from docker_run.recordings.reader import load  # noqa: PLC0415

        return load(files.bounded_lines(file, largest=self._largest), source=str(path))

    def remove_unfinished(self) -> None:
        """Remove the temporary files of builds that were killed while they wrote a recording."""
        files.remove_unfinished(self._directory)

    def signature(self, page: str) -> Signature | None:
        """Return the signature of the file for `page`, which is not read; None if there is no file."""
        try:
            found = os.lstat(self._location(page))
        except OSError:
            return None
        return Signature(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def fingerprint(self, page: str) -> str:
        """Return the SHA-256 of the file for `page`, empty if there is none.

        While it is the same, a page that was written does not have to be written again.
        """
        path = self.path(page)
        with self._open(path) as file:
            if file is None:
                return ""
            digest = hashlib.sha256()
            for piece in files.bounded(files.contents(file), largest=self._largest):
                digest.update(piece)
            return digest.hexdigest()

    @contextmanager
    def _open(self, path: Path) -> Iterator[BinaryIO | None]:
        """Open the file at `path` for reading; yield None if there is none."""
        try:
            self._refuse_links(path)
            file = files.open_plain(path, largest=self._largest)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            raise _unreadable(path, error) from error
        with file:
            try:
                yield file
            except OSError as error:
                raise _unreadable(path, error) from error

    def _refuse_links(self, path: Path) -> None:
        """Raise if `path`, or a directory between the store's and it, is a symbolic link."""
        inside = path.relative_to(self._directory)
        for part in reversed([inside, *inside.parents][:-1]):
            if (way := self._directory / part).is_symlink():
                raise RecordingProblem(
                    f"{way}: a symbolic link, which may lead anywhere. Recordings are plain files in plain"
                    " directories: put the file itself there, or remove the link."
                )

    def _protect(self, path: Path, page: str) -> None:
        """Raise if the file at `path` must not be replaced; copy it if it is unreadable."""
        try:
            with self._open(path) as file:
                if file is None:
                    return
                old = self._parsed(file, path)
        except NewerRecording:
            raise
        except RecordingProblem:
            self._keep(path)
            return
        if old.page != page and old.page.casefold() == page.casefold():
            raise RecordingProblem(
                f"{path}: the pages `{old.page}` and `{page}` have the same file here, because this file"
                " system doesn't tell capital letters from small ones. Rename one of the pages."
            )

    def _keep(self, path: Path) -> None:
        """Copy the file at `path` to a file beside it, unless there already is an equal copy."""
        for copy in _copies(path):
            with files.open_plain(path, largest=self._largest) as old:
                try:
                    with files.open_plain(copy, largest=self._largest) as kept:
                        if files.holds(kept, files.contents(old)):
                            return
                except FileNotFoundError:
                    files.replace(copy, files.contents(old))
                    return
                except OSError:
                    continue  # not a regular file


@lru_cache(maxsize=1 << 14)
def _safe_parts(page: str) -> tuple[str, ...]:
    *directories, name = page.split("/")
    return (*(_safe(each, ending=SUFFIX) for each in directories), _safe(name) + SUFFIX)


def _safe(part: str, *, ending: str = "") -> str:
    """Return `part` of a page's name as the name of a file or directory that does not end with `ending`."""
    if not part:
        return "%"  # unique: in other names, digits follow it
    name = _ODD.sub(lambda match: _percent(match[0]), part)
    if ending and name.endswith(ending):
        name = name.removesuffix(ending) + _percent(ending[0]) + ending[1:]
    return (
        _DEVICE.sub(lambda match: _percent(match[0][0]) + match[0][1:], name) if _DEVICE.match(name) else name
    )


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


def _copies(path: Path) -> Iterator[Path]:
    """Yield names for copies of an unreadable file: first `b.txt.unreadable`, then `b.txt.2.unreadable`."""
    numbered = (f"{path.name}.{number}.unreadable" for number in count(2))
    return (path.with_name(name) for name in chain([f"{path.name}.unreadable"], numbered))


def _encoded(recording: Recording) -> Iterator[bytes]:
    from docker_run.recordings.writer import text_lines  # noqa: PLC0415 (see `_parsed`)

    return (f"{line}\n".encode() for line in text_lines(recording))


def _may_be_recording(path: Path) -> bool:
    """Return whether a file begins like a recording, or can't be read."""
    from docker_run.recordings.writer import TITLE  # noqa: PLC0415 (see `Store._parsed`)

    return not files.has_other_start(path, TITLE.encode())


def _unreadable(path: Path, error: OSError) -> RecordingProblem:
    return RecordingProblem(
        f"{path}: can't be read as a recording ({_reason(error)}). Move away what is there,"
        " or make it a file that you may read, and build again."
    )


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
