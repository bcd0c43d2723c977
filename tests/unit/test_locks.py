"""Locks end with their holder, and whoever waits says what for."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_run.system import locks
from docker_run.system.locks import FileLock, holder_of, is_held, wait_until

HOLD = """
import sys, time
from pathlib import Path
from docker_run.system.locks import FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.try_acquire(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Give a process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_a_lock_has_one_holder(path: Path) -> None:
    first, second = FileLock(path), FileLock(path)
    assert first.try_acquire()
    assert not first.try_acquire()
    assert not second.try_acquire()
    assert is_held(path)
    first.release()
    assert not is_held(path)
    assert second.try_acquire()
    second.release()


def test_nobody_holds_what_is_not_there(path: Path) -> None:
    assert not is_held(path)
    assert not path.exists()


def test_a_folder_can_be_locked(tmp_path: Path) -> None:
    lock = FileLock(tmp_path)
    assert lock.try_acquire()
    assert is_held(tmp_path)
    lock.release()


def test_a_lock_ends_with_a_holder_that_is_killed_and_not_waited_for(
    path: Path, holder: subprocess.Popen[str]
) -> None:
    assert is_held(path)
    os.kill(holder.pid, signal.SIGKILL)
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # a zombie from now on
    assert not is_held(path)


def test_a_removed_lock_is_no_longer_that_of_its_name(path: Path) -> None:
    lock = FileLock(path)
    assert lock.try_acquire()
    assert lock.is_linked
    path.unlink()
    path.touch()
    assert not lock.is_linked
    lock.remove()
    assert not path.exists()
    assert not lock.is_linked


def test_who_waits_says_for_what_and_who_has_it(path: Path, holder: subprocess.Popen[str]) -> None:
    lock = FileLock(path)
    said: list[str] = []

    def say(message: str) -> None:
        said.append(message)
        holder.kill()  # so that the wait ends

    assert wait_until(lock.try_acquire, what="the turn", say=say, holder=lambda: holder_of(path), seconds=60)
    lock.release()
    assert len(said) == 1
    assert said[0].startswith(f"waiting for the turn, held by process {holder.pid} ({sys.executable} -c ")


def test_a_short_wait_says_nothing(path: Path) -> None:
    answers = iter([False, False, True])
    said: list[str] = []
    assert wait_until(lambda: next(answers), what="it", say=said.append)
    assert said == []


def test_a_wait_ends_when_its_time_is_over_or_it_is_stopped() -> None:
    said: list[str] = []
    assert not wait_until(lambda: False, what="it", say=said.append, seconds=0.1)
    stop = threading.Event()
    stop.set()
    assert not wait_until(lambda: False, what="it", say=said.append, stopped=stop.is_set)


def test_the_holder_of_what_nobody_holds_is_not_known(path: Path) -> None:
    assert holder_of(path) == ""
    path.touch()
    assert holder_of(path) == ""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_where_there_are_no_locks_no_file_stays_open(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(_descriptor: int) -> bool:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks, "try_lock", unsupported)
    with pytest.raises(OSError, match=r"No locks"):
        FileLock(path).try_acquire()
    opened = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    assert path not in opened
