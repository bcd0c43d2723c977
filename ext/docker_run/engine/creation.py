"""A `RunLine` turned into the body of the request that creates its container, in one place."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker import APIClient
from docker.utils import version_lt

from docker_run import keys
from docker_run.engine.foreground import Attached
from docker_run.engine.names import Json
from docker_run.model import RunLine, TerminalSize

_CONSOLE_SIZE_SINCE = "1.42"
"""The first version of the Engine API that takes a terminal's size ahead of the start."""


@dataclass(frozen=True, slots=True)
class Creation:
    """What is needed to create a container and to attach to it; names are still the author's."""

    name: str | None
    platform: str | None
    body: Json
    attached: Attached
    detach: bool


def creation(
    line: RunLine,
    *,
    reference: str,
    typed: tuple[str, ...],
    labels: Mapping[str, str],
    terminal: TerminalSize,
    api: APIClient,
) -> Creation:
    """Return the request for `line`, with `labels` on top of the author's own.

    `reference` is what the engine knows the image by, `typed` the body of the directive. `api` is
    asked for its version only.
    """
    container: dict[str, Any] = dict(line.container)
    name, platform = container.pop("name", None), container.pop("platform", None)
    streams = _streams(line)
    attached = _attached(line, streams, typed=typed, terminal=terminal)
    settings: dict[str, Any] = dict(line.host)
    host: Any = dict(api.create_host_config(**settings)) | dict(line.raw_host)
    if attached.tty and not version_lt(api.api_version, _CONSOLE_SIZE_SINCE):
        host["ConsoleSize"] = [terminal.rows, terminal.columns]
    command: Any = list(line.command) or None
    body: Json = dict(
        api.create_container_config(
            reference,
            command,
            host_config=host,
            networking_config=_networking(line, api),
            **container,
        )
    )
    body |= line.raw_container
    body |= {
        "Labels": {**(body.get("Labels") or {}), **labels},
        "AttachStdin": "stdin" in streams,
        "AttachStdout": attached.stdout,
        "AttachStderr": attached.stderr,
        "StdinOnce": attached.stdin,
    }
    return Creation(
        name=str(name) if name else None,
        platform=str(platform) if platform else None,
        body=body,
        attached=attached,
        detach=bool(line.client.get("detach")),
    )


def client_warnings(body: Mapping[str, Any]) -> list[str]:
    """Return what the CLI itself warns of before it asks the engine."""
    return [
        f"Localhost DNS ({server}) may fail in containers."
        for server in (body.get("HostConfig") or {}).get("Dns") or ()
        if _is_loopback(server)
    ]


def _streams(line: RunLine) -> frozenset[str]:
    """Return what is attached: what `-a` says, or all; nothing of a detached container."""
    if line.client.get("detach"):
        return frozenset()
    asked: Any = line.client.get("attach")
    if asked:
        return frozenset(str(stream).lower() for stream in asked)
    return frozenset({"stdout", "stderr"} | ({"stdin"} if line.container.get("stdin_open") else set()))


def _attached(
    line: RunLine, streams: frozenset[str], *, typed: tuple[str, ...], terminal: TerminalSize
) -> Attached:
    return Attached(
        stdin="stdin" in streams and bool(line.container.get("stdin_open")),
        stdout="stdout" in streams,
        stderr="stderr" in streams,
        tty=bool(line.container.get("tty")),
        auto_remove=bool(line.host.get("auto_remove")),
        typed=typed,
        detach_keys=str(line.client.get("detach_keys") or keys.DEFAULT_DETACH_KEYS),
        size=terminal,
    )


def _networking(line: RunLine, api: APIClient) -> Any:  # noqa: ANN401 - docker-py's type is a guess
    if not line.endpoints:
        return None
    endpoints: Any = {}
    for network, settings in line.endpoints.items():
        arguments: dict[str, Any] = dict(settings)
        endpoints[network] = api.create_endpoint_config(**arguments)
    return api.create_networking_config(endpoints)


def _is_loopback(server: str) -> bool:
    try:
        return ipaddress.ip_address(server).is_loopback
    except ValueError:
        return False
