"""Which engine is found, row by row of the manual's table; the real `docker` command is the oracle."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from docker_run.engine.connection import endpoints
from docker_run.engine.connection.connect import connect
from docker_run.engine.connection.discovery import expected, find
from docker_run.engine.connection.endpoints import candidates
from docker_run.engine.private.private_engine import PrivateEngine
from docker_run.errors import EngineProblem
from told import Seen
from version_server import answering

DEAD = "unix:///nowhere/dead.sock"

CONFIGS = {
    "no file": None,
    "an empty file": "",
    "blanks": " \n",
    "null": "null",
    "an empty object": "{}",
    "no context": '{"auths": {}, "currentContext": ""}',
    "the default context": '{"currentContext": "default"}',
}
"""Contents of `config.json` that name no context."""

DAMAGED = {
    "a cut file": '{"currentContext": "go',
    "a list": "[]",
    "a context that is no text": '{"currentContext": 5}',
    "credentials that are none": '{"auths": {"example.org": "secret"}}',
    "a helper that is no text": '{"credHelpers": {"example.org": {}}}',
    "proxies that are none": '{"proxies": {"default": "http://proxy:3128"}}',
    "headers that are none": '{"HttpHeaders": {"X-Meta": 1}}',
    "nesting": "[" * 100_000,
}


class Private:
    """Stands in for the engine of a build's own, and says whether it was started."""

    started = False

    def start(self, _progress: object) -> str:
        self.started = True
        return "unix:///private.sock"


class User:
    """A user with a home, a default socket, and what `docker` reads of both."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.config = folder / ".docker"
        self.config.mkdir()
        self.private = Private()
        self.seen = Seen()

    def write(self, content: str | None) -> None:
        if content is not None:
            (self.config / "config.json").write_text(content)

    def add_context(self, name: str, url: str) -> None:
        meta = self.config / "contexts/meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
        meta.parent.mkdir(parents=True)
        meta.write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": url}}}))

    def environ(self, **variables: str) -> dict[str, str]:
        return {"HOME": str(self.home), **variables}

    def find(self, setting: str = "auto", **variables: str) -> str:
        return find(
            setting,
            environ=self.environ(**variables),
            private=True,
            progress=self.seen,
            engine=cast("PrivateEngine", self.private),
        )

    def not_found(self, message: str, setting: str = "auto", **variables: str) -> None:
        """Hold that there is no engine, with a message in one line, and that none was started instead."""
        with pytest.raises(EngineProblem, match=message) as caught:
            self.find(setting, **variables)
        assert "\n" not in str(caught.value)
        assert not self.private.started

    def of_the_cli(self, **variables: str) -> str:
        """Return where the real CLI would look."""
        program = shutil.which("docker")
        if program is None:
            pytest.skip("the docker command is not installed")
        form = "{{if .Current}}{{.DockerEndpoint}}{{end}}"
        done = subprocess.run(
            [program, "context", "ls", "--format", form],
            env=self.environ(PATH=os.environ["PATH"], **variables),
            capture_output=True,
            text=True,
            check=True,
        )
        assert "WARNING" not in done.stderr
        return done.stdout.strip()


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> User:
    # No socket of this machine is to be found.
    monkeypatch.setattr(endpoints, "_usual_sockets", lambda _: (("/nowhere/docker.sock", "a socket"),))
    return User(tmp_path)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[str]:
    with answering(tmp_path / "e.sock") as url:
        yield url


def test_docker_host_goes_before_any_context(user: User, engine: str) -> None:
    user.add_context("dead", DEAD)
    user.write('{"currentContext": "dead"}')
    assert user.find(DOCKER_HOST=engine, DOCKER_CONTEXT="dead") == engine
    assert user.of_the_cli(DOCKER_HOST=engine, DOCKER_CONTEXT="dead") == engine


def test_an_empty_docker_host_is_none(user: User, engine: str) -> None:
    user.add_context("good", engine)
    assert user.find(DOCKER_HOST="", DOCKER_CONTEXT="good") == engine
    assert user.of_the_cli(DOCKER_HOST="", DOCKER_CONTEXT="good") == engine


def test_for_a_dead_docker_host_there_is_no_other(user: User, engine: str) -> None:
    user.add_context("good", engine)
    user.write('{"currentContext": "good"}')
    user.not_found("from DOCKER_HOST; correct or unset it: no other is used in its place", DOCKER_HOST=DEAD)
    assert expected("auto", environ=user.environ(DOCKER_HOST=DEAD), private=True) == (DEAD,)


def test_for_a_wrong_docker_host_there_is_no_other(user: User) -> None:
    user.not_found("DOCKER_HOST is 'nonsense', which is not the URL of an engine", DOCKER_HOST="nonsense")


def test_the_variable_goes_before_the_file(user: User, engine: str) -> None:
    user.add_context("good", engine)
    user.add_context("dead", DEAD)
    user.write('{"currentContext": "dead"}')
    assert user.find(DOCKER_CONTEXT="good") == engine
    assert user.of_the_cli(DOCKER_CONTEXT="good") == engine


def test_the_context_of_the_file(user: User, engine: str) -> None:
    user.add_context("good", engine)
    user.write('{"currentContext": "good"}')
    assert user.find() == engine
    assert user.of_the_cli() == engine


@pytest.mark.parametrize("by", ["variable", "file"])
def test_for_a_dead_context_there_is_no_other(by: str, user: User) -> None:
    user.add_context("dead", DEAD)
    variables = {"DOCKER_CONTEXT": "dead"} if by == "variable" else {}
    user.write(None if variables else '{"currentContext": "dead"}')
    user.not_found("from context dead; start it, or `docker context use` another", **variables)
    assert expected("auto", environ=user.environ(**variables), private=True) == (DEAD,)


@pytest.mark.parametrize("by", ["variable", "file"])
def test_for_a_context_that_there_is_not_there_is_no_other(by: str, user: User) -> None:
    variables = {"DOCKER_CONTEXT": "gone"} if by == "variable" else {}
    user.write(None if variables else '{"currentContext": "gone"}')
    user.not_found("there is no docker context 'gone'", **variables)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_without_a_context_the_sockets_are_tried(config: str | None, user: User, tmp_path: Path) -> None:
    user.write(config)
    with answering(tmp_path / "nowhere/docker.sock") as url:
        (found,) = candidates("auto", environ=user.environ(), root=tmp_path)
        assert found.url == "unix:///nowhere/docker.sock"
        assert url.endswith(found.url.removeprefix("unix://"))
    assert user.of_the_cli() == "unix:///var/run/docker.sock"


def test_the_default_context_is_none(user: User) -> None:
    user.add_context("dead", DEAD)
    user.write('{"currentContext": "dead"}')
    assert user.find(DOCKER_CONTEXT="default") == "unix:///private.sock"
    assert user.private.started
    assert user.of_the_cli(DOCKER_CONTEXT="default") == "unix:///var/run/docker.sock"


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_with_a_damaged_file_there_is_no_engine(content: str, user: User, engine: str) -> None:
    user.write(content)
    user.not_found(r"config\.json can't be read: .*; fix it, or name another directory with DOCKER_CONFIG")
    # It is not the variable that has to be corrected.
    user.not_found(r"config\.json can't be read: .* with DOCKER_CONFIG$", DOCKER_HOST=engine)


def test_with_a_file_that_may_not_be_read_there_is_no_engine(
    user: User, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *_: object, **__: object) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    # As root may read everything, this is how it is for others.
    monkeypatch.setattr(Path, "read_text", refuse)
    user.not_found(r"config\.json can't be read: .*Permission denied", DOCKER_HOST=engine)


def test_with_a_folder_in_the_place_of_the_file_there_is_no_engine(user: User) -> None:
    (user.config / "config.json").mkdir()
    user.not_found(r"config\.json can't be read: .*Is a directory")


def test_what_the_cli_takes_is_taken(user: User, engine: str) -> None:
    """docker-py itself would fail at these."""
    entries = {"a.example": {"auth": ""}, "b.example": {"auth": None}, "c.example": {}}
    user.write(json.dumps({"auths": entries, "detachKeys": "ctrl-a", "HttpHeaders": {"X-Meta": "1"}}))
    assert user.find(DOCKER_HOST=engine) == engine
    client = connect(engine, environ=user.environ())
    assert client.api._general_configs == {"HttpHeaders": {"X-Meta": "1"}}  # noqa: SLF001
    client.close()


def test_the_folder_of_all_that_is_docker_config(user: User, engine: str, tmp_path: Path) -> None:
    user.write('{"currentContext": "gone"}')
    (tmp_path / "elsewhere").mkdir()
    elsewhere = User(tmp_path / "elsewhere")
    elsewhere.add_context("good", engine)
    elsewhere.write('{"currentContext": "good"}')
    assert user.find(DOCKER_CONFIG=str(elsewhere.config)) == engine
    assert user.of_the_cli(DOCKER_CONFIG=str(elsewhere.config)) == engine


def test_a_user_without_a_home_has_no_contexts(user: User) -> None:
    found = find(
        "auto", environ={}, private=True, progress=user.seen, engine=cast("PrivateEngine", user.private)
    )
    assert found == "unix:///private.sock"


def test_for_a_dead_url_of_the_setting_there_is_no_other(user: User, engine: str) -> None:
    user.not_found("from the engine setting; correct it", setting=DEAD, DOCKER_HOST=engine)


def test_of_sockets_the_first_that_answers_is_taken_and_the_dead_are_told(
    user: User, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [endpoints.Endpoint(DEAD, "the default socket"), endpoints.Endpoint(engine, "another socket")]
    monkeypatch.setattr("docker_run.engine.connection.discovery.candidates", lambda *_, **__: found)
    assert user.find() == engine
    (note,) = user.seen.notes
    assert re.fullmatch(r"no engine at .*dead\.sock: .* \(from the default socket\)", note)
    monkeypatch.setattr("docker_run.engine.connection.discovery.candidates", lambda *_, **__: found[:1])
    assert user.find() == "unix:///private.sock"
    assert user.seen.notes[1:] == [note, "on an engine of the build's own, at unix:///private.sock"]


def test_proxies_of_the_environment_are_not_for_sockets(
    user: User, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert user.find(DOCKER_HOST=engine) == engine
