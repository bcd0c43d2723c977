"""What an engine has run is remembered from build to build."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from docker_run.recordings.memory import Memory


def test_remembers_page_key_and_engine_across_builds(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "memory.json"
    memory = Memory(path)
    memory.note("a", "key-1", "unix:///one")
    memory.save(["a"])

    later = Memory(path)
    assert later.has_run("a", "key-1", ["unix:///other", "unix:///one"])
    assert not later.has_run("a", "key-2", ["unix:///one"])
    assert not later.has_run("a", "key-1", ["unix:///other"])
    assert not later.has_run("b", "key-1", ["unix:///one"])


def test_keeps_only_the_pages_that_there_are(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.json")
    memory.note("gone", "k", "e")
    memory.note("here", "k", "e")
    memory.save(["here"])
    later = Memory(tmp_path / "memory.json")
    assert later.has_run("here", "k", ["e"])
    assert not later.has_run("gone", "k", ["e"])


def test_forgets(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.json")
    memory.note("a", "k", "e")
    memory.forget("a")
    memory.forget("never-known")
    assert not memory.has_run("a", "k", ["e"])


def test_a_build_that_never_ended_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "memory.json"
    memory = Memory(path)
    assert not memory.was_killed()
    memory.begin()
    assert Memory(path).was_killed()
    memory.end()
    memory.end()
    assert not Memory(path).was_killed()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"a": 1}', '{"a": {"key": "k"}}', "\udcff"])
def test_a_damaged_file_is_an_empty_memory(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "memory.json"
    path.write_bytes(damage.encode(errors="surrogateescape"))
    memory = Memory(path)
    assert not memory.has_run("a", "k", ["e"])
    memory.note("a", "k", "e")
    memory.save(["a"])
    assert Memory(path).has_run("a", "k", ["e"])


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a": ' * 100_000, "9" * 5000, '{"a": {"key": [], "engine": 1}}']
)
def test_a_cache_of_odd_values_means_that_nothing_is_remembered(tmp_path: Path, text: str) -> None:
    path = tmp_path / "memory.json"
    path.write_text(text)
    assert not Memory(path).has_run("a", "k", ["e"])


def test_a_pipe_in_the_place_of_the_cache_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    os.mkfifo(path)
    assert not Memory(path).has_run("a", "k", ["e"])
