"""What a `docker run` line asks for, as typed values: what the CLI itself calls container options.

Every flag that is not refused has its field here, in the group of what it concerns. A field that no
flag of the line sets holds what the CLI sends then. `docker_run.engine.direct.container_config` makes the
request of it; nothing else knows what the Engine API or docker-py call these things.
"""

from __future__ import annotations

from dataclasses import dataclass

from docker_run.docker_cli.values.choices import Namespace, PullPolicy, StandardStream
from docker_run.docker_cli.values.devices import Device, DeviceRequest
from docker_run.docker_cli.values.mounts import Mount, Pairs, Volume
from docker_run.docker_cli.values.networks import Attachment
from docker_run.docker_cli.values.ports import Binding
from docker_run.docker_cli.values.rates import DeviceRate, DeviceWeight, Ulimit
from docker_run.docker_cli.values.restart import RestartPolicy


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """What the client itself does, and no engine hears of."""

    detach_keys: str = ""
    """What detaches from the container (`ctrl-x,x`); empty for the client's own."""
    sig_proxy: bool = True
    pull: PullPolicy = PullPolicy.MISSING
    quiet: bool = False
    id_file: str = ""
    """The file in which the container's id is left (`--cidfile`)."""
    api_versions: Pairs = ()
    """For flags that only later engines know: the flag, and the first version of the Engine API that
    does."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How the engine tells whether the container is well. Times are in nanoseconds, 0 the engine's own."""

    command: str = ""
    """For the container's shell; empty takes that of the image."""
    is_disabled: bool = False
    interval: int = 0
    timeout: int = 0
    retries: int = 0
    start_period: int = 0
    start_interval: int = 0


@dataclass(frozen=True, slots=True)
class ProcessOptions:
    """The container's first process: who it is, where, with what around it, and how it is ended."""

    entrypoint: str | None = None
    """None for the image's own; empty takes that away."""
    user: str = ""
    groups: tuple[str, ...] = ()
    """Additional groups, names or numbers."""
    directory: str = ""
    environment: tuple[str, ...] = ()
    """`NAME=value`, or a bare `NAME`, which unsets what the image sets."""
    init: bool | None = None
    """Whether an init of the engine's is put before it; None leaves that to the engine."""
    stop_signal: str = ""
    stop_timeout: int | None = None
    """Seconds; None for the engine's own."""


@dataclass(frozen=True, slots=True)
class ResourceOptions:
    """What the container may take. 0 and empty set no limit, unless it says otherwise; sizes are in bytes."""

    memory: int = 0
    memory_reservation: int = 0
    memory_swap: int = 0
    """Memory and swap together; -1 is unlimited."""
    memory_swappiness: int = -1
    """0 to 100; -1 for the engine's own."""
    kernel_memory: int = 0
    shared_memory: int = 0
    """Of `/dev/shm`; 0 for the engine's own."""
    oom_kill_disable: bool = False
    oom_score: int = 0
    processes: int = 0
    """Processes and threads; -1 is unlimited."""
    nano_cpus: int = 0
    """Billionths of a processor."""
    cpu_shares: int = 0
    cpu_period: int = 0
    """Microseconds, as the quota."""
    cpu_quota: int = 0
    cpu_realtime_period: int = 0
    """Microseconds, as the runtime."""
    cpu_realtime_runtime: int = 0
    cpus: str = ""
    """Which ones: `0-1`."""
    memory_nodes: str = ""
    """Which nodes' memory: `0`."""
    block_weight: int = 0
    block_weights: tuple[DeviceWeight, ...] = ()
    read_bytes: tuple[DeviceRate, ...] = ()
    read_operations: tuple[DeviceRate, ...] = ()
    write_bytes: tuple[DeviceRate, ...] = ()
    write_operations: tuple[DeviceRate, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    """By name, each name once."""

    @property
    def limits_memory(self) -> bool:
        """Whether a limit of memory is set, of any kind."""
        return any((self.memory, self.memory_swap, self.memory_reservation, self.kernel_memory))


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """What the container finds on its disk."""

    volumes: tuple[Volume, ...] = ()
    """Paths of the host are absolute, as far as they were not left to the engine."""
    mounts: tuple[Mount, ...] = ()
    tmpfs: Pairs = ()
    """Path → options."""
    volumes_from: tuple[str, ...] = ()
    """The containers whose volumes it has, too."""
    volume_driver: str = ""
    read_only: bool = False
    """Whether its own files can't be changed."""
    driver_options: Pairs = ()
    """For the engine's storage driver."""

    @property
    def has_volumes(self) -> bool:
        """Whether the line may ask for volumes, with a name or without."""
        return bool(self.volumes or self.mounts or self.volumes_from)


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """Whom the container can talk to, under which names and addresses."""

    hostname: str = ""
    domainname: str = ""
    attachments: tuple[Attachment, ...] = (Attachment("default"),)
    """At least one; the first decides the container's network mode."""
    mac_address: str = ""
    links: tuple[tuple[str, str], ...] = ()
    """Container → alias, which may be empty."""
    published: tuple[Binding, ...] = ()
    publishes_all: bool = False
    exposed: tuple[str, ...] = ()
    """`80/tcp`; those that are published count as exposed as well."""
    extra_hosts: tuple[str, ...] = ()
    """`NAME:ADDRESS`."""
    dns: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()

    @property
    def mode(self) -> str:
        """The network mode: `default`, `bridge`, `host`, `none`, `container:NAME` or a network's name."""
        return self.attachments[0].target


@dataclass(frozen=True, slots=True)
class NamespaceOptions:
    """Which of the kernel's namespaces the container shares, and with whom; empty for the engine's own."""

    pid: str = ""
    """`host` or `container:NAME`."""
    ipc: str = ""
    """`container:NAME`, or a word that the engine judges."""
    uts: Namespace = Namespace.DEFAULT
    user: Namespace = Namespace.DEFAULT
    cgroup: Namespace = Namespace.DEFAULT
    cgroup_parent: str = ""


@dataclass(frozen=True, slots=True)
class SecurityOptions:
    """What the container may do to the machine, and which devices of it it has."""

    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    """Those of `--security-opt`; a seccomp profile is there as its JSON."""
    has_system_paths: bool = False
    """Whether the kernel's files that are masked or read-only otherwise are neither."""
    sysctls: Pairs = ()
    devices: tuple[Device, ...] = ()
    device_requests: tuple[DeviceRequest, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Where the engine keeps what the container prints."""

    driver: str = ""
    options: Pairs = ()


@dataclass(frozen=True, slots=True)
class RunLine:
    """A `docker run` command line, taken apart by the CLI's own grammar."""

    image: str
    command: tuple[str, ...] = ()
    name: str = ""
    platform: str = ""
    tty: bool = False
    interactive: bool = False
    """Whether the container's standard input is kept open (`-i`)."""
    detach: bool = False
    attach: tuple[StandardStream, ...] = ()
    """What `-a` names."""
    auto_remove: bool = False
    restart: RestartPolicy = RestartPolicy()  # noqa: RUF009 (a tuple)
    runtime: str = ""
    isolation: str = ""
    labels: Pairs = ()
    annotations: Pairs = ()
    health: HealthCheck | None = None
    """None for the image's own."""
    log: LogOptions | None = None
    """None for the engine's own."""
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
