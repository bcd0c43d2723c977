"""Recordings on disk: a text file for each page, in one directory tree.

The only module besides the engine's and Sphinx's that touches the disk. What the files hold is the
business of `docker_run.recordings.recording`.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Collection, Iterator
from itertools import chain, count
from pathlib import Path

from docker_run.errors import NewerRecording, RecordingProblem, UnsavedRecording
from docker_run.model import Recording
from docker_run.recordings.recording import dumps, loads

SUFFIX = ".txt"
"""What the name of a recording's file ends in."""

# Characters that some file system can't have in a name, and those that a shell or a review would
# stumble over; `%` because it begins our escapes. A leading dot hides a file (and is what `..` is
# made of), a trailing dot or blank gets lost on Windows, and so do names of its devices.
_ODD = re.compile(r'[\x00-\x1f\x7f-\x9f"%*:<>?\\|\ud800-\udfff]|^[.]|[. ]$')
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(?=$|[.])", re.IGNORECASE)


class Store:
    """The recordings in one directory.

    Different pages may be loaded and saved in different threads at the same time. All methods raise
    `RecordingProblem` where there is something else than a plain file in the place of a recording.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, page: str) -> Path:
        """Return the file for the recording of `page`; always one inside the directory.

        Page `a/b` has `a/b.txt`. What can't be in a file's name everywhere is written as `%`
        and two hexadecimal digits for each byte; no two pages have the same file.
        """
        *folders, name = page.split("/")
        safe = [_safe(folder, ending=SUFFIX) for folder in folders]
        return self._directory.joinpath(*safe, _safe(name) + SUFFIX)

    def load(self, page: str) -> Recording | None:
        """Return the recording of `page`, or None where there is none.

        Raises `NewerRecording` where a later version of the extension wrote it, and
        `RecordingProblem` where it can't be read, or is the recording of another page.
        """
        path = self.path(page)
        data = self._read(path)
        if data is None:
            return None
        recording = _decoded(data, path)
        if recording.page != page:
            raise RecordingProblem(
                f"{path}, line 2: this is the recording of the page `{recording.page}`, not of `{page}`. If"
                f" the page was renamed, change the line to `page: {page}`, or delete the file and build with"
                " an engine.",
                line=2,
            )
        return recording

    def save(self, recording: Recording) -> bool:
        """Write `recording` in the place of the one that its page has; tell whether a byte changed.

        The file is replaced in one go, or left as it was. One that can't be read is first copied to a
        file next to it whose name ends in `.unreadable`.

        Raises `NewerRecording` where the page has a recording of a later version of the extension,
        `UnsavedRecording` where the file can't be written, and `RecordingProblem` where it belongs
        to a page whose name differs only in case, on a file system that takes them for one.
        """
        path = self.path(recording.page)
        data = dumps(recording).encode("utf-8")
        old = self._read(path)
        if old == data:
            return False
        try:
            if old is not None:
                _protect(path, old, recording.page)
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, data)
        except OSError as error:
            raise UnsavedRecording(
                f"{path}: the recording of the page `{recording.page}` can't be written ({_reason(error)})."
                " Make sure that the directory is one you may write to and has room, and build again."
            ) from error
        return True

    def orphans(self, pages: Collection[str]) -> tuple[Path, ...]:
        """Return the files of recordings that belong to none of `pages`, sorted."""
        wanted = {self.path(page) for page in pages}
        found = (path for path in self._directory.rglob(f"*{SUFFIX}") if path.is_file())
        return tuple(sorted(path for path in found if path not in wanted))

    def fingerprint(self, page: str) -> str:
        """Return the sha256 of the file for `page`, and an empty text where there is none.

        As long as it stays the same, a page that was written need not be written again.
        """
        data = self._read(self.path(page))
        return "" if data is None else hashlib.sha256(data).hexdigest()

    def _read(self, path: Path) -> bytes | None:
        inside = path.relative_to(self._directory)
        for parent in (self._directory / part for part in reversed([inside, *inside.parents][:-1])):
            if parent.is_symlink():
                raise RecordingProblem(
                    f"{parent}: a symbolic link, which may lead anywhere. Recordings are plain files in plain"
                    " directories: put the file itself there, or remove the link."
                )
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RecordingProblem(
                f"{path}: can't be read as a recording ({_reason(error)}). Move away what is there,"
                " or make it a file that you may read, and build again."
            ) from error


def _safe(part: str, *, ending: str = "") -> str:
    """Return `part` of a page's name as the name of a file or directory that doesn't end in `ending`."""
    if not part:
        return "%"  # no other name has a lone one
    name = _ODD.sub(lambda match: _percent(match[0]), part)
    if ending and name.endswith(ending):
        name = name.removesuffix(ending) + _percent(ending[0]) + ending[1:]
    return (
        _DEVICE.sub(lambda match: _percent(match[0][0]) + match[0][1:], name) if _DEVICE.match(name) else name
    )


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


def _decoded(data: bytes, path: Path) -> Recording:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RecordingProblem(
            f"{path}, line {line}: not UTF-8 text. Restore the file from git, or delete it and build with an"
            " engine to record it again.",
            line=line,
        ) from None
    return loads(text, source=str(path))


def _protect(path: Path, old: bytes, page: str) -> None:
    """Raise where `old` must not be replaced; keep a copy of it where nobody could restore it."""
    try:
        recording = _decoded(old, path)
    except NewerRecording:
        raise
    except RecordingProblem:
        _keep(path, old)
        return
    if recording.page != page and recording.page.casefold() == page.casefold():
        raise RecordingProblem(
            f"{path}: the pages `{recording.page}` and `{page}` have the same file here, because this file"
            " system doesn't tell capital letters from small ones. Rename one of the pages."
        )


def _keep(path: Path, old: bytes) -> None:
    for copy in _copies(path):
        if not copy.exists():
            _replace(copy, old)
            return
        if copy.read_bytes() == old:
            return


def _copies(path: Path) -> Iterator[Path]:
    """Yield names for copies of an unreadable file: first `b.txt.unreadable`, then `b.txt.2.unreadable`."""
    numbered = (f"{path.name}.{number}.unreadable" for number in count(2))
    return (path.with_name(name) for name in chain([f"{path.name}.unreadable"], numbered))


def _replace(path: Path, data: bytes) -> None:
    """Make `data` what the file at `path` holds, in one go."""
    # No recording's name begins with a dot. Not `tempfile`: it makes files that only their owner may read.
    new = path.with_name(f".recording-{secrets.token_hex(8)}.tmp")
    try:
        with new.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
