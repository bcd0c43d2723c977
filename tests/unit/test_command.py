"""What becomes of a container that could not be started. The engine is a stand-in of a few answers."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import cast

import pytest
import requests
from docker import APIClient
from docker.errors import APIError, NotFound

from docker_run.engine.direct.attach import AttachOptions
from docker_run.engine.direct.command import run_command
from docker_run.engine.direct.confinement import Confinement, SupportedLimits
from docker_run.engine.direct.create_request import Creation
from docker_run.engine.direct.name_prefix import Names
from docker_run.engine.settings import Limits
from docker_run.errors import EngineProblem
from docker_run.model import Chunk, DirectLimits, Stream

PREFIX = "0123456789abcdef-"
LIMITS = Limits(seconds=60, max_output=1000, interrupted=threading.Event())
HELP = "\n\nRun 'docker run --help' for more information\n"


@dataclass
class StandIn:
    """An engine that creates a container, and fails to start it for `reason`."""

    reason: str
    status: int = 400
    """That of its answer."""
    still_there: int = 0
    """How often it says that the container is there before it is gone."""
    asked: list[str] = field(default_factory=list)

    def create_container_from_config(self, _body: object, **settings: object) -> dict[str, object]:
        self.asked.append(f"create {settings['name']}")
        return {"Id": "f" * 64, "Warnings": ["mind the gap"]}

    def start(self, _container: str) -> None:
        self.asked.append("start")
        response = requests.Response()
        response.status_code = self.status
        raise APIError("a refusal, or a failure", response, self.reason)

    def inspect_container(self, _container: str) -> dict[str, object]:
        self.asked.append("inspect")
        if not self.still_there:
            raise NotFound("404 Not Found")
        self.still_there -= 1
        return {}


def detached(*, auto_remove: bool) -> Creation:
    attached = AttachOptions(stdin=False, stdout=False, stderr=False, tty=False, auto_remove=auto_remove)
    return Creation(name="web", platform=None, body={}, attached=attached, detach=True)


def run(engine: StandIn, *, auto_remove: bool = False) -> tuple[int, list[Chunk]]:
    printed = run_command(
        cast("APIClient", engine),
        detached(auto_remove=auto_remove),
        names=Names(PREFIX),
        labels={},
        confinement=Confinement(DirectLimits(), SupportedLimits(), lambda: "docker-run-0123456789abcdef"),
        limits=LIMITS,
        command="docker run -d web",
    )
    return printed.exit_code, printed.chunks


@pytest.mark.parametrize(
    ("reason", "answer", "status"),
    [
        ('exec: "x": executable file not found in $PATH: unknown', 400, 127),
        ('exec: "/x": stat /x: no such file or directory: unknown', 400, 127),
        ('exec: "/etc": permission denied: unknown', 400, 126),
        ("read /merged/etc/passwd: is a directory", 400, 126),
        ("Conflict. The container name is already in use", 409, 125),
        ("Bind for 0.0.0.0:80 failed: port is already allocated", 500, 125),
    ],
)
def test_status_and_message_by_the_engines_reason(reason: str, answer: int, status: int) -> None:
    assert run(StandIn(reason, answer)) == (
        status,
        [
            Chunk(Stream.ERR, b"WARNING: mind the gap\n"),
            Chunk(Stream.OUT, b"f" * 64 + b"\n"),
            Chunk(Stream.ERR, f"docker: Error response from daemon: {reason}{HELP}".encode()),
        ],
    )


def test_with_rm_it_waits_until_the_name_is_free() -> None:
    engine = StandIn("no such runtime", still_there=3)
    run(engine, auto_remove=True)
    assert engine.asked == [f"create {PREFIX}web", "start", *["inspect"] * 4]


def test_without_rm_the_container_stays() -> None:
    engine = StandIn("no such runtime", still_there=3)
    run(engine)
    assert engine.asked == [f"create {PREFIX}web", "start"]


@pytest.mark.parametrize(
    ("reason", "answer"),
    [
        ("write /var/lib/docker/x: no space left on device", 500),
        ('exec: "runc": executable file not found in $PATH: unable to retrieve OCI runtime error', 400),
        (f"No such container: {'f' * 64}", 404),
        ("what nobody has seen before", 500),
        ("try again later", 429),
    ],
)
def test_a_failure_of_the_engine_is_no_output(reason: str, answer: int) -> None:
    with pytest.raises(EngineProblem, match=r"docker run -d web.*; fix that") as caught:
        run(StandIn(f"{reason} {PREFIX}web\nand a program's memory", answer))
    assert f"{reason} web …" in str(caught.value)


def test_an_engine_that_does_not_answer_is_an_engine_problem() -> None:
    class Gone(StandIn):
        def start(self, _container: str) -> None:
            raise requests.ConnectionError("refused")

    with pytest.raises(EngineProblem, match="docker run -d web"):
        run(Gone(""))
