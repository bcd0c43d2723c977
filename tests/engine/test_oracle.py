"""The direct way against the real CLI: the same output, exit status and `docker inspect` result.

Each line runs twice on one engine: given to the `docker` command (in a terminal of the same size where
it asks for one), and as a step of a session. What is left out of the comparison is in `MASKED`, with
the reason; nothing that the grammar decides is among it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.utils import version_lt
from ptyprocess import PtyProcess

from contract import session, step
from docker_run.engine.cleanup import labels
from docker_run.engine.direct.direct_session import DirectSession
from docker_run.engine.engine import DockerEngine
from docker_run.errors import FlagProblem, ImageProblem
from docker_run.model import (
    Chunk,
    Command,
    DirectLimits,
    Expectation,
    Location,
    Step,
    Stream,
    TerminalSize,
)
from docker_run.terminal import keys, screen
from run_lines import CASES, Case

pytestmark = pytest.mark.engine

VERSION = 28
CASE = "docker-run-oracle"
"""Label: the case, and the side of it, to which a container belongs."""
SIZE = TerminalSize()
PATIENCE = 60.0
Json = dict[str, Any]


@dataclass
class Outcome:
    """What came of a line on one side."""

    out: bytes
    err: bytes
    terminal: bytes
    exit_code: int
    inspected: list[Json]


# The sides.


@dataclass
class CliSide:
    """The `docker` command."""

    client: docker.DockerClient
    environment: dict[str, str]
    directory: Path
    name: str
    other: str
    image: str

    def run(self, line: str, case: Case) -> Outcome:
        words = ["sh", "-c", f"exec docker run --label {CASE}={self.name} {line}"]
        if case.terminal:
            said = self.directory / "stderr"
            words[2] += f" 2>{said}"
            terminal, status = _in_terminal(words, case.typed, self.environment, self.directory)
            return Outcome(b"", said.read_bytes(), terminal, status, self._inspect())
        done = subprocess.run(
            words,
            input="".join(f"{one}\n" for one in case.typed).encode(),
            capture_output=True,
            check=False,
            env=self.environment,
            cwd=self.directory,
            timeout=PATIENCE,
        )
        return Outcome(done.stdout, done.stderr, b"", done.returncode, self._inspect())

    def _inspect(self) -> list[Json]:
        return _inspect(self.client, f"{CASE}={self.name}")


@dataclass
class DirectSide:
    """A session, directly on the engine."""

    client: docker.DockerClient
    running: DirectSession
    prefix: str
    directory: Path
    name: str
    other: str
    image: str
    status: int
    """What is expected: a refusal is an output only where the page says so."""

    def run(self, line: str, case: Case) -> Outcome:
        command = Command(f"docker run --label {CASE}={self.name} {line}", case.typed)
        where = Location(str(self.directory / "page.md"), 1)
        expect = Expectation(exit_codes=(self.status,))
        asked = Step(where, (command,), files=tuple(case.files.items()), expect=expect)
        (recording,) = self.running.run(asked)

        def of(stream: Stream) -> bytes:
            return b"".join(chunk.data for chunk in recording.output if chunk.stream is stream)

        return Outcome(
            of(Stream.OUT), of(Stream.ERR), of(Stream.TERMINAL), recording.exit_code, self._inspect()
        )

    def _inspect(self) -> list[Json]:
        found = _inspect(self.client, f"{labels.SESSION}={self.prefix}")
        return [as_written(one) for one in json.loads(json.dumps(found).replace(self.prefix, ""))]


def as_written(inspected: Json) -> Json:
    """Return a container of a session without what its line doesn't say, and sessions add.

    Only the very values that they add are taken out: those of a line are compared.
    """
    host, limits = inspected["HostConfig"], DirectLimits()
    if (host["Memory"], host["MemorySwap"]) == (limits.memory, limits.memory):
        host |= {"Memory": 0, "MemorySwap": 0}
    if host["PidsLimit"] == limits.pids:
        host["PidsLimit"] = None
    if re.fullmatch("docker-run-[0-9a-f]{16}", host["NetworkMode"]):
        networks = inspected["NetworkSettings"]["Networks"]
        assert list(networks) == [host["NetworkMode"]]
        endpoint = networks.popitem()[1]
        # The engine adds the host name to these, where `-h` gives one.
        endpoint |= dict.fromkeys(("Aliases", "DNSNames"))
        inspected["NetworkSettings"]["Networks"] = {"bridge": endpoint}
        host["NetworkMode"] = "bridge"
    return inspected


def _inspect(client: docker.DockerClient, label: str) -> list[Json]:
    ids = [one["Id"] for one in client.api.containers(all=True, filters={"label": label})]
    return [client.api.inspect_container(one) for one in ids]


def _in_terminal(
    words: list[str], typed: tuple[str, ...], environment: dict[str, str], directory: Path
) -> tuple[bytes, int]:
    """Run a program in a terminal, typing each line after a prompt, or when it has gone quiet."""
    process = PtyProcess.spawn(
        words, cwd=str(directory), env=environment, dimensions=(SIZE.rows, SIZE.columns)
    )
    os.set_blocking(process.fd, False)
    seen, lines, quiet, began = b"", list(typed), time.monotonic(), time.monotonic()
    try:
        while True:
            assert time.monotonic() - began < PATIENCE, seen
            try:
                data = os.read(process.fd, 65536)
            except BlockingIOError:
                waiting = time.monotonic() - quiet
                prompt = re.search(rb"[#$] (\x1b\[6n)?$", seen) is not None
                if lines and (waiting > 2 or (prompt and waiting > 0.3)):
                    os.write(process.fd, keys.to_bytes(lines.pop(0)))
                    quiet = time.monotonic()
                time.sleep(0.02)
            except OSError:
                break
            else:
                if not data:
                    break
                seen += data
                quiet = time.monotonic()
        return seen, process.wait()
    finally:
        process.close(force=True)


# What is compared.

MASKED: dict[str, str] = {
    "Id": "random",
    "Created": "a time",
    "State.Pid": "a process of the host",
    "State.StartedAt": "a time",
    "State.FinishedAt": "a time",
    "ResolvConfPath": "has the id",
    "HostnamePath": "has the id",
    "HostsPath": "has the id",
    "LogPath": "has the id",
    "GraphDriver.Data": "directories of the container's own",
    "NetworkSettings.SandboxID": "random",
    "NetworkSettings.SandboxKey": "random",
    "NetworkSettings.EndpointID": "random",
    "NetworkSettings.IPAddress": "the next free address",
    "NetworkSettings.IPPrefixLen": "of the default network only, as the address and the gateway here",
    "NetworkSettings.MacAddress": "follows the address",
    "NetworkSettings.Networks.*.EndpointID": "random",
    "NetworkSettings.Networks.*.NetworkID": "a network of its own on each side",
    "NetworkSettings.Networks.*.IPAddress": "the next free address",
    "NetworkSettings.Networks.*.MacAddress": "follows the address, unless it is asked for",
    "NetworkSettings.Networks.*.Gateway": "a network of its own on each side",
    "NetworkSettings.Gateway": "a network of its own on each side",
}
LABELS = (
    CASE,
    labels.BUILD,
    labels.SESSION,
    labels.PAGE,
    labels.NAME,
    labels.PID,
    labels.SILENCE,
    labels.HOST,
)
"""Ours: by these a build finds what it has made."""


def comparable(inspected: Json, case: Case) -> Json:
    """Return an inspected container without what is random, or ours."""
    text = json.dumps(inspected).replace(inspected["Id"], "the id")
    text = re.sub(r'"container:[0-9a-f]{64}"', '"container:the other"', text)
    if re.fullmatch(r"/[a-z]+_[a-z]+[0-9]?", inspected["Name"]):
        text = text.replace(inspected["Name"], "/generated")
    result = json.loads(text)
    short = inspected["Id"][:12]
    config, host = result["Config"], result["HostConfig"]
    for label in LABELS:
        config["Labels"].pop(label, None)
    if re.fullmatch(r"[0-9a-f]{12}", config["Hostname"]):
        config["Hostname"] = "the id"  # or that of the container whose network it shares
    for settings in result["NetworkSettings"]["Networks"].values():
        _without_own_names(settings, {short, inspected["Name"].removeprefix("/")})
    if host["NetworkMode"] == "default":
        host["NetworkMode"] = "bridge"  # what newer engines call it
    # The CLI keeps both in maps: their order is Go's whim.
    config["Env"] = sorted(config["Env"] or [])
    host["Binds"] = sorted(host["Binds"]) if host["Binds"] else host["Binds"]
    _name_anonymous_volumes(result)
    _name_random_ports(result["NetworkSettings"]["Ports"])
    if host["LogConfig"]["Config"] is None:
        host["LogConfig"]["Config"] = {}
    if not case.terminal:
        host["ConsoleSize"] = None  # that of the terminal that the CLI is in: here, none
    for path in MASKED:
        _mask(result, path.split("."))
    return result


def _without_own_names(settings: Json, names: set[str]) -> None:
    """Take out of the aliases those that the engine, and we, add: id and name of the container.

    On the engine its name has a prefix, so a network of the user's has to be told the plain one.
    """
    for key in ("Aliases", "DNSNames"):
        settings[key] = [alias for alias in settings.get(key) or () if alias not in names] or None


def _name_anonymous_volumes(result: Json) -> None:
    for mount in result["Mounts"]:
        if re.fullmatch(r"[0-9a-f]{64}", mount.get("Name", "")):
            mount["Source"] = mount["Source"].replace(mount["Name"], "anonymous")
            mount["Name"] = "anonymous"
    result["Mounts"].sort(key=lambda mount: mount["Destination"])


def _name_random_ports(published: Json) -> None:
    for bindings in published.values():
        for binding in bindings or ():
            if int(binding["HostPort"]) >= 32768:
                binding["HostPort"] = "any"


def _mask(value: Any, path: list[str]) -> None:  # noqa: ANN401 - JSON
    first, *rest = path
    for key in list(value) if first == "*" else [first]:
        if not rest and key in value:
            value[key] = "masked"
        elif rest and isinstance(value.get(key), dict):
            _mask(value[key], rest)


# Fixtures.


@pytest.fixture(scope="module", autouse=True)
def cli_is_the_oracle() -> None:
    program = shutil.which("docker")
    if program is None:
        pytest.fail("no docker CLI on the path: install Debian's docker-cli, or docker.io")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    if f"version {VERSION}." not in done.stdout:
        pytest.skip(f"the direct way speaks as docker {VERSION}; this is {done.stdout.strip()}")


Sides = Callable[[Case], tuple[Outcome, Outcome]]


@pytest.fixture
def sides(engine: DockerEngine, client: docker.DockerClient, busybox: str, tmp_path: Path) -> Sides:
    """Give a function that runs a case on both sides, and removes what it has made."""

    def run(case: Case) -> tuple[Outcome, Outcome]:
        name = f"oracle-{uuid.uuid4().hex[:12]}"
        other = f"{name}-other"
        for file, text in case.files.items():
            (tmp_path / file).write_text(text, encoding="utf-8")
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")},
            "DOCKER_HOST": engine.url,
            "DOCKER_CONFIG": str(tmp_path),
            "TERM": "xterm",
        }
        cli = CliSide(client, environment, tmp_path, name, other, busybox)
        with _swept(client, f"{CASE}={name}", other), _network(client, case, other, case_label=name):
            theirs = _run(cli, case)
        asked = session(*(step(line) for line in (*case.before, case.line)))
        with engine.session(asked) as running:
            prefix = running._names.prefix  # noqa: SLF001 - nobody else knows what its names are on the engine
            direct = DirectSide(client, running, prefix, tmp_path, name, other, busybox, theirs.exit_code)
            with _network(client, case, prefix + other, case_label=name):
                ours = _run(direct, case)
                for one in ours.inspected:
                    client.api.remove_container(one["Id"], force=True, v=True)
        return theirs, ours

    return run


def _run(side: CliSide | DirectSide, case: Case) -> Outcome:
    for line in case.before:
        side.run(_filled(line, side), Case(line, files=case.files))
    return side.run(_filled(case.line, side), case)


def _filled(line: str, side: CliSide | DirectSide) -> str:
    # An engine that pulls nothing has the image under the name that the catalogue gives it.
    line = re.sub(r"(?<![\w/.-])busybox(?![\w/.:-])", side.image, line)
    return line.replace("{name}", side.name).replace("{other}", side.other)


@contextmanager
def _swept(client: docker.DockerClient, label: str, volume: str) -> Iterator[None]:
    try:
        yield
    finally:
        for one in client.api.containers(all=True, filters={"label": label}):
            client.api.remove_container(one["Id"], force=True, v=True)
        for found in client.api.volumes(filters={"name": volume})["Volumes"] or ():
            client.api.remove_volume(found["Name"])


@contextmanager
def _network(client: docker.DockerClient, case: Case, name: str, *, case_label: str) -> Iterator[None]:
    if not case.network:
        yield
        return
    network = client.networks.create(name, labels={CASE: case_label})
    try:
        yield
    finally:
        for one in client.api.containers(all=True, filters={"network": network.id}):
            client.api.remove_container(one["Id"], force=True, v=True)
        network.remove()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_ways_are_the_same(case: Case, sides: Sides, client: docker.DockerClient) -> None:
    if version_lt(client.api.api_version, case.api):
        pytest.skip(f"this engine's API is {client.api.api_version}, it takes {case.api}")
    theirs, ours = sides(case)
    assert ours.exit_code == theirs.exit_code
    assert printed(ours) == printed(theirs)
    assert len(ours.inspected) == len(theirs.inspected)
    for mine, other in zip(ours.inspected, theirs.inspected, strict=True):
        assert differences(comparable(mine, case), comparable(other, case)) == []


def differences(ours: object, theirs: object, path: str = "") -> list[str]:
    """Say where two JSON values differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys_ = sorted({*ours, *theirs})
        return [
            one
            for key in keys_
            for one in differences(ours.get(key, ...), theirs.get(key, ...), f"{path}.{key}")
        ]
    return [] if ours == theirs else [f"{path}: ours {ours!r}, the CLI's {theirs!r}"]


def printed(outcome: Outcome) -> tuple[bytes, bytes, str]:
    """Return what was printed, without ids; of a terminal, what was to be seen on it."""
    ids = re.compile(rb"\b([0-9a-f]{64}|[0-9a-f]{12})\b")
    out, err, terminal = (ids.sub(b"<id>", text) for text in (outcome.out, outcome.err, outcome.terminal))
    # A shell draws its prompt again when it learns of the terminal's size, sooner or later on a busy
    # machine; and without `-i` the CLI leaves its own terminal as it is, which adds carriage returns.
    seen = screen.lines((Chunk(Stream.TERMINAL, terminal),), TerminalSize())
    return out, err, screen.text(seen)


def test_there_are_enough_cases() -> None:
    assert len({case.line for case in CASES}) >= 70


def test_a_flag_that_the_engine_is_too_old_for(
    sides: Sides, client: docker.DockerClient, engine_url: str, busybox: str
) -> None:
    version = client.api.api_version
    if not version_lt(version, "1.43"):
        pytest.skip(f"this engine's API is {version}: it takes all flags")
    words = ["docker", "-H", engine_url, "run", "--annotation", "org.x=y", busybox, "true"]
    theirs = subprocess.run(words, capture_output=True, text=True, check=False)
    assert theirs.returncode != 0
    with pytest.raises(FlagProblem) as caught:
        sides(Case("--annotation org.x=y busybox true"))
    assert str(caught.value).startswith(theirs.stderr.strip())


def test_an_image_that_cannot_be_had(sides: Sides) -> None:
    with pytest.raises(ImageProblem, match="no-such-image"):
        sides(Case("no-such-image-of-ours true"))
