"""What flags come to together: the fields of a `RunLine` that more than one flag decides.

Each function builds one field, checks what the CLI checks on its own side, and raises `BadValue`
with the CLI's words. Source: docker/cli 28, `cli/command/container/opts.go` and `run.go`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from docker_run.docker_cli.flag_table import FLAGS
from docker_run.docker_cli.parsed_flags import Given
from docker_run.docker_cli.values import devices, env_file, mounts, ports, scalars
from docker_run.docker_cli.values.networks import Attachment, endpoints
from docker_run.docker_cli.values.scalars import BadValue, quote
from docker_run.errors import FlagProblem

Read = Callable[[str], str]
Fields = dict[str, object]

_ONE = "Leave one of the two out"


def attached(given: Given) -> tuple[str, ...]:
    """Return the streams to which the client attaches: of `stdin`, `stdout`, `stderr`, in this order."""
    asked = given.all("attach", str)
    if given.last("detach", default=False):
        if asked:
            raise BadValue("conflicting options: cannot specify both --attach and --detach", hint=_ONE)
        return ()
    streams = set(asked) or {"stdout", "stderr"}
    if given.last("interactive", default=False):
        streams.add("stdin")
    return tuple(stream for stream in ("stdin", "stdout", "stderr") if stream in streams)


def stream_fields(given: Given) -> Fields:
    """Return the fields that `-a` decides, of which docker-py has no arguments."""
    if "attach" not in given:
        return {}
    streams = attached(given)
    return {
        "AttachStdin": "stdin" in streams,
        "AttachStdout": "stdout" in streams,
        "AttachStderr": "stderr" in streams,
        "StdinOnce": "stdin" in streams and given.last("interactive", default=False),
    }


def mounted(given: Given, *, directory: str) -> tuple[Fields, Fields]:
    """Return docker-py's arguments for volumes and mounts: those of the container, those of the host.

    Paths of the host that begin with a dot are seen from `directory`, an absolute path.
    """
    binds: list[str] = []
    anonymous: list[str] = []
    for volume in dict.fromkeys(given.all("volume", mounts.Volume)):
        if volume.source:
            source = mounts.resolve(volume.source, directory) if volume.is_bind else volume.source
            binds.append(f"{source}:{volume.target}")
        else:
            anonymous.append(volume.target)
    found: list[Fields] = []
    for mount in given.all("mount", dict):
        source = str(mount.get("Source", ""))
        found.append({**mount, "Source": mounts.resolve(source, directory)} if source else mount)
    host: Fields = {"binds": binds} if binds else {}
    if found:
        host["mounts"] = found
    return ({"volumes": anonymous} if anonymous else {}), host


def published(given: Given) -> tuple[Fields, Mapping[str, list[tuple[str, str]]]]:
    """Return docker-py's argument `ports`, and what is published: port → (address, port of the host)."""
    bindings: dict[str, list[tuple[str, str]]] = {}
    for several in given.all("publish", tuple):
        for binding in several:
            if isinstance(binding, ports.Binding):
                bindings.setdefault(binding.port, []).append((binding.address, binding.host_port))
    exposed = dict.fromkeys(
        [*bindings, *(port for several in given.all("expose", tuple) for port in several)]
    )
    pairs = [(int(port.partition("/")[0]), port.partition("/")[2]) for port in exposed]
    return ({"ports": pairs} if pairs else {}), bindings


def environment(
    given: Given, *, read: Read, environ: Mapping[str, str], proxies: Mapping[str, str]
) -> list[str]:
    """Return the variables: those of the files, then the others, of which the last of a name wins.

    `proxies` are the variables that the user's CLI adds to those of `-e`, which go before them.

    A bare name takes its value from `environ`; one that isn't there is left out of a file, and unset
    in the container if it came with `-e`.
    """
    entries: list[str] = []
    for path in given.all("env-file", str):
        for number, text in _file(path, "env-file", read):
            given.check(FLAGS["env-file"], text, place=f" (line {number} of {path})")
            name = text.partition("=")[0]
            if "=" in text:
                entries.append(text)
            elif name in environ:
                entries.append(f"{name}={environ[name]}")
    named: dict[str, str] = {}
    for entry in given.all("env", str):
        name = entry.partition("=")[0]
        named[name] = entry if "=" in entry or name not in environ else f"{name}={environ[name]}"
    added = {name: f"{name}={value}" for name, value in proxies.items() if name not in named}
    return [*entries, *named.values(), *added.values()]


def labels(given: Given, *, read: Read) -> dict[str, str]:
    """Return the labels: those of the files, then the others. A bare name in a file has no meaning."""
    entries = [
        entry.text
        for path in given.all("label-file", str)
        for entry in _file(path, "label-file", read)
        if "=" in entry.text
    ]
    return dict(scalars.key_value(entry) for entry in [*entries, *given.all("label", str)])


def _file(path: str, flag: str, read: Read) -> tuple[env_file.Entry, ...]:
    text = _text(path, read, f"open {path}", flag=flag)
    try:
        return env_file.parse(text)
    except BadValue as error:
        # The CLI, too, says this of both kinds.
        raise BadValue(f"invalid env file ({path}): {error}", hint=error.hint) from error


def _text(path: str, read: Read, failed: str, *, flag: str) -> str:
    """Return the text of the file that `flag` names; of what is in it, no message quotes anything."""
    try:
        return read(path)
    except FlagProblem as error:
        raise type(error)(f"--{flag} {error}") from error
    except OSError as error:
        message = (error.strerror or str(error)).lower()
        raise BadValue(
            f"{failed}: {message}", hint="The file has to be where the page's files are"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        hint = "Save the file as UTF-8, or name the right one"
        raise BadValue(f"{failed}: invalid utf8 bytes at line {line}", hint=hint) from None


def security(given: Given, *, read: Read) -> tuple[Fields, Fields]:
    """Return docker-py's argument for `--security-opt`, and the fields of which it has none."""
    options: list[str] = []
    fields: Fields = {}
    for option in given.all("security-opt", str):
        name, separator, value = option.partition("=")
        if not separator and name != "no-new-privileges":
            name, separator, value = option.partition(":")
        if not value and name != "no-new-privileges":
            raise BadValue(
                f"invalid --security-opt: {quote(option)}", hint="Try e.g. --security-opt no-new-privileges"
            )
        if option == "systempaths=unconfined":
            fields = {"MaskedPaths": [], "ReadonlyPaths": []}
        elif name == "seccomp" and value not in ("builtin", "unconfined"):
            options.append(f"seccomp={_profile(value, read)}")
        else:
            options.append(option)
    return ({"security_opt": options} if options else {}), fields


_STRING_OR_SPACE = re.compile(r'("(?:\\.|[^"\\])*")|[ \t\r\n]+')


def _profile(path: str, read: Read) -> str:
    """Return the text of a seccomp profile without the white space between its tokens."""
    text = _text(path, read, f"opening seccomp profile ({path}) failed: open {path}", flag="security-opt")
    try:
        # Its numbers are the engine's to read: Python would refuse those of thousands of digits.
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except ValueError as error:
        raise BadValue(f"compacting json for seccomp profile ({path}) failed: {error}") from error
    except RecursionError as error:
        raise BadValue(f"compacting json for seccomp profile ({path}) failed: exceeded max depth") from error
    return _STRING_OR_SPACE.sub(lambda match: match[1] or "", text)


def _refuse_constant(name: str) -> None:
    """Refuse what Python takes for a number and JSON doesn't have: `NaN`, `Infinity`."""
    raise ValueError(f"{name} is no JSON")


def log_config(given: Given) -> Fields:
    """Return docker-py's argument for `--log-driver` and `--log-opt`."""
    if "log-driver" not in given and "log-opt" not in given:
        return {}
    driver = given.last("log-driver", "")
    options = dict(scalars.key_value(option) for option in given.all("log-opt", str))
    if driver == "none" and options:
        raise BadValue(f"invalid logging opts for driver {driver}", hint="Leave --log-opt out")
    return {"log_config": {"type": driver, "config": options}}


def health(given: Given) -> tuple[Fields, Fields]:
    """Return docker-py's argument for the health check, or the field where docker-py lacks a part of it."""
    command = given.last("health-cmd", "")
    numbers = {
        "interval": given.last("health-interval", 0),
        "timeout": given.last("health-timeout", 0),
        "retries": given.last("health-retries", 0),
        "start_period": given.last("health-start-period", 0),
    }
    start_interval = given.last("health-start-interval", 0)
    asked = bool(command or any(numbers.values()) or start_interval)
    if given.last("no-healthcheck", default=False):
        if asked:
            raise BadValue("--no-healthcheck conflicts with --health-* options", hint=_ONE)
        return {"healthcheck": {"test": ["NONE"]}}, {}
    if not asked:
        return {}, {}
    for name, number in {**numbers, "start_interval": start_interval}.items():
        if number < 0:
            raise BadValue(
                f"--health-{name.replace('_', '-')} cannot be negative", hint="0 is the engine's own"
            )
    test = ["CMD-SHELL", command] if command else None
    if not start_interval:
        return {"healthcheck": {"test": test, **numbers}}, {}
    field = {"Test": test, "StartInterval": start_interval}
    return {}, {"Healthcheck": field | {_camel(name): number for name, number in numbers.items()}}


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def device_arguments(given: Given) -> tuple[Fields, Fields]:
    """Return docker-py's argument for `--device`, and the field for GPUs and CDI devices.

    docker-py would send empty lists in a request where the CLI sends nothing.
    """
    paths = given.all("device", dict)
    names = given.all("device", str)
    requests: list[object] = list(given.all("gpus", dict))
    if names:
        requests.append(devices.cdi_request(names))
    return ({"devices": paths} if paths else {}), ({"DeviceRequests": requests} if requests else {})


def network(given: Given) -> tuple[str, dict[str, Fields]]:
    """Return the network mode, and for each network the arguments of its endpoint."""
    networks = given.all("network", Attachment)
    apart = Attachment(
        target="",
        aliases=tuple(given.all("network-alias", str)),
        links=tuple((str(name), str(alias)) for name, alias in given.all("link", tuple)),
        ipv4=given.last("ip", ""),
        ipv6=given.last("ip6", ""),
        link_local=tuple(given.all("link-local-ip", str)),
        mac=given.last("mac-address", ""),
    )
    if apart.mac:
        scalars.mac_address(apart.mac)
    return (networks[0].target if networks else "default"), endpoints(networks, apart)


def check_modes(given: Given) -> None:
    """Check the words that name namespaces, a pull policy, a swappiness."""
    pull = given.last("pull", "missing")
    if pull not in ("always", "missing", "never", ""):
        raise BadValue(f'invalid pull option: \'{pull}\': must be one of "always", "missing" or "never"')
    swappiness = given.last("memory-swappiness", -1)
    if not -1 <= swappiness <= 100:
        raise BadValue(f"invalid value: {swappiness}. Valid memory swappiness range is 0-100")
    pid = given.last("pid", "")
    if pid not in ("", "host") and not (pid.startswith("container:") and pid != "container:"):
        raise BadValue("--pid: invalid PID mode", hint="Try --pid container:NAME, or --pid host")
    for name, words, title in (
        ("uts", ("", "host"), "UTS"),
        ("userns", ("", "host"), "USER"),
        ("cgroupns", ("", "host", "private"), "CGROUP"),
    ):
        if given.last(name, "") not in words:
            raise BadValue(
                f"--{name}: invalid {title} mode", hint=f"Try --{name} {words[-1]}, or leave it out"
            )


def restart_policy(given: Given) -> Fields:
    """Return the restart policy, which the CLI always sends."""
    policies = given.all("restart", dict)
    policy = policies[-1] if policies else scalars.restart("no")
    if given.last("rm", default=False) and policy.get("Name", "no") not in ("no", ""):
        raise BadValue("conflicting options: cannot specify both --restart and --rm", hint=_ONE)
    return {"restart_policy": policy} if policy else {}


def sent_anyway(host: Mapping[str, object]) -> Fields:
    """Return the fields that the CLI sends though no flag asks for them, and `docker inspect` then shows.

    docker-py leaves out what is empty; `host` has its arguments.
    """
    fields: dict[str, tuple[str, object]] = {
        "blkio_weight_device": ("BlkioWeightDevice", []),
        "device_read_bps": ("BlkioDeviceReadBps", []),
        "device_read_iops": ("BlkioDeviceReadIOps", []),
        "device_write_bps": ("BlkioDeviceWriteBps", []),
        "device_write_iops": ("BlkioDeviceWriteIOps", []),
        "devices": ("Devices", []),
        "dns": ("Dns", []),
        "dns_opt": ("DnsOptions", []),
        "dns_search": ("DnsSearch", []),
        "mem_swappiness": ("MemorySwappiness", -1),
        "oom_kill_disable": ("OomKillDisable", False),
        "pids_limit": ("PidsLimit", 0),
        "port_bindings": ("PortBindings", {}),
        "ulimits": ("Ulimits", []),
    }
    return {name: value for argument, (name, value) in fields.items() if host.get(argument, value) == value}
