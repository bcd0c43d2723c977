"""The requests for a `RunLine`: to create its container, and to attach to it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from docker import APIClient
from docker.utils import version_lt

from docker_run.docker_cli.container_options import RunLine
from docker_run.docker_cli.values.choices import StandardStream
from docker_run.engine import podman
from docker_run.engine.connection.product import Product
from docker_run.engine.direct.attach import AttachOptions
from docker_run.engine.direct.container_config import to_body
from docker_run.engine.direct.name_prefix import Json
from docker_run.errors import FlagProblem
from docker_run.model import TerminalSize
from docker_run.terminal import keys


@dataclass(frozen=True, slots=True)
class Creation:
    """Everything to create a container and to attach to it, with the author's names."""

    name: str | None
    platform: str | None
    body: Json
    attached: AttachOptions
    detach: bool
    is_removed_here: bool = False
    """Whether we, not the engine, remove the container when it has ended (`--rm`)."""


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
    """Return the request for `line`, with `labels` in addition to the author's own.

    `reference` is the image's name on the engine, `typed` the body of the directive. Of `api`, only the
    version is used. Raises `FlagProblem` for a flag that this engine is too old for, or that Podman
    would ignore.
    """
    _check_versions(line, api)
    if product is Product.PODMAN:
        podman.check_flags(line, api)
    attached = replace(_attached(line, typed=typed, terminal=terminal), product=product)
    # Podman discards the exit status of a container that it removes.
    is_removed_here = product is Product.PODMAN and attached.auto_remove and not line.detach
    attached = replace(attached, auto_remove=attached.auto_remove and not is_removed_here)
    body = to_body(line, api, reference=reference)
    host: Json = body["HostConfig"]
    if is_removed_here:
        host.pop("AutoRemove")
    if attached.tty:
        host["ConsoleSize"] = [terminal.rows, terminal.columns]
    body["Labels"] = {**(body["Labels"] or {}), **labels}
    return Creation(
        name=line.name or None,
        platform=line.platform or None,
        body=body,
        attached=attached,
        detach=line.detach,
        is_removed_here=is_removed_here,
    )


def _check_versions(line: RunLine, api: APIClient) -> None:
    for flag, version in line.client.api_versions:
        if version_lt(api.api_version, version):
            raise FlagProblem(
                f'"--{flag}" requires API version {version}, but the Docker daemon API version is '
                f"{api.api_version}. Leave it out, or build with a newer engine"
            )


def client_warnings(body: Mapping[str, Any]) -> list[str]:
    """Return the warnings that the CLI itself prints before its request."""
    return [
        f"Localhost DNS ({server}) may fail in containers."
        for server in (body.get("HostConfig") or {}).get("Dns") or ()
        if _is_loopback(server)
    ]


def _attached(line: RunLine, *, typed: tuple[str, ...], terminal: TerminalSize) -> AttachOptions:
    return AttachOptions(
        stdin=StandardStream.STDIN in line.streams and line.interactive,
        stdout=StandardStream.STDOUT in line.streams,
        stderr=StandardStream.STDERR in line.streams,
        tty=line.tty,
        auto_remove=line.auto_remove,
        typed=typed,
        detach_keys=line.client.detach_keys or keys.DEFAULT_DETACH_KEYS,
        size=terminal,
    )


def _is_loopback(server: str) -> bool:
    try:
        return ipaddress.ip_address(server).is_loopback
    except ValueError:
        return False
