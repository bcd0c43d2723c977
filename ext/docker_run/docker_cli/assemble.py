"""Assembly of a `RunLine` from the flags of a command line.

Each function builds one group or field, makes the CLI's own checks, and raises `BadValue` with the CLI's
message. Source: docker/cli 28, `cli/command/container/opts.go` and `run.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from docker_run.docker_cli import file_flags
from docker_run.docker_cli.container_options import (
    ClientOptions,
    HealthCheck,
    LogOptions,
    NamespaceOptions,
    NetworkOptions,
    ProcessOptions,
    ResourceOptions,
    SecurityOptions,
    StorageOptions,
)
from docker_run.docker_cli.parsed_flags import ParsedFlags
from docker_run.docker_cli.values import devices, mounts, ports, rates, scalars
from docker_run.docker_cli.values.choices import Namespace, StandardStream, pull_policy
from docker_run.docker_cli.values.networks import Attachment, attachments
from docker_run.docker_cli.values.restart import RestartPolicy
from docker_run.docker_cli.values.scalars import BadValue

Read = Callable[[str], str]

_ONE = "Leave one of the two out"


def attach(flags: ParsedFlags) -> tuple[StandardStream, ...]:
    """Return the streams of `-a`, in the order of their file descriptors."""
    asked = flags.all("attach", StandardStream)
    if flags.last("detach", default=False) and asked:
        raise BadValue("conflicting options: cannot specify both --attach and --detach", hint=_ONE)
    return tuple(stream for stream in StandardStream if stream in asked)


def client(flags: ParsedFlags) -> ClientOptions:
    """Return the options that concern the client itself."""
    return ClientOptions(
        detach_keys=flags.last("detach-keys", ""),
        sig_proxy=flags.last("sig-proxy", default=True),
        pull=pull_policy(flags.last("pull", "")),
        quiet=flags.last("quiet", default=False),
        id_file=flags.last("cidfile", ""),
        api_versions=flags.api_versions(),
    )


def resources(flags: ParsedFlags) -> ResourceOptions:
    """Return the resource limits."""
    swappiness = flags.last("memory-swappiness", -1)
    if not -1 <= swappiness <= 100:
        raise BadValue(f"invalid value: {swappiness}. Valid memory swappiness range is 0-100")
    # The last limit of a name wins; the CLI sends them sorted by name.
    ulimits = {limit.name: limit for limit in flags.all("ulimit", rates.Ulimit)}
    return ResourceOptions(
        memory=flags.last("memory", 0),
        memory_reservation=flags.last("memory-reservation", 0),
        memory_swap=flags.last("memory-swap", 0),
        memory_swappiness=swappiness,
        kernel_memory=flags.last("kernel-memory", 0),
        shared_memory=flags.last("shm-size", 0),
        oom_kill_disable=flags.last("oom-kill-disable", default=False),
        oom_score=flags.last("oom-score-adj", 0),
        processes=flags.last("pids-limit", 0),
        nano_cpus=flags.last("cpus", 0),
        cpu_shares=flags.last("cpu-shares", 0),
        cpu_period=flags.last("cpu-period", 0),
        cpu_quota=flags.last("cpu-quota", 0),
        cpu_realtime_period=flags.last("cpu-rt-period", 0),
        cpu_realtime_runtime=flags.last("cpu-rt-runtime", 0),
        cpus=flags.last("cpuset-cpus", ""),
        memory_nodes=flags.last("cpuset-mems", ""),
        block_weight=flags.last("blkio-weight", 0),
        block_weights=tuple(flags.all("blkio-weight-device", rates.DeviceWeight)),
        read_bytes=tuple(flags.all("device-read-bps", rates.DeviceRate)),
        read_operations=tuple(flags.all("device-read-iops", rates.DeviceRate)),
        write_bytes=tuple(flags.all("device-write-bps", rates.DeviceRate)),
        write_operations=tuple(flags.all("device-write-iops", rates.DeviceRate)),
        ulimits=tuple(ulimits[name] for name in sorted(ulimits)),
    )


def namespaces(flags: ParsedFlags) -> NamespaceOptions:
    """Return the namespaces that the container shares."""
    pid = flags.last("pid", "")
    if pid not in ("", "host") and not (pid.startswith("container:") and pid != "container:"):
        raise BadValue("--pid: invalid PID mode", hint="Try --pid container:NAME, or --pid host")
    return NamespaceOptions(
        pid=pid,
        ipc=flags.last("ipc", ""),
        uts=_namespace(flags, "uts", "UTS"),
        user=_namespace(flags, "userns", "USER"),
        cgroup=_namespace(flags, "cgroupns", "CGROUP", Namespace.PRIVATE),
        cgroup_parent=flags.last("cgroup-parent", ""),
    )


def _namespace(flags: ParsedFlags, name: str, title: str, *more: Namespace) -> Namespace:
    """Return the value of the namespace flag `name`: empty, `host`, or one of `more`."""
    words = (Namespace.DEFAULT, Namespace.HOST, *more)
    asked = flags.last(name, "")
    if asked not in words:
        raise BadValue(f"--{name}: invalid {title} mode", hint=f"Try --{name} {words[-1]}, or leave it out")
    return Namespace(asked)


def storage(flags: ParsedFlags, *, directory: str) -> StorageOptions:
    """Return the volumes, mounts and file system options.

    Paths of the host that begin with a dot are relative to `directory`, an absolute path.
    """
    volumes = dict.fromkeys(flags.all("volume", mounts.Volume))
    return StorageOptions(
        volumes=tuple(volume.resolved(directory) for volume in volumes),
        mounts=tuple(mount.resolved(directory) for mount in flags.all("mount", mounts.Mount)),
        tmpfs=flags.pairs("tmpfs"),
        volumes_from=flags.words("volumes-from"),
        volume_driver=flags.last("volume-driver", ""),
        read_only=flags.last("read-only", default=False),
        driver_options=flags.pairs("storage-opt"),
    )


def network(flags: ParsedFlags) -> NetworkOptions:
    """Return the networks, addresses, names and ports."""
    links = tuple((str(name), str(alias)) for name, alias in flags.all("link", tuple))
    mac = flags.last("mac-address", "")
    separate = Attachment(
        target="",
        aliases=flags.words("network-alias"),
        links=links,
        ipv4=flags.last("ip", ""),
        ipv6=flags.last("ip6", ""),
        link_local=flags.words("link-local-ip"),
        mac=mac,
    )
    if mac:
        scalars.mac_address(mac)
    attached = attachments(flags.all("network", Attachment), separate)
    bindings = (binding for several in flags.all("publish", tuple) for binding in several)
    return NetworkOptions(
        hostname=flags.last("hostname", ""),
        domainname=flags.last("domainname", ""),
        attachments=attached,
        mac_address=attached[0].mac,
        links=links,
        published=tuple(binding for binding in bindings if isinstance(binding, ports.Binding)),
        publishes_all=flags.last("publish-all", default=False),
        exposed=tuple(str(port) for several in flags.all("expose", tuple) for port in several),
        extra_hosts=flags.words("add-host"),
        dns=flags.words("dns"),
        dns_options=flags.words("dns-option"),
        dns_search=flags.words("dns-search"),
    )


def security(flags: ParsedFlags, *, read: Read) -> SecurityOptions:
    """Return the privileges and devices."""
    options, has_system_paths = file_flags.security_options(flags, read=read)
    names = flags.words("device")  # CDI devices; other devices are not strings
    requests = flags.all("gpus", devices.DeviceRequest)
    return SecurityOptions(
        privileged=flags.last("privileged", default=False),
        cap_add=tuple(sorted(set(flags.words("cap-add")))),
        cap_drop=tuple(sorted(set(flags.words("cap-drop")))),
        options=options,
        has_system_paths=has_system_paths,
        sysctls=flags.pairs("sysctl"),
        devices=tuple(flags.all("device", devices.Device)),
        device_requests=(*requests, devices.cdi_request(names)) if names else tuple(requests),
        device_cgroup_rules=flags.words("device-cgroup-rule"),
    )


def process(
    flags: ParsedFlags, *, read: Read, environ: Mapping[str, str], proxies: Mapping[str, str]
) -> ProcessOptions:
    """Return the settings of the first process; for the arguments see `run_line.parse`."""
    return ProcessOptions(
        environment=file_flags.environment(flags, read=read, environ=environ, proxies=proxies),
        entrypoint=flags.optional("entrypoint", str),
        user=flags.last("user", ""),
        groups=flags.words("group-add"),
        directory=flags.last("workdir", ""),
        init=flags.optional("init", bool),
        stop_signal=flags.last("stop-signal", ""),
        stop_timeout=flags.optional("stop-timeout", int),
    )


def health(flags: ParsedFlags) -> HealthCheck | None:
    """Return the health check, None for the image's own."""
    command = flags.last("health-cmd", "")
    names = ("interval", "timeout", "retries", "start-period", "start-interval")
    numbers = {name: flags.last(f"health-{name}", 0) for name in names}
    asked = bool(command or any(numbers.values()))
    if flags.last("no-healthcheck", default=False):
        if asked:
            raise BadValue("--no-healthcheck conflicts with --health-* options", hint=_ONE)
        return HealthCheck(is_disabled=True)
    if not asked:
        return None
    for name, number in numbers.items():
        if number < 0:
            raise BadValue(f"--health-{name} cannot be negative", hint="0 is the engine's own")
    return HealthCheck(
        command,
        interval=numbers["interval"],
        timeout=numbers["timeout"],
        retries=numbers["retries"],
        start_period=numbers["start-period"],
        start_interval=numbers["start-interval"],
    )


def log(flags: ParsedFlags) -> LogOptions | None:
    """Return the logging options, None for the engine's own."""
    if "log-driver" not in flags and "log-opt" not in flags:
        return None
    driver = flags.last("log-driver", "")
    options = dict(scalars.key_value(option) for option in flags.words("log-opt"))
    if driver == "none" and options:
        raise BadValue(f"invalid logging opts for driver {driver}", hint="Leave --log-opt out")
    return LogOptions(driver, tuple(options.items()))


def restart_policy(flags: ParsedFlags) -> RestartPolicy:
    """Return the restart policy, which the CLI always sends."""
    policy = flags.last("restart", RestartPolicy())
    if flags.last("rm", default=False) and policy.name not in ("no", ""):
        raise BadValue("conflicting options: cannot specify both --restart and --rm", hint=_ONE)
    return policy
