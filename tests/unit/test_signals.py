"""A signal that would end a program lets it clean up first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from docker_run.system.signals import TERMINATION_SIGNALS, termination_as_interrupt


@pytest.fixture(params=TERMINATION_SIGNALS)
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """Give a signal; how it is handled is put back after the test."""
    number = signal.Signals(request.param)
    before = signal.signal(number, signal.SIG_DFL)
    yield number
    signal.signal(number, before)


def test_it_interrupts_as_ctrl_c_does(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), termination_as_interrupt():
        signal.raise_signal(number)
    assert signal.getsignal(number) == signal.SIG_DFL


def test_only_the_first_one_interrupts(number: signal.Signals) -> None:
    with termination_as_interrupt():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        for again in TERMINATION_SIGNALS:
            signal.raise_signal(again)


def test_what_is_ignored_stays_ignored(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
    with termination_as_interrupt():
        signal.raise_signal(number)
    assert signal.getsignal(number) == signal.SIG_IGN


def test_a_handler_of_somebody_else_stays(number: signal.Signals) -> None:
    taken: list[int] = []
    signal.signal(number, lambda got, _frame: taken.append(got))
    with termination_as_interrupt():
        signal.raise_signal(number)
    assert taken == [number]


def test_a_hang_up_is_among_them() -> None:
    assert {signal.SIGTERM, signal.SIGHUP} <= set(TERMINATION_SIGNALS)


def test_in_another_thread_nothing_changes() -> None:
    seen: list[object] = []

    def look() -> None:
        with termination_as_interrupt():
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]
