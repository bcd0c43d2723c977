"""What Podman does otherwise than Docker, behind the same API.

Found with Podman 4.3.1 and 5.8.6. Its side of the API is `pkg/api/handlers/compat` in
https://github.com/containers/podman, `cmd/podman/common/create_opts.go` what becomes of a container's
settings: what isn't named there is dropped without a word.
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
"""Podman that speaks this version of the API (5.8) heeds `--cgroupns`; one of 1.41 (4.3) does not."""

_CLOCK_SECONDS = 0.05
"""By how much Podman's times of a container's start and end may be wrong: the kernel's coarse clock."""


@dataclass(frozen=True, slots=True)
class _Gap:
    """A flag that Podman's API drops, or refuses."""

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
    """Raise `FlagProblem` for a flag of which Podman would take no notice, or which it refuses.

    `api` is asked for its version only.
    """
    for gap in _GAPS:
        if gap.is_used(line) and not (gap.until and not version_lt(api.api_version, gap.until)):
            raise FlagProblem(f"Podman doesn't support `--{gap.flag}` in Docker's API; {gap.advice}")


def exit_status(api: APIClient, container: str) -> int | None:
    """Return the exit status of `container`, None where it has not ended. Raises docker-py's `APIError`.

    Podman answers the question for the next exit from its log of events, and may begin to read that
    only after a short container has ended: then nobody is told.
    """
    state: Mapping[str, Any] = api.inspect_container(container)["State"]
    return int(state["ExitCode"]) if state["Status"] == "exited" else None


def had_ended(api: APIClient, container: str, seconds: float) -> bool:
    """Tell whether `container`, which has ended, had done so `seconds` after it was about to be started.

    Podman notes the end of a container only after its output has ended, by up to seconds. So whether the
    output is all there, or its connection was cut, is told by how long the container ran, by the engine's
    clock: never longer than that. A cut is overlooked where the container ended sooner after it than the
    engine took to start it.
    Raises docker-py's `APIError`, and `NotAnEngine` for an answer without these times.
    """
    about: Mapping[str, Any] = api.inspect_container(container)
    try:
        if about.get("RestartCount"):
            return True
        began, ended = (datetime.fromisoformat(about["State"][key]) for key in ("StartedAt", "FinishedAt"))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotAnEngine("the answer about a container does not have its times") from error
    return seconds >= 0 and (ended - began).total_seconds() <= seconds + _CLOCK_SECONDS
