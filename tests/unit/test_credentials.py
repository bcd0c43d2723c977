"""Credentials for registries: from `config.json`, and from helper programs that may do anything."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from docker.auth import INDEX_URL

from builds import wait_for
from docker_run.engine.connection.client_config import ClientConfig
from docker_run.engine.connection.credentials import Credentials
from docker_run.errors import EngineProblem

PLAIN = {"auth": base64.b64encode(b"me:of the file").decode()}

FAILING = {
    "missing": (None, "is not installed"),
    "exit status": ("echo 'the key is locked'; exit 3", "exit status 3 (the key is locked)"),
    "silent": ("exit 1", "exit status 1 (it says nothing)"),
    "garbage": ("echo 'password=hunter2'", "gave an answer that can't be understood"),
    "nothing": ("true", "gave an answer that can't be understood"),
    "another object": ("echo '{\"Username\": 3}'", "gave an answer that can't be understood"),
    "a list": ("echo '[]'", "gave an answer that can't be understood"),
    "bytes": (r"printf '\377\376'", "gave an answer that can't be understood"),
    "killed": ("kill -9 $$", "exit status -9"),
    "control": (r"printf 'no \033]0;title\007way'; exit 1", "exit status 1 (no ]0;titleway)"),
    "no interpreter": ("#!/nowhere/sh\n", "can't be run: No such file or directory"),
}
"""Shell scripts of helpers, and what is said of them."""


class Helpers:
    """Helper programs in a folder of their own, and credentials that ask them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: list[str] = []

    def add(self, name: str, script: str) -> None:
        path = self.folder / f"docker-credential-{name}"
        begin = "" if script.startswith("#!") else f'#!/bin/sh\necho "$1 $(cat)" >> {self.folder}/asked\n'
        path.write_text(f"{begin}{script}\n")
        path.chmod(0o755)

    def of(
        self, config: ClientConfig, *, seconds: float = 30.0, stopped: Callable[[], bool] = lambda: False
    ) -> Credentials:
        path = os.pathsep.join((str(self.folder), os.environ["PATH"]))
        return Credentials(
            config, environ={"PATH": path}, note=self.notes.append, stopped=stopped, seconds=seconds
        )

    @property
    def asked(self) -> list[str]:
        path = self.folder / "asked"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def helpers(tmp_path: Path) -> Helpers:
    return Helpers(tmp_path)


def answer(user: str, secret: str) -> str:
    said = json.dumps({"ServerURL": "x", "Username": user, "Secret": secret})
    return f"echo '{said}'"


def test_those_of_the_file(helpers: Helpers) -> None:
    config = ClientConfig(auths={"example.org": PLAIN, INDEX_URL: PLAIN, "empty.example": {"auth": ""}})
    found = helpers.of(config)
    for registry in ("example.org", "docker.io", None):
        assert ("password", "of the file") in found.resolve_authconfig(registry).items()
    assert not found.resolve_authconfig("empty.example")
    assert found.resolve_authconfig("other.example") is None


@pytest.mark.parametrize(
    "entry", [{"auth": "!"}, {"auth": "bm8gY29sb24="}, {"auth": 5}, {"auth": "/////w=="}], ids=str
)
def test_what_no_login_writes_is_named_with_its_file(entry: dict[str, object], helpers: Helpers) -> None:
    with pytest.raises(EngineProblem, match=r"^/x/config\.json can't be read: `auths` holds"):
        helpers.of(ClientConfig(Path("/x/config.json"), auths={"example.org": entry}))


def test_a_helper_is_asked_once_for_each_registry(helpers: Helpers) -> None:
    helpers.add("mine", answer("me", "of the helper"))
    found = helpers.of(ClientConfig(credential_helpers={"example.org": "mine"}, credentials_store="mine"))
    for _ in range(2):
        assert found.resolve_authconfig("example.org") == {
            "ServerAddress": "example.org",
            "Username": "me",
            "Password": "of the helper",
        }
        assert found.resolve_authconfig("docker.io")["ServerAddress"] == INDEX_URL
    assert helpers.asked == ["get example.org", f"get {INDEX_URL}"]
    assert helpers.notes == []


def test_threads_that_ask_at_the_same_time_start_one_helper(helpers: Helpers) -> None:
    helpers.add("slow", f"sleep 0.2; {answer('me', 'of the helper')}")
    found = helpers.of(ClientConfig(credentials_store="slow"))
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(found.resolve_authconfig, ["example.org"] * 4))
    assert {each["Username"] for each in given} == {"me"}
    assert helpers.asked == ["get example.org"]


def test_a_token(helpers: Helpers) -> None:
    helpers.add("mine", answer("<token>", "t"))
    found = helpers.of(ClientConfig(credentials_store="mine"))
    assert found.resolve_authconfig("example.org") == {"ServerAddress": "example.org", "IdentityToken": "t"}


@pytest.mark.parametrize(
    "script", ["echo 'credentials not found in native keychain'; exit 1", answer("", "")]
)
def test_a_helper_that_has_none_is_no_failure(script: str, helpers: Helpers) -> None:
    helpers.add("mine", script)
    assert helpers.of(ClientConfig(credentials_store="mine")).resolve_authconfig("example.org") is None
    assert helpers.notes == []


@pytest.mark.parametrize(("script", "said"), FAILING.values(), ids=FAILING)
def test_a_helper_that_fails_costs_its_registry_only(script: str | None, said: str, helpers: Helpers) -> None:
    if script is not None:
        helpers.add("bad", script)
    helpers.add("good", answer("me", "of the helper"))
    config = ClientConfig(credential_helpers={"example.org": "bad"}, credentials_store="good")
    found = helpers.of(config)
    assert found.resolve_authconfig("example.org") is None
    assert ("Password", "of the helper") in found.resolve_authconfig("docker.io").items()
    (note,) = helpers.notes
    assert note.startswith("no credentials for example.org: ")
    assert said in note
    assert "hunter2" not in note
    assert note.isprintable()


def test_where_a_helper_fails_the_file_is_asked(helpers: Helpers) -> None:
    config = ClientConfig(auths={"example.org": PLAIN}, credentials_store="missing")
    assert ("password", "of the file") in helpers.of(config).resolve_authconfig("example.org").items()


def has_ended(pid: int) -> bool:
    """Tell whether a process has ended, also where nobody has waited for it yet: proc(5)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def test_a_helper_ends_with_the_build(helpers: Helpers) -> None:
    helpers.add("stuck", "sleep 600")
    config = ClientConfig(credentials_store="stuck")
    found = helpers.of(config, seconds=3600, stopped=lambda: helpers.asked == ["get example.org"])
    assert found.resolve_authconfig("example.org") is None
    (note,) = helpers.notes
    assert note.endswith("was ended with the build")


def test_a_helper_that_does_not_end_is_ended_and_given_up(helpers: Helpers) -> None:
    helpers.add("stuck", 'sleep 600 & echo $! > "$0.child"; wait')
    found = helpers.of(ClientConfig(credentials_store="stuck"), seconds=3)
    assert found.resolve_authconfig("example.org") is None
    assert found.resolve_authconfig("docker.io") is None
    assert found.get_all_credentials() == {}
    assert helpers.asked == ["get example.org"]
    (note,) = helpers.notes
    assert note.endswith("did not end within 3 s")
    child = int((helpers.folder / "docker-credential-stuck.child").read_text())
    wait_for(lambda: has_ended(child), "the end of what the helper has started")


def test_a_build_gets_those_of_all_registries_that_have_any(helpers: Helpers) -> None:
    helpers.add("bad", "exit 1")
    listed = json.dumps({"https://listed.example/v1/": "me"})
    helpers.add("store", f"case $1 in list) echo '{listed}' ;; get) {answer('me', 's')} ;; esac")
    config = ClientConfig(
        auths={"file.example": PLAIN},
        credential_helpers={"bad.example": "bad", "file.example": ""},
        credentials_store="store",
    )
    found = helpers.of(config).get_all_credentials()
    assert sorted(found) == ["file.example", "https://listed.example/v1/", "listed.example"]
    assert found["file.example"]["username"] == "me"
    assert ("Password", "s") in found["listed.example"].items()
    broken = helpers.of(ClientConfig(auths={"file.example": PLAIN}, credentials_store="missing"))
    assert sorted(broken.get_all_credentials()) == ["file.example"]
