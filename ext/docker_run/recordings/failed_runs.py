"""Failed runs: what a page printed that did not do what it was expected to, kept outside git.

A recording holds only what met its expectations. What a failed run printed is kept beside Sphinx's
caches, in the text format of recordings, so that its page can show it, and be warned of, until a
later run succeeds or its author says that this is what the page is to show.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from docker_run.errors import RecordingProblem, UnsavedRecording
from docker_run.model import Cause, Problem, Recording, Session
from docker_run.recordings.store import Store
from docker_run.system import files
from docker_run.warning_types import WarningType

_LARGEST = 1024**2
"""Bytes of a description."""


@dataclass(frozen=True, slots=True)
class FailedRun:
    """What is known of a failed run without what it printed."""

    key: str
    """The key of the session that was run."""
    engine: str
    """What tells the engine apart on which it was run: its URL."""
    problem: Problem | None = None
    """What ended it; None where it ran to its end, and broke an expectation."""
    printed: str = ""
    """The sha256 of the recording's text; empty where no step finished."""

    @property
    def transient(self) -> bool:
        """Whether it says nothing of the page (see `Problem`)."""
        return self.problem is not None and self.problem.transient


class FailedRuns:
    """The failed runs that are kept in one directory: at most one for each page.

    It is a cache: what is missing, damaged or half written counts as not there.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._store = Store(directory)

    def has(self, page: str) -> bool:
        """Tell whether there may be a failed run of `page`."""
        # Most builds have none, and no directory for them.
        return self._directory.exists() and self._path(page).exists()

    def load(self, page: str) -> FailedRun | None:
        """Return what is known of the failed run of `page`."""
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
        """Return what the failed run of `page` printed; None where nothing of it can be read."""
        try:
            return self._store.load(page)
        except RecordingProblem:
            return None

    def save(
        self, session: Session, recording: Recording | None, problem: Problem | None, *, engine: str
    ) -> FailedRun:
        """Keep a failed run of `session`, in the place of an earlier one. Raises `UnsavedRecording`."""
        page = session.page
        path = self._path(page)
        self.discard(page)
        try:
            if recording is not None:
                self._store.save(recording)
            run = FailedRun(session.key, engine, problem, self._store.fingerprint(page))
            # Written last: of a build that is killed in between, the text fits no description.
            path.parent.mkdir(parents=True, exist_ok=True)
            files.replace(path, [json.dumps(asdict(run)).encode()])
        except (OSError, RecordingProblem) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise UnsavedRecording(
                f"{path}: the failed run of the page `{page}` can't be kept ({reason})"
            ) from error
        return run

    def discard(self, page: str) -> None:
        """Forget the failed run of `page`, if there is one."""
        for path in (self._path(page), self._store.path(page)):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def discard_others(self, pages: Collection[str]) -> None:
        """Forget the failed runs of all pages but `pages`: the others are gone."""
        if not self._directory.exists():
            return
        described = set(map(self._path, pages))
        gone = [path for path in self._directory.glob("*.json") if path not in described]
        for path in (*gone, *self._store.orphans(pages)):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def remove_unfinished(self) -> None:
        """Remove what a build left that was killed while it kept a failed run."""
        self._store.remove_unfinished()

    def _path(self, page: str) -> Path:
        """Return the file that describes the failed run of `page`, a name that no page's folder has."""
        return self._directory / f"{hashlib.sha256(page.encode('utf-8', 'surrogatepass')).hexdigest()}.json"


def _problem(subtype: str, cause: str, **described: Any) -> Problem:  # noqa: ANN401 (as JSON has them)
    """Return the problem that a failed run's file describes. Raises `ValueError` and `TypeError`."""
    return Problem(subtype=WarningType(subtype), cause=Cause(cause), **described)
