"""The machine of one lab: a container with an engine inside."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from docker import APIClient
from docker.errors import APIError
from urllib3.exceptions import HTTPError

from docker_run.engine.cleanup.anonymous_volumes import anonymous_volume_names
from docker_run.engine.cleanup.labels import NAME
from docker_run.engine.cleanup.sweep import engine_errors
from docker_run.engine.labs import canonical_input, lab_exec, proxies
from docker_run.engine.labs.privileges import rights
from docker_run.engine.out_of_memory import was_out_of_memory
from docker_run.errors import LabProblem
from docker_run.model import Chunk, LabFile, LabSettings, Stream, TerminalSize
from docker_run.terminal import screen

_DATA = "/var/lib/docker"
"""The data directory of a lab's engine: the volume that the image of labs declares."""
_LAST_LINES = 8
_END_SECONDS, _POLL_SECONDS = 3.0, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """The settings from which a lab is created."""

    image: str
    """The reference of its image on the engine."""
    name: str
    """Its host name, which the other labs of its page can resolve."""
    labels: Mapping[str, str]
    settings: LabSettings
    interrupted: threading.Event
    """Set when the build is interrupted."""
    mirror: str = ""
    """The URL of its engine's registry mirror for Docker Hub; empty for none."""
    proxies: Mapping[str, str] = field(default_factory=dict)
    """The user's proxy variables."""
    near: tuple[str, ...] = ()
    """Hosts, besides the mirror's, that are reached without a proxy."""


class Machine:
    """A lab whose container has started; its engine may still be starting.

    `api` belongs to the calling thread. All methods raise `EngineProblem` if the engine or the container
    is gone.
    """

    def __init__(
        self,
        container: str,
        name: str,
        *,
        address: str,
        started: str,
        interrupted: threading.Event,
        volumes: tuple[str, ...] = (),
    ) -> None:
        self._interrupted = interrupted
        self._life_is_over = False
        self._was_out_of_memory = False
        self.container = container
        self.name = name
        self.address = address
        """Its IP address on the network of the labs."""
        self.started = started
        """When it was started, in the engine's format."""
        self.volumes = volumes
        """Its anonymous volumes, which have no labels."""

    @classmethod
    def start(cls, api: APIClient, blueprint: Blueprint) -> Machine:
        """Create the container and start it. Raises `LabProblem`."""
        name = f"docker-run-{secrets.token_hex(8)}-{blueprint.name}"
        with engine_errors("while it started a lab"):
            container = ""
            try:
                made: Mapping[str, Any] = api.create_container_from_config(  # type: ignore[no-untyped-call]
                    _config(blueprint, name), name=name
                )
                container = str(made["Id"])
                if blueprint.proxies:
                    api.put_archive(container, proxies.HOME, proxies.client_config_archive(blueprint.proxies))
                api.start(container)
            except APIError as error:
                if container:
                    api.remove_container(container, v=True, force=True)
                elif not error.is_client_error():
                    raise
                said, advice = error.explanation, _advice(blueprint.settings)
                raise LabProblem(f"the lab {blueprint.name} did not start: {said}; {advice}") from error
            state: Mapping[str, Any] = api.inspect_container(container)
        networks = state["NetworkSettings"]["Networks"].values()
        address = next((network["IPAddress"] for network in networks if network["IPAddress"]), "")
        return cls(
            container,
            blueprint.name,
            address=address,
            started=str(state["State"]["StartedAt"]),
            interrupted=blueprint.interrupted,
            # Those of a project's own kind of lab; the volume of the engine's data has labels.
            volumes=anonymous_volume_names(
                {"Mounts": [each for each in state.get("Mounts") or () if each.get("Destination") != _DATA]}
            ),
        )

    def execute(self, api: APIClient, command: Sequence[str], *, data: bytes = b"") -> lab_exec.ExecResult:
        """Run `command` outside of the shell (see `lab_exec.execute`)."""
        return lab_exec.execute(api, self.container, command, data=data, interrupted=self._interrupted)

    def description(self, api: APIClient) -> str:
        """Return two lines that describe its engine (`Docker Engine 26.1.5, API 1.45`) and its system."""
        return self.execute(api, ["sh", "-c", _DESCRIBE]).output.strip()

    def add_hosts(self, api: APIClient, others: Sequence[Machine]) -> None:
        """Add the names of `others` to its `/etc/hosts`."""
        lines = "".join(f"{other.address}\t{other.name}\n" for other in others)
        if lines:
            self._do(
                api, "let labs know each other", ["sh", "-c", _APPEND, "sh", str(len(lines))], lines.encode()
            )

    def put(self, api: APIClient, file: LabFile) -> None:
        """Write a file; its path is relative to the shell's working directory. Raises `LabProblem`."""
        arguments = [file.path, str(len(file.data)), f"{file.mode:o}", file.owner]
        self._do(api, f"put `{file.path}` on the lab", ["sh", "-ec", _PUT, "sh", *arguments], file.data)

    def end(self, api: APIClient) -> None:
        """Kill it: its lifetime is over and it did not end by itself. Raises what docker-py raises."""
        self._life_is_over = True
        api.kill(self.container)

    def is_full(self, api: APIClient) -> bool:
        """Return whether a disk of the lab is full: its own, or that of its engine."""
        return self.execute(api, ["sh", "-c", _DISKS]).status != 0

    def was_out_of_memory(self, api: APIClient) -> bool:
        """Return, once, whether a program was killed because the lab as a whole was out of memory."""
        if self._was_out_of_memory:
            return False  # an engine reports only that it has happened, not when
        with engine_errors("when it was asked for the memory of a lab"):
            if not was_out_of_memory(api, self.container):
                return False
        self._was_out_of_memory = self.execute(api, ["sh", "-c", _MEMORY]).status == 0
        return self._was_out_of_memory

    def is_canonical(self, api: APIClient) -> bool:
        """Return whether the terminal of its shell is currently in canonical mode."""
        return canonical_input.is_canonical(self.execute(api, ["sh", "-c", _TERMINAL]).output)

    def why_it_ended(self, api: APIClient) -> str:
        """Return how the container ended, with the last lines of its log; empty if it still runs."""
        give_up = time.monotonic() + _END_SECONDS
        try:
            # Its shell ends a moment before the container does.
            while (state := api.inspect_container(self.container)["State"])["Running"]:
                if time.monotonic() > give_up:
                    return ""
                time.sleep(_POLL_SECONDS)
            log: bytes = api.logs(self.container, tail=_LAST_LINES)
        except (APIError, requests.RequestException, HTTPError):
            return "its container is gone"
        reason = f"its container ended with status {state['ExitCode']}"
        if self._life_is_over:
            reason += ", ended from outside when its life was over (`docker_run_lab_life`)"
        elif state.get("OOMKilled"):
            reason += ", out of memory (`docker_run_lab_memory` sets how much it may use)"
        last = screen.text(screen.lines((Chunk(Stream.ERR, log),), TerminalSize())).split("\n")
        return f"{reason}; the last lines of its log:\n" + "\n".join(last[-_LAST_LINES:])

    def _do(self, api: APIClient, what: str, command: Sequence[str], data: bytes) -> None:
        ended = self.execute(api, command, data=data)
        if ended.status:
            raise LabProblem(f"can't {what}: {ended.output.strip() or f'exit status {ended.status}'}")


def _advice(settings: LabSettings) -> str:
    """Return what to try if a lab did not start."""
    if settings.devices or settings.capabilities:
        return (
            "what `docker_run_lab_devices` and `docker_run_lab_capabilities` ask for has to be there on the "
            "machine of the engine"
        )
    return (
        "a kind of lab of your own begins from the built-in one (`ARG BASE=lab`, `FROM ${BASE}`), and keeps "
        "its ENTRYPOINT"
    )


_DESCRIBE = """
docker version --format 'Docker Engine {{.Server.Version}}, API {{.Server.APIVersion}}'
. /etc/os-release
echo "$PRETTY_NAME, Linux $(uname -r)"
"""
_DISKS = """
for disk in / /var/lib/docker; do
    [ "$(stat -f -c '%a' "$disk")" -gt 256 ] || exit 1
    # Some file systems count no inodes.
    [ "$(stat -f -c '%c' "$disk")" = 0 ] || [ "$(stat -f -c '%d' "$disk")" != 0 ] || exit 1
done
"""
"""Fails if fewer than 256 blocks are free, usually 1 MB, or no inode."""
# With cgroup v2 the engine also counts containers on the lab that exceeded a limit of their own.
# https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
_MEMORY = """
file=/sys/fs/cgroup/memory.events.local
[ ! -e "$file" ] || grep -q '^oom [1-9]' "$file"
"""
_TERMINAL = 'stty -a -F "/proc/$(cat /run/docker-run.shell)/fd/0"'
_APPEND = 'head -c "$1" >> /etc/hosts'
# Written in place, so that a container into which the file is mounted sees the change. The number of bytes is
# an argument because the end of the input can't be signalled over every connection.
_PUT = """
case $1 in /*) ;; *)
    cd "/proc/$(cat /run/docker-run.shell)/cwd"
    [ -d "$(pwd -P)" ] || { echo "the shell's directory is gone" >&2; exit 1; }
esac
[ ! -e "$1" ] || [ -f "$1" ] || { echo "that is not a regular file" >&2; exit 1; }
mkdir -p -- "$(dirname -- "$1")"
head -c "$2" > "$1"
chown -- "$4" "$1"
chmod -- "$3" "$1"
"""


def _config(blueprint: Blueprint, name: str) -> dict[str, object]:
    """Return the body of the request that creates the container `name`.

    See https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate.
    """
    settings = blueprint.settings
    mirror = urlsplit(blueprint.mirror).hostname
    # The volume that the image declares, but with labels: if the engine dies while it removes a lab, the
    # container may be gone already, and its volume is found by its labels.
    data = {"Type": "volume", "Target": _DATA, "VolumeOptions": {"Labels": dict(blueprint.labels)}}
    near = (*blueprint.near, *([mirror] if mirror else []))
    return {
        "Image": blueprint.image,
        "Hostname": blueprint.name,
        "Labels": {**blueprint.labels, NAME: name},
        "Env": [
            f"LAB_SECONDS={settings.life:g}",
            *proxies.own_environment(blueprint.proxies, near=near),
        ],
        "Cmd": ["--registry-mirror", blueprint.mirror] if blueprint.mirror else [],
        "HostConfig": {
            **rights(settings),
            "CgroupnsMode": "private",
            "Memory": settings.memory,
            "MemorySwap": settings.memory,
            "PidsLimit": settings.pids,
            "Mounts": [data],
        },
    }
