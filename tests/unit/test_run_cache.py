"""What each engine has run is remembered from build to build."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from docker_run.recordings.run_cache import RunCache


def test_remembers_page_key_and_engine_across_builds(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "memory.json"
    memory = RunCache(path)
    memory.note("a", "key-1", "unix:///one")

    for _ in range(2):  # as it was noted, and as it was written anew
        later = RunCache(path)
        assert later.has_run("a", "key-1", ["unix:///other", "unix:///one"])
        assert not later.has_run("a", "key-2", ["unix:///one"])
        assert not later.has_run("a", "key-1", ["unix:///other"])
        assert not later.has_run("b", "key-1", ["unix:///one"])
        later.save(["a"])


def test_remembers_each_engine_for_itself(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    memory = RunCache(path)
    memory.note("a", "key-1", "unix:///one")
    memory.note("a", "key-1", "unix:///two")
    memory.note("a", "key-2", "unix:///two")
    for known in (memory, RunCache(path)):
        assert known.has_run("a", "key-1", ["unix:///one"])
        assert known.has_run("a", "key-2", ["unix:///two"])
        assert not known.has_run("a", "key-1", ["unix:///two"])


def test_remembers_the_last_engines_of_many(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    memory = RunCache(path)
    for number in range(30):
        memory.note("a", "k", "unix:///first")
        memory.note("a", "k", f"tcp://engine-{number}")
    for known in (memory, RunCache(path)):
        assert known.has_run("a", "k", ["unix:///first"])
        assert known.has_run("a", "k", ["tcp://engine-29"])
        assert not known.has_run("a", "k", ["tcp://engine-0"])
    memory.save(["a"])
    assert len(path.read_text().splitlines()) == 8


def test_keeps_only_the_pages_that_there_are(tmp_path: Path) -> None:
    memory = RunCache(tmp_path / "memory.json")
    memory.note("gone", "k", "e")
    memory.note("here", "k", "e")
    memory.save(["here"])
    later = RunCache(tmp_path / "memory.json")
    assert later.has_run("here", "k", ["e"])
    assert not later.has_run("gone", "k", ["e"])


def test_forgets_what_one_engine_has_run(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    memory = RunCache(path)
    memory.note("a", "k", "e")
    memory.note("a", "k", "other")
    memory.forget("a", "e")
    memory.forget("never-known", "e")
    for known in (memory, RunCache(path)):
        assert not known.has_run("a", "k", ["e"])
        assert known.has_run("a", "k", ["other"])


def test_a_build_that_never_ended_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "memory.json"
    memory = RunCache(path)
    assert not memory.was_killed()
    memory.begin()
    assert RunCache(path).was_killed()
    memory.end()
    memory.end()
    assert not RunCache(path).was_killed()


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"a": 1}', '{"page": "a", "key": "k"}', "\udcff", "[" * 100_000]
)
def test_a_damaged_file_is_an_empty_memory(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "memory.json"
    path.write_bytes(damage.encode(errors="surrogateescape"))
    memory = RunCache(path)
    assert not memory.has_run("a", "k", ["e"])
    memory.note("a", "k", "e")
    memory.save(["a"])
    assert RunCache(path).has_run("a", "k", ["e"])


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a": ' * 100_000, "9" * 5000, '{"a": {"key": [], "engine": 1}}']
)
def test_a_cache_of_odd_values_means_that_nothing_is_remembered(tmp_path: Path, text: str) -> None:
    path = tmp_path / "memory.json"
    path.write_text(text)
    assert not RunCache(path).has_run("a", "k", ["e"])


def test_a_pipe_in_the_place_of_the_cache_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    os.mkfifo(path)
    memory = RunCache(path)
    assert not memory.has_run("a", "k", ["e"])
    memory.note("a", "k", "e")
    memory.save(["a"])
    assert RunCache(path).has_run("a", "k", ["e"])


def test_an_entry_that_a_killed_build_began_takes_no_other_with_it(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    RunCache(path).note("a", "k", "e")
    with path.open("a") as file:
        file.write('\n{"page": "b", "key": "k", "eng')
    RunCache(path).note("c", "k", "e")
    known = RunCache(path)
    assert [known.has_run(page, "k", ["e"]) for page in "abc"] == [True, False, True]


def test_what_can_not_be_written_is_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    memory = RunCache(tmp_path / "file" / "memory.json")
    memory.begin()
    memory.note("a", "k", "e")
    memory.forget("a", "e")
    memory.save(["a"])
    memory.end()
    assert not memory.was_killed()
