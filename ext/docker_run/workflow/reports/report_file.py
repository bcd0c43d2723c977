"""A file with the results of a build, for other programs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from docker_run.errors import UnsavedReport
from docker_run.system import files


class ReportFile:
    """A file that holds the results of the last build, or is not there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def remove(self) -> None:
        """Remove what an earlier build wrote: of a build that does not get to its end, there is no file."""
        with suppress(OSError):
            self._path.unlink()

    def write(self, content: bytes) -> None:
        """Write the file, in one go, in a folder that is made if need be. Raises `UnsavedReport`."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            files.replace(self._path, [content])
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
            raise UnsavedReport(f"{self._path}: the results can't be written ({reason})") from error


def relative(path: str, root: Path) -> str:
    """Return `path` as seen from `root`, with `/` between folders; as it is where it is not below it."""
    whole = Path(path)
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else path
