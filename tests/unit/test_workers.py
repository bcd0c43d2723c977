"""Sessions in other processes: each opens engines once, and closes them with the build, whatever happens."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from builds import wait_for
from contract import session, step
from docker_run.errors import EngineProblem
from docker_run.model import Session
from docker_run.protocols import RunContext, Runner, RunnerSession
from docker_run.workflow.open_runners import OpenRunners
from docker_run.workflow.run import Outcome, execute
from docker_run.workflow.workers import BuildProcess, Workers
from worker_pool import JOBS, FakeSettings, TickingClock, Told, outcomes, process_pool, runners_on


@pytest.fixture
def pool() -> Iterator[ProcessPoolExecutor]:
    with process_pool() as pool:
        yield pool


def pages(names: str, line: str = "busybox true") -> list[Session]:
    return [session(step(line), page=name) for name in names]


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def noted(log: Path, what: str) -> list[int]:
    """Return the processes of which an engine noted something, in order."""
    lines = log.read_text(encoding="ascii").splitlines() if log.exists() else []
    return [int(line.split()[1]) for line in lines if line.startswith(what)]


def test_each_process_opens_an_engine_once_and_closes_it(pool: ProcessPoolExecutor, tmp_path: Path) -> None:
    told, log = Told(), tmp_path / "log"
    found = outcomes(pages("abcdef"), FakeSettings(log=str(log)), executor=pool, progress=told)
    assert all(outcome.complete for outcome in found)
    opened = noted(log, "opened")
    assert len(set(opened)) == len(opened)
    assert opened[0] == os.getpid()
    assert 1 <= len(opened) - 1 <= JOBS
    assert sorted(noted(log, "closed")) == sorted(opened)
    assert noted(log, "closed")[-1] == os.getpid()  # it removes what the others left
    assert sorted(told.commands) == [(page, "docker run busybox true") for page in "abcdef"]


def test_a_pool_serves_one_build_after_another(pool: ProcessPoolExecutor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for _ in range(3):
        assert all(each.complete for each in outcomes(pages("ab"), FakeSettings(log=str(log)), executor=pool))
        assert sorted(noted(log, "closed")) == sorted(noted(log, "opened"))


def test_an_interrupt_ends_the_sessions_of_all_processes(pool: ProcessPoolExecutor, tmp_path: Path) -> None:
    log, settled = tmp_path / "log", dict[str, Outcome]()
    source = FakeSettings(timeout=600, log=str(log))
    opened = OpenRunners(runners_on(source), progress=Told())

    def settle(outcome: Outcome) -> None:
        is_first = not settled
        settled[outcome.session.page] = outcome
        if is_first:
            raise KeyboardInterrupt

    sessions = [*pages("a"), *pages("bcde", "busybox sleep 500")]
    began = time.monotonic()
    opened.engine(source)
    with closing(opened), pytest.raises(KeyboardInterrupt):
        execute(sessions, runners=opened, clock=TickingClock(), jobs=JOBS, settle=settle, executor=pool)
    assert time.monotonic() - began < 300
    assert settled.pop("a").complete
    assert settled
    assert {each.problem.subtype for each in settled.values() if each.problem} == {"interrupted"}
    assert sorted(noted(log, "closed")) == sorted(noted(log, "opened"))


def test_a_process_that_dies_costs_pages_and_no_build(tmp_path: Path) -> None:
    log = tmp_path / "log"
    source = FakeSettings(timeout=600, log=str(log))

    def kill() -> None:
        wait_for(lambda: len(noted(log, "opened")) > 1, "a process")
        os.kill(noted(log, "opened")[1], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    with process_pool() as pool:
        killer.start()
        found = outcomes(pages("abcdef", "busybox sleep 500"), source, executor=pool)
        killer.join()
    assert sorted(outcome.session.page for outcome in found) == list("abcdef")
    for outcome in found:
        assert outcome.problem is not None
        assert outcome.problem.transient
        assert "a process that runs pages has died" in outcome.problem.message
    assert noted(log, "closed")[-1] == os.getpid()


BUILD = """
import signal
import sys
from contract import session, step
from worker_pool import FakeSettings, outcomes, process_pool

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's jobs in the background ignore it
    with process_pool() as pool:
        sessions = [session(step("busybox sleep 500"), page=page) for page in "ab"]
        outcomes(sessions, FakeSettings(timeout=600, log=sys.argv[1]), executor=pool)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_the_processes_of_a_build_that_dies_clean_up_and_end(tmp_path: Path) -> None:
    log, script = tmp_path / "log", tmp_path / "build.py"
    script.write_text(BUILD)
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, script, log], env=environ) as build:
        wait_for(lambda: len(noted(log, "opened")) > JOBS, "the processes")
        build.kill()
    workers = noted(log, "opened")[1:]
    wait_for(lambda: sorted(noted(log, "closed")) == sorted(workers), "the engines to be closed")
    wait_for(lambda: not any(map(is_alive, workers)), "the processes to end")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT")
def test_ctrl_c_at_a_terminal_is_the_builds_to_handle(tmp_path: Path) -> None:
    """It reaches the processes, too: they go on until the build tells them to end."""
    log, script = tmp_path / "log", tmp_path / "build.py"
    script.write_text(BUILD)
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, script, log], env=environ, start_new_session=True, stderr=subprocess.PIPE, text=True
    ) as build:
        wait_for(lambda: len(noted(log, "opened")) > JOBS, "the processes")
        os.killpg(build.pid, signal.SIGINT)
        _, error = build.communicate()
    assert error.count("KeyboardInterrupt") == 1, error
    assert sorted(noted(log, "closed")) == sorted(noted(log, "opened"))


def test_an_engine_that_another_process_can_not_close_is_told(pool: ProcessPoolExecutor) -> None:
    with pytest.raises(EngineProblem, match="it is in use"):
        outcomes(pages("a"), FakeSettings(point="close", error=EngineProblem("it is in use")), executor=pool)


def test_a_runner_that_can_not_be_sent_is_told_with_advice(pool: ProcessPoolExecutor) -> None:
    @dataclass(frozen=True)
    class Local(Runner):
        def session(self, session: Session, context: RunContext) -> AbstractContextManager[RunnerSession]:
            raise NotImplementedError

    found = list[Outcome]()
    with closing(OpenRunners({"direct": Local()}, progress=Told())) as opened:
        execute(pages("a"), runners=opened, clock=TickingClock(), jobs=1, settle=found.append, executor=pool)
    (outcome,) = found
    assert outcome.problem is not None
    assert "its runner, `direct`, can't be pickled" in outcome.problem.message
    assert "define its class in a module" in outcome.problem.message


def test_a_process_that_comes_too_late_runs_nothing() -> None:
    source = FakeSettings()
    opened = OpenRunners(runners_on(source), progress=Told())
    pickled = pickle.dumps(opened)
    opened.close()
    late: OpenRunners = pickle.loads(pickled)  # noqa: S301 (our own)
    found = list[Outcome]()
    execute(pages("a"), runners=late, clock=TickingClock(), jobs=1, settle=found.append)
    assert found[0].problem is not None
    assert found[0].problem.subtype == "interrupted"


def test_who_does_not_know_the_key_is_no_worker() -> None:
    workers, interrupted, closed = Workers(Told()), threading.Event(), threading.Event()
    with pytest.raises(ConnectionError):
        BuildProcess(workers.address, b"another key")
    socket.create_connection(workers.address).close()
    BuildProcess(workers.address, workers.authkey).watch(interrupt=interrupted.set, close=closed.set)
    workers.interrupt()
    assert interrupted.wait(60)
    workers.close()
    assert closed.is_set()


def test_who_connects_and_says_nothing_holds_nobody_up() -> None:
    workers, interrupted, closed = Workers(Told()), threading.Event(), threading.Event()

    def work() -> None:
        BuildProcess(workers.address, workers.authkey).watch(interrupt=interrupted.set, close=closed.set)

    with socket.create_connection(workers.address):
        threading.Thread(target=work, daemon=True).start()
        workers.interrupt()
        assert interrupted.wait(60)
        closing = threading.Thread(target=workers.close, daemon=True)
        closing.start()
        closing.join(60)
        assert closed.is_set()
        assert not closing.is_alive()
