"""The private engine: joined, survived, ended, found again; with a network and a `/run` of its own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import docker
import pytest

from docker_run.engine.connection.connect import connect
from docker_run.engine.images.provider import Images
from docker_run.engine.private.private_engine import PrivateEngine
from docker_run.errors import EngineProblem

pytestmark = [
    pytest.mark.engine,
    pytest.mark.own_engine,
    pytest.mark.skipif(
        not os.environ.get("DOCKER_RUN_REQUIRE_ENGINE")
        and (os.geteuid() != 0 or not shutil.which("dockerd", path=f"{os.environ['PATH']}:/usr/sbin")),
        reason="a private engine needs root and dockerd",
    ),
]

# Starts the engine at each line that it reads, and forks where that says so; ends at end-of-file.
USER = """
import os, sys, time
from pathlib import Path
from docker_run.engine.private.private_engine import PrivateEngine
from docker_run.errors import EngineProblem

class Notes:
    def note(self, message): print("note", message, flush=True)

for line in sys.stdin:
    try:
        print("url", PrivateEngine(Path(sys.argv[1]), Path(sys.argv[2])).start(Notes()), flush=True)
        if line == "fork\\n" and os.fork() == 0: time.sleep(1000)
    except EngineProblem as problem:
        print("problem", problem, flush=True)
"""


class Notes:
    def note(self, message: str) -> None: ...
    def image(self, name: str, status: str) -> None: ...
    def command(self, page: str, text: str) -> None: ...


@dataclass
class Machine:
    """A network and a `/run` of their own, and the places of an engine there."""

    holder: subprocess.Popen[bytes]
    data_root: Path
    run_root: Path
    users: list[subprocess.Popen[str]] = field(default_factory=list)

    def command(self, *words: str) -> list[str]:
        return ["nsenter", f"--target={self.holder.pid}", "--net", "--mount", f"--wd={Path.cwd()}", *words]

    def run(self, *words: str) -> str:
        return subprocess.run(self.command(*words), check=True, capture_output=True, text=True).stdout

    def user(self, **environ: str) -> User:
        words = self.command(sys.executable, "-c", USER, str(self.data_root), str(self.run_root))
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
            start_new_session=True,
        )
        self.users.append(process)
        return User(process)

    def processes(self, program: str) -> list[int]:
        """Find the engine's own processes that run `program`."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_text(errors="replace").split("\0")
                ours = any(str(self.run_root) in word for word in words)
                if ours and program in {Path(word).name for word in words[:3]}:
                    found.append(int(folder.name))
        return found

    def mounts(self) -> list[str]:
        """Return what is mounted among the engine's files."""
        points = (
            line.split()[1] for line in Path(f"/proc/{self.holder.pid}/mounts").read_text().splitlines()
        )
        return [point for point in points if point.startswith(f"{self.data_root.parent}/")]

    def is_quiet(self) -> bool:
        names = ("dockerd", "containerd", "containerd-shim-runc-v2", "supervisor.py")
        return not any(self.processes(name) for name in names)


@dataclass
class User:
    process: subprocess.Popen[str]

    def start(self, line: str = "") -> list[str]:
        """Let the process start the engine, or join it; return what it said."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        said = []
        while not said or said[-1].startswith("note "):
            said.append(self.process.stdout.readline().strip())
            assert said[-1], "the process ended"
        return said

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@pytest.fixture
def machine() -> Iterator[Machine]:
    # Not pytest's tmp_path: the paths of sockets have to be short.
    root = Path(tempfile.mkdtemp(prefix="dr-", dir="/var/tmp"))
    hide = (
        "mount -t tmpfs tmpfs /run && mkdir /run/cgroup && mount --rbind /sys/fs/cgroup /run/cgroup && "
        "mount -t sysfs sysfs /sys && mount --move /run/cgroup /sys/fs/cgroup && rmdir /run/cgroup && "
        "exec sleep 1000"
    )
    holder = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", hide])
    until(lambda: " /run tmpfs " in Path(f"/proc/{holder.pid}/mounts").read_text())
    until(lambda: Path(f"/proc/{holder.pid}/comm").read_text() == "sleep\n")
    machine = Machine(holder, root / "data", root / "run")
    yield machine
    for process in machine.users:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()
    until(machine.is_quiet)
    holder.kill()
    holder.wait()
    shutil.rmtree(root)


@pytest.fixture
def connected(machine: Machine) -> Iterator[Callable[[], docker.DockerClient]]:
    clients = []

    def to_machine() -> docker.DockerClient:
        clients.append(connect(f"unix://{machine.run_root / 'docker.sock'}"))
        return clients[-1]

    yield to_machine
    for client in clients:
        client.close()


@pytest.fixture
def archive(client: docker.DockerClient, tmp_path: Path) -> Path:
    """Give an archive of busybox."""
    catalogue = Path(__file__).parents[2] / "docs/images"
    provided = Images(lambda: client, catalogue=catalogue, progress=Notes()).provide("busybox")
    path = tmp_path / "busybox.tar"
    with path.open("wb") as file:
        for part in client.images.get(provided.reference).save(named=True):
            file.write(part)
    return path


def load(client: docker.DockerClient, archive: Path) -> str:
    with archive.open("rb") as file:
        return str(client.images.load(file)[0].id)


def test_it_lives_as_long_as_anyone_uses_it(
    machine: Machine, connected: Callable[[], docker.DockerClient], archive: Path
) -> None:
    first, second = machine.user(), machine.user()
    note, url = first.start()
    assert note.startswith("note starting a private Docker engine")
    assert url == f"url unix://{machine.run_root / 'docker.sock'}"
    assert first.start() == [url], "asking again changes nothing"
    assert second.start() == [url], "who comes second joins"
    image = load(connected(), archive)

    first.kill()
    time.sleep(1.5)  # longer than the supervisor looks away
    assert connected().containers.run(image, ["echo", "still here"], remove=True) == b"still here\n"

    second.kill()
    until(machine.is_quiet)
    assert not (machine.run_root / "docker.sock").exists()

    assert machine.user().start()[-1] == url
    assert connected().images.get(image).id == image, "images are kept"


def test_two_that_start_at_once_share_one_engine(machine: Machine) -> None:
    users = [machine.user(), machine.user()]
    for user in users:
        assert user.process.stdin
        user.process.stdin.write("\n")
        user.process.stdin.flush()
    said: list[str] = []
    for user in users:
        assert user.process.stdout
        line = user.process.stdout.readline()
        said.append(line.split()[0])
        if line.startswith("note"):
            assert user.process.stdout.readline().startswith("url")
    assert sorted(said) == ["note", "url"], "one started it, one joined"
    assert len(machine.processes("dockerd")) == 1


def test_a_forked_process_does_not_keep_it(machine: Machine) -> None:
    user = machine.user()
    user.start("fork")
    until(
        lambda: (
            len(Path(f"/proc/{user.process.pid}/task/{user.process.pid}/children").read_text().split()) == 1
        )
    )
    user.kill()
    try:
        until(machine.is_quiet)
    finally:
        os.killpg(user.process.pid, signal.SIGKILL)


@pytest.mark.parametrize("victims", [("dockerd", "containerd"), ("dockerd",), ("supervisor.py",)])
def test_it_starts_again_after_parts_of_it_were_killed(
    victims: tuple[str, ...],
    machine: Machine,
    connected: Callable[[], docker.DockerClient],
    archive: Path,
) -> None:
    user = machine.user()
    url = user.start()[-1]
    client = connected()
    image = load(client, archive)
    container = client.containers.run(image, ["sleep", "1000"], detach=True, name="sleeper")
    container.reload()
    inside = int(container.attrs["State"]["Pid"])
    client.networks.create("later")

    for victim in victims:
        for process in machine.processes(victim):
            os.kill(process, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{inside}").exists())
    until(machine.is_quiet)
    until(lambda: not machine.mounts())
    until(lambda: "/run/containerd/s/" not in machine.run("find", "/run"))

    said = user.start()
    assert [line.split()[0] for line in said] == ["note", "url"]
    assert said[-1] == url
    client = connected()
    client.containers.get("sleeper").remove(force=True)
    assert client.containers.run(image, ["echo", "again"], remove=True) == b"again\n"


def test_nothing_of_another_engine_or_the_machine_is_changed(
    machine: Machine, connected: Callable[[], docker.DockerClient]
) -> None:
    machine.run("ip", "link", "add", "docker0", "type", "bridge")
    machine.run("ip", "address", "add", "10.214.7.1/24", "dev", "docker0")
    machine.run("ip", "link", "set", "docker0", "up")
    for rule in (("-N", "DOCKER"), ("-A", "DOCKER", "-d", "10.214.7.2", "-j", "ACCEPT")):
        machine.run("iptables", *rule)

    def state() -> list[str]:
        links = machine.run("ip", "-4", "-oneline", "address", "show", "docker0")
        forwarding = machine.run("sysctl", "net.ipv4.ip_forward")
        rules = (machine.run("iptables", "-S"), machine.run("iptables", "-t", "nat", "-S"))
        return [links, forwarding, *rules, machine.run("find", "/run")]

    machine.run("mkdir", "/run/docker")
    machine.run("sysctl", "-w", "net.ipv4.ip_forward=0")
    before = state()
    links = machine.run("ip", "-oneline", "link").count("\n")
    for name in ("one", "two"):  # an engine that has networks already starts otherwise
        user = machine.user()
        user.start()
        network = connected().networks.create(name)
        subnet = network.attrs or connected().networks.get(name).attrs
        assert not str(subnet["IPAM"]["Config"][0]["Subnet"]).startswith("10.214."), "that is docker0's"
        user.kill()
        until(machine.is_quiet)
        assert state() == before
        assert machine.run("ip", "-oneline", "link").count("\n") == links


def test_forwarding_is_put_back_unless_another_engine_has_come(machine: Machine) -> None:
    def forwarding() -> str:
        return machine.run("sysctl", "-n", "net.ipv4.ip_forward").strip()

    machine.run("sysctl", "-w", "net.ipv4.ip_forward=0")
    for killed in (False, True):
        user = machine.user()
        user.start()
        assert forwarding() == "1", "containers reach the world"
        if killed:
            for victim in ("supervisor.py", "dockerd", "containerd"):
                for process in machine.processes(victim):
                    os.kill(process, signal.SIGKILL)
            until(machine.is_quiet)
            user.start()  # the next start puts back what a killed engine has left
        user.kill()
        until(machine.is_quiet)
        assert forwarding() == "0"
    user = machine.user()
    user.start()
    machine.run("ip", "link", "add", "docker0", "type", "bridge")
    user.kill()
    until(machine.is_quiet)
    assert forwarding() == "1"


def test_interfaces_go_that_were_made_for_containers_when_it_was_killed(machine: Machine) -> None:
    user = machine.user()
    user.start()
    bridge = PrivateEngine(machine.data_root, machine.run_root).bridge
    for name, master in (("vethdr1", bridge), ("vethdr2", None)):
        machine.run("ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}-in")
        if master:
            machine.run("ip", "link", "set", name, "master", master, "up")
    for process in machine.processes("dockerd"):
        os.kill(process, signal.SIGKILL)
    until(machine.is_quiet)
    left = re.findall(r"^\d+: ([^:@]+)", machine.run("ip", "-oneline", "link"), re.MULTILINE)
    assert sorted(left) == ["lo", "vethdr2", "vethdr2-in"], "nobody knows whose the second pair is"


def test_published_ports_answer_and_networks_are_apart(
    machine: Machine, connected: Callable[[], docker.DockerClient], archive: Path
) -> None:
    machine.run("ip", "link", "set", "lo", "up")
    user = machine.user()
    user.start()
    client = connected()
    image = load(client, archive)
    for name in ("one", "two"):
        client.networks.create(name)
    web = ["httpd", "-f", "-p", "80", "-h", "/etc"]
    client.containers.run(image, web, detach=True, name="web", network="one", ports={"80/tcp": 8080})

    def get(url: str, network: str) -> int:
        words = ["wget", "-q", "-T", "2", "-O", "/dev/null", url]
        container = client.containers.run(image, words, detach=True, network=network)
        return int(container.wait()["StatusCode"])

    address = client.containers.get("web").attrs["NetworkSettings"]["Networks"]["one"]["IPAddress"]
    until(lambda: get("http://web/hostname", "one") == 0)
    assert get(f"http://{address}/hostname", "one") == 0
    assert get(f"http://{address}/hostname", "two") != 0
    code = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/hostname').status)"
    assert machine.run(sys.executable, "-c", code) == "200\n"


def test_the_way_out_of_a_container_does_not_move(
    machine: Machine, connected: Callable[[], docker.DockerClient], archive: Path
) -> None:
    def hardware() -> str:
        (address,) = re.findall(r"dr-\w+: .* link/ether (\S+)", machine.run("ip", "-oneline", "link"))
        return str(address)

    user = machine.user()
    user.start()
    before = hardware()
    client = connected()
    image = load(client, archive)
    # Each brings an interface of its own; a bridge without an address takes the lowest of theirs.
    for _ in range(3):
        client.containers.run(image, ["sleep", "1000"], detach=True)
        assert hardware() == before
    for container in client.containers.list():
        container.remove(force=True)
        assert hardware() == before


def test_why_it_did_not_start_is_said_in_a_line(machine: Machine, tmp_path: Path) -> None:
    fake = tmp_path / "dockerd"
    fake.write_text(
        "#!/bin/sh\necho 'failed to start daemon: the moon'\necho 'level=warning msg=\"bye\"'\nexit 1\n"
    )
    fake.chmod(0o755)
    user = machine.user(PATH=f"{tmp_path}:{os.environ['PATH']}")
    problem = user.start()[-1]
    assert problem.startswith("problem a private engine did not start: failed to start daemon: the moon")
    until(machine.is_quiet)
    links = machine.run("ip", "-oneline", "link")
    assert "dr-" not in links


def test_a_path_too_long_for_a_socket_is_refused() -> None:
    engine = PrivateEngine(Path("/nowhere"), Path("/tmp") / ("long" * 30))  # noqa: S108 - never made
    with pytest.raises(EngineProblem, match="too long"):
        engine.start(Notes())
