"""Pulling from registries that ask for a password, with credentials from wherever the CLI has them."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

import registries
from docker_run.engine.connection.client_config import client_config
from docker_run.engine.connection.connect import connect
from docker_run.engine.connection.credentials import Credentials
from docker_run.engine.images.provider import Images
from docker_run.errors import ImageProblem
from registries import PASSWORD, PRIVATE, USER
from told import Seen

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def private(engine_url: str) -> Iterator[str]:
    """Give an image in a registry that asks for a password; the engine itself hasn't got it."""
    yield from pushed(engine_url, PRIVATE)


@pytest.fixture(scope="module")
def public(engine_url: str) -> Iterator[str]:
    """Give an image in a registry that anybody may use; the engine itself hasn't got it."""
    yield from pushed(engine_url, {})


def pushed(url: str, settings: dict[str, str]) -> Iterator[str]:
    client = connect(url)
    with registries.registry(client, settings) as host:
        name = f"{host}/test/{uuid.uuid4().hex[:12]}:1"
        client.images.build(fileobj=context(f"FROM scratch\nLABEL {uuid.uuid4().hex}=1\n"), tag=name, rm=True)
        registries.push(client, name, password=PASSWORD if settings else "")
        client.images.remove(name)
        yield name
    client.close()


def context(dockerfile: str) -> io.BytesIO:
    return io.BytesIO(dockerfile.encode())


class User:
    """A user of `docker`, with a `config.json` and helper programs."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.seen = Seen()
        self.environ = {
            "DOCKER_CONFIG": str(folder),
            "PATH": os.pathsep.join((str(folder), os.environ["PATH"])),
            "DOCKER_HOST": url,
        }

    def write(self, **config: object) -> None:
        (self.folder / "config.json").write_text(json.dumps(config))

    def add_helper(self, name: str, script: str) -> None:
        path = self.folder / f"docker-credential-{name}"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def pull(self, name: str) -> str:
        """Pull the image as a build does, and remove it; return what it says of its origin."""
        credentials = Credentials(client_config(self.environ), environ=self.environ, note=self.seen.note)
        client = connect(self.url, environ=self.environ, credentials=credentials)
        try:
            images = Images(lambda: client, catalogue=None, progress=self.seen)
            origin = images.provide(name).image.origin
            client.images.remove(name)
        finally:
            client.close()
        return origin

    def pulls_with_the_cli(self, name: str) -> bool:
        done = subprocess.run(
            ["docker", "pull", "-q", name], env=self.environ, capture_output=True, text=True, check=False
        )
        subprocess.run(["docker", "rmi", name], env=self.environ, capture_output=True, check=False)
        return done.returncode == 0


@pytest.fixture
def user(tmp_path: Path, engine_url: str) -> User:
    return User(tmp_path, engine_url)


FAILING = {
    "missing": None,
    "exit status": "echo locked; exit 1",
    "garbage": "echo garbage",
}


@pytest.mark.parametrize("how", ["credsStore", "credHelpers"])
@pytest.mark.parametrize("script", FAILING.values(), ids=FAILING)
def test_a_failing_helper_is_no_error_for_a_public_image(  # noqa: PLR0917 - fixtures
    how: str, script: str | None, user: User, public: str, private: str
) -> None:
    if script is not None:
        user.add_helper("bad", script)
    hosts = [name.partition("/")[0] for name in (public, private)]
    user.write(**{how: "bad" if how == "credsStore" else dict.fromkeys(hosts, "bad")})
    assert user.pull(public) == "pulled"
    (note,) = user.seen.notes
    assert note.startswith(f"no credentials for {hosts[0]}: docker-credential-bad ")
    assert user.pulls_with_the_cli(public)
    with pytest.raises(ImageProblem, match="docker login"):
        user.pull(private)
    assert not user.pulls_with_the_cli(private)


def test_credentials_of_the_file(user: User, private: str) -> None:
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    user.write(auths={private.partition("/")[0]: {"auth": secret}})
    assert user.pull(private) == "pulled"
    assert user.pulls_with_the_cli(private)


@pytest.mark.parametrize("how", ["credsStore", "credHelpers"])
def test_credentials_of_a_helper(how: str, user: User, private: str) -> None:
    host = private.partition("/")[0]
    said = json.dumps({"ServerURL": host, "Username": USER, "Secret": PASSWORD})
    user.add_helper("good", f"[ $1 = get ] && [ $(cat) = {host} ] && echo '{said}'")
    user.write(**{how: "good" if how == "credsStore" else {host: "good"}})
    assert user.pull(private) == "pulled"
    assert user.pulls_with_the_cli(private)
    assert user.seen.notes == []


def test_a_build_pulls_with_credentials_and_survives_a_missing_helper(
    user: User, private: str, client: docker.DockerClient
) -> None:
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    user.write(auths={private.partition("/")[0]: {"auth": secret}}, credsStore="missing")
    credentials = Credentials(client_config(user.environ), environ=user.environ, note=user.seen.note)
    building = connect(user.url, environ=user.environ, credentials=credentials)
    try:
        image, _ = building.images.build(fileobj=context(f"FROM {private}\nLABEL a=b\n"), rm=True)
        assert user.seen.notes
    finally:
        building.close()
    client.images.remove(image.id)
    client.images.remove(private)
