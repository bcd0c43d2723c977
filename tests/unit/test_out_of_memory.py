"""What an engine notes of memory that ran out, read from one that is made up by the test."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from docker.errors import NotFound

from docker_run.engine import out_of_memory
from docker_run.engine.labs.machine import Machine
from docker_run.engine.out_of_memory import may_be_killed, was_out_of_memory


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> MagicMock:
    """Give an engine with a container that was never out of memory."""
    monkeypatch.setattr(out_of_memory, "_LATE_SECONDS", 0.0)
    api = MagicMock()
    api.inspect_container.return_value = {"State": {"OOMKilled": False}}
    api.info.return_value = {"SystemTime": "2026-11-29T07:03:27.5Z"}
    api.get.return_value.content = b""
    return api


@pytest.mark.parametrize(
    ("status", "output", "expected"),
    [
        (137, b"", True),
        (0, b"bash: line 1: 7 Killed  make\n", True),
        (1, b"returned a non-zero code: 137", True),
        (0, b"Killed1 1370 skilled", False),
        (1, b"", False),
    ],
)
def test_what_may_be_killed(status: int, output: bytes, *, expected: bool) -> None:
    assert may_be_killed(status, [b"before", output]) == expected


def test_what_an_engine_tells(api: MagicMock) -> None:
    assert not was_out_of_memory(api, "one")
    api.inspect_container.return_value = {"State": {"OOMKilled": True}}
    assert was_out_of_memory(api, "one")
    api.inspect_container.side_effect = NotFound("it is gone")
    assert not was_out_of_memory(api, "one")
    api.get.return_value.content = b'{"status": "oom", "Action": "oom"}\n'
    assert was_out_of_memory(api, "one")


@pytest.mark.parametrize("lab_itself", [True, False])
def test_of_a_lab_it_counts_that_it_was_the_lab_itself(api: MagicMock, *, lab_itself: bool) -> None:
    """With cgroup v2 an engine tells the same of a limit of a container on the lab."""
    asked: list[object] = []

    class Lab(Machine):
        def execute(self, *arguments: object, **_: object) -> Any:  # noqa: ANN401 - of the real one
            asked.append(arguments)
            return SimpleNamespace(status=0 if lab_itself else 1, output="")

    api.inspect_container.return_value = {"State": {"OOMKilled": True}}
    lab = Lab("one", "lab", address="", started="", interrupted=threading.Event())
    assert lab.was_out_of_memory(api) == lab_itself
    # Once: it stays noted, and says nothing of what was killed later.
    assert not lab.was_out_of_memory(api)
    assert len(asked) == (1 if lab_itself else 2)
