"""What is run, and why."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from contract import session, step
from docker_run.model import Cause, Finding, Problem
from docker_run.recordings.failed_runs import FailedRun
from docker_run.recordings.run_cache import RunCache
from docker_run.warning_types import WarningType
from docker_run.workflow.page import PageState
from docker_run.workflow.plan import Conditions, Reason, plan

ASKED = session(step("busybox true"))
RIGHT = PageState("page", current=True)
BROKEN = RIGHT.also(Finding(None, WarningType.MATCH, "it does not match"))
FAILED = BROKEN._replace(failed=FailedRun(ASKED.key, "unix:///one"))
TIMED_OUT = BROKEN._replace(failed=FailedRun(ASKED.key, "unix:///one", Problem(0, WarningType.TIMEOUT, "")))
CUT_OFF = BROKEN._replace(
    failed=FailedRun(ASKED.key, "unix:///one", Problem(0, WarningType.ENGINE, "", Cause.ENGINE))
)


@pytest.fixture
def memory(tmp_path: Path) -> RunCache:
    """Give the memory of a build whose engine has run the page."""
    memory = RunCache(tmp_path / "memory")
    memory.note("page", ASKED.key, "unix:///one")
    return memory


def reason(
    state: PageState,
    memory: RunCache,
    *,
    edited: Collection[str] = (),
    engine: str = "unix:///one",
    everything: bool = False,
    broken: Collection[str] = (),
) -> Reason | None:
    conditions = Conditions(everything=everything, engines={"direct": [engine]}, edited=edited, broken=broken)
    planned = plan([ASKED], {"page": state}, memory, conditions, changes=lambda _session: "changed")
    return planned[0].reason if planned else None


def test_what_this_engine_has_run_is_not_run(memory: RunCache) -> None:
    assert reason(RIGHT, memory) is None
    assert reason(RIGHT, memory, edited=["page"]) is None
    assert reason(RIGHT, memory, engine="unix:///two") is Reason.ENGINE


def test_what_has_no_recording_of_its_present_form_is_run(memory: RunCache) -> None:
    assert reason(RIGHT._replace(current=False), memory) is Reason.CHANGED
    assert reason(RIGHT._replace(current=False), memory, edited=["other"]) is Reason.CHANGED


@pytest.mark.parametrize(
    ("state", "why"), [(FAILED, Reason.FAILED), (TIMED_OUT, Reason.FAILED), (BROKEN, Reason.BROKEN)]
)
def test_what_failed_is_tried_again_when_it_is_its_turn(
    memory: RunCache, state: PageState, why: Reason
) -> None:
    assert reason(state, memory) is why
    assert reason(state, memory, edited=["page", "other"]) is why
    assert reason(state, memory, edited=["other"]) is None
    assert reason(state, memory, edited=["other"], engine="unix:///two") is Reason.ENGINE


def test_what_an_engine_ended_is_tried_again_at_once(memory: RunCache) -> None:
    assert reason(CUT_OFF, memory, edited=["other"]) is Reason.INTERRUPTED


@pytest.mark.parametrize("state", [RIGHT, FAILED, RIGHT._replace(current=False)])
def test_everything(memory: RunCache, state: PageState) -> None:
    assert reason(state, memory, everything=True, edited=["other"]) is Reason.EVERYTHING
    assert reason(state, memory, everything=True, broken=["page"]) is None
    assert reason(state._replace(locked=True), memory, everything=True) is None
