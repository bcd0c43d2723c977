"""Which engines there may be, from settings, variables, contexts and sockets; none is contacted."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.constants import DEFAULT_DOCKER_API_VERSION

from docker_run.engine.connection.connect import connect, spoken_version
from docker_run.engine.connection.discovery import expected, find
from docker_run.engine.connection.endpoints import Certificates, candidates, certificates_for
from docker_run.errors import EngineProblem

PRIVATE = "unix:///run/docker-run/docker.sock"


class Notes:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, message: str) -> None:
        self.lines.append(message)

    def image(self, name: str, status: str) -> None: ...
    def command(self, page: str, text: str) -> None: ...


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".docker").mkdir()
    return tmp_path


@pytest.fixture
def sockets(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """Sockets where engines usually have theirs, below a root of our own."""
    root = tmp_path / "root"
    names = ("var/run/docker.sock", "run/user/7/docker.sock", "run/user/7/podman/podman.sock")
    opened = []
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        opened.append(socket.socket(socket.AF_UNIX))
        opened[-1].bind(str(root / name))
    yield {name: root / name for name in names}
    for one in opened:
        one.close()


def add_context(home: Path, name: str, **endpoint: object) -> Path:
    identity = hashlib.sha256(name.encode()).hexdigest()
    meta = home / ".docker/contexts/meta" / identity
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}))
    return home / ".docker/contexts/tls" / identity / "docker"


def urls(setting: str, environ: dict[str, str], root: Path) -> list[str]:
    return [endpoint.url for endpoint in candidates(setting, environ=environ, root=root)]


def test_none_is_no_engine(tmp_path: Path) -> None:
    assert candidates("none", environ={"DOCKER_HOST": "tcp://a:1"}, root=tmp_path) == ()


@pytest.mark.parametrize("url", ["unix:///x.sock", "tcp://10.0.0.2:2375", "ssh://me@machine"])
def test_a_url_is_that_engine_and_no_other(url: str, tmp_path: Path) -> None:
    assert urls(url, {"DOCKER_HOST": "tcp://a:1"}, tmp_path) == [url]


@pytest.mark.parametrize(
    "setting", ["docker", "", "localhost:2375", "unix://", "ftp://x", "tcp://host", "tcp://host:no"]
)
def test_another_setting_is_an_error_that_names_the_forms(setting: str, tmp_path: Path) -> None:
    with pytest.raises(EngineProblem, match=r"`auto`, `none`, or the URL"):
        candidates(setting, environ={}, root=tmp_path)


def test_docker_host_goes_before_all_others(home: Path, sockets: dict[str, Path]) -> None:
    add_context(home, "remote", Host="tcp://10.0.0.9:2375")
    environ = {"DOCKER_HOST": "tcp://a:1", "DOCKER_CONTEXT": "remote", "HOME": str(home)}
    assert urls("auto", environ, home / "root") == ["tcp://a:1"]


def test_a_wrong_docker_host_is_an_error_not_the_default_socket(home: Path, sockets: dict[str, Path]) -> None:
    with pytest.raises(EngineProblem, match="DOCKER_HOST is 'nonsense'"):
        candidates("auto", environ={"DOCKER_HOST": "nonsense"}, root=home / "root")


@pytest.mark.parametrize("by", ["variable", "file"])
def test_the_current_context_goes_before_the_sockets(by: str, home: Path, sockets: dict[str, Path]) -> None:
    add_context(home, "remote", Host="ssh://me@machine")
    environ = {"HOME": str(home)}
    if by == "variable":
        environ["DOCKER_CONTEXT"] = "remote"
    else:
        (home / ".docker/config.json").write_text('{"currentContext": "remote"}')
    assert urls("auto", environ, home / "root") == ["ssh://me@machine"]


def test_the_variable_goes_before_the_file(home: Path) -> None:
    add_context(home, "one", Host="ssh://one")
    add_context(home, "two", Host="ssh://two")
    (home / ".docker/config.json").write_text('{"currentContext": "one"}')
    assert urls("auto", {"HOME": str(home), "DOCKER_CONTEXT": "two"}, home / "root") == ["ssh://two"]


@pytest.mark.parametrize("by", ["variable", "file"])
def test_an_unknown_context_is_an_error_not_the_default_socket(
    by: str, home: Path, sockets: dict[str, Path]
) -> None:
    environ = {"HOME": str(home)}
    if by == "variable":
        environ["DOCKER_CONTEXT"] = "gone"
    else:
        (home / ".docker/config.json").write_text('{"currentContext": "gone"}')
    with pytest.raises(EngineProblem, match="no docker context 'gone'"):
        candidates("auto", environ=environ, root=home / "root")


@pytest.mark.parametrize("content", ["{", "[]"])
def test_an_unreadable_configuration_is_an_error(content: str, home: Path) -> None:
    (home / ".docker/config.json").write_text(content)
    with pytest.raises(EngineProblem, match=r"config\.json can't be read"):
        candidates("auto", environ={"HOME": str(home)}, root=home / "root")


@pytest.mark.parametrize("environ", [{}, {"DOCKER_CONTEXT": "default"}])
def test_else_the_sockets_that_exist_in_their_order(
    environ: dict[str, str], home: Path, sockets: dict[str, Path]
) -> None:
    environ = {**environ, "HOME": str(home), "XDG_RUNTIME_DIR": "/run/user/7"}
    assert urls("auto", environ, home / "root") == [
        "unix:///var/run/docker.sock",
        "unix:///run/user/7/docker.sock",
        "unix:///run/user/7/podman/podman.sock",
    ]
    sockets["run/user/7/docker.sock"].unlink()
    assert "unix:///run/user/7/docker.sock" not in urls("auto", environ, home / "root")


def test_certificates_of_docker_host() -> None:
    environ = {"DOCKER_HOST": "tcp://a:1", "DOCKER_TLS_VERIFY": "1", "HOME": "/home/me"}
    assert certificates_for("tcp://a:1", environ) == Certificates(Path("/home/me/.docker"), verify=True)
    environ = {"DOCKER_HOST": "tcp://a:1", "DOCKER_CERT_PATH": "/certs"}
    assert certificates_for("tcp://a:1", environ) == Certificates(Path("/certs"), verify=False)
    assert certificates_for("unix:///x.sock", environ) is None
    assert certificates_for("tcp://a:1", {"DOCKER_TLS_VERIFY": ""}) is None


def test_certificates_of_the_context(home: Path) -> None:
    folder = add_context(home, "remote", Host="tcp://10.0.0.9:2376", SkipTLSVerify=False)
    folder.mkdir(parents=True)
    environ = {"HOME": str(home), "DOCKER_CONTEXT": "remote", "DOCKER_CERT_PATH": "/others"}
    assert certificates_for("tcp://10.0.0.9:2376", environ) == Certificates(folder, verify=True)
    assert certificates_for("tcp://elsewhere:2376", environ) == Certificates(Path("/others"), verify=False)


def test_expected_engines() -> None:
    environ = {"DOCKER_HOST": "tcp://a:1"}
    assert expected("auto", environ=environ, private=False) == ("tcp://a:1",)
    assert expected("auto", environ=environ, private=True) == ("tcp://a:1",)
    assert expected("auto", environ={}, private=True)[-1] == PRIVATE
    assert expected("tcp://b:1", environ=environ, private=True) == ("tcp://b:1",)
    assert expected("none", environ=environ, private=True) == ()


def test_expected_engines_need_no_docker_library() -> None:
    code = (
        "import sys, docker_run.engine.connection.discovery as find; "
        "find.expected('auto', environ={}, private=True); "
        "sys.exit('docker' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nobody_answers(tmp_path: Path) -> None:
    url = f"unix://{tmp_path / 'no.sock'}"
    with pytest.raises(EngineProblem, match="no such socket"):
        find(url, environ={}, private=True, progress=Notes())
    with pytest.raises(EngineProblem, match=r"no such socket.*\(from DOCKER_HOST; "):
        find("auto", environ={"DOCKER_HOST": url}, private=False, progress=Notes())
    with pytest.raises(EngineProblem, match="`none`"):
        find("none", environ={}, private=True, progress=Notes())


def test_a_socket_that_nobody_listens_on(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "old.sock"))
    with pytest.raises(EngineProblem, match="nothing is listening"):
        connect(f"unix://{tmp_path / 'old.sock'}")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("tcp://127.0.0.1:1", "Connection refused"),
        ("tcp://127.0.0.1:1/x?y=z", "Invalid bind address format"),
        (f"unix:///{'long/' * 40}", "too long"),
    ],
)
def test_the_reason_is_the_systems_own(url: str, reason: str) -> None:
    with pytest.raises(EngineProblem, match=reason) as caught:
        connect(url, environ={})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [
        ("1.41", "1.12", "1.41"),
        ("1.41", None, "1.41"),
        (DEFAULT_DOCKER_API_VERSION, "1.24", DEFAULT_DOCKER_API_VERSION),
        ("1.52", "1.44", DEFAULT_DOCKER_API_VERSION),
        ("1.99", "1.60", "1.60"),
    ],
)
def test_the_lower_version_is_spoken_that_both_know(newest: str, oldest: str | None, spoken: str) -> None:
    answer = {"ApiVersion": newest} | ({"MinAPIVersion": oldest} if oldest else {})
    assert spoken_version(answer) == spoken


def test_ssh_without_its_library_says_what_to_install() -> None:
    try:
        import paramiko  # noqa: F401, PLC0415
    except ImportError:
        with pytest.raises(EngineProblem, match=r'pip install "docker\[ssh\]"'):
            connect("ssh://nobody@127.0.0.1:1", environ={})
    else:
        with pytest.raises(EngineProblem, match="try `ssh`"):
            connect("ssh://nobody@127.0.0.1:1", environ={})
