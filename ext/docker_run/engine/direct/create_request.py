"""A `RunLine` turned into the body of the request that creates its container, in one place."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from docker import APIClient
from docker.utils import version_lt

from docker_run.engine import podman
from docker_run.engine.connection.product import Product
from docker_run.engine.direct.attach import Attached
from docker_run.engine.direct.name_prefix import Json
from docker_run.errors import FlagProblem
from docker_run.model import RunLine, TerminalSize
from docker_run.terminal import keys

_OWN_ADDRESSES_SINCE = "1.44"
"""The first version of the Engine API in which a hardware address belongs to a network's endpoint."""


@dataclass(frozen=True, slots=True)
class Creation:
    """What is needed to create a container and to attach to it; names are still the author's."""

    name: str | None
    platform: str | None
    body: Json
    attached: Attached
    detach: bool
    is_removed_here: bool = False
    """Whether it is for us to remove the container when it has ended (`--rm`), and not for the engine."""


def creation(
    line: RunLine,
    *,
    reference: str,
    typed: tuple[str, ...],
    labels: Mapping[str, str],
    terminal: TerminalSize,
    api: APIClient,
    product: Product = Product.DOCKER,
) -> Creation:
    """Return the request for `line`, with `labels` on top of the author's own.

    `reference` is what the engine knows the image by, `typed` the body of the directive. `api` is
    asked for its version only. Raises `FlagProblem` for a flag that this engine is too old for, or
    that Podman doesn't have: it would take no notice of it.
    """
    _check_versions(line, api)
    if product is Product.PODMAN:
        podman.check_flags(line, api)
    container: dict[str, Any] = dict(line.container)
    name, platform = container.pop("name", None), container.pop("platform", None)
    streams = _streams(line)
    attached = replace(_attached(line, streams, typed=typed, terminal=terminal), product=product)
    detach = bool(line.client.get("detach"))
    # Podman forgets the exit status of a container that it removes.
    is_removed_here = product is Product.PODMAN and attached.auto_remove and not detach
    attached = replace(attached, auto_remove=attached.auto_remove and not is_removed_here)
    settings: dict[str, Any] = {**line.host, "auto_remove": attached.auto_remove}
    host: Any = dict(api.create_host_config(**settings)) | dict(line.raw_host)
    if attached.tty:
        host["ConsoleSize"] = [terminal.rows, terminal.columns]
    body = _container_config(line, container, host, reference=reference, api=api)
    body |= {
        "Labels": {**(body.get("Labels") or {}), **labels},
        "AttachStdin": "stdin" in streams,
        "AttachStdout": attached.stdout,
        "AttachStderr": attached.stderr,
        "StdinOnce": attached.stdin,
    }
    # What `-a` asks for is what the engine is told, whatever there is to attach to.
    body |= line.raw_container
    return Creation(
        name=str(name) if name else None,
        platform=str(platform) if platform else None,
        body=body,
        attached=attached,
        detach=detach,
        is_removed_here=is_removed_here,
    )


def _container_config(
    line: RunLine,
    container: Mapping[str, Any],
    host: Any,  # noqa: ANN401 (docker-py wants its own kind of mapping)
    *,
    reference: str,
    api: APIClient,
) -> Json:
    """Return the configuration of the container as docker-py makes it."""
    command: Any = list(line.command) or None
    networking = _networking(line, api)
    body: Json = dict(
        api.create_container_config(
            reference, command, host_config=host, networking_config=networking, **container
        )
    )
    if not version_lt(api.api_version, _OWN_ADDRESSES_SINCE):
        body["MacAddress"] = None  # such an engine warns of it, and takes that of the endpoint
    return body


def _check_versions(line: RunLine, api: APIClient) -> None:
    needed: Any = line.client.get("api_versions") or {}
    for flag, version in needed.items():
        if version_lt(api.api_version, version):
            raise FlagProblem(
                f'"--{flag}" requires API version {version}, but the Docker daemon API version is '
                f"{api.api_version}. Leave it out, or build with a newer engine"
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
