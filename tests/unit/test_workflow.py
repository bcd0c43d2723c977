"""A build from sessions to states, without Sphinx: whatever happens in it, and wherever it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from contract import session, step
from docker_run.errors import EngineProblem
from docker_run.model import Session
from docker_run.recordings.failed_runs import FailedRuns
from docker_run.recordings.key_parts import KeyPartsCache
from docker_run.recordings.run_cache import RunCache
from docker_run.recordings.store import Store
from docker_run.sphinx_ext.reporting.progress import SystemClock
from docker_run.workflow.page import Pages
from docker_run.workflow.rerun_reasons import Changes
from docker_run.workflow.settle import Comparer, Recorder
from docker_run.workflow.stages import Options, Results, Workflow
from docker_run.workflow.stores import Stores
from fake_engine import FakeEngine, FakeSession, FakeSource, fake_runners
from told import Quiet


class Told(Quiet):
    """A reporter that remembers defects and notes."""

    def __init__(self) -> None:
        self.defects: list[str] = []
        self.order: list[str] = []

    def planned(self, pages: Mapping[str, str]) -> None: ...

    def finished(self, page: str, _commands: int, _seconds: float) -> None:
        self.order.append(page)

    def defect(self, page: str, traceback: str) -> None:
        self.defects.append(f"{page}: {traceback}")


def build(
    folder: Path,
    sessions: Sequence[Session],
    engine: FakeEngine | FakeSource,
    told: Told | None = None,
    *,
    check: bool = False,
    **options: object,
) -> Results:
    """Run a build whose files are in `folder`."""
    progress = told or Told()
    stores = Stores(
        recordings=Store(folder / "recordings"),
        failed=FailedRuns(folder / "failed"),
        memory=RunCache(folder / "memory"),
        parts=KeyPartsCache(folder / "parts"),
    )
    pages = Pages(stores.recordings, stores.failed, on_defect=progress.defect)
    changes = Changes(pages, stores.parts, {})
    recorder = Recorder(pages, stores, changes, volatile=())
    workflow = Workflow(
        pages=pages,
        memory=stores.memory,
        changes=changes,
        settler=Comparer(pages, volatile=()) if check else recorder,
        options=Options(**options),  # type: ignore[arg-type]
        clock=SystemClock(),
        progress=progress,
    )
    source = engine if isinstance(engine, FakeSource) else FakeSource(engine)
    return workflow.run(sessions, runners=fake_runners(source), edited=(), broken=())


def pages(word: str, names: str = "abc") -> list[Session]:
    return [session(step(f"--rm busybox echo {word} {name}"), page=name) for name in names]


def printed(folder: Path, page: str) -> str:
    """Return what the recording of a page says was printed by its one command; empty without one."""
    recording = Store(folder / "recordings").load(page)
    return recording.steps[0].commands[0].output[0].text.strip() if recording else ""


def test_each_engine_is_remembered(tmp_path: Path) -> None:
    one, two = FakeEngine("fake://one"), FakeEngine("fake://two")
    for engine, ran in ((one, 3), (two, 3), (one, 3), (two, 3)):
        build(tmp_path, pages("x"), engine)
        assert len(engine.commands) == ran


def test_a_check_in_replay_asks_no_engine(tmp_path: Path) -> None:
    build(tmp_path, pages("x"), FakeEngine())
    engine = FakeEngine()
    results = build(tmp_path, pages("x"), engine, asks=False, everything=True, check=True)
    assert engine.calls == []
    assert not any(state.findings for state in results.states.values())
    changed = build(tmp_path, pages("y"), engine, asks=False, everything=True, check=True)
    assert {finding.subtype for state in changed.states.values() for finding in state.findings} == {
        "recording-stale"
    }


class Faulty(FakeEngine):
    """An engine of which one call fails."""

    def __init__(self, call: str, error: Exception) -> None:
        super().__init__()
        self.call = call
        self.error = error

    def _fail(self, call: str) -> None:
        if call == self.call:
            raise self.error

    def sweep(self) -> str:
        self._fail("sweep")
        return super().sweep()

    def prepare(self, sessions: Sequence[Session]) -> None:
        self._fail("prepare")
        super().prepare(sessions)

    @contextmanager
    def session(self, session: Session) -> Iterator[FakeSession]:
        if session.page == "b":
            self._fail("session")
        with super().session(session) as running:
            yield running
        if session.page == "b":
            self._fail("removal")

    def close(self) -> None:
        super().close()
        self._fail("close")


@pytest.mark.parametrize(
    "error", [KeyError("Id"), EngineProblem("500"), RecursionError(), OSError(28, "full")]
)
@pytest.mark.parametrize(
    ("call", "recorded"),
    [("sweep", "abc"), ("prepare", "abc"), ("session", "ac"), ("removal", "abc"), ("close", "abc")],
)
def test_what_fails_costs_its_page_at_most(
    tmp_path: Path, call: str, recorded: str, error: Exception
) -> None:
    told = Told()
    results = build(tmp_path, pages("x"), Faulty(call, error), told)
    assert "".join(page for page in "abc" if printed(tmp_path, page)) == recorded
    assert [bool(results.states[page].failures) for page in "abc"] == [
        False,
        call in {"session", "removal"},
        False,
    ]
    assert results.no_engine == ""
    defect = not isinstance(error, EngineProblem)
    subtypes = [finding.subtype for finding in results.findings]
    assert subtypes == ["defect" if defect else "engine"] * (call in {"sweep", "close"})
    assert bool(told.defects) == (defect and call != "prepare")
    # All is well as soon as the fault is gone.
    engine = FakeEngine()
    later = build(tmp_path, pages("x"), engine)
    assert not later.findings
    assert not any(state.findings for state in later.states.values())
    assert all(printed(tmp_path, page) for page in "abc")
    # What could not be removed is looked for also where nothing is to be run.
    assert ("sweep" in engine.calls) == (call != "prepare")


def test_a_build_that_is_interrupted_keeps_what_had_finished(tmp_path: Path) -> None:
    class CtrlC(Told):
        """Somebody presses Ctrl-C when the first page has been settled."""

        def finished(self, page: str, commands: int, seconds: float) -> None:
            super().finished(page, commands, seconds)
            if len(self.order) == 1:
                raise KeyboardInterrupt

    told, engine = CtrlC(), FakeEngine(timeout=600)
    slow = [session(step("--rm busybox sleep 500"), page=page) for page in "de"]
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, pages("x") + slow, engine, told, jobs=5)
    assert printed(tmp_path, told.order[0])
    assert engine.open_sessions == 0
    # What is recorded is known to have been run.
    engine = FakeEngine()
    known = [page for page in "abc" if printed(tmp_path, page)]
    build(tmp_path, pages("x"), engine)
    assert len(engine.commands) == 3 - len(known)
    assert not (tmp_path / "failed").exists()


def expecting(word: str) -> list[Session]:
    """Return a page that is right, and one that breaks its expectation."""
    wrong = session(step(f"--rm busybox sh -c 'exit {len(word)}'"), page="wrong")
    return [*pages(word, "a"), wrong]


def killed_at(number: int, folder: Path, sessions: Sequence[Session]) -> int:
    """Build in a process that kills itself at its access `number` to a file; return its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seen = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event in {"open", "os.rename", "os.remove", "os.mkdir", "os.listdir", "os.scandir"} and any(
            str(each).startswith(str(folder)) for each in arguments
        ):
            seen += 1
            if seen > number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    build(folder, sessions, FakeEngine(), jobs=1)
    os._exit(0)


def kill_everywhere(top: Path) -> None:
    """Kill builds before their first access to a file, before the second, and so on; look what is left."""
    for number in count():
        folder = top / str(number)
        build(folder, expecting("old"), FakeEngine())
        status = killed_at(number, folder, expecting("newer"))
        assert printed(folder, "a") in {"old a", "newer a"}
        assert not printed(folder, "wrong")
        if status == 0:
            break
        assert status == -signal.SIGKILL
        results = build(folder, expecting("newer"), FakeEngine())
        assert printed(folder, "a") == "newer a"
        assert [finding.subtype for finding in results.states["wrong"].findings] == ["exit-code"]
        assert results.states["a"].findings == ()
        assert not list(folder.rglob("*.tmp"))
    sys.stdout.write(f"killed {number} times")


def test_a_build_that_is_killed_anywhere_leaves_recordings_whole(tmp_path: Path) -> None:
    path = [str(Path(__file__).parent), *(each for each in sys.path if each)]
    script = "import sys, pathlib; sys.path[:0] = sys.argv[2:]; import test_workflow; "
    script += "test_workflow.kill_everywhere(pathlib.Path(sys.argv[1]))"
    # A process of its own: it has no threads, so that it may fork.
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), *path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[1]) > 20


def test_what_dead_builds_left_is_removed_also_where_nothing_is_to_be_run(tmp_path: Path) -> None:
    engine = FakeEngine()
    sessions = [session(step("--rm busybox echo fine"), page="page")]
    build(tmp_path, sessions, engine)
    for dead, asks, calls in ((False, True, []), (True, True, ["sweep", "close"]), (True, False, [])):
        engine.calls.clear()
        results = build(tmp_path, sessions, FakeSource(engine, dead), asks=asks)
        assert engine.calls == calls
        assert results.runs == {}
