"""What works on Podman, what differs there, and what is refused: the rows of the table in the manual.

Each test is named in a row of `docs/authors/podman.md` (see `tests/unit/test_podman.py`). Podman runs in a
container on the machine's own engine: `--podman` says which version.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest
from docker.utils import version_lt

from builds import CONF, IMAGES, build
from contract import ANY, exits, run, session, step, text
from docker_run.engine.cleanup.labels import PAGE
from docker_run.engine.cleanup.leftovers import labelled_objects
from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.engine import DockerEngine
from docker_run.engine.host import Host
from docker_run.engine.images.provider import Images
from docker_run.engine.open_engine import open_engine
from docker_run.engine.settings import EngineSettings, Limits
from docker_run.errors import EngineProblem, EngineRefusal, FlagProblem, LabProblem
from docker_run.model import Stream
from faulty_engine import Fault, FaultyEngine
from lab_sessions import PLACE
from told import Quiet

CATALOGUE = Path(IMAGES)

pytestmark = pytest.mark.engine


def opened(url: str) -> DockerEngine:
    settings = EngineSettings(engine=url, catalogue=CATALOGUE, allow=None)
    limits = Limits(max_output=20_000_000)
    return open_engine(settings, environ={}, progress=Quiet(), limits=limits)


@pytest.fixture(scope="module")
def podman(podman_url: str) -> Iterator[DockerEngine]:
    engine = opened(podman_url)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def client(podman_url: str) -> Iterator[docker.DockerClient]:
    client = connect(podman_url)
    yield client
    client.close()


@pytest.fixture
def stranger(client: docker.DockerClient, podman_url: str) -> Iterator[str]:
    """Give the id of a container that somebody else has on the default network."""
    with closing(Clients(lambda: connect(podman_url))) as clients:
        image = Images(clients, catalogue=CATALOGUE, progress=Quiet()).provide("busybox").reference
    container = client.containers.create(image, ["sleep", "1000"])
    container.start()
    try:
        yield str(container.id)
    finally:
        container.kill()
        container.remove(force=True)


def address_of(client: docker.DockerClient, container: str) -> str:
    networks = client.api.inspect_container(container)["NetworkSettings"]["Networks"].values()
    return next(str(network["IPAddress"]) for network in networks)


# What works.


@pytest.mark.parametrize("line", ["--rm busybox", "busybox", "--rm -a stdin busybox"])
def test_exit_status(podman: DockerEngine, line: str) -> None:
    assert run(podman, f"{line} sh -c 'exit 3'").exit_code == 3


@pytest.mark.parametrize(
    ("line", "status"),
    [("busybox no-such-program", 127), ("busybox /etc", 126), ("--network nowhere busybox true", 125)],
)
def test_status_of_a_refusal(podman: DockerEngine, line: str, status: int) -> None:
    assert run(podman, f"--rm {line}", expect=exits(status)).exit_code == status
    with pytest.raises(EngineRefusal, match=rf"say `:exit-code: {status}`"):
        run(podman, f"--rm {line}", expect=ANY)


def test_rm_frees_the_name(podman: DockerEngine) -> None:
    asked = step("--rm --name lister busybox true")
    with podman.session(session(asked, asked)) as running:
        assert [running.run(asked)[0].exit_code for _ in range(2)] == [0, 0]


def test_terminal(podman: DockerEngine) -> None:
    recording = run(podman, "--rm -it busybox", "echo on<Backspace>ne", "exit 4")
    assert recording.exit_code == 4
    assert "\none\r\n" in text(recording, Stream.TERMINAL)


def test_detach_keys(podman: DockerEngine) -> None:
    asked, look = step("-it --name lister busybox", "<C-p><C-q>"), step("--pid container:lister busybox ps")
    with podman.session(session(asked, look)) as running:
        assert running.run(asked)[0].exit_code == 0
        assert "sh" in text(running.run(look)[0], Stream.OUT)


def test_input_and_output_at_once(podman: DockerEngine) -> None:
    lines = ["x" * 100] * 20_000
    assert text(run(podman, "--rm -i busybox cat", *lines), Stream.OUT) == "".join(f"{x}\n" for x in lines)


def test_output_that_is_cut(podman_url: str, tmp_path: Path) -> None:
    # The container ends by itself, soon enough for the end of the output to look like its own.
    asked = step("--rm busybox sh -c 'echo one; sleep 5; echo two'", expect=ANY)
    cut = threading.Event()
    timer = threading.Timer(2.0, cut.set)
    with FaultyEngine(podman_url, tmp_path / "engine.sock") as faulty:
        faulty.inject(Fault(request="POST /containers/ID/attach", cut_with=cut))
        engine = opened(faulty.url)
        timer.start()
        try:
            with (
                engine.session(session(asked)) as running,
                pytest.raises(EngineProblem, match="ended before the container did"),
            ):
                running.run(asked)
        finally:
            timer.join()
            engine.close()


def test_dependents_go_first(podman: DockerEngine, client: docker.DockerClient) -> None:
    steps = (
        step("-d --name base -v data:/data busybox sleep 1000"),
        step("-d --network container:base --volumes-from base busybox sleep 1000"),
        step("-d --pid container:base busybox sleep 1000"),
    )
    page = f"test-podman-{time.monotonic_ns()}"
    with podman.session(session(*steps, page=page)) as running:
        for each in steps:
            assert running.run(each)[0].exit_code == 0
    filters = {"label": [f"{PAGE}={page}"]}
    assert client.api.containers(all=True, filters=filters) == []
    assert not client.api.volumes(filters=filters)["Volumes"]


def test_a_network_that_somebody_else_uses_stays(client: docker.DockerClient, stranger: str) -> None:
    page = f"test-podman-{time.monotonic_ns()}"
    network = client.networks.create(page, labels={PAGE: page})
    network.connect(stranger)
    (thing,) = labelled_objects(client.api, f"{PAGE}={page}")
    try:
        assert not thing.remove(client.api)
        assert client.networks.list(names=[page])
    finally:
        network.disconnect(stranger)
        assert thing.remove(client.api)


def test_identity(podman_url: str) -> None:
    clients = Clients(lambda: connect(podman_url))
    hosts = [Host(podman_url, clients=clients, timeout=60, max_output=1000) for _ in range(2)]
    try:
        assert hosts[0].identity() == hosts[1].identity()
    finally:
        for host in hosts:
            host.close()


def test_described(podman: DockerEngine) -> None:
    with podman.session(session(step("busybox true"))) as running:
        assert running.environment().engine.startswith("Podman ")


# What differs.


def test_words_of_a_refusal(podman: DockerEngine) -> None:
    taken, gone = step("--name lister busybox true"), step("busybox no-such-program", expect=exits(127))
    again = step("--name lister busybox true", expect=exits(125))
    with podman.session(session(taken, again, gone)) as running:
        running.run(taken)
        assert re.search(
            r'^docker: Error response from daemon: .*the container name "lister" is already in use by',
            text(running.run(again)[0], Stream.ERR),
        )
        assert re.search(
            r"executable file `no-such-program` not found in \$PATH", text(running.run(gone)[0], Stream.ERR)
        )


def test_short_names(podman: DockerEngine) -> None:
    assert run(podman, "--rm --name a busybox true").exit_code == 0


def test_warnings_of_the_engine(podman: DockerEngine) -> None:
    recording = run(podman, "--rm --network host -p 80:80 busybox true")
    assert (recording.exit_code, text(recording, Stream.ERR)) == (0, "")


def test_read_only(podman: DockerEngine) -> None:
    look = "for each in etc root run tmp var/tmp; do touch /$each/x 2>/dev/null && echo $each; done; true"
    written = text(run(podman, f"--rm --read-only busybox sh -c '{look}'"), Stream.OUT)
    assert written == "run\ntmp\nvar/tmp\n"


def test_capabilities(podman: DockerEngine) -> None:
    ping = "busybox ping -c 1 127.0.0.1"
    assert "permission denied" in text(run(podman, f"--rm {ping}", expect=ANY), Stream.ERR)
    assert run(podman, f"--rm --cap-add NET_RAW {ping}").exit_code == 0


def test_networks(podman: DockerEngine, client: docker.DockerClient, stranger: str) -> None:
    sleep = step("-d busybox sleep 1000")
    with (
        podman.session(session(sleep, page="one")) as one,
        podman.session(session(sleep, page="other")) as other,
    ):
        made = [text(page.run(sleep)[0], Stream.OUT).strip() for page in (one, other)]
        own, foreign = (address_of(client, container) for container in made)
        for address, status in ((own, 0), (foreign, 1), (address_of(client, stranger), 0)):
            asked = step(f"--cap-add NET_RAW busybox ping -c 1 -W 3 {address}", expect=ANY)
            assert one.run(asked)[0].exit_code == status, address


# What is refused.


@pytest.mark.parametrize(
    "flag",
    [
        "--link db:db",
        "--device-cgroup-rule 'c 1:3 rw'",
        "--runtime runc",
        "--kernel-memory 64m",
        "--isolation hyperv",
        "--gpus all",
        "--domainname example.com",
        "--network name=page,link-local-ip=169.254.1.1",
        "--mount type=volume,src=data,dst=/data,volume-subpath=x",
    ],
)
def test_refused_by_name(podman: DockerEngine, flag: str) -> None:
    name = flag.rpartition(",")[2].partition("=")[0] if "," in flag else flag.split(maxsplit=1)[0]
    with pytest.raises(FlagProblem, match=f"Podman doesn't support `.*{name}"):
        run(podman, f"--rm {flag} busybox true")


def test_cgroup_namespaces(podman: DockerEngine, client: docker.DockerClient) -> None:
    lines = [f"--rm --cgroupns {mode} busybox readlink /proc/self/ns/cgroup" for mode in ("host", "private")]
    if version_lt(client.version()["ApiVersion"], "1.44"):
        with pytest.raises(FlagProblem, match="Podman doesn't support `--cgroupns"):
            run(podman, lines[0])
    else:
        host, private = (text(run(podman, line), Stream.OUT) for line in lines)
        assert host.startswith("cgroup:")
        assert host != private


def test_labs(podman: DockerEngine, podman_url: str, tmp_path: Path) -> None:
    asked = session(step("--rm busybox true"), place=PLACE)
    with pytest.raises(LabProblem, match="Podman"), podman.session(asked):
        pass
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "conf.py").write_text(CONF.format(images=IMAGES))
    page = "---\ndocker_run_lab: lab\n---\n# Page\n\n```{docker-run}\n$ docker run --rm busybox true\n```\n"
    (folder / "index.md").write_text(page)
    printed = build(folder, podman_url)
    assert re.search(r"index\.md:6: WARNING: labs don't run on Podman: .*\[docker_run\.lab\]", printed)
