"""Where a project's builds keep what they have found."""

from __future__ import annotations

from dataclasses import dataclass

from docker_run.recordings.failed_runs import FailedRuns
from docker_run.recordings.key_parts import KeyPartsCache
from docker_run.recordings.run_cache import RunCache
from docker_run.recordings.store import Store


@dataclass(frozen=True, slots=True)
class Stores:
    """Where a project's builds keep what they have found."""

    recordings: Store
    """What pages show, in the repository; all others are caches."""
    failed: FailedRuns
    """The runs that did not do what was expected."""
    memory: RunCache
    """What each engine has run."""
    parts: KeyPartsCache
    """What the keys of recordings are made of."""
