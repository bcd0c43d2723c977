"""The image of a lab: how it is built, starts, limits containers, marks its prompt, and ends."""

from __future__ import annotations

import io
import re
import shutil
import socket
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest

from docker_run.catalogue.build_context import LAB_CONTEXT, find_lab
from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.images.lab_image import LabImages
from docker_run.engine.images.provider import Images
from docker_run.engine.labs.privileges import rights
from docker_run.errors import ImageProblem
from docker_run.model import LabSettings
from told import Seen

pytestmark = pytest.mark.engine

CATALOGUE = Path(__file__).parents[2] / "docs/images"
RIGHTS = {**rights(LabSettings()), "CgroupnsMode": "private"}


@pytest.fixture(scope="module")
def clients(engine_url: str) -> Iterator[Clients]:
    clients = Clients(lambda: connect(engine_url))
    yield clients
    clients.close()


@pytest.fixture(scope="module")
def images(clients: Clients) -> Images:
    return Images(clients, catalogue=CATALOGUE, progress=Seen())


@pytest.fixture(scope="module")
def image(clients: Clients, images: Images) -> str:
    """Give the reference of the lab's image; it stays on the engine."""
    return LabImages(images, clients, {}, Seen()).provide("lab")


Start = Callable[..., str]


@pytest.fixture
def start(client: docker.DockerClient, image: str) -> Iterator[Start]:
    """Give a function that starts a lab and returns its id; labs are removed after the test."""
    started = []

    def start(*command: str, host: Mapping[str, object] = RIGHTS, **environment: str) -> str:
        config = {
            "Image": image,
            "Hostname": "lab",
            "Cmd": list(command),
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "HostConfig": dict(host),
        }
        started.append(client.api.create_container_from_config(config)["Id"])
        client.api.start(started[-1])
        return str(started[-1])

    yield start
    for container in started:
        client.api.remove_container(container, v=True, force=True)


def ended(client: docker.DockerClient, container: str) -> tuple[int, list[str]]:
    status = client.api.wait(container, timeout=60)["StatusCode"]
    return int(status), client.api.logs(container).decode().splitlines()


class Shell:
    """The shell that pages are recorded in, on a terminal."""

    def __init__(self, client: docker.DockerClient, container: str) -> None:
        self._exec = client.api.exec_create(
            container, ["bash", "--rcfile", "/etc/docker-run/bashrc", "-i"], stdin=True, tty=True
        )["Id"]
        self._stream: Any = client.api.exec_start(self._exec, tty=True, socket=True)
        self._socket: socket.socket = getattr(self._stream, "_sock", self._stream)
        self._socket.settimeout(60)

    def until(self, pattern: str) -> str:
        seen = b""
        while not re.search(pattern.encode(), seen):
            more = self._socket.recv(4096)
            assert more, seen
            seen += more
        return seen.decode()

    def do(self, line: str, pattern: str = r"133;B;aid=docker-run\a") -> str:
        self._socket.sendall(line.encode() + b"\n")
        return self.until(pattern)

    def close(self) -> None:
        self._stream._response.close()  # noqa: SLF001 - closing the file alone leaves the connection open
        self._stream.close()


@pytest.fixture
def shell(client: docker.DockerClient, start: Start) -> Iterator[Shell]:
    with closing(Shell(client, start())) as shell:
        yield shell


def wait_ready(client: docker.DockerClient, container: str) -> None:
    with closing(Shell(client, container)) as shell:
        shell.until("133;B")


def run(client: docker.DockerClient, container: str, script: str) -> tuple[int, str]:
    result = client.containers.get(container).exec_run(["bash", "-c", script])
    return int(result.exit_code or 0), result.output.decode()


def load(client: docker.DockerClient, container: str, reference: str) -> None:
    """Load an image of the machine's engine on a lab."""
    saved = b"".join(client.api.get_image(reference))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("image.tar")
        member.size = len(saved)
        tar.addfile(member, io.BytesIO(saved))
    client.api.put_archive(container, "/root", archive.getvalue())
    wait_ready(client, container)
    assert run(client, container, "docker load --quiet --input image.tar")[0] == 0


def test_a_kind_is_built_once_on_top_of_another(
    clients: Clients, images: Images, image: str, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("ARG BASE=lab\nFROM ${BASE}\nENV MINE=1\n")
    seen, kinds = Seen(), {"mine": tmp_path}
    labs = LabImages(images, clients, kinds, seen)
    with ThreadPoolExecutor() as pool:
        references = set(pool.map(labs.provide, ["mine"] * 4))
    assert references == {find_lab(kinds, "mine").reference}
    (reference,) = references
    try:
        assert [status for _, status in seen.images].count("sending the context") == 1
        assert {name for name, _ in seen.images} == {"lab mine"}
        layers = [clients().images.get(name).attrs["RootFS"]["Layers"] for name in (image, reference)]
        assert layers[0] == layers[1]
    finally:
        clients().images.remove(reference)


def test_a_kind_that_cannot_be_built(clients: Clients, images: Images, image: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("ARG BASE=lab\nFROM ${BASE}\nRUN echo flawed; exit 3\n")
    labs = LabImages(images, clients, {"mine": tmp_path}, Seen())
    for _ in range(2):
        with pytest.raises(ImageProblem, match=r"(?s)flawed.*non-zero code: 3") as caught:
            labs.provide("mine")
    assert caught.value.reason == "the image `lab-mine` could not be built"


def test_the_shell_waits_for_the_engine_and_marks_what_it_does(shell: Shell) -> None:
    assert shell.until(r"133;B;aid=docker-run\a").endswith(
        "\x1b[?2004h\x1b]133;D;0;aid=docker-run\a\x1b]133;A;aid=docker-run\a$ \x1b]133;B;aid=docker-run\a"
    )
    assert shell.do("docker version --format '{{.Server.Version}}'").count("\x1b]133;C;aid=docker-run\a") == 1
    assert "\x1b]133;C;aid=docker-run\a\x1b[?2004h\x1b]133;D;1;aid=docker-run\a" in shell.do("false")
    assert "133;C;aid=docker-run\a1 false\r\n" in shell.do("echo $? $_")
    shell.do("cd /srv")
    assert "/srv" in shell.do("readlink /proc/$(cat /run/docker-run.shell)/cwd")
    assert shell.do("cat <<.").endswith("\x1b]133;A;k=s;aid=docker-run\a> \x1b]133;B;aid=docker-run\a")
    shell.do(".")
    assert "C.UTF-8 UTC xterm-256color unset" in shell.do("echo $LANG $TZ $TERM ${HISTFILE-unset}")
    assert "133;" not in shell.do("bash", r"root@lab:/srv# ").partition("133;C")[2][1:].partition("\a")[2]
    assert "133;D;0" in shell.do("exit")


def test_containers_on_a_lab_are_limited(client: docker.DockerClient, start: Start, images: Images) -> None:
    lab = start()
    reference = images.provide("busybox").reference
    load(client, lab, reference)
    assert run(client, lab, f"docker run --rm {reference} echo hello") == (0, "hello\n")
    assert run(client, lab, f"docker run --rm -m 16m {reference} tail /dev/zero") == (137, "")
    many = "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done"
    status, output = run(client, lab, f"docker run --rm --pids-limit 4 {reference} sh -c '{many}'")
    assert (status != 0, "can't fork" in output) == (True, True)
    assert run(client, lab, "docker info --format '{{.Driver}}'") == (0, "overlayfs\n")
    assert run(client, lab, "unshare -Urpf --mount-proc ps -o pid= -C ps")[1].split() == ["1"]


def test_a_mirror_without_the_release_that_docker_comes_from(
    clients: Clients, images: Images, image: str, tmp_path: Path
) -> None:
    shutil.copytree(LAB_CONTEXT, tmp_path / "lab")
    dockerfile = tmp_path / "lab" / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("=forky", "=nowhere"))
    labs = LabImages(images, clients, {"mine": tmp_path / "lab"}, Seen())
    with pytest.raises(
        ImageProblem, match=r"take Docker from Debian's release 'nowhere'.*\n?.*manual's page on labs"
    ):
        labs.provide("mine")


def test_docker_is_a_current_one_and_all_else_stable(client: docker.DockerClient, start: Start) -> None:
    lab = start()
    wait_ready(client, lab)
    for command, oldest in (
        ("docker version -f '{{.Client.Version}}'", (28, 5)),
        ("docker version -f '{{.Server.Version}}'", (28, 5)),
        ("docker compose version --short", (2, 40)),
    ):
        status, version = run(client, lab, command)
        assert status == 0, version
        assert tuple(map(int, version.split(".")[:2])) >= oldest, command
    # Pages install packages of the release that the rest of the lab is.
    assert run(client, lab, "grep -r forky /etc/apt") == (1, "")
    status, unchanged = run(client, lab, "dpkg-query -W -f '${Package}\n' libc6 bash coreutils util-linux")
    assert status == 0
    script = "apt-get update -qq && apt-get install -s --reinstall " + " ".join(unchanged.split())
    status, output = run(client, lab, f"{script} | grep -c '^Inst .*stable'")
    assert (status, output) == (0, "4\n")


def test_ports_are_published_for_ipv6_too(client: docker.DockerClient, start: Start, images: Images) -> None:
    """Also where the engine around has IPv6 switched off in containers, as before version 27."""
    lab = start()
    reference = images.provide("busybox").reference
    load(client, lab, reference)
    if run(client, lab, "test -e /proc/sys/net/ipv6")[0]:
        pytest.skip("the kernel was started without IPv6")
    assert run(client, lab, f"docker run -d --name web -p 8080:80 {reference} sleep 60")[0] == 0
    assert run(client, lab, "docker port web") == (0, "80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n")


@pytest.mark.parametrize(
    ("command", "host", "said"),
    [
        ((), {}, "lab: it may not change its mounts: start it with all capabilities"),
        (("--bogus",), RIGHTS, "lab: its Docker engine ended with status 1; why, it says above"),
    ],
)
def test_a_lab_that_cannot_start_says_why(
    client: docker.DockerClient,
    start: Start,
    *,
    command: tuple[str, ...],
    host: Mapping[str, object],
    said: str,
) -> None:
    status, log = ended(client, start(*command, host=host))
    assert status == 1
    assert log[-1].startswith(said)
    assert not command or any("unknown flag: --bogus" in line for line in log)


def test_a_lab_ends_after_its_life_and_with_its_engine(client: docker.DockerClient, start: Start) -> None:
    begun = time.monotonic()
    short, killed = start(LAB_SECONDS="1"), start()
    status, log = ended(client, short)
    assert (status, log[-1]) == (124, "lab: the 1 seconds of its life are over")
    assert time.monotonic() - begun < 20
    wait_ready(client, killed)
    run(client, killed, "pkill -9 dockerd")
    status, log = ended(client, killed)
    assert (status, log[-1]) == (137, "lab: its Docker engine was killed; perhaps the lab was out of memory")
    assert re.fullmatch("lab: cgroup v[12], not privileged", log[0])
