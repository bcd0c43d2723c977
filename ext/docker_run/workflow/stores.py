"""The stores of a project's builds."""

from __future__ import annotations

from typing import NamedTuple

from docker_run.recordings.failed_runs import FailedRuns
from docker_run.recordings.key_parts import KeyPartsCache
from docker_run.recordings.run_cache import RunCache
from docker_run.recordings.store import Store


class Stores(NamedTuple):
    """The stores of a project's builds."""

    recordings: Store
    """The recordings that pages show, in the repository; all others are caches."""
    failed: FailedRuns
    """The runs that did not meet their expectations."""
    memory: RunCache
    """What each engine has run."""
    parts: KeyPartsCache
    """The parts of the recordings' keys."""
