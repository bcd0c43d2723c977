"""Clients of one engine: what happens to one that is being made while the build ends."""

from __future__ import annotations

import threading

import pytest
from docker import DockerClient

from docker_run.engine.connection.client_pool import Clients
from docker_run.errors import EngineProblem


class _Late(DockerClient):
    """One that says when it was closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


def test_one_that_comes_too_late_is_closed() -> None:
    late, answers, asked = _Late(), threading.Event(), threading.Event()

    def connect() -> DockerClient:
        asked.set()
        answers.wait(60)
        return late

    clients = Clients(connect)
    problems: list[EngineProblem] = []

    def ask() -> None:
        with pytest.raises(EngineProblem) as caught:
            clients()
        problems.append(caught.value)

    asking = threading.Thread(target=ask)
    asking.start()
    assert asked.wait(60)
    clients.abandon()
    asking.join()
    assert "interrupted" in str(problems[0])
    assert not late.closed.is_set()
    answers.set()
    assert late.closed.wait(60)


def test_an_engine_that_cannot_be_reached_is_told_in_the_thread_that_asks() -> None:
    def connect() -> DockerClient:
        raise EngineProblem("no engine at tcp://nowhere")

    with pytest.raises(EngineProblem, match="no engine at tcp://nowhere"):
        Clients(connect)()
