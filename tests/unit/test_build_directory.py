"""Whether a build is alive is told by its folder, and what a dead one left on this machine goes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from builds import wait_for
from docker_run.engine.cleanup.build_directory import BuildDirectories, Liveness, default_root

BUILD = "01234567-89ab"
OTHER = "fedcba98-7654"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "builds"


@pytest.fixture
def directories(root: Path) -> BuildDirectories:
    return BuildDirectories(root)


def left(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_a_build_is_alive_until_it_ends_and_then_nothing_is_left(
    directories: BuildDirectories, root: Path
) -> None:
    folder = directories.open(BUILD, engine="unix:///one")
    assert directories.liveness(BUILD) is Liveness.ALIVE
    with folder.work() as work:
        (work / "file").touch()
    assert not work.exists()
    folder.close()
    folder.close()
    assert not root.exists()
    assert directories.liveness(BUILD) is Liveness.ELSEWHERE


def test_a_build_without_a_folder_here_is_one_of_elsewhere(directories: BuildDirectories) -> None:
    assert [directories.liveness(build) for build in (BUILD, "", "..", "/", "a/b")] == [
        Liveness.ELSEWHERE
    ] * 5


def test_what_a_dead_one_left_goes_and_that_it_is_dead_is_known_until_its_engine_is_tidied(
    directories: BuildDirectories, root: Path
) -> None:
    for build, engine in ((BUILD, "unix:///one"), (OTHER, "unix:///two")):
        folder = directories.open(build, engine=engine)
        (root / build / "work").mkdir()
        (root / build / "work" / "file").touch()
        folder.close(keep=True)
    assert directories.dead() == {BUILD, OTHER}
    assert directories.remove(directories.dead(), engine="unix:///one") == 2
    assert left(root) == [OTHER, f"{OTHER}/engine", f"{OTHER}/lock", f"{OTHER}/url"]
    assert directories.liveness(OTHER) is Liveness.DEAD
    directories.remove(directories.dead(), engine="unix:///two")
    assert not root.exists()


def test_what_died_after_the_engine_was_tidied_is_kept(directories: BuildDirectories) -> None:
    living = directories.open(BUILD, engine="unix:///one")
    dead = directories.dead()
    living.close(keep=True)
    directories.remove(dead, engine="unix:///one")
    assert directories.liveness(BUILD) is Liveness.DEAD


def test_which_engines_dead_ones_used_is_known_without_asking_any(
    directories: BuildDirectories, root: Path
) -> None:
    assert not directories.has_dead(["unix:///one"])
    folder = directories.open(BUILD, engine="ID", url="unix:///one")
    assert not directories.has_dead(["unix:///one"]), "it is alive"
    folder.close(keep=True)
    assert directories.has_dead(["unix:///two", "unix:///one"])
    assert not directories.has_dead(["unix:///two"])
    directories.remove([BUILD], engine="OTHER", url="unix:///two")
    assert directories.has_dead(["unix:///one"]), "nobody has looked there"
    directories.remove([BUILD], engine="OTHER", url="unix:///one")
    assert not directories.has_dead(["unix:///one", "unix:///two", ""]), "another engine answers there by now"
    assert directories.liveness(BUILD) is Liveness.DEAD, "its own may come back"
    directories.remove([BUILD], engine="ID", url="unix:///three")
    assert not (root / BUILD).exists()


def test_nothing_of_a_living_one_is_removed(directories: BuildDirectories) -> None:
    folder = directories.open(BUILD, engine="unix:///one")
    with folder.work() as work:
        directories.remove([BUILD], engine="unix:///one")
        assert work.is_dir()
        assert directories.liveness(BUILD) is Liveness.ALIVE
    folder.close()


def test_processes_of_a_dead_one_end(directories: BuildDirectories, root: Path) -> None:
    folder = directories.open(BUILD, engine="unix:///one")
    inside = root / BUILD / "work" / "copy"
    inside.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=inside, stdin=subprocess.PIPE) as process:
        wait_for(lambda: Path(f"/proc/{process.pid}/cwd").readlink() == inside, "its start")
        folder.close(keep=True)
        directories.remove([BUILD])
        assert process.wait(60) == -9
        process.communicate()
    assert not inside.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_what_is_mounted_there_is_not_reached_into(
    directories: BuildDirectories, root: Path, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    folder = directories.open(BUILD, engine="unix:///one")
    point = root / BUILD / "work" / "a b"
    point.mkdir(parents=True)
    done = subprocess.run(["mount", "--bind", precious, point], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.decode()}")
    folder.close(keep=True)
    directories.remove([BUILD], engine="unix:///one")
    assert (precious / "file").exists()
    assert not root.exists()


def test_somebody_elses_place_is_not_used(directories: BuildDirectories, root: Path) -> None:
    root.mkdir(mode=0o777)
    root.chmod(0o777)
    with pytest.raises(PermissionError, match="another user"):
        directories.open(BUILD, engine="unix:///one")


def test_one_at_a_time_and_the_other_says_what_it_waits_for(
    directories: BuildDirectories, root: Path
) -> None:
    said: list[str] = []
    order: list[str] = []
    waiting = threading.Event()

    def say(message: str) -> None:
        said.append(message)
        waiting.set()

    def second() -> None:
        with directories.lock("key", what="the image slow", say=say, stopped=lambda: False):
            order.append("second")

    thread = threading.Thread(target=second)
    with directories.lock("key", what="the image slow", say=say, stopped=lambda: False):
        thread.start()
        assert waiting.wait(60)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert said[0].startswith(f"waiting for the image slow, held by process {os.getpid()} (")
    assert not root.exists()


def test_the_usual_place_is_this_users_own() -> None:
    assert str(os.geteuid()) in default_root().name
    assert not default_root().is_relative_to(Path.home())
