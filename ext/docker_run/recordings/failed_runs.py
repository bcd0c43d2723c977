"""Storage of failed runs, outside git.

A recording contains only output that met its expectations. The output of a failed run is kept beside
Sphinx's caches, in the text format of recordings, so that the page can show it, with a warning, until a
later run succeeds or the author expects this outcome.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from docker_run.errors import RecordingProblem, UnsavedRecording
from docker_run.model import Cause, Problem, Recording, Session
from docker_run.recordings.store import Store
from docker_run.system import files
from docker_run.warning_types import WarningType

_LARGEST = 1024**2
"""Limit of a description, in bytes."""


class FailedRun(NamedTuple):
    """The description of a failed run, without its output."""

    key: str
    """The key of the session that was run."""
    engine: str
    """The URL of its engine."""
    problem: Problem | None = None
    """What ended it; None if it finished, but did not meet an expectation."""
    printed: str = ""
    """The SHA-256 of the recording's text; empty if no step finished."""

    @property
    def transient(self) -> bool:
        """Whether it was not the page's fault (see `Problem`)."""
        return self.problem is not None and self.problem.transient


class FailedRuns:
    """The failed runs in one directory: at most one for each page.

    A cache: missing, damaged or incomplete files are ignored.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._store = Store(directory)

    def has(self, page: str) -> bool:
        """Return whether there may be a failed run of `page`: a cheap test."""
        # Most builds have none, and no directory for them.
        return os.path.exists(self._directory) and self._path(page).exists()  # noqa: PTH110 (it is faster)

    def load(self, page: str) -> FailedRun | None:
        """Return the failed run of `page`, if there is one."""
        try:
            with files.open_plain(self._path(page), largest=_LARGEST) as file:
                found = json.load(file)
            problem = found.pop("problem")
            run = FailedRun(**found, problem=_problem(**problem) if problem else None)
            fits = self._store.fingerprint(page) == run.printed
        except (
            OSError,
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
            RecursionError,
            RecordingProblem,
        ):
            return None
        return run if fits else None

    def recording(self, page: str) -> Recording | None:
        """Return the output of the failed run of `page`; None if it can't be read."""
        try:
            return self._store.load(page)
        except RecordingProblem:
            return None

    def save(
        self, session: Session, recording: Recording | None, problem: Problem | None, *, engine: str
    ) -> FailedRun:
        """Store a failed run of `session`, replacing an earlier one. Raises `UnsavedRecording`."""
        page = session.page
        path = self._path(page)
        self.discard(page)
        try:
            if recording is not None:
                self._store.save(recording)
            run = FailedRun(session.key, engine, problem, self._store.fingerprint(page))
            # Written last: if the build is killed in between, the text does not match the description.
            path.parent.mkdir(parents=True, exist_ok=True)
            described = {**run._asdict(), "problem": problem and problem._asdict()}
            files.replace(path, [json.dumps(described).encode()])
        except (OSError, RecordingProblem) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise UnsavedRecording(
                f"{path}: the failed run of the page `{page}` can't be kept ({reason})"
            ) from error
        return run

    def discard(self, page: str) -> None:
        """Delete the failed run of `page`, if there is one."""
        for path in (self._path(page), self._store.path(page)):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def discard_others(self, pages: Collection[str]) -> None:
        """Delete the failed runs of all pages except `pages`: the others no longer exist."""
        if not self._directory.exists():
            return
        described = set(map(self._path, pages))
        gone = [path for path in self._directory.glob("*.json") if path not in described]
        for path in (*gone, *self._store.orphans(pages)):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def remove_unfinished(self) -> None:
        """Remove the temporary files of builds that were killed while they stored a failed run."""
        self._store.remove_unfinished()

    def _path(self, page: str) -> Path:
        """Return the path of the description for `page`, which can't be the directory of a page."""
        return self._directory / f"{hashlib.sha256(page.encode('utf-8', 'surrogatepass')).hexdigest()}.json"


def _problem(subtype: str, cause: str, **described: Any) -> Problem:  # noqa: ANN401 (as JSON has them)
    """Parse the problem in a failed run's description. Raises `ValueError` and `TypeError`."""
    return Problem(subtype=WarningType(subtype), cause=Cause(cause), **described)
