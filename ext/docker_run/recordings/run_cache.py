"""What each engine has run already, remembered from build to build beside Sphinx's own caches."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from docker_run.system import files

_LARGEST = 64 * 1024**2

_MOST_ENGINES = 8
"""How many engines are remembered for a page; of more, the one that ran it longest ago is forgotten."""


class RunCache:
    """Remembers for each page, and for each engine, the key of the session that ran there last.

    It is a cache: a file that is missing or damaged means that nothing is remembered, and what can't
    be written (the disk is full) is not remembered. The file has a line of JSON for each entry, and a
    new entry is appended at once: a build that is killed has noted all that it had finished.
    """

    def __init__(self, path: Path) -> None:
        """Read the memory kept in the file `path`."""
        self._path = path
        self._running = path.with_suffix(".running")
        self._pages: dict[str, dict[str, str]] = {}
        with suppress(OSError), files.open_plain(path, largest=_LARGEST) as file:
            for line in file:
                self._read(line)

    def _read(self, line: bytes) -> None:
        """Take over an entry; one that a killed build did not write to its end says nothing."""
        try:
            entry = json.loads(line)
            page, engine, key = entry["page"], entry["engine"], entry["key"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return
        self._set(str(page), str(engine), str(key))

    def has_run(self, page: str, key: str, engines: Collection[str]) -> bool:
        """Tell whether one of `engines` (URLs) has run `page`, last in the form `key`."""
        known = self._pages.get(page, {})
        return any(known.get(engine) == key for engine in engines)

    def note(self, page: str, key: str, engine: str) -> None:
        """Remember that `engine` (a URL) ran the session `key` of `page`."""
        self._set(page, engine, key)
        self._append(page, engine, key)

    def forget(self, page: str, engine: str) -> None:
        """Let `engine` run `page` again."""
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
            return  # a pipe would be waited for; `save` puts a file in its place
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                # The empty line before it ends one that a killed build left open.
                file.write("\n" + _line(page, engine, key))

    def begin(self) -> None:
        """Remember that this build is running commands, until `end`."""
        with suppress(OSError):
            self._running.parent.mkdir(parents=True, exist_ok=True)
            self._running.touch()

    def end(self) -> None:
        """Remember that nothing is running any more."""
        with suppress(OSError):
            self._running.unlink(missing_ok=True)

    def was_killed(self) -> bool:
        """Tell whether a build began to run commands and never got to its end."""
        return self._running.exists()

    def save(self, pages: Collection[str]) -> None:
        """Write the memory of `pages` anew, and of no others."""
        self._pages = {page: self._pages[page] for page in sorted(self._pages) if page in pages}
        lines = [
            _line(page, engine, key) for page, known in self._pages.items() for engine, key in known.items()
        ]
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # A name that stays: what a killed build left there is written anew by the next.
            new = self._path.with_suffix(".tmp")
            new.write_text("".join(lines), encoding="utf-8")
            new.replace(self._path)


def _line(page: str, engine: str, key: str) -> str:
    return json.dumps({"page": page, "engine": engine, "key": key}) + "\n"
