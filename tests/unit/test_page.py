"""One `Page` feeds blocks, values, reports and indexes; what was recorded is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from contract import session, step
from docker_run.model import Finding, Location, Recording, Session
from docker_run.warning_types import WarningType
from docker_run.workflow.page import Pages, PageState, ShownPages

LS, ID = step("--rm busybox ls"), step("--rm alpine id")
FINDING = Finding(Location("page.md", 1), WarningType.OPTION, "there is no such option")


@dataclass
class Text:
    """What reading a page gave."""

    anchors: Mapping[int, str]
    problems: tuple[Finding, ...] = ()


class Loading(Pages):
    """Counts what is loaded."""

    def __init__(self) -> None:
        self.loaded: list[str] = []

    def recording(self, session: Session, state: PageState) -> Recording | None:  # noqa: ARG002 (the signature of Pages)
        self.loaded.append(session.page)
        return None


SESSIONS = {name: session(LS, ID, page=name) for name in ("a", "b", "c")}
TEXTS = {"a": Text({0: "first", 1: "second"}), "b": Text({1: "named"}, (FINDING,)), "c": Text({})}


def shown(pages: Pages) -> ShownPages:
    return ShownPages(SESSIONS, {"a": PageState("a").also(FINDING)}, TEXTS, pages)


def test_an_index_loads_no_recording() -> None:
    pages = Loading()
    assert shown(pages).called("docker run") == [("a", "first"), ("b", "named")]
    assert shown(pages).called("docker run", pages="b*") == [("b", "named")]
    assert shown(pages).called("chroot") == []
    assert pages.loaded == []


def test_error_boxes_need_no_recording_of_pages_that_are_right() -> None:
    pages = Loading()
    both = shown(pages)
    assert both.page("a").failures == (FINDING,)
    assert both.page("b").failures == (FINDING,)
    assert both.page("c").failures == ()
    assert pages.loaded == []


def test_a_page_is_loaded_once_and_only_the_last_is_kept() -> None:
    pages = Loading()
    both = shown(pages)
    for name in ("a", "a", "b", "b", "a"):
        assert both.page(name).recorded(0) is None
        assert both.page(name).recording is None
    assert pages.loaded == ["a", "b", "a"]


def test_a_page_that_runs_nothing_has_nothing() -> None:
    pages = Loading()
    page = shown(pages).page("other")
    assert (page.recording, page.held, page.failures, page.not_run) == (None, (), (), 0)
    assert page.values() == {}
    assert page.commands(0) == []
    assert page.anchor(0) is None
    assert page.first_call("docker run") is None
    assert pages.loaded == []


def test_what_was_not_run_is_counted() -> None:
    page = shown(Loading()).page("a")
    assert page.not_run == 2
    assert replace(page, session=session(LS)).not_run == 1
