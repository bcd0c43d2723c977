"""Sessions directly on an engine: what a command prints, how it ends, and what stays of it."""

from __future__ import annotations

import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from contract import ANY, exits, run, session, step, text
from docker_run.engine.cleanup import labels
from docker_run.engine.engine import DockerEngine
from docker_run.errors import EngineProblem, EngineRefusal, FlagProblem, RefusedFlag, TimedOut, TooMuchOutput
from docker_run.model import Chunk, Command, Location, Step, Stream, TerminalSize
from docker_run.terminal import screen

pytestmark = [
    pytest.mark.engine,
    # docker-py leaves a socket open at each request to an engine that has gone away.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

OpenEngine = Callable[..., DockerEngine]

HELP = "\n\nRun 'docker run --help' for more information\n"


def left_of(client: docker.DockerClient, page: str) -> list[str]:
    """Name everything with the label of `page`."""
    filters = {"label": [f"{labels.PAGE}={page}"]}
    return [
        *(container["Id"] for container in client.api.containers(all=True, filters=filters)),
        *(volume["Name"] for volume in client.api.volumes(filters=filters)["Volumes"] or ()),
    ]


def fresh_page() -> str:
    return f"test-{uuid.uuid4()}"


# Output


def test_no_first_byte_is_lost(engine: DockerEngine) -> None:
    asked = step("--rm --network none busybox echo first and last")
    with engine.session(session(asked)) as running:
        for _ in range(50):
            assert text(running.run(asked)[0], Stream.OUT) == "first and last\n"


def test_both_streams_are_kept_apart_in_the_order_in_which_they_came(engine: DockerEngine) -> None:
    script = "echo one; sleep 0.5; echo two >&2; sleep 0.5; echo three"
    assert run(engine, f"--rm busybox sh -c '{script}'").output == (
        Chunk(Stream.OUT, b"one\n"),
        Chunk(Stream.ERR, b"two\n"),
        Chunk(Stream.OUT, b"three\n"),
    )


def test_long_output_is_whole_and_in_order(engine: DockerEngine) -> None:
    printed = text(run(engine, "--rm busybox seq 200000"), Stream.OUT)
    assert printed == "".join(f"{number}\n" for number in range(1, 200001))


def test_five_megabytes_pass_through_cat(engine: DockerEngine) -> None:
    lines = [f"{number:07d} {'x' * 92}" for number in range(50_000)]
    printed = text(run(engine, "--rm -i busybox cat", *lines), Stream.OUT)
    assert printed == "".join(f"{line}\n" for line in lines)


def test_input_that_is_not_read_does_no_harm(engine: DockerEngine) -> None:
    lines = ["x" * 100] * 50_000
    assert text(run(engine, "--rm -i busybox head -n 1", *lines), Stream.OUT) == "x" * 100 + "\n"


def test_input_is_text_not_keys(engine: DockerEngine) -> None:
    assert text(run(engine, "--rm -i busybox cat", "<C-p>", "naïve"), Stream.OUT) == "<C-p>\nnaïve\n"


def test_without_a_body_the_input_is_at_its_end(engine: DockerEngine) -> None:
    assert run(engine, "--rm -i busybox cat").output == ()


def test_bytes_that_are_no_text_are_intact(engine: DockerEngine) -> None:
    recording = run(engine, r"--rm busybox printf '\000\377\376\200\303(\012'")
    assert recording.output == (Chunk(Stream.OUT, b"\0\xff\xfe\x80\xc3(\n"),)


def test_characters_in_parts_are_whole_on_the_page(engine: DockerEngine) -> None:
    # Two streams, whose characters come in turns, byte by byte.
    parts = r"printf '\303'; sleep 0.2; printf '\346' >&2; sleep 0.2; printf '\251\n'; sleep 0.2"
    script = rf"{parts}; printf '\274\242\n' >&2"
    recording = run(engine, f'--rm busybox sh -c "{script}"')
    assert (text(recording, Stream.OUT), text(recording, Stream.ERR)) == ("é\n", "漢\n")
    shown = screen.text(screen.lines(recording.output, TerminalSize()))
    assert set(shown.split("\n")) == {"é", "漢"}


@pytest.mark.parametrize(
    ("attach", "out", "err"), [("-a stdout", "o\n", ""), ("-a STDERR", "", "e\n"), ("-a stdin", "", "")]
)
def test_only_what_is_attached_is_printed(engine: DockerEngine, attach: str, out: str, err: str) -> None:
    recording = run(engine, f"--rm {attach} busybox sh -c 'echo o; echo e >&2; exit 3'")
    assert (text(recording, Stream.OUT), text(recording, Stream.ERR), recording.exit_code) == (out, err, 3)


# Status, and the CLI's words


def test_a_refusal_that_is_not_expected_is_told_with_the_authors_names(engine: DockerEngine) -> None:
    asked = step("--name lister busybox true")
    with engine.session(session(asked)) as running:
        running.run(asked)
        for refused in (asked, replace(asked, expect=ANY)):
            with pytest.raises(EngineRefusal) as caught:
                running.run(refused)
            assert 'The container name "/lister" is already in use' in str(caught.value)
            assert "`:exit-code: 125`" in str(caught.value)
            assert ("`any` does not cover" in str(caught.value)) == (refused.expect == ANY)


def test_what_is_not_executable_is_126(engine: DockerEngine) -> None:
    recording = run(engine, "--rm busybox /etc", expect=exits(126))
    assert recording.exit_code == 126
    assert text(recording, Stream.ERR).startswith("docker: Error response from daemon: ")
    assert 'exec: "/etc": ' in text(recording, Stream.ERR)
    assert "permission denied" in text(recording, Stream.ERR)
    assert text(recording, Stream.ERR).endswith(HELP)


def test_what_is_not_found_is_127_and_gone_with_rm(engine: DockerEngine) -> None:
    asked = step("--rm --name lister busybox no-such-program", expect=exits(127))
    with engine.session(session(asked)) as running:
        for _ in range(2):
            recording = running.run(asked)[0]
            assert recording.exit_code == 127
            assert "executable file not found in $PATH" in text(recording, Stream.ERR)


def test_what_could_not_start_stays_without_rm_and_is_gone_after_the_page(
    engine: DockerEngine, client: docker.DockerClient
) -> None:
    page = fresh_page()
    asked = step("-d --name lister busybox no-such-program", expect=exits(127))
    again = step("-d --name lister busybox no-such-program", expect=exits(125))
    with engine.session(session(asked, page=page)) as running:
        recording = running.run(asked)[0]
        assert recording.exit_code == 127
        assert re.fullmatch(r"[0-9a-f]{64}\n", text(recording, Stream.OUT))
        (left,) = left_of(client, page)
        assert left == text(recording, Stream.OUT).strip()
        assert "is already in use" in text(running.run(again)[0], Stream.ERR)
    assert left_of(client, page) == []


def test_a_refusal_is_told_in_the_engines_words_with_the_authors_names(engine: DockerEngine) -> None:
    asked = step("--name lister busybox true")
    refused = step("--name lister busybox true", expect=exits(125))
    with engine.session(session(asked, refused)) as running:
        running.run(asked)
        recording = running.run(refused)[0]
    assert recording.exit_code == 125
    message = text(recording, Stream.ERR)
    assert message.startswith(
        'docker: Error response from daemon: Conflict. The container name "/lister" is already in use by '
    )
    assert message.endswith(f"to be able to reuse that name.{HELP}")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--name a busybox true", "Invalid container name (a)"),
        ("--volumes-from nobody busybox true", "No such container: nobody"),
        ("--link nobody:x busybox true", "could not get container for nobody: No such container: nobody"),
        ("--network container:nobody busybox true", "No such container: nobody"),
        ("--network nowhere busybox true", "network nowhere not found"),
    ],
)
def test_names_that_do_not_exist(engine: DockerEngine, line: str, words: str) -> None:
    recording = run(engine, f"--rm {line}", expect=exits(125))
    assert recording.exit_code == 125
    assert words in text(recording, Stream.ERR)


def test_the_clients_own_warning_and_the_engines(engine: DockerEngine) -> None:
    recording = run(engine, "--rm --network host --dns 127.0.0.1 -p 80:80 busybox true")
    assert text(recording, Stream.ERR) == (
        "WARNING: Localhost DNS (127.0.0.1) may fail in containers.\n"
        "WARNING: Published ports are discarded when using host network mode\n"
    )


def test_the_file_for_the_id_may_not_be_there(engine: DockerEngine, tmp_path: Path) -> None:
    asked = step(f"--rm --cidfile {tmp_path}/web.cid busybox true")
    with engine.session(session(asked)) as running:
        assert running.run(asked)[0].exit_code == 0
        assert re.fullmatch("[0-9a-f]{64}", (tmp_path / "web.cid").read_text())
        again = running.run(replace(asked, expect=exits(125)))[0]
    assert not (tmp_path / "web.cid").exists()
    assert again.exit_code == 125
    assert text(again, Stream.ERR) == (
        "docker: container ID file found, make sure the other container isn't running or delete "
        f"{tmp_path}/web.cid{HELP}"
    )


def test_files_are_those_of_the_step_not_of_the_machine(engine: DockerEngine) -> None:
    command = Command("docker run --rm --env-file settings.env busybox sh -c 'echo $COLOUR'")
    asked = Step(Location("page.md", 1), (command,), files=(("settings.env", "COLOUR=green\n"),))
    with engine.session(session(asked)) as running:
        assert text(running.run(asked)[0], Stream.OUT) == "green\n"


def test_only_docker_run_can_be_run_here(engine: DockerEngine) -> None:
    asked = Step(Location("page.md", 1), (Command("docker ps"),))
    with engine.session(session(asked)) as running, pytest.raises(FlagProblem, match="docker ps"):
        running.run(asked)


def test_flags_are_refused_that_are_not_allowed(open_engine: OpenEngine) -> None:
    with pytest.raises(RefusedFlag, match="--privileged"):
        run(open_engine(allow=frozenset()), "--privileged busybox true")


# What commands of one page share, and of two do not


def test_a_detached_container_lives_until_the_page_ends(
    engine: DockerEngine, client: docker.DockerClient
) -> None:
    page = fresh_page()
    start = step("-d --rm --name sleeper busybox sleep 1000")
    look = step("--rm --pid container:sleeper busybox ps")
    with engine.session(session(start, look, page=page)) as running:
        running.run(start)
        assert "sleep 1000" in text(running.run(look)[0], Stream.OUT)
    assert left_of(client, page) == []


def test_pages_do_not_share_names_or_volumes(engine: DockerEngine, client: docker.DockerClient) -> None:
    pages = fresh_page(), fresh_page()
    write = step("--name writer -v data:/data busybox sh -c 'echo here > /data/file'")
    look = step("--rm --volumes-from writer busybox ls /data")
    with (
        engine.session(session(write, look, page=pages[0])) as one,
        engine.session(session(write, look, page=pages[1])) as other,
    ):
        assert one.run(write)[0].exit_code == 0
        empty = step("--rm --mount type=volume,src=data,dst=/data busybox ls /data")
        assert other.run(empty)[0].output == ()
        assert other.run(write)[0].exit_code == 0
        assert [text(page.run(look)[0], Stream.OUT) for page in (one, other)] == ["file\n"] * 2
    assert [left_of(client, page) for page in pages] == [[], []]


def test_the_prefix_is_never_shown(engine: DockerEngine, client: docker.DockerClient) -> None:
    page = fresh_page()
    start = step("-d --name database busybox sleep 1000")
    look = step(
        "--name shower --link database:db -v data:/data busybox sh -c 'cat /etc/hosts /proc/mounts; env'"
    )
    with engine.session(session(start, look, page=page)) as running:
        running.run(start)
        recording = running.run(look)[0]
        (shower,) = client.api.containers(
            all=True, filters={"label": [f"{labels.PAGE}={page}"], "name": ["shower"]}
        )
        prefix = shower["Labels"][labels.SESSION]
        assert shower["Names"] == [f"/{prefix}shower"]
    assert "DB_NAME=/shower/db" in text(recording, Stream.OUT)
    assert "db" in text(recording, Stream.OUT)
    assert prefix not in text(recording, Stream.OUT)


def test_labels_and_settings_are_the_authors_and_ours(
    engine: DockerEngine, client: docker.DockerClient
) -> None:
    page = fresh_page()
    asked = step("--label colour=green -v data:/data --name lister busybox true")
    with engine.session(session(asked, page=page)) as running:
        running.run(asked)
        found = [client.api.inspect_container(left)["Config"] for left in left_of(client, page)[:1]]
        volumes = client.api.volumes(filters={"label": [f"{labels.PAGE}={page}"]})["Volumes"]
    ours = {
        labels.BUILD,
        labels.SESSION,
        labels.PAGE,
        labels.PID,
        labels.SILENCE,
        labels.HOST,
    }
    assert {key for key in found[0]["Labels"] if key.startswith("docker-run.")} == ours | {labels.NAME}
    assert found[0]["Labels"]["colour"] == "green"
    assert [set(volume["Labels"]) for volume in volumes] == [ours]


# Ends before the end


def test_what_prints_without_end_is_killed_and_gone(
    open_engine: OpenEngine, client: docker.DockerClient
) -> None:
    engine, page, asked = open_engine(max_output=1_000_000), fresh_page(), step("busybox yes")
    with engine.session(session(asked, page=page)) as running:
        with pytest.raises(TooMuchOutput, match="1,000,000"):
            running.run(asked)
        (container,) = left_of(client, page)
        assert client.api.wait(container, timeout=60)["StatusCode"] == 137  # killed
    assert left_of(client, page) == []


def test_a_late_command_says_what_it_printed_last(engine: DockerEngine, client: docker.DockerClient) -> None:
    page = fresh_page()
    asked = step("busybox sh -c 'echo starting; echo ready; sleep 1000'", timeout=2.0)
    with engine.session(session(asked, page=page)) as running:
        with pytest.raises(TimedOut, match=r"after 2 s[\s\S]*:timeout:[\s\S]*starting\nready"):
            running.run(asked)
        with pytest.raises(EngineProblem, match="nothing more"):
            running.run(asked)
    assert left_of(client, page) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_everything_goes_after_an_error(
    engine: DockerEngine, client: docker.DockerClient, error: type[BaseException]
) -> None:
    page, asked = fresh_page(), step("-d -v data:/data busybox sleep 1000")

    def fail() -> None:
        with engine.session(session(asked, page=page)) as running:
            running.run(asked)
            assert left_of(client, page) != []
            raise error

    with pytest.raises(error):
        fail()
    assert left_of(client, page) == []


def test_many_containers_that_ignore_signals_go_together(
    engine: DockerEngine, client: docker.DockerClient
) -> None:
    page, asked = fresh_page(), step("-d busybox sleep 1000")
    with engine.session(session(asked, page=page)) as running:
        for _ in range(12):
            running.run(asked)
        began = time.monotonic()
    # Asked politely, a `sleep` that is process 1 takes 10 seconds: 30 for 12 of them, 4 at a time.
    assert time.monotonic() - began < 25
    assert left_of(client, page) == []


class Cut:
    """A way to an engine on a Unix socket that can be cut, as if the engine had died."""

    def __init__(self, path: Path, engine: str) -> None:
        self.url = f"unix://{path}"
        self._engine = engine.removeprefix("unix://")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> None:
        for end in [self._listener, *self._ends]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self) -> None:
        self.cut()
        for thread in self._threads:
            thread.join()
        for end in [self._listener, *self._ends]:
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self._engine)
            self._ends += [client, engine]
            for source, target in ((client, engine), (engine, client)):
                self._threads.append(threading.Thread(target=self._pass_on, args=(source, target)))
                self._threads[-1].start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return


@contextmanager
def cut_after(seconds: float, path: Path, engine: str) -> Iterator[str]:
    cut = Cut(path, engine)
    timer = threading.Timer(seconds, cut.cut)
    timer.start()
    try:
        yield cut.url
    finally:
        timer.cancel()
        timer.join()
        cut.close()


@pytest.fixture
def cut_engine(open_engine: OpenEngine, engine_url: str, tmp_path: Path) -> Iterator[DockerEngine]:
    """Give the engine behind a way to it that is cut after three seconds."""
    if not engine_url.startswith("unix://"):
        pytest.skip("the engine is not on a Unix socket")
    with cut_after(3.0, tmp_path / "engine.sock", engine_url) as url:
        yield open_engine(url=url)


@pytest.mark.parametrize("line", ["busybox sleep 1000", "-t busybox sleep 1000", "-i busybox sleep 1000"])
def test_an_engine_that_goes_away_is_an_engine_problem(
    cut_engine: DockerEngine, client: docker.DockerClient, line: str
) -> None:
    page, asked = fresh_page(), step(line)
    try:
        with (
            pytest.raises(EngineProblem, match="sleep 1000"),
            cut_engine.session(session(asked, page=page)) as running,
        ):
            running.run(asked)
        assert left_of(client, page) != []
    finally:
        for left in left_of(client, page):
            client.api.remove_container(left, force=True, v=True)


def test_nobody_there_is_an_engine_problem(open_engine: OpenEngine, tmp_path: Path) -> None:
    with pytest.raises(EngineProblem, match="no engine at"):
        run(open_engine(url=f"unix://{tmp_path}/none.sock"), "busybox true")


def test_the_machine_is_described(engine: DockerEngine, client: docker.DockerClient) -> None:
    with engine.session(session(step("busybox true"))) as running:
        environment = running.environment()
    assert environment.engine.startswith(f"Docker Engine {client.version()['Version']}, API 1.")
    assert environment.architecture == client.info()["Architecture"]
    assert "Linux" in environment.system
