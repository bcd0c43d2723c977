"""A lab keeps the promises of every engine, and its real CLI prints what the direct way prints."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import docker
import pytest
from docker.utils import version_lt

from contract import MAX_OUTPUT, TIMEOUT, EngineContract, text
from contract import session as direct_session
from docker_run.engine import cleanup
from docker_run.engine.engine import DockerEngine
from docker_run.model import Command, CommandRecording, Stream
from docker_run.protocols import EngineSession
from lab_sessions import PLACE, session, shown, step
from run_lines import CASES, Case

pytestmark = pytest.mark.engine


class TestLab(EngineContract):
    place = PLACE
    images = ("busybox",)

    @pytest.fixture
    def engine(self, open_labs: Callable[..., DockerEngine]) -> DockerEngine:
        return open_labs(timeout=TIMEOUT, max_output=MAX_OUTPUT)

    def text(self, recording: CommandRecording, stream: Stream) -> str:
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


@pytest.fixture(scope="module")
def lab(
    engine_url: str, open_module_labs: Callable[..., DockerEngine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[EngineSession, str]]:
    """Give a session on a lab that has busybox, and the URL of the lab's engine."""
    page = "both-ways"
    outer = docker.DockerClient(base_url=engine_url)
    engine = open_module_labs()
    asked = step("true")
    with engine.session(session(asked, page=page, images=["busybox"])) as running:
        (container,) = outer.api.containers(filters={"label": [f"{cleanup.PAGE}={page}"]})
        with inner_engine(engine_url, container["Id"], tmp_path_factory.mktemp("lab")) as url:
            yield running, url
    outer.close()


def same(case: Case) -> bool:
    """Tell whether a case can be the same: its files are on the lab, and nothing reads a pipe."""
    streams = case.typed and not case.terminal
    return not (streams or case.files or case.network or case.before or "{" in case.line)


SAME = [case for case in CASES if same(case)]

MASKS = (
    (r"\b([0-9a-f]{64}|[0-9a-f]{12})\b", "<id>"),  # random
    (r"(See|Run) 'docker run --help'( for more information)?\.?", "<hint>"),  # as each version has it
    (r"^docker: (Error response from daemon: )?", ""),  # later versions leave it out for their own errors
    (r"\.$", ""),  # and the full stop
    (r"[0-9]+ +(\d+%)", r"<number> \1"),
)


def masked(printed: str) -> list[str]:
    for pattern, instead in MASKS:
        printed = re.sub(pattern, instead, printed, flags=re.MULTILINE)
    return [line.rstrip() for line in printed.split("\n") if line.strip()]


@pytest.mark.parametrize("case", SAME, ids=str)
def test_a_lab_prints_what_the_direct_way_prints(
    case: Case, lab: tuple[EngineSession, str], open_engine: Callable[..., DockerEngine]
) -> None:
    running, url = lab
    with open_client(url) as client:
        if version_lt(client.api.api_version, case.api):
            pytest.skip(f"the lab's API is {client.api.api_version}, it takes {case.api}")
        command = Command(f"docker run {case.line}", case.typed)
        asked = step((command.text, *command.typed))
        (theirs,) = running.run(asked)
        for left in client.api.containers(all=True):
            client.api.remove_container(left["Id"], force=True, v=True)
    direct = open_engine(url=url)
    with direct.session(direct_session()) as ours:
        (mine,) = ours.run(asked)
    assert mine.exit_code == theirs.exit_code
    assert masked(shown(mine)) == masked(shown(theirs))


@contextmanager
def open_client(url: str) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=url)
    try:
        yield client
    finally:
        client.close()


def test_most_cases_can_be_the_same() -> None:
    assert len(SAME) >= 80
