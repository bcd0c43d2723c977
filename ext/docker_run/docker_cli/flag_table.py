"""The flags of `docker run`: one table, a row for each, with what becomes of it on the direct way.

It has every flag that `docker run --help` lists in the CLI's versions 20.10 to 28, and those that it
hides. A row says how the value is read, which argument of docker-py or field of the Engine API it
becomes, and whether it reaches into the host: such a flag is refused unless it is allowed by name.

Source: docker/cli, `cli/command/container/opts.go` and `run.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from docker_run.docker_cli.flag import Flag, Goes, Take
from docker_run.docker_cli.values import devices, mounts, networks, ports, rates
from docker_run.docker_cli.values import scalars as v


def _given(value: object) -> bool:
    return bool(value)


def _is(*words: str) -> Callable[[object], bool]:
    return lambda value: value in words


def _network_is_host(value: object) -> bool:
    return isinstance(value, networks.Attachment) and value.target == "host"


def _volume_is_path(value: object) -> bool:
    return isinstance(value, mounts.Volume) and value.is_bind


def _mount_is_path(value: object) -> bool:
    return isinstance(value, dict) and mounts.mount_reaches_host(value)


def _variable_is_bare(value: object) -> bool:
    return "=" not in str(value)


def _loosens(value: object) -> bool:
    """Tell whether a security option takes something away; without a profile's text nobody knows."""
    name = str(value).replace(":", "=", 1)
    return not name.startswith("no-new-privileges") and name != "seccomp=builtin"


def _leaves_engine(value: object) -> bool:
    return value not in ("", "json-file", "local", "none")


def _below_zero(value: object) -> bool:
    return isinstance(value, int) and value < 0


_C, _H, _E, _X = Goes.CONTAINER, Goes.HOST, Goes.ENDPOINT, Goes.REFUSED
_ALL, _PAIRS = Take.ALL, Take.PAIRS
_WINDOWS = "is only supported on a Docker daemon running on windows"
_BUILD_MACHINE = "puts a variable of the machine that builds the pages into the container"
# Not formatted: a row a flag, so that they can be compared.
# fmt: off
_ROWS = (
    Flag("add-host", "list", _H, "extra_hosts", v.extra_host, take=_ALL, example="db:10.0.0.5"),
    Flag(
        "annotation", "map", Goes.RAW_HOST, "Annotations", v.key_value, take=_PAIRS, example="org.x.y=z",
        reaches=_given,
        why="is passed to the host's container runtime, which may run hooks for it", api="1.43",
    ),
    Flag(
        "attach", "list", Goes.CLIENT, "attach", v.attach, short="a", take=_ALL, combined=True,
        example="stdout",
    ),
    Flag("blkio-weight", "uint16", _H, "blkio_weight", v.weight, example="300"),
    Flag(
        "blkio-weight-device", "list", _H, "blkio_weight_device", rates.device_weight, take=_ALL,
        example="/dev/sda:200",
    ),
    Flag(
        "cap-add", "list", _H, "cap_add", v.capability, take=_ALL, combined=True, example="NET_ADMIN",
        reaches=_given,
        why="gives capabilities",
    ),
    Flag("cap-drop", "list", _H, "cap_drop", v.capability, take=_ALL, combined=True, example="CHOWN"),
    Flag(
        "cgroup-parent", "string", _H, "cgroup_parent", example="/course",
        reaches=_given,
        why="puts the container into a control group of the host",
    ),
    Flag(
        "cgroupns", "string", _H, "cgroupns", example="private",
        reaches=_is("host"),
        why="shows the host's control groups", api="1.41",
    ),
    Flag(
        "cidfile", "string", Goes.CLIENT, "cidfile", combined=True, example="web.cid",
        reaches=_given,
        why="writes a file on the machine that builds the pages",
    ),
    Flag("cpu-count", "int", _X, _WINDOWS, v.integer, hidden=True),
    Flag("cpu-percent", "int", _X, _WINDOWS, v.integer, hidden=True),
    Flag("cpu-period", "int", _H, "cpu_period", v.integer, example="100000"),
    Flag("cpu-quota", "int", _H, "cpu_quota", v.integer, example="50000"),
    Flag(
        "cpu-rt-period", "int", _H, "cpu_rt_period", v.integer, example="1000000",
        reaches=_given,
        why="takes real-time processor time from the host",
    ),
    Flag(
        "cpu-rt-runtime", "int", _H, "cpu_rt_runtime", v.integer, example="950000",
        reaches=_given,
        why="takes real-time processor time from the host",
    ),
    Flag("cpu-shares", "int", _H, "cpu_shares", v.integer, short="c", example="512"),
    Flag("cpus", "decimal", _H, "nano_cpus", v.nano_cpus, example="1.5"),
    Flag("cpuset-cpus", "string", _H, "cpuset_cpus", example="0-1"),
    Flag("cpuset-mems", "string", _H, "cpuset_mems", example="0"),
    Flag("detach", "", Goes.CLIENT, "detach", v.boolean, short="d", combined=True),
    Flag("detach-keys", "string", Goes.CLIENT, "detach_keys", example="ctrl-x,x"),
    Flag(
        "device", "list", _H, "devices", devices.device_or_name, take=_ALL, late=True, combined=True,
        example="/dev/fuse",
        reaches=_given,
        why="gives a device of the host to the container",
    ),
    Flag(
        "device-cgroup-rule", "list", _H, "device_cgroup_rules", devices.cgroup_rule, take=_ALL,
        example="'c 1:3 rw'",
        reaches=_given,
        why="opens devices of the host",
    ),
    Flag(
        "device-read-bps", "list", _H, "device_read_bps", rates.device_bytes, take=_ALL,
        example="/dev/sda:1mb",
    ),
    Flag(
        "device-read-iops", "list", _H, "device_read_iops", rates.device_operations, take=_ALL,
        example="/dev/sda:100",
    ),
    Flag(
        "device-write-bps", "list", _H, "device_write_bps", rates.device_bytes, take=_ALL,
        example="/dev/sda:1mb",
    ),
    Flag(
        "device-write-iops", "list", _H, "device_write_iops", rates.device_operations, take=_ALL,
        example="/dev/sda:100",
    ),
    Flag(
        "disable-content-trust", "", _X,
        "decides what the CLI itself verifies; the Engine API has no counterpart", v.boolean,
    ),
    Flag("dns", "list", _H, "dns", v.address, take=_ALL, example="10.0.0.2"),
    Flag(
        "dns-opt", "list", _H, "dns_opt", take=_ALL, hidden=True, spelling_of="dns-option", example="ndots:2",
    ),
    Flag("dns-option", "list", _H, "dns_opt", take=_ALL, example="ndots:2"),
    Flag("dns-search", "list", _H, "dns_search", v.search_domain, take=_ALL, example="example.com"),
    Flag("domainname", "string", _C, "domainname", example="example.com"),
    Flag("entrypoint", "string", _C, "entrypoint", combined=True, example="/bin/sh"),
    Flag(
        "env", "list", _C, "environment", v.variable, short="e", take=_ALL, combined=True,
        example="NAME=value",
        reaches=_variable_is_bare,
        why=_BUILD_MACHINE,
    ),
    # Which variables a file names is known when it is read: `assemble` asks of each of its lines.
    Flag(
        "env-file", "list", _C, "environment", take=_ALL, combined=True, example="web.env",
        reaches=_variable_is_bare,
        why=_BUILD_MACHINE,
    ),
    Flag(
        "expose", "list", _C, "ports", ports.expose, take=_ALL, late=True, combined=True, example="8080/tcp",
    ),
    Flag(
        "gpus", "gpu-request", Goes.RAW_HOST, "DeviceRequests", devices.gpus, take=_ALL, combined=True,
        example="all",
        reaches=_given,
        why="gives devices of the host to the container",
    ),
    Flag("group-add", "list", _H, "group_add", take=_ALL, example="audio"),
    Flag("health-cmd", "string", _C, "healthcheck", combined=True, example="'test -f /ready'"),
    Flag("health-interval", "duration", _C, "healthcheck", v.duration, combined=True, example="30s"),
    Flag("health-retries", "int", _C, "healthcheck", v.integer, combined=True, example="3"),
    Flag(
        "health-start-interval", "duration", Goes.RAW_CONTAINER, "Healthcheck", v.duration, combined=True,
        example="1s", api="1.44",
    ),
    Flag("health-start-period", "duration", _C, "healthcheck", v.duration, combined=True, example="10s"),
    Flag("health-timeout", "duration", _C, "healthcheck", v.duration, combined=True, example="5s"),
    Flag("help", "", _X, "prints the CLI's own help, and runs nothing", v.boolean),
    Flag("hostname", "string", _C, "hostname", short="h", example="web"),
    Flag("init", "", _H, "init", v.boolean),
    Flag("interactive", "", _C, "stdin_open", v.boolean, short="i"),
    Flag("io-maxbandwidth", "bytes", _X, _WINDOWS, v.size, hidden=True),
    Flag("io-maxiops", "uint", _X, _WINDOWS, v.unsigned, hidden=True),
    Flag("ip", "string", _E, "ipv4_address", combined=True, example="172.30.100.104"),
    Flag("ip6", "string", _E, "ipv6_address", combined=True, example="2001:db8::33"),
    Flag(
        "ipc", "string", _H, "ipc_mode", example="shareable",
        reaches=_is("host"),
        why="shares the host's shared memory, semaphores and message queues",
    ),
    Flag("isolation", "string", _H, "isolation", example="default"),
    Flag("kernel-memory", "bytes", _H, "kernel_memory", v.size, example="64m"),
    Flag("label", "list", _C, "labels", v.label, short="l", take=_ALL, combined=True, example="stage=test"),
    Flag("label-file", "list", _C, "labels", take=_ALL, combined=True, example="web.labels"),
    Flag("link", "list", _H, "links", v.link, take=_ALL, combined=True, example="db:database"),
    Flag("link-local-ip", "list", _E, "link_local_ips", take=_ALL, combined=True, example="169.254.34.68"),
    Flag(
        "log-driver", "string", _H, "log_config", combined=True, example="json-file",
        reaches=_leaves_engine,
        why="sends what the container prints to a service of the host, or elsewhere",
    ),
    Flag("log-opt", "list", _H, "log_config", take=_ALL, combined=True, example="max-size=10m"),
    Flag("mac-address", "string", _C, "mac_address", combined=True, example="92:d0:c6:0a:29:33"),
    Flag("memory", "bytes", _H, "mem_limit", v.size, short="m", example="64m"),
    Flag("memory-reservation", "bytes", _H, "mem_reservation", v.size, example="32m"),
    Flag("memory-swap", "bytes", _H, "memswap_limit", v.size_or_unlimited, example="128m"),
    Flag("memory-swappiness", "int", _H, "mem_swappiness", v.integer, combined=True, example="10"),
    Flag(
        "mount", "mount", _H, "mounts", mounts.mount, take=_ALL, combined=True,
        example="type=tmpfs,target=/scratch",
        reaches=_mount_is_path,
        why="can show the host's files to the container (a bind, or a volume's driver)",
    ),
    Flag("name", "string", _C, "name", example="web"),
    Flag(
        "net", "network", _H, "network_mode", networks.network, take=_ALL, hidden=True,
        spelling_of="network",
    ),
    Flag("net-alias", "list", _E, "aliases", take=_ALL, hidden=True, spelling_of="network-alias"),
    Flag(
        "network", "network", _H, "network_mode", networks.network, take=_ALL, combined=True,
        example="backend",
        reaches=_network_is_host,
        why="gives the host's network to the container",
    ),
    Flag("network-alias", "list", _E, "aliases", take=_ALL, combined=True, example="db"),
    Flag("no-healthcheck", "", _C, "healthcheck", v.boolean, combined=True),
    Flag(
        "oom-kill-disable", "", _H, "oom_kill_disable", v.boolean,
        reaches=_given,
        why="leaves the host without a remedy when its memory runs out",
    ),
    Flag(
        "oom-score-adj", "int", _H, "oom_score_adj", v.integer, example="500",
        reaches=_below_zero,
        why="makes the host end its own processes first",
    ),
    Flag(
        "pid", "string", _H, "pid_mode", combined=True, example="container:web",
        reaches=_is("host"),
        why="shows the host's processes",
    ),
    Flag("pids-limit", "int", _H, "pids_limit", v.integer, example="100"),
    Flag("platform", "string", _C, "platform", example="linux/amd64"),
    Flag(
        "privileged", "", _H, "privileged", v.boolean,
        reaches=_given,
        why="takes away what keeps the host apart",
    ),
    Flag(
        "publish", "list", _H, "port_bindings", ports.publish, short="p", take=_ALL, late=True, combined=True,
        example="8080:80",
        reaches=_given,
        why="opens a port of the host",
    ),
    Flag(
        "publish-all", "", _H, "publish_all_ports", v.boolean, short="P",
        reaches=_given,
        why="opens ports of the host",
    ),
    Flag("pull", "string", Goes.CLIENT, "pull", combined=True, example="missing"),
    Flag("quiet", "", Goes.CLIENT, "quiet", v.boolean, short="q"),
    Flag("read-only", "", _H, "read_only", v.boolean),
    Flag(
        "restart", "string", _H, "restart_policy", v.restart, late=True, combined=True,
        example="on-failure:3",
    ),
    Flag("rm", "", _H, "auto_remove", v.boolean),
    Flag(
        "runtime", "string", _H, "runtime", example="runc",
        reaches=_given,
        why="chooses a program of the host",
    ),
    Flag(
        "security-opt", "list", _H, "security_opt", take=_ALL, combined=True, example="no-new-privileges",
        reaches=_loosens,
        why="can take away what keeps the host apart",
    ),
    Flag("shm-size", "bytes", _H, "shm_size", v.size, example="64m"),
    Flag("sig-proxy", "", Goes.CLIENT, "sig_proxy", v.boolean),
    Flag("stop-signal", "string", _C, "stop_signal", example="SIGINT"),
    Flag("stop-timeout", "int", _C, "stop_timeout", v.integer, example="5"),
    Flag("storage-opt", "list", _H, "storage_opt", v.storage_opt, take=_PAIRS, late=True, example="size=1G"),
    Flag("sysctl", "map", _H, "sysctls", v.sysctl, take=_PAIRS, example="net.ipv4.ip_forward=1"),
    Flag("tmpfs", "list", _H, "tmpfs", mounts.tmpfs, take=_PAIRS, example="/run:size=64m"),
    Flag("tty", "", _C, "tty", v.boolean, short="t"),
    Flag(
        "ulimit", "ulimit", _H, "ulimits", rates.ulimit, take=_ALL, combined=True,
        example="nofile=1024:2048",
    ),
    Flag(
        "use-api-socket", "", _X, "gives the engine's own socket and the user's passwords to the container",
        v.boolean,
    ),
    Flag("user", "string", _C, "user", short="u", example="1000:1000"),
    Flag(
        "userns", "string", _H, "userns_mode", combined=True, example="host",
        reaches=_is("host"),
        why="makes the container's root the host's",
    ),
    Flag(
        "uts", "string", _H, "uts_mode", combined=True, example="host",
        reaches=_is("host"),
        why="lets the container change the host's name",
    ),
    Flag(
        "volume", "list", _H, "binds", mounts.volume, short="v", take=_ALL, late=True, combined=True,
        example="data:/var/lib/data",
        reaches=_volume_is_path,
        why="shows files of the host to the container where it names a path",
    ),
    Flag(
        "volume-driver", "string", _H, "volume_driver", example="local",
        reaches=_given,
        why="chooses a program that may mount anything",
    ),
    Flag("volumes-from", "list", _H, "volumes_from", take=_ALL, example="web"),
    Flag("workdir", "string", _C, "working_dir", short="w", example="/srv"),
)
# fmt: on

FLAGS: Mapping[str, Flag] = MappingProxyType({flag.name: flag for flag in _ROWS})
"""Every flag by its long name."""

SHORT: Mapping[str, Flag] = MappingProxyType({flag.short: flag for flag in _ROWS if flag.short})
"""The flags that have one letter, by that letter."""
