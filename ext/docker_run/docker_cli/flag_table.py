"""The table of the flags of `docker run`, one row each.

It has every flag that `docker run --help` lists in versions 20.10 to 28 of the CLI, and the hidden ones. A
row says how the value is parsed, how several values are combined, and whether the flag reaches into the host:
if so, it is refused unless it is allowed by name. `assemble` maps the flags to the fields of a `RunLine`.

Source: docker/cli, `cli/command/container/opts.go` and `run.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from docker_run.docker_cli.flag import Combine, Flag
from docker_run.docker_cli.values import choices, devices, mounts, networks, ports, rates, restart
from docker_run.docker_cli.values import scalars as v


def _is_set(value: object) -> bool:
    return bool(value)


def _is(*words: str) -> Callable[[object], bool]:
    return lambda value: value in words


def _network_is_host(value: object) -> bool:
    return isinstance(value, networks.Attachment) and value.target == "host"


def _volume_is_path(value: object) -> bool:
    return isinstance(value, mounts.Volume) and value.is_bind


def _mount_is_path(value: object) -> bool:
    return isinstance(value, mounts.Mount) and value.reaches_host


def _variable_is_bare(value: object) -> bool:
    return "=" not in str(value)


def _loosens(value: object) -> bool:
    """Return whether a security option may reduce security; any profile may, since it isn't read here."""
    name = str(value).replace(":", "=", 1)
    return not name.startswith("no-new-privileges") and name != "seccomp=builtin"


def _leaves_engine(value: object) -> bool:
    return value not in ("", "json-file", "local", "none")


def _below_zero(value: object) -> bool:
    return isinstance(value, int) and value < 0


_ALL, _PAIRS = Combine.ALL, Combine.PAIRS
_WINDOWS = "is only supported on a Docker daemon running on windows"
_BUILD_MACHINE = "puts a variable of the machine that builds the pages into the container"
# Not formatted: one row per flag, so that they can be compared.
# fmt: off
_ROWS = (
    Flag("add-host", "list", v.extra_host, combine=_ALL, example="db:10.0.0.5"),
    Flag(
        "annotation", "map", v.key_value, combine=_PAIRS, example="org.x.y=z",
        reaches=_is_set,
        why="is passed to the host's container runtime, which may run hooks for it", api="1.43",
    ),
    Flag(
        "attach", "list", choices.stream, short="a", combine=_ALL,
        example="stdout",
    ),
    Flag("blkio-weight", "uint16", v.weight, example="300"),
    Flag(
        "blkio-weight-device", "list", rates.device_weight, combine=_ALL,
        example="/dev/sda:200",
    ),
    Flag(
        "cap-add", "list", v.capability, combine=_ALL, example="NET_ADMIN",
        reaches=_is_set,
        why="gives capabilities",
    ),
    Flag("cap-drop", "list", v.capability, combine=_ALL, example="CHOWN"),
    Flag(
        "cgroup-parent", "string", example="/course",
        reaches=_is_set,
        why="puts the container into a control group of the host",
    ),
    Flag(
        "cgroupns", "string", example="private",
        reaches=_is("host"),
        why="shows the host's control groups", api="1.41",
    ),
    Flag(
        "cidfile", "string", example="web.cid",
        reaches=_is_set,
        why="writes a file on the machine that builds the pages",
    ),
    Flag("cpu-count", "int", v.integer, refused=_WINDOWS, hidden=True),
    Flag("cpu-percent", "int", v.integer, refused=_WINDOWS, hidden=True),
    Flag("cpu-period", "int", v.integer, example="100000"),
    Flag("cpu-quota", "int", v.integer, example="50000"),
    Flag(
        "cpu-rt-period", "int", v.integer, example="1000000",
        reaches=_is_set,
        why="takes real-time processor time from the host",
    ),
    Flag(
        "cpu-rt-runtime", "int", v.integer, example="950000",
        reaches=_is_set,
        why="takes real-time processor time from the host",
    ),
    Flag("cpu-shares", "int", v.integer, short="c", example="512"),
    Flag("cpus", "decimal", v.nano_cpus, example="1.5"),
    Flag("cpuset-cpus", "string", example="0-1"),
    Flag("cpuset-mems", "string", example="0"),
    Flag("detach", "", v.boolean, short="d"),
    Flag("detach-keys", "string", example="ctrl-x,x"),
    Flag(
        "device", "list", devices.device_or_name, combine=_ALL, late=True,
        example="/dev/fuse",
        reaches=_is_set,
        why="gives a device of the host to the container",
    ),
    Flag(
        "device-cgroup-rule", "list", devices.cgroup_rule, combine=_ALL,
        example="'c 1:3 rw'",
        reaches=_is_set,
        why="opens devices of the host",
    ),
    Flag(
        "device-read-bps", "list", rates.device_bytes, combine=_ALL,
        example="/dev/sda:1mb",
    ),
    Flag(
        "device-read-iops", "list", rates.device_operations, combine=_ALL,
        example="/dev/sda:100",
    ),
    Flag(
        "device-write-bps", "list", rates.device_bytes, combine=_ALL,
        example="/dev/sda:1mb",
    ),
    Flag(
        "device-write-iops", "list", rates.device_operations, combine=_ALL,
        example="/dev/sda:100",
    ),
    Flag(
        "disable-content-trust", "", v.boolean,
        refused="decides what the CLI itself verifies; the Engine API has no counterpart",
    ),
    Flag("dns", "list", v.address, combine=_ALL, example="10.0.0.2"),
    Flag(
        "dns-opt", "list", combine=_ALL, hidden=True, spelling_of="dns-option", example="ndots:2",
    ),
    Flag("dns-option", "list", combine=_ALL, example="ndots:2"),
    Flag("dns-search", "list", v.search_domain, combine=_ALL, example="example.com"),
    Flag("domainname", "string", example="example.com"),
    Flag("entrypoint", "string", example="/bin/sh"),
    Flag(
        "env", "list", v.variable, short="e", combine=_ALL,
        example="NAME=value",
        reaches=_variable_is_bare,
        why=_BUILD_MACHINE,
    ),
    # A file is checked when it is read: `file_flags.environment` checks each of its lines.
    Flag(
        "env-file", "list", combine=_ALL, example="web.env",
        reaches=_variable_is_bare,
        why=_BUILD_MACHINE,
    ),
    Flag(
        "expose", "list", ports.expose, combine=_ALL, late=True, example="8080/tcp",
    ),
    Flag(
        "gpus", "gpu-request", devices.gpus, combine=_ALL,
        example="all",
        reaches=_is_set,
        why="gives devices of the host to the container",
    ),
    Flag("group-add", "list", combine=_ALL, example="audio"),
    Flag("health-cmd", "string", example="'test -f /ready'"),
    Flag("health-interval", "duration", v.duration, example="30s"),
    Flag("health-retries", "int", v.integer, example="3"),
    Flag(
        "health-start-interval", "duration", v.duration,
        example="1s", api="1.44",
    ),
    Flag("health-start-period", "duration", v.duration, example="10s"),
    Flag("health-timeout", "duration", v.duration, example="5s"),
    Flag("help", "", v.boolean, refused="prints the CLI's own help, and runs nothing"),
    Flag("hostname", "string", short="h", example="web"),
    Flag("init", "", v.boolean),
    Flag("interactive", "", v.boolean, short="i"),
    Flag("io-maxbandwidth", "bytes", v.size, refused=_WINDOWS, hidden=True),
    Flag("io-maxiops", "uint", v.unsigned, refused=_WINDOWS, hidden=True),
    Flag("ip", "string", example="172.30.100.104"),
    Flag("ip6", "string", example="2001:db8::33"),
    Flag(
        "ipc", "string", example="shareable",
        reaches=_is("host"),
        why="shares the host's shared memory, semaphores and message queues",
    ),
    Flag("isolation", "string", example="default"),
    Flag("kernel-memory", "bytes", v.size, example="64m"),
    Flag("label", "list", v.label, short="l", combine=_ALL, example="stage=test"),
    Flag("label-file", "list", combine=_ALL, example="web.labels"),
    Flag("link", "list", v.link, combine=_ALL, example="db:database"),
    Flag("link-local-ip", "list", combine=_ALL, example="169.254.34.68"),
    Flag(
        "log-driver", "string", example="json-file",
        reaches=_leaves_engine,
        why="sends what the container prints to a service of the host, or elsewhere",
    ),
    Flag("log-opt", "list", combine=_ALL, example="max-size=10m"),
    Flag("mac-address", "string", example="92:d0:c6:0a:29:33"),
    Flag("memory", "bytes", v.size, short="m", example="64m"),
    Flag("memory-reservation", "bytes", v.size, example="32m"),
    Flag("memory-swap", "bytes", v.size_or_unlimited, example="128m"),
    Flag("memory-swappiness", "int", v.integer, example="10"),
    Flag(
        "mount", "mount", mounts.mount, combine=_ALL,
        example="type=tmpfs,target=/scratch",
        reaches=_mount_is_path,
        why="can show the host's files to the container (a bind, or a volume's driver)",
    ),
    Flag("name", "string", example="web"),
    Flag(
        "net", "network", networks.network, combine=_ALL, hidden=True,
        spelling_of="network",
    ),
    Flag("net-alias", "list", combine=_ALL, hidden=True, spelling_of="network-alias"),
    Flag(
        "network", "network", networks.network, combine=_ALL,
        example="backend",
        reaches=_network_is_host,
        why="gives the host's network to the container",
    ),
    Flag("network-alias", "list", combine=_ALL, example="db"),
    Flag("no-healthcheck", "", v.boolean),
    Flag(
        "oom-kill-disable", "", v.boolean,
        reaches=_is_set,
        why="leaves the host without a remedy when its memory runs out",
    ),
    Flag(
        "oom-score-adj", "int", v.integer, example="500",
        reaches=_below_zero,
        why="makes the host end its own processes first",
    ),
    Flag(
        "pid", "string", example="container:web",
        reaches=_is("host"),
        why="shows the host's processes",
    ),
    Flag("pids-limit", "int", v.integer, example="100"),
    Flag("platform", "string", example="linux/amd64"),
    Flag(
        "privileged", "", v.boolean,
        reaches=_is_set,
        why="takes away what keeps the host apart",
    ),
    Flag(
        "publish", "list", ports.publish, short="p", combine=_ALL, late=True,
        example="8080:80",
        reaches=_is_set,
        why="opens a port of the host",
    ),
    Flag(
        "publish-all", "", v.boolean, short="P",
        reaches=_is_set,
        why="opens ports of the host",
    ),
    Flag("pull", "string", example="missing"),
    Flag("quiet", "", v.boolean, short="q"),
    Flag("read-only", "", v.boolean),
    Flag(
        "restart", "string", restart.restart, late=True,
        example="on-failure:3",
    ),
    Flag("rm", "", v.boolean),
    Flag(
        "runtime", "string", example="runc",
        reaches=_is_set,
        why="chooses a program of the host",
    ),
    Flag(
        "security-opt", "list", combine=_ALL, example="no-new-privileges",
        reaches=_loosens,
        why="can take away what keeps the host apart",
    ),
    Flag("shm-size", "bytes", v.size, example="64m"),
    Flag("sig-proxy", "", v.boolean),
    Flag("stop-signal", "string", example="SIGINT"),
    Flag("stop-timeout", "int", v.integer, example="5"),
    Flag("storage-opt", "list", v.storage_opt, combine=_PAIRS, late=True, example="size=1G"),
    Flag("sysctl", "map", v.sysctl, combine=_PAIRS, example="net.ipv4.ip_forward=1"),
    Flag("tmpfs", "list", mounts.tmpfs, combine=_PAIRS, example="/run:size=64m"),
    Flag("tty", "", v.boolean, short="t"),
    Flag(
        "ulimit", "ulimit", rates.ulimit, combine=_ALL,
        example="nofile=1024:2048",
    ),
    Flag(
        "use-api-socket", "", v.boolean,
        refused="gives the engine's own socket and the user's passwords to the container",
    ),
    Flag("user", "string", short="u", example="1000:1000"),
    Flag(
        "userns", "string", example="host",
        reaches=_is("host"),
        why="makes the container's root the host's",
    ),
    Flag(
        "uts", "string", example="host",
        reaches=_is("host"),
        why="lets the container change the host's name",
    ),
    Flag(
        "volume", "list", mounts.volume, short="v", combine=_ALL, late=True,
        example="data:/var/lib/data",
        reaches=_volume_is_path,
        why="shows files of the host to the container where it names a path",
    ),
    Flag(
        "volume-driver", "string", example="local",
        reaches=_is_set,
        why="chooses a program that may mount anything",
    ),
    Flag("volumes-from", "list", combine=_ALL, example="web"),
    Flag("workdir", "string", short="w", example="/srv"),
)
# fmt: on

FLAGS: Mapping[str, Flag] = MappingProxyType({flag.name: flag for flag in _ROWS})
"""All flags, by long name."""

SHORT: Mapping[str, Flag] = MappingProxyType({flag.short: flag for flag in _ROWS if flag.short})
"""The flags with a shorthand, by its letter."""
