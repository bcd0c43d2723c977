"""Differences between Podman and Docker behind the same API.

Found with Podman 4.3.1 and 5.8.6. Its implementation of the API is `pkg/api/handlers/compat` in
https://github.com/containers/podman; `cmd/podman/common/create_opts.go` converts a container's settings, and
silently drops those that it does not name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from docker import APIClient
from docker.utils import version_lt

from docker_run.docker_cli.container_options import RunLine
from docker_run.engine.connection.answers import NotAnEngine
from docker_run.errors import FlagProblem

_CGROUP_NAMESPACES_SINCE = "1.44"
"""Podman with this version of the API (5.8) supports `--cgroupns`; with 1.41 (4.3) it does not."""

_CLOCK_SECONDS = 0.05
"""The error of Podman's start and end times of a container: they are read from the kernel's coarse clock."""


@dataclass(frozen=True, slots=True)
class _Gap:
    """A flag that Podman's API ignores or refuses."""

    flag: str
    is_used: Callable[[RunLine], bool]
    advice: str = "leave it out, or run the page on Docker"
    until: str = ""
    """The first version of the API without the gap."""


def _mounts_subpath(line: RunLine) -> bool:
    return any(mount.volume and mount.volume.subpath for mount in line.storage.mounts)


_GAPS = (
    _Gap(
        "link",
        lambda line: bool(line.network.links),
        "put both containers on a network, where they find each other by name",
    ),
    _Gap("device-cgroup-rule", lambda line: bool(line.security.device_cgroup_rules)),
    _Gap("runtime", lambda line: bool(line.runtime)),
    _Gap("kernel-memory", lambda line: bool(line.resources.kernel_memory)),
    _Gap("isolation", lambda line: line.isolation not in ("", "default")),
    _Gap("cgroupns", lambda line: bool(line.namespaces.cgroup), until=_CGROUP_NAMESPACES_SINCE),
    _Gap("gpus", lambda line: bool(line.security.device_requests)),
    _Gap("domainname", lambda line: bool(line.network.domainname)),
    _Gap("link-local-ip", lambda line: any(one.link_local for one in line.network.attachments)),
    _Gap("mount …,volume-subpath", _mounts_subpath),
)


def check_flags(line: RunLine, api: APIClient) -> None:
    """Raise `FlagProblem` for a flag that Podman ignores or refuses.

    Of `api`, only the version is used.
    """
    for gap in _GAPS:
        if gap.is_used(line) and not (gap.until and not version_lt(api.api_version, gap.until)):
            raise FlagProblem(f"Podman doesn't support `--{gap.flag}` in Docker's API; {gap.advice}")


def exit_status(api: APIClient, container: str) -> int | None:
    """Return the exit status of `container`, None if it is still running. Raises docker-py's `APIError`.

    For when waiting for the exit is not enough: Podman waits by reading its event log, and may begin to
    read only after a short-lived container has ended. Then the wait never returns.
    """
    state: Mapping[str, Any] = api.inspect_container(container)["State"]
    return int(state["ExitCode"]) if state["Status"] == "exited" else None


def had_ended(api: APIClient, container: str, seconds: float) -> bool:
    """Return whether `container`, which has ended, had ended `seconds` after it was about to be started.

    Podman notes the end of a container up to seconds after its output has ended. So how long the container
    ran, by the engine's clock, tells whether the output is complete or its connection was cut: if complete,
    it ran no longer than `seconds`. A cut goes unnoticed if the container ended sooner after it than the
    engine took to start it.
    Raises docker-py's `APIError`, and `NotAnEngine` for a response without these times.
    """
    about: Mapping[str, Any] = api.inspect_container(container)
    try:
        if about.get("RestartCount"):
            return True
        began, ended = (datetime.fromisoformat(about["State"][key]) for key in ("StartedAt", "FinishedAt"))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotAnEngine("the answer about a container does not have its times") from error
    return seconds >= 0 and (ended - began).total_seconds() <= seconds + _CLOCK_SECONDS
