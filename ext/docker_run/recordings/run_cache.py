"""A cache of what each engine has run, kept between builds beside Sphinx's own caches."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from docker_run.system import files

_LARGEST = 64 * 1024**2

_MOST_ENGINES = 8
"""Limit of engines per page; beyond it, the one that ran the page longest ago is dropped."""


class RunCache:
    """The key of the last session of each page on each engine.

    A cache: a missing or damaged file counts as empty, and failures to write (a full disk) are ignored. The
    file has one JSON line per entry, and new entries are appended at once, so that a killed build has noted
    everything that it finished.
    """

    def __init__(self, path: Path) -> None:
        """Load the cache from the file `path`."""
        self._path = path
        self._running = path.with_suffix(".running")
        self._pages: dict[str, dict[str, str]] = {}
        with suppress(OSError), files.open_plain(path, largest=_LARGEST) as file:
            for line in file:
                self._read(line)

    def _read(self, line: bytes) -> None:
        """Parse an entry; an incomplete one of a killed build is ignored."""
        try:
            entry = json.loads(line)
            page, engine, key = entry["page"], entry["engine"], entry["key"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return
        self._set(str(page), str(engine), str(key))

    def has_run(self, page: str, key: str, engines: Collection[str]) -> bool:
        """Return whether the last session of `page` on one of `engines` (URLs) had the key `key`."""
        known = self._pages.get(page, {})
        return any(known.get(engine) == key for engine in engines)

    def note(self, page: str, key: str, engine: str) -> None:
        """Note that `engine` (a URL) ran the session `key` of `page`."""
        self._set(page, engine, key)
        self._append(page, engine, key)

    def forget(self, page: str, engine: str) -> None:
        """Remove the entry, so that `engine` runs `page` again."""
        if engine in self._pages.get(page, {}):
            self._set(page, engine, "")
            self._append(page, engine, "")

    def _set(self, page: str, engine: str, key: str) -> None:
        engines = self._pages.setdefault(page, {})
        engines.pop(engine, None)  # the order is that of the last run
        if key:
            engines[engine] = key
        for oldest in list(engines)[:-_MOST_ENGINES]:
            del engines[oldest]

    def _append(self, page: str, engine: str, key: str) -> None:
        if self._path.exists() and not self._path.is_file():
            return  # opening a pipe would block; `save` replaces it by a file
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                # The line feed before it ends an incomplete line of a killed build.
                file.write("\n" + _line(page, engine, key))

    def begin(self) -> None:
        """Note that this build is running commands, until `end`."""
        with suppress(OSError):
            self._running.parent.mkdir(parents=True, exist_ok=True)
            self._running.touch()

    def end(self) -> None:
        """Note that this build is no longer running commands."""
        with suppress(OSError):
            self._running.unlink(missing_ok=True)

    def was_killed(self) -> bool:
        """Return whether an earlier build was killed while it ran commands."""
        return self._running.exists()

    def save(self, pages: Collection[str]) -> None:
        """Rewrite the file with the entries of `pages` only."""
        kept = set(pages)
        self._pages = {page: self._pages[page] for page in sorted(self._pages) if page in kept}
        lines = [
            _line(page, engine, key) for page, known in self._pages.items() for engine, key in known.items()
        ]
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # A fixed name: a file that a killed build left there is overwritten by the next.
            new = self._path.with_suffix(".tmp")
            new.write_text("".join(lines), encoding="utf-8")
            new.replace(self._path)


def _line(page: str, engine: str, key: str) -> str:
    return json.dumps({"page": page, "engine": engine, "key": key}) + "\n"
