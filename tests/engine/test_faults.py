"""Faults on the way to an engine, at each request of a command: nothing of it is ever taken for an output."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from contract import ANY, session, step, text
from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.engine import DockerEngine
from docker_run.engine.labs import lab_exec
from docker_run.errors import DockerRunError, EngineProblem, ImageProblem, Interrupted, LabProblem
from docker_run.model import Step, Stream
from faulty_engine import Fault, FaultyEngine, answered

pytestmark = pytest.mark.engine

OpenEngine = Callable[..., DockerEngine]

PLAIN = step("--rm --network none busybox sh -c 'echo one; sleep 0.3; echo two'", expect=ANY)
TERMINAL = step("-t --network none busybox sh -c 'echo one; sleep 0.3; echo two'", expect=ANY)
INPUT = step("-i --network none busybox cat", "one", "two", expect=ANY)
RUNS = {"plain": PLAIN, "terminal": TERMINAL, "input": INPUT}

IMAGE = "GET /images/.*/json"
CREATE = "POST /containers/create"
START = "POST /containers/ID/start"
WAIT = "POST /containers/ID/wait"
ATTACH = "POST /containers/ID/attach"
LOOK = "GET /containers/ID/json"
RESIZE = "POST /containers/ID/resize"
JSON = "application/json"

ANSWERS = {
    "500": answered(500, b'{"message": "something is wrong"}', kind=JSON),
    "503": answered(503, b'{"message": "try again later"}', kind=JSON),
    "500 without a message": answered(500, b'{"error": 1}', kind=JSON),
    "502 of a proxy": answered(502),
    "404 of a proxy": answered(404),
    "a page": answered(200),
    "elsewhere": b"HTTP/1.1 302 Found\r\nLocation: http://localhost/login\r\nContent-Length: 0\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "nothing": b"",
}
"""What is answered instead of an engine."""
RUNTIME_DIED = (
    b"OCI runtime create failed: runc create failed: unable to start container process: "
    b"waiting for init preliminary setup: read init-p: connection reset by peer"
)


@pytest.fixture
def faulty(engine_url: str, tmp_path: Path) -> Iterator[FaultyEngine]:
    """Give the engine for tests, with faults in between."""
    if not engine_url.startswith("unix://"):
        pytest.skip("the engine is not on a Unix socket")
    with FaultyEngine(engine_url, tmp_path / "engine.sock") as faulty:
        yield faulty


@pytest.fixture
def engine(open_engine: OpenEngine, faulty: FaultyEngine) -> DockerEngine:
    """Give an engine that is reached through the faults."""
    return open_engine(url=faulty.url, timeout=20.0)


def printed(engine: DockerEngine, asked: Step) -> str:
    with engine.session(session(asked)) as running:
        (recording,) = running.run(asked)
    assert recording.exit_code == 0
    shown = "".join(text(recording, stream) for stream in (Stream.OUT, Stream.ERR, Stream.TERMINAL))
    return shown.replace("\r\n", "\n")


def problem(engine: DockerEngine, faulty: FaultyEngine, asked: Step) -> DockerRunError:
    """Run a command that comes to nothing, and return why."""
    with engine.session(session(asked)) as running:
        with pytest.raises(DockerRunError) as caught:
            running.run(asked)
        faulty.heal()
        assert caught.type is not Interrupted
        if isinstance(caught.value, EngineProblem):
            with pytest.raises(EngineProblem, match="nothing more"):
                running.run(asked)
    return caught.value


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("request_", [IMAGE, CREATE, WAIT, ATTACH, START, LOOK])
def test_what_is_no_engines_answer_is_no_output(
    engine: DockerEngine, faulty: FaultyEngine, request_: str, answer: bytes
) -> None:
    faulty.inject(Fault(request=request_, answer=answer))
    found = problem(engine, faulty, PLAIN)
    assert isinstance(found, EngineProblem | ImageProblem)
    assert printed(engine, PLAIN) == "one\ntwo\n"


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_terminal_that_gets_no_size_is_not_recorded(
    engine: DockerEngine, faulty: FaultyEngine, answer: bytes
) -> None:
    asked = step("-it --network none busybox sh -c 'sleep 15; echo late'", "x", expect=ANY)
    faulty.inject(Fault(request=RESIZE, answer=answer))
    assert isinstance(problem(engine, faulty, asked), EngineProblem)


@pytest.mark.parametrize("request_", [IMAGE, CREATE, WAIT, ATTACH, START, LOOK])
def test_an_answer_that_is_lost_on_its_way_is_no_output(
    engine: DockerEngine, faulty: FaultyEngine, request_: str
) -> None:
    faulty.inject(Fault(request=request_, cut_head=True))
    assert isinstance(problem(engine, faulty, PLAIN), EngineProblem | ImageProblem)
    assert printed(engine, PLAIN) == "one\ntwo\n"


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize("count", [0, 1, 5, 8, 9, 11, 12, 13])
def test_an_output_that_is_cut_is_not_recorded(
    engine: DockerEngine, faulty: FaultyEngine, kind: str, count: int
) -> None:
    # With 0 it is cut before the container starts; of `cat`, all comes in one frame of 16 bytes.
    if kind == "terminal" and count > 5:
        pytest.skip("the terminal shows ten bytes")
    faulty.inject(Fault(request=ATTACH, cut_after=count, times=1))
    found = problem(engine, faulty, RUNS[kind])
    assert isinstance(found, EngineProblem)
    assert printed(engine, RUNS[kind]) == "one\ntwo\n"


@pytest.mark.parametrize("count", [0, 1, 10])
def test_a_status_that_is_cut_is_not_recorded(engine: DockerEngine, faulty: FaultyEngine, count: int) -> None:
    faulty.inject(Fault(request=WAIT, cut_after=count))
    assert isinstance(problem(engine, faulty, PLAIN), EngineProblem)


@pytest.mark.parametrize("kind", ["plain", "terminal"])
def test_a_connection_that_ends_before_its_container_is_found_out(
    engine: DockerEngine, faulty: FaultyEngine, kind: str
) -> None:
    flags = "-t" if kind == "terminal" else "--rm"
    asked = step(f"{flags} --network none busybox sh -c 'echo one; sleep 5; echo two'", expect=ANY)
    cut = threading.Event()
    faulty.inject(Fault(request=ATTACH, cut_with=cut))
    timer = threading.Timer(2.0, cut.set)
    timer.start()
    try:
        assert "ended before the container did" in str(problem(engine, faulty, asked))
    finally:
        timer.join()


@pytest.mark.parametrize(
    ("inserted", "words"),
    [
        (b"<html>502 Bad Gateway</html>", "not the output of a container"),
        (b"\x04\0\0\0\0\0\0\x01x", "not the output of a container"),
        (b"\x01\0\x01\0\0\0\0\x01x", "not the output of a container"),
        (b"\x03\0\0\0\0\0\0\x0fdisk is on fire", "the engine has sent an error: disk is on fire"),
    ],
)
def test_what_is_no_frame_is_no_output(
    engine: DockerEngine, faulty: FaultyEngine, inserted: bytes, words: str
) -> None:
    faulty.inject(Fault(request=ATTACH, insert=inserted))
    assert words in str(problem(engine, faulty, PLAIN))


@pytest.mark.parametrize(
    "line", ["--rm", "", "--name once", "--rm --name once", "-v /data"], ids=lambda line: line or "none"
)
def test_what_did_not_begin_because_the_runtime_died_is_run_again(
    engine: DockerEngine, faulty: FaultyEngine, line: str
) -> None:
    said = b'{"message": "%s"}' % RUNTIME_DIED
    faulty.inject(Fault(request=START, answer=answered(500, said, kind=JSON), times=1))
    assert printed(engine, step(f"{line} --network none busybox sh -c 'echo one; echo two'")) == "one\ntwo\n"
    assert faulty.requests.count(CREATE) == 2
    assert faulty.requests.count("DELETE /containers/ID") == (1 if "--rm" in line else 2)


def test_a_runtime_that_dies_twice_is_a_failure(engine: DockerEngine, faulty: FaultyEngine) -> None:
    said = b'{"message": "%s"}' % RUNTIME_DIED
    faulty.inject(Fault(request=START, answer=answered(500, said, kind=JSON)))
    found = problem(engine, faulty, PLAIN)
    assert isinstance(found, EngineProblem)
    assert "waiting for init preliminary setup" in str(found)
    assert faulty.requests.count(START) == 2


def test_an_engine_that_could_not_wait_has_no_status(engine: DockerEngine, faulty: FaultyEngine) -> None:
    said = b'{"StatusCode": 0, "Error": {"Message": "the disk is on fire"}}'
    faulty.inject(Fault(request=WAIT, answer=answered(200, said, kind=JSON)))
    assert "could not wait for the container: the disk is on fire" in str(problem(engine, faulty, PLAIN))


def test_a_body_that_is_cut_is_found_out(engine: DockerEngine, faulty: FaultyEngine) -> None:
    lines = ["x" * 100] * 20_000
    asked = step("-i --network none busybox sh -c 'sleep 8; cat | wc -c'", *lines, expect=ANY)
    cut = threading.Event()
    faulty.inject(Fault(request=ATTACH, skip=1, cut_with=cut))
    timer = threading.Timer(2.0, cut.set)
    timer.start()
    try:
        assert "did not get all of its body" in str(problem(engine, faulty, asked))
    finally:
        timer.join()


def test_slow_answers_change_nothing(engine: DockerEngine, faulty: FaultyEngine) -> None:
    faulty.inject(Fault(request="/containers/", delay=0.4))
    for asked in RUNS.values():
        assert printed(engine, asked) == "one\ntwo\n"


@pytest.mark.parametrize("request_", [IMAGE, CREATE, WAIT, ATTACH, START, LOOK, RESIZE])
def test_an_interrupt_ends_what_waits_for_an_engine_that_hangs(
    engine: DockerEngine, faulty: FaultyEngine, request_: str
) -> None:
    asked = step("-it --network none busybox sh -c 'exit 0'", "x", expect=ANY)
    faulty.inject(Fault(request=request_, delay=float("inf")))
    ended: list[float] = []

    def interrupt() -> None:
        while not any(map(_matches(request_), faulty.requests)):
            time.sleep(0.05)
        time.sleep(0.3)
        ended.append(time.monotonic())
        # From now on, nothing is answered at all.
        faulty.inject(Fault(request="", delay=float("inf")))
        engine.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(Interrupted), engine.session(session(asked)) as running:
        running.run(asked)
    thread.join()
    assert time.monotonic() - ended[0] < 15  # what is promised of Ctrl-C


def _matches(pattern: str) -> Callable[[str], bool]:
    method, _, path = pattern.partition(" ")
    return lambda request: request.startswith(method) and request.endswith(path.rpartition("/")[2])


# Programs in a container aside, as on labs.

EXEC_CREATE, EXEC_START, EXEC_LOOK = "POST /containers/ID/exec", "POST /exec/ID/start", "GET /exec/ID/json"
SCRIPT = ["sh", "-c", "echo one; sleep 1; echo two"]
STRANGE = (b"{}", b"[]", b'{"Running": false, "ExitCode": null}', b'{"Running": false}')


@pytest.fixture
def container(client: docker.DockerClient, busybox: str) -> Iterator[str]:
    """Give a container that runs, and is removed after the test."""
    made = client.api.create_container(busybox, ["sleep", "1000"], host_config={"NetworkMode": "none"})
    client.api.start(made["Id"])
    yield made["Id"]
    client.api.remove_container(made["Id"], force=True, v=True)


@pytest.fixture
def aside(faulty: FaultyEngine, container: str) -> Iterator[Callable[[], lab_exec.ExecResult]]:
    """Give a function that runs a program in it, through the faults."""
    clients = Clients(lambda: connect(faulty.url))
    try:
        api = clients().api
        yield lambda: lab_exec.execute(api, container, SCRIPT, interrupted=threading.Event())
    finally:
        clients.close()


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("request_", [EXEC_CREATE, EXEC_START, EXEC_LOOK])
def test_of_a_program_aside_what_is_no_engines_answer_is_no_result(
    aside: Callable[[], lab_exec.ExecResult], faulty: FaultyEngine, request_: str, answer: bytes
) -> None:
    faulty.inject(Fault(request=request_, answer=answer))
    with pytest.raises(EngineProblem):
        aside()
    faulty.heal()
    assert aside() == (0, "one\ntwo\n")


@pytest.mark.parametrize("count", [0, 1, 8, 11, 12, 13])
def test_of_a_program_aside_an_output_that_is_cut_is_no_result(
    aside: Callable[[], lab_exec.ExecResult], faulty: FaultyEngine, count: int
) -> None:
    faulty.inject(Fault(request=EXEC_START, cut_after=count))
    with pytest.raises(LabProblem, match=r"is not whole|ended before the program did"):
        aside()


@pytest.mark.parametrize(
    "said", [b"{}", b"[]", b'{"Running": false, "ExitCode": null}', b'{"Running": false}']
)
def test_of_a_program_aside_a_status_that_is_none_is_no_result(
    aside: Callable[[], lab_exec.ExecResult], faulty: FaultyEngine, said: bytes
) -> None:
    faulty.inject(Fault(request=EXEC_LOOK, answer=answered(200, said, kind=JSON)))
    with pytest.raises(EngineProblem):
        aside()


@pytest.mark.parametrize("times", [1, 2])
def test_of_a_program_aside_what_did_not_begin_because_the_runtime_died_is_run_again(
    aside: Callable[[], lab_exec.ExecResult], faulty: FaultyEngine, times: int
) -> None:
    head = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
    frame = b"\x01\0\0\0" + len(RUNTIME_DIED).to_bytes(4, "big") + RUNTIME_DIED
    status = answered(200, b'{"Running": false, "ExitCode": 128}', kind=JSON)
    faulty.inject(Fault(request=EXEC_START, answer=head + frame, times=times))
    faulty.inject(Fault(request=EXEC_LOOK, answer=status, times=times))
    assert aside() == ((0, "one\ntwo\n") if times == 1 else (128, RUNTIME_DIED.decode()))
