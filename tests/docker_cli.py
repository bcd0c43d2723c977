"""The real `docker` CLI as the oracle for the grammar: it shows what a command line asks an engine.

A server on a Unix socket stands in for the engine, writes down the request that would create the
container, and refuses it. No engine is needed.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Sent:
    """What the CLI did with a command line: the request it sent, or else what it said."""

    query: dict[str, list[str]]
    body: dict[str, Any] | None
    stderr: str
    exit_code: int


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def address_string(self) -> str:
        return "the CLI"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(200, b"")

    def do_GET(self) -> None:
        self._answer(200, b'{"OSType": "linux"}')

    def do_POST(self) -> None:
        self.server.requests.append((self.path, json.loads(self._body())))
        self._answer(400, b'{"message": "written down"}')

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length")
        if length is not None:
            return self.rfile.read(int(length))
        body = b""
        while size := int(self.rfile.readline().strip(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        for name, value in {
            "Api-Version": self.server.api_version,
            "Ostype": "linux",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, api_version: str) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.api_version = api_version
        super().__init__(str(path), _Handler)


class Cli:
    """The `docker` command, without an engine."""

    def __init__(self, program: str, directory: Path, server: _Server) -> None:
        self.program = program
        self._directory = directory
        self._server = server

    @property
    def major(self) -> int:
        """The first number of its version."""
        done = subprocess.run([self.program, "--version"], capture_output=True, text=True, check=True)
        found = re.search(r"version (\d+)\.", done.stdout)
        assert found, done.stdout
        return int(found[1])

    def help(self, command: str = "run") -> str:
        """Return what `docker COMMAND --help` prints; without a command, the list of them."""
        done = subprocess.run(
            [self.program, *command.split(), "--help"],
            capture_output=True,
            text=True,
            check=True,
            env=self._environment() | {"DOCKER_HOST": f"unix://{self._directory / 'socket'}"},
        )
        return done.stdout

    def run(self, words: Sequence[str], *, cwd: Path | None = None) -> Sent:
        """Give `words` to `docker run`."""
        self._server.requests.clear()
        done = subprocess.run(
            [self.program, "-H", f"unix://{self._directory / 'socket'}", "run", *words],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            env=self._environment(),
        )
        if not self._server.requests:
            return Sent({}, None, done.stderr, done.returncode)
        path, body = self._server.requests[0]
        return Sent(parse_qs(urlsplit(path).query), body, done.stderr, done.returncode)

    def _environment(self) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
        return environment | {"DOCKER_CONFIG": str(self._directory)}


@contextmanager
def cli(directory: Path, *, api_version: str = "1.47") -> Iterator[Cli | None]:
    """Find the CLI and stand in for its engine; None where there is no CLI. `directory` is empty."""
    program = shutil.which("docker")
    if program is None:
        yield None
        return
    with _Server(directory / "socket", api_version) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield Cli(program, directory, server)
        server.shutdown()
        thread.join()
