"""A lab keeps the promises of every engine, and its real CLI prints what the direct way prints."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import docker
import pytest
from docker.utils import version_lt

from contract import MAX_OUTPUT, TIMEOUT, EngineContract, exits, text
from contract import session as direct_session
from docker_run.engine.cleanup import labels
from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.direct.direct_session import DirectSessions
from docker_run.engine.engine import DockerEngine
from docker_run.engine.host import Host
from docker_run.engine.images.provider import Images
from docker_run.model import CommandResult, Stream, TerminalSize
from docker_run.protocols import RunnerSession
from docker_run.terminal import screen
from lab_sessions import PLACE, session, step
from run_lines import CASES, Case
from told import Quiet

pytestmark = pytest.mark.engine


class TestLab(EngineContract):
    place = PLACE
    images = ("busybox",)

    @pytest.fixture
    def engine(self, open_labs: Callable[..., DockerEngine]) -> DockerEngine:
        return open_labs(timeout=TIMEOUT, max_output=MAX_OUTPUT)

    def text(self, recording: CommandResult, stream: Stream) -> str:
        """Return everything: at a terminal, both streams are one."""
        assert stream in (Stream.OUT, Stream.ERR)
        return text(recording, Stream.TERMINAL).replace("\r\n", "\n")


# Both ways on one engine: that of a lab.


@contextmanager
def inner_engine(outer: str, container: str, folder: Path) -> Iterator[str]:
    """Let the engine in a lab be reached from outside; gives its URL."""
    path = folder / "inner.sock"
    with socket.socket(socket.AF_UNIX) as listener, ExitStack() as stack:
        listener.bind(str(path))
        listener.listen()
        words = ["docker", "-H", outer, "exec", "-i", container, "docker", "system", "dial-stdio"]

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        process = subprocess.Popen(words, stdin=connection, stdout=connection)
                    stack.callback(process.wait)
                    stack.callback(process.kill)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"unix://{path}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@dataclass(frozen=True)
class BothWays:
    """Two ways to the same engine."""

    lab: RunnerSession
    direct: DockerEngine
    client: docker.DockerClient


@pytest.fixture(scope="module")
def both_ways(
    engine_url: str, open_module_labs: Callable[..., DockerEngine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BothWays]:
    """Give a session on a lab that has busybox, and what runs sessions directly on the lab's engine."""
    asked = session(step("true"), page="both-ways", images=["busybox"])
    with open_module_labs().session(asked) as running, ExitStack() as closing:
        outer = closing.enter_context(contextlib.closing(connect(engine_url)))
        (container,) = outer.api.containers(filters={"label": [f"{labels.PAGE}=both-ways"]})
        folder = tmp_path_factory.mktemp("lab")
        url = closing.enter_context(inner_engine(engine_url, container["Id"], folder))
        direct = closing.enter_context(contextlib.closing(opened(url)))
        client = closing.enter_context(contextlib.closing(connect(url)))
        yield BothWays(running, direct, client)


def opened(url: str) -> DockerEngine:
    clients = Clients(lambda: connect(url))
    host = Host(url, clients=clients, timeout=60.0, max_output=1_000_000)
    images = Images(clients, catalogue=None, progress=Quiet())
    return DockerEngine(host, direct=DirectSessions(host, images=images, allow=None, environ=os.environ))


def same(case: Case) -> bool:
    """Tell whether a case can be the same: it needs nothing from the host, and reads no pipe.

    Directly, the input of a program without a terminal is a pipe; on a lab it is the terminal.
    """
    flags = case.line.partition(" busybox")[0]
    reads = "stdin" in flags or (re.search(r"(^| )-i", flags) and not case.terminal)
    # Debian's CLI 26 leaves the limits out of its request, which `docker inspect` shows.
    unsent = "--device-read-bps" in case.line
    # Labs get no devices of the machine, and with cgroup v1 a privileged container asks for all.
    privileged = "--privileged" in case.line
    return not (
        reads or unsent or privileged or case.files or case.network or case.before or "{" in case.line
    )


SAME = [case for case in CASES if same(case)]

MASKS = (
    (r"\b([0-9a-f]{64}|[0-9a-f]{12})\b", "<id>"),  # random
    (r"(See|Run) 'docker run --help'( for more information)?\.?", ""),  # later versions give it more often
    (r"^docker: (Error response from daemon: )?", ""),  # later versions leave it out for their own errors
    (r"\.$", ""),  # and the full stop
    (r"Localhost DNS setting \(--dns=([\d.]+)\)", r"Localhost DNS (\1)"),  # in the words of each version
    (r"[0-9]+ +(\d+%)", r"<number> \1"),
)


def masked(recording: CommandResult) -> list[str]:
    """Return the lines that were printed, without what may differ."""
    printed = screen.text(screen.lines(recording.output, TerminalSize(), joined=True))
    for pattern, instead in MASKS:
        printed = re.sub(pattern, instead, printed, flags=re.MULTILINE)
    # Sorted: standard output and standard error have no common order.
    return sorted(line.rstrip() for line in printed.split("\n") if line.strip())


@pytest.mark.parametrize("case", SAME, ids=str)
def test_a_lab_prints_what_the_direct_way_prints(case: Case, both_ways: BothWays) -> None:
    client = both_ways.client
    if version_lt(client.api.api_version, case.api):
        pytest.skip(f"the lab's API is {client.api.api_version}, it takes {case.api}")
    asked = step((f"docker run {case.line}", *case.typed))
    (theirs,) = both_ways.lab.run(asked)
    expected = replace(asked, expect=exits(theirs.exit_code))
    for left in client.api.containers(all=True):
        client.api.remove_container(left["Id"], force=True, v=True)
    with both_ways.direct.session(direct_session(expected)) as running:
        (ours,) = running.run(expected)
    assert ours.exit_code == theirs.exit_code
    assert masked(ours) == masked(theirs)


def test_most_cases_can_be_the_same() -> None:
    assert len(SAME) >= 80
