"""What an engine has run already, remembered from build to build beside Sphinx's own caches."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from docker_run.recordings.files import open_plain

_LARGEST = 64 * 1024**2


class Memory:
    """Remembers for each page the key of the session that was last run, and on which engine.

    It is a cache: a file that is missing or damaged means that nothing is remembered.
    """

    def __init__(self, path: Path) -> None:
        """Read the memory kept in the file `path`."""
        self._path = path
        self._running = path.with_suffix(".running")
        self._pages: dict[str, dict[str, str]] = {}
        try:
            with open_plain(path, largest=_LARGEST) as file:
                found = json.load(file)
            self._pages = {
                str(page): {"key": str(entry["key"]), "engine": str(entry["engine"])}
                for page, entry in found.items()
            }
        except (OSError, ValueError, AttributeError, TypeError, KeyError, RecursionError):
            self._pages = {}

    def has_run(self, page: str, key: str, engines: Collection[str]) -> bool:
        """Tell whether one of `engines` (URLs) was the last to run `page`, in the form `key`."""
        entry = self._pages.get(page)
        return entry is not None and entry["key"] == key and entry["engine"] in engines

    def note(self, page: str, key: str, engine: str) -> None:
        """Remember that `engine` (a URL) ran the session `key` of `page`."""
        self._pages[page] = {"key": key, "engine": engine}

    def forget(self, page: str) -> None:
        """Let `page` be run again."""
        self._pages.pop(page, None)

    def begin(self) -> None:
        """Remember that this build is running commands, until `end`."""
        self._running.parent.mkdir(parents=True, exist_ok=True)
        self._running.touch()

    def end(self) -> None:
        """Remember that nothing is running any more."""
        self._running.unlink(missing_ok=True)

    def was_killed(self) -> bool:
        """Tell whether a build began to run commands and never got to its end."""
        return self._running.exists()

    def save(self, pages: Collection[str]) -> None:
        """Write the memory of `pages`, and of no others."""
        kept = {page: self._pages[page] for page in sorted(self._pages) if page in pages}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        temporary.replace(self._path)
