"""Sessions of a real engine in other processes: recorded as in threads, and nothing of them is left."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import closing
from pathlib import Path

import docker
import pytest

from builds import wait_for
from contract import session, step
from docker_run.engine.cleanup.labels import BUILD, PAGE
from docker_run.engine.cleanup.leftovers import labelled_objects
from docker_run.engine.runners import DockerSource, built_in_runners
from docker_run.engine.settings import EngineSettings
from docker_run.model import CommandRecording, Session
from docker_run.workflow.open_runners import OpenRunners
from docker_run.workflow.run import Outcome, execute
from lab_sessions import session as lab_session
from lab_sessions import step as lab_step
from worker_pool import JOBS, TickingClock, Told, process_pool

pytestmark = pytest.mark.engine
CATALOGUE = Path(__file__).parents[2] / "docs" / "images"


@pytest.fixture(scope="module", params=["threads", "processes"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor | None]:
    """Give what runs the sessions: the threads that `execute` makes for itself, or a pool of processes."""
    if request.param == "threads":
        yield None
    else:
        with process_pool() as pool:
            yield pool


@pytest.fixture
def opened(engine_url: str, busybox: str) -> OpenRunners:
    """Give the runners of a build, whose engine is open; they are to be closed."""
    settings = EngineSettings(engine=engine_url, catalogue=CATALOGUE, allow=None)
    runners = built_in_runners(settings)
    opened = OpenRunners(runners, progress=Told(), timeout=120.0)
    opened.engine(DockerSource(settings))
    return opened


def build_of(opened: OpenRunners) -> str:
    """Return the label of all that the build makes."""
    (engine,) = opened._engines.values()  # noqa: SLF001 (nobody but a test wants to know)
    return f"{BUILD}={engine.share()}"


def left(client: docker.DockerClient, label: str) -> list[str]:
    return [f"{each.kind} {each.name}" for each in labelled_objects(client.api, label)]


def read(recording: CommandRecording) -> str:
    """Return what a reader sees of a command."""
    return "".join(segment.text for segment in recording.output)


def run(opened: OpenRunners, sessions: list[Session], executor: Executor | None) -> dict[str, Outcome]:
    found = list[Outcome]()
    execute(sessions, runners=opened, clock=TickingClock(), jobs=JOBS, settle=found.append, executor=executor)
    return {outcome.session.page: outcome for outcome in found}


def test_sessions_run_directly(
    executor: Executor | None, opened: OpenRunners, client: docker.DockerClient
) -> None:
    label = build_of(opened)
    steps = (
        step("-d --name box busybox sleep 100"),
        step("--rm -v data:/data busybox sh -c 'echo kept >/data/file'"),
        step("--rm -v data:/data -v /anonymous busybox cat /data/file"),
    )
    with closing(opened):
        found = run(opened, [session(*steps, page=page) for page in "abc"], executor)
    for page in "abc":
        outcome = found[page]
        assert outcome.complete, outcome.problem
        assert not outcome.left
        assert outcome.recording is not None
        assert read(outcome.recording.steps[-1].commands[0]) == "kept\n"
        assert [image.name for image in outcome.recording.images] == ["busybox"]
    assert left(client, label) == []


def test_a_session_runs_on_a_lab(
    executor: Executor | None, opened: OpenRunners, client: docker.DockerClient
) -> None:
    label = build_of(opened)
    asked = lab_session(lab_step("docker run --rm busybox echo hi", "hostname"), images=["busybox"])
    with closing(opened):
        outcome = run(opened, [asked], executor)[asked.page]
    assert outcome.complete, outcome.problem
    assert outcome.recording is not None
    assert [read(each) for each in outcome.recording.steps[0].commands] == ["hi\n", "lab\n"]
    assert [image.name for image in outcome.recording.images] == ["busybox"]
    assert left(client, label) == []


def test_what_a_process_left_that_was_killed_is_removed_by_its_build(
    opened: OpenRunners, client: docker.DockerClient
) -> None:
    label = build_of(opened)
    steps = (step("-d --name box -v /anonymous busybox sleep 500"), step("busybox sleep 500"))
    asked = session(*steps, page="p")

    def kill() -> None:
        wait_for(lambda: len(client.api.containers(filters={"label": [label]})) > 1, "the containers")
        (container, *_) = client.api.containers(filters={"label": [label]})
        os.kill(int(container["Labels"]["docker-run.pid"]), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    with closing(opened):
        with process_pool() as pool:
            killer.start()
            outcome = run(opened, [asked], pool)["p"]
            killer.join()
        assert outcome.problem is not None
        assert outcome.problem.subtype == "engine"
        volumes = {
            mount["Name"]
            for each in client.api.containers(all=True, filters={"label": [f"{PAGE}=p", label]})
            for mount in each["Mounts"]
            if mount.get("Name")
        }
        assert len(volumes) == 1
    assert left(client, label) == []
    assert volumes.isdisjoint(each["Name"] for each in client.api.volumes()["Volumes"] or ())
    progress = opened.progress
    assert isinstance(progress, Told)
    assert any("of a process of this build that was killed" in note for note in progress.notes)


def test_an_interrupt_ends_what_other_processes_run(opened: OpenRunners, client: docker.DockerClient) -> None:
    label = build_of(opened)
    sessions = [session(step("busybox sleep 500", timeout=600), page=page) for page in "ab"]

    def interrupt() -> None:
        wait_for(lambda: len(client.api.containers(filters={"label": [label]})) > 1, "the containers")
        opened.interrupt()

    began = time.monotonic()
    interrupting = threading.Thread(target=interrupt)
    with closing(opened), process_pool() as pool:
        interrupting.start()
        found = run(opened, sessions, pool)
        interrupting.join()
    assert time.monotonic() - began < 300
    assert {each.problem.subtype for each in found.values() if each.problem} == {"interrupted"}
    assert left(client, label) == []
