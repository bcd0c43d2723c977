"""A file with the results of a build, for other programs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from docker_run.errors import UnsavedReport
from docker_run.system import files


class ReportFile:
    """A file with the results of the last build, or none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def remove(self) -> None:
        """Remove the file of an earlier build: a build that does not finish has no file."""
        with suppress(OSError, ValueError):  # no file has a NUL in its name
            self._path.unlink()

    def write(self, content: bytes) -> None:
        """Write the file atomically, and create its directory if need be. Raises `UnsavedReport`."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            files.replace(self._path, [content])
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
            raise UnsavedReport(f"{self._path}: the results can't be written ({reason})") from error


def relative(path: str, root: Path) -> str:
    """Return `path` relative to `root`, with `/` as separator; unchanged if it is not below `root`."""
    whole = Path(path)
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else path
