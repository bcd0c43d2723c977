"""The proxies of `config.json`: containers get them as from the real `docker` command."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker.utils.proxy import ProxyConfig

from docker_cli import Cli, cli
from docker_run.docker_cli import run_line
from docker_run.engine.connection.client_config import client_config
from docker_run.engine.connection.connect import connect
from docker_run.engine.labs.proxies import client_config_archive, own_environment
from version_server import answering

ALL = {
    "httpProxy": "http://proxy.example:3128",
    "httpsProxy": "http://proxy.example:3129",
    "noProxy": "*.example,127.0.0.0/8",
    "ftpProxy": "ftp://proxy.example",
    "allProxy": "socks5://proxy.example",
}
HERE = "unix:///engine"
"""Stands for the URL of the engine."""

PROXIES: dict[str, dict[str, dict[str, str]]] = {
    "all": {"default": ALL},
    "some": {"default": {"httpProxy": "http://proxy.example:3128", "noProxy": ""}},
    "of this engine": {HERE: {"httpsProxy": "http://near.example"}, "default": ALL},
    "none of this engine": {HERE: {}, "default": ALL},
    "of another engine": {"unix:///other": ALL},
    "none": {},
}
LINES = [
    "busybox",
    "-e HTTP_PROXY=mine -e B=2 busybox",
    "-e http_proxy -e NO_PROXY= busybox",
    "--env-file web.env busybox",
    "--env-file web.env -e https_proxy=mine busybox",
]
FILE = "HTTP_PROXY=of the file\nA=1\n"


@pytest.fixture
def oracle(tmp_path: Path) -> Iterator[Cli]:
    with cli(tmp_path) as found:
        if found is None:
            pytest.skip("the docker command is not installed")
        yield found


@pytest.mark.parametrize("proxies", PROXIES.values(), ids=PROXIES)
@pytest.mark.parametrize("line", LINES)
def test_as_the_cli_gives_them(
    line: str, proxies: dict[str, dict[str, str]], oracle: Cli, tmp_path: Path
) -> None:
    url = f"unix://{tmp_path / 'socket'}"
    written = {url if name == HERE else name: value for name, value in proxies.items()}
    (tmp_path / "config.json").write_text(json.dumps({"proxies": written}))
    (tmp_path / "web.env").write_text(FILE)
    variables = client_config({"DOCKER_CONFIG": str(tmp_path)}).proxy_variables(url)
    parsed = run_line.parse(line, allow=None, read=lambda _: FILE, proxies=variables)
    ours = list(parsed.process.environment)
    sent = oracle.run(line.split(), cwd=tmp_path).body
    assert sent is not None
    theirs = sent["Env"] or []
    # The CLI's order is random, but for those of files, which come first.
    assert sorted(ours) == sorted(theirs)
    of_file = FILE.splitlines() if "env-file" in line else []
    assert ours[: len(of_file)] == theirs[: len(of_file)] == of_file


def test_builds_get_them_from_docker_py(tmp_path: Path) -> None:
    with answering(tmp_path / "e.sock") as url:
        (tmp_path / "config.json").write_text(json.dumps({"proxies": {url: ALL}}))
        environ = {"DOCKER_CONFIG": str(tmp_path)}
        client = connect(url, environ=environ)
        given: ProxyConfig = vars(client.api)["_proxy_configs"]
        client.close()
        assert given.get_environment() == client_config(environ).proxy_variables(url)
        assert len(given.get_environment()) == 2 * len(ALL)


@pytest.fixture
def unpacked() -> Callable[[bytes], dict[str, object]]:
    def unpack(archive: bytes) -> dict[str, object]:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            file = tar.extractfile(".docker/config.json")
            assert file is not None
            found: dict[str, object] = json.load(file)
            return found

    return unpack


def test_on_a_lab(unpacked: Callable[[bytes], dict[str, object]], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"proxies": {"default": ALL}}))
    variables = client_config({"DOCKER_CONFIG": str(tmp_path)}).proxy_variables(HERE)
    own = dict(entry.split("=", 1) for entry in own_environment(variables, near=["db", "172.17.0.2"]))
    assert own["NO_PROXY"] == own["no_proxy"] == f"{ALL['noProxy']},localhost,127.0.0.1,::1,db,172.17.0.2"
    assert own["http_proxy"] == ALL["httpProxy"]
    # The lab's containers get what containers of the user get.
    assert unpacked(client_config_archive(variables)) == {"proxies": {"default": ALL}}


def test_without_proxies_a_lab_has_nothing_of_them() -> None:
    assert own_environment({}, near=["db"]) == []
