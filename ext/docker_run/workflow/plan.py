"""Planning which sessions a build runs, and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from docker_run.model import Session
from docker_run.recordings.run_cache import RunCache
from docker_run.workflow.page import PageState


class Reason(Enum):
    """Why a session is run; the value is the reason in words."""

    EVERYTHING = "everything was asked for"
    CHANGED = "there is no recording of its current form"
    ENGINE = "this engine has not run it in its current form"
    INTERRUPTED = "its last run did not finish"
    FAILED = "its last run failed"
    BROKEN = "its recording does not meet what is expected now"


class PlannedSession(NamedTuple):
    """A session to be run."""

    session: Session
    reason: Reason
    why: str
    """The reason in words: of `Reason.CHANGED`, with what has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What decides which sessions are run, besides their states."""

    everything: bool
    """Whether all sessions are run, whatever was run before."""
    engines: Mapping[str, Collection[str]]
    """The engines (`Engine.url`) that may run the sessions of each runner, by its name."""
    edited: Collection[str]
    """The pages that were read in this build."""
    broken: Collection[str]
    """The pages with an invalid directive: they are not run."""


def plan(
    sessions: Sequence[Session],
    states: Mapping[str, PageState],
    memory: RunCache,
    conditions: Conditions,
    *,
    changes: Callable[[Session], str],
) -> tuple[PlannedSession, ...]:
    """Return the sessions to be run, in order, each with the reason.

    `changes` describes what has changed in a session since its page was recorded.
    """
    return tuple(
        PlannedSession(session, reason, changes(session) if reason is Reason.CHANGED else reason.value)
        for session, reason in _reasons(sessions, states, memory, conditions)
    )


def _reasons(
    sessions: Sequence[Session], states: Mapping[str, PageState], memory: RunCache, conditions: Conditions
) -> Iterator[tuple[Session, Reason]]:
    for session in sessions:
        state = states[session.page]
        if session.page in conditions.broken or state.locked:
            continue
        reason = Reason.EVERYTHING if conditions.everything else _reason(session, state, memory, conditions)
        if reason is not None:
            yield session, reason


def _reason(session: Session, state: PageState, memory: RunCache, conditions: Conditions) -> Reason | None:
    # A failed run usually fails again, and may take long. So it is not repeated while an author edits other
    # pages, but when the page itself is edited, and when none is.
    engines = conditions.engines.get(session.place.runner, ())
    its_turn = not conditions.edited or session.page in conditions.edited
    if (failed := state.failed) is not None:
        if failed.transient:
            return Reason.INTERRUPTED
        if failed.engine not in engines:
            return Reason.ENGINE
        return Reason.FAILED if its_turn else None
    if not state.current:
        return Reason.CHANGED
    if not memory.has_run(session.page, session.key, engines):
        return Reason.ENGINE
    return Reason.BROKEN if state.failures and its_turn else None
