"""Which sessions a build runs, and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from docker_run.model import Session
from docker_run.recordings.run_cache import RunCache
from docker_run.workflow.page import PageState


class Reason(Enum):
    """Why a session is run; the value says it in words."""

    EVERYTHING = "everything was asked for"
    CHANGED = "there is no recording of its present form"
    ENGINE = "this engine has not run it in its present form"
    INTERRUPTED = "its last run did not get to its end"
    FAILED = "its last run failed"
    BROKEN = "its recording does not meet what is expected now"


@dataclass(frozen=True, slots=True)
class Planned:
    """A session that is to be run."""

    session: Session
    reason: Reason
    why: str
    """The reason in words: of `Reason.CHANGED`, with what has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What decides which sessions are run, besides their states."""

    everything: bool
    """Whether all are, whatever was run before."""
    engines: Mapping[str, Collection[str]]
    """The engines that may run the sessions of each runner, by its name; each as `Engine.url` tells it."""
    edited: Collection[str]
    """The pages that were read in this build."""
    broken: Collection[str]
    """The pages with a directive that can't be understood: these are not run."""


def plan(
    sessions: Sequence[Session],
    states: Mapping[str, PageState],
    memory: RunCache,
    conditions: Conditions,
    *,
    changes: Callable[[Session], str],
) -> tuple[Planned, ...]:
    """Return the sessions that are to be run, in their order, each with the reason.

    `changes` says what has changed of a session since its page was recorded.
    """
    return tuple(
        Planned(session, reason, changes(session) if reason is Reason.CHANGED else reason.value)
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
    # What fails, fails again as a rule, and may take long to do so. So while an author works on other
    # pages it is left alone; it is tried again when it is edited itself, and when nothing is.
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
