"""The settings of a `docker run` line as typed values: the CLI's own term is container options.

Every flag that is not refused has a field here, grouped by subject. The default of a field is what the CLI
sends without the flag. `docker_run.engine.direct.container_config` converts the values into a request; no
other module uses the names of the Engine API or docker-py for them.
"""

from __future__ import annotations

from typing import NamedTuple

from docker_run.docker_cli.values.choices import Namespace, PullPolicy, StandardStream
from docker_run.docker_cli.values.devices import Device, DeviceRequest
from docker_run.docker_cli.values.mounts import Mount, Pairs, Volume
from docker_run.docker_cli.values.networks import Attachment
from docker_run.docker_cli.values.ports import Binding
from docker_run.docker_cli.values.rates import DeviceRate, DeviceWeight, Ulimit
from docker_run.docker_cli.values.restart import RestartPolicy


class ClientOptions(NamedTuple):
    """Options of the client, which are not sent to the engine."""

    detach_keys: str = ""
    """The keys that detach from the container (`ctrl-x,x`); empty for the client's default."""
    sig_proxy: bool = True
    pull: PullPolicy = PullPolicy.MISSING
    quiet: bool = False
    id_file: str = ""
    """The file to which the container's ID is written (`--cidfile`)."""
    api_versions: Pairs = ()
    """The flags that need a later engine, each with the first version of the Engine API that supports it."""


class HealthCheck(NamedTuple):
    """The health check of a container. Times are in nanoseconds, 0 for the engine's default."""

    command: str = ""
    """For the container's shell; empty for the image's own."""
    is_disabled: bool = False
    interval: int = 0
    timeout: int = 0
    retries: int = 0
    start_period: int = 0
    start_interval: int = 0


class ProcessOptions(NamedTuple):
    """The container's first process: user, directory, environment, and how it is stopped."""

    entrypoint: str | None = None
    """None for the image's own; empty removes that."""
    user: str = ""
    groups: tuple[str, ...] = ()
    """Additional groups, names or numbers."""
    directory: str = ""
    environment: tuple[str, ...] = ()
    """`NAME=value`, or a bare `NAME`, which unsets what the image sets."""
    init: bool | None = None
    """Whether the engine's init runs as PID 1; None for the engine's default."""
    stop_signal: str = ""
    stop_timeout: int | None = None
    """Seconds; None for the engine's default."""


class ResourceOptions(NamedTuple):
    """Resource limits. 0 and empty mean no limit, unless noted otherwise; sizes are in bytes."""

    memory: int = 0
    memory_reservation: int = 0
    memory_swap: int = 0
    """Memory and swap together; -1 is unlimited."""
    memory_swappiness: int = -1
    """0 to 100; -1 for the engine's default."""
    kernel_memory: int = 0
    shared_memory: int = 0
    """The size of `/dev/shm`; 0 for the engine's default."""
    oom_kill_disable: bool = False
    oom_score: int = 0
    processes: int = 0
    """Processes and threads; -1 is unlimited."""
    nano_cpus: int = 0
    """Billionths of a CPU."""
    cpu_shares: int = 0
    cpu_period: int = 0
    """In microseconds, like the quota."""
    cpu_quota: int = 0
    cpu_realtime_period: int = 0
    """In microseconds, like the runtime."""
    cpu_realtime_runtime: int = 0
    cpus: str = ""
    """The CPUs to use: `0-1`."""
    memory_nodes: str = ""
    """The memory nodes to use: `0`."""
    block_weight: int = 0
    block_weights: tuple[DeviceWeight, ...] = ()
    read_bytes: tuple[DeviceRate, ...] = ()
    read_operations: tuple[DeviceRate, ...] = ()
    write_bytes: tuple[DeviceRate, ...] = ()
    write_operations: tuple[DeviceRate, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    """Sorted by name, without duplicates."""

    @property
    def limits_memory(self) -> bool:
        """Whether any memory limit is set."""
        return any((self.memory, self.memory_swap, self.memory_reservation, self.kernel_memory))


class StorageOptions(NamedTuple):
    """Volumes, mounts and file system options."""

    volumes: tuple[Volume, ...] = ()
    """Paths of the host that began with a dot are absolute; others are left to the engine."""
    mounts: tuple[Mount, ...] = ()
    tmpfs: Pairs = ()
    """Path → options."""
    volumes_from: tuple[str, ...] = ()
    """The containers whose volumes are mounted, too."""
    volume_driver: str = ""
    read_only: bool = False
    """Whether its root file system is read-only."""
    driver_options: Pairs = ()
    """Options of the engine's storage driver."""

    @property
    def has_volumes(self) -> bool:
        """Whether the container may have named or anonymous volumes because of its line."""
        return bool(self.volumes or self.mounts or self.volumes_from)


class NetworkOptions(NamedTuple):
    """The networks, addresses, names and ports of the container."""

    hostname: str = ""
    domainname: str = ""
    attachments: tuple[Attachment, ...] = (Attachment("default"),)
    """At least one; the first decides the container's network mode."""
    mac_address: str = ""
    links: tuple[tuple[str, str], ...] = ()
    """(container, alias); the alias may be empty."""
    published: tuple[Binding, ...] = ()
    publishes_all: bool = False
    exposed: tuple[str, ...] = ()
    """`80/tcp`; published ports are exposed as well."""
    extra_hosts: tuple[str, ...] = ()
    """`NAME:ADDRESS`."""
    dns: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()

    @property
    def mode(self) -> str:
        """The network mode: `default`, `bridge`, `host`, `none`, `container:NAME` or a network's name."""
        return self.attachments[0].target


class NamespaceOptions(NamedTuple):
    """The kernel namespaces that the container shares; empty for the engine's default."""

    pid: str = ""
    """`host` or `container:NAME`."""
    ipc: str = ""
    """`container:NAME`, or a mode that the engine validates."""
    uts: Namespace = Namespace.DEFAULT
    user: Namespace = Namespace.DEFAULT
    cgroup: Namespace = Namespace.DEFAULT
    cgroup_parent: str = ""


class SecurityOptions(NamedTuple):
    """Privileges and devices of the container."""

    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    """The values of `--security-opt`, with the JSON of a seccomp profile instead of its path."""
    has_system_paths: bool = False
    """Whether kernel files that are masked or read-only by default are neither."""
    sysctls: Pairs = ()
    devices: tuple[Device, ...] = ()
    device_requests: tuple[DeviceRequest, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()


class LogOptions(NamedTuple):
    """The logging driver and its options."""

    driver: str = ""
    options: Pairs = ()


class RunLine(NamedTuple):
    """A `docker run` command line, parsed by the CLI's own grammar."""

    image: str
    command: tuple[str, ...] = ()
    name: str = ""
    platform: str = ""
    tty: bool = False
    interactive: bool = False
    """Whether the container's standard input is kept open (`-i`)."""
    detach: bool = False
    attach: tuple[StandardStream, ...] = ()
    """The streams of `-a`."""
    auto_remove: bool = False
    restart: RestartPolicy = RestartPolicy()
    runtime: str = ""
    isolation: str = ""
    labels: Pairs = ()
    annotations: Pairs = ()
    health: HealthCheck | None = None
    """None for the image's own."""
    log: LogOptions | None = None
    """None for the engine's default."""
    client: ClientOptions = ClientOptions()
    process: ProcessOptions = ProcessOptions()
    resources: ResourceOptions = ResourceOptions()
    storage: StorageOptions = StorageOptions()
    network: NetworkOptions = NetworkOptions()
    namespaces: NamespaceOptions = NamespaceOptions()
    security: SecurityOptions = SecurityOptions()

    @property
    def streams(self) -> frozenset[StandardStream]:
        """The streams to which the client attaches."""
        if self.detach:
            return frozenset()
        attached = self.attach or (StandardStream.STDOUT, StandardStream.STDERR)
        return frozenset((*attached, StandardStream.STDIN) if self.interactive else attached)
