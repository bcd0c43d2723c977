"""Devices of the host: the values of `--device`, `--device-cgroup-rule` and `--gpus`.

Source of the rules: docker/cli, `cli/command/container/opts.go` and `opts/gpus.go`; for the names
of CDI devices the Container Device Interface specification, "Kind" and "Device names".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from docker_run.docker_cli.values import csv_fields
from docker_run.docker_cli.values.scalars import BadValue, decimal_integer, key_value

_WORD = r"[A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_CDI = re.compile(rf"{_WORD}/{_WORD}=[A-Za-z0-9](?:[A-Za-z0-9_.:-]*[A-Za-z0-9])?", re.ASCII)


class Device(NamedTuple):
    """A device of the host for a container."""

    host_path: str
    path: str
    """The path in the container."""
    permissions: str = "rwm"
    """The container's permissions, out of r (read), w (write) and m (mknod)."""


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """A request for devices to a driver of the engine: the Engine API's `DeviceRequest`."""

    driver: str = ""
    count: int = 0
    """The number of devices; -1 is all."""
    ids: tuple[str, ...] | None = None
    """The driver's IDs of the devices; None if the count decides."""
    capabilities: tuple[str, ...] | None = None
    options: tuple[tuple[str, str], ...] | None = None


def cgroup_rule(text: str) -> str:
    """Check `TYPE MAJOR:MINOR MODE` for `--device-cgroup-rule`."""
    if not re.fullmatch(r"[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}", text, re.ASCII):
        raise BadValue(f"invalid device cgroup format '{text}'")
    return text


def is_cdi(text: str) -> bool:
    """Return whether `text` is the full name of a CDI device: `vendor.com/class=name`."""
    return bool(_CDI.fullmatch(text))


def cdi_request(names: Sequence[str]) -> DeviceRequest:
    """Return the request for the CDI devices `names`."""
    return DeviceRequest(driver="cdi", ids=tuple(names))


def device_or_name(text: str) -> Device | str:
    """Parse `--device`: a path of the host, or the full name of a CDI device, which is returned unchanged."""
    return text if is_cdi(text) else device(text)


def device(text: str) -> Device:
    """Parse `HOST_PATH[:PATH][:MODE]`; the mode consists of r, w and m. Raises `BadValue`."""
    parts = text.split(":")
    if len(parts) > 3 or not parts[0]:
        raise BadValue(f"bad format for path: {text}")
    host, target, mode = parts[0], "", "rwm"
    if len(parts) == 3:
        target, mode = parts[1:]
        if not _is_mode(mode):
            raise BadValue(f"bad mode specified: {mode}")
    elif len(parts) == 2 and _is_mode(parts[1]):
        mode = parts[1]
        host = _clean(host)
    elif len(parts) == 2:
        target = _clean(parts[1])
    else:
        host = _clean(host)
    path = target if len(parts) == 3 else target or host
    if not posixpath.isabs(path):
        raise BadValue(f"{path} is not an absolute path")
    return Device(host, path, mode)


def _is_mode(text: str) -> bool:
    """Return whether `text` consists of r, w and m, each at most once."""
    return 0 < len(text) == len(set(text)) and set(text) <= set("rwm")


def _clean(path: str) -> str:
    """Normalise a path as Go does, without a second slash at the start."""
    return re.sub(r"^//+", "/", posixpath.normpath(path))


def gpus(text: str) -> DeviceRequest:
    """Parse `all`, a number, or `device=…,capabilities=…,…`."""
    count = 0
    ids: tuple[str, ...] | None = None
    driver = ""
    capabilities: tuple[str, ...] = ("gpu",)
    options: dict[str, str] = {}
    seen: set[str] = set()
    for part in csv_fields.fields(text):
        key, equals, value = part.partition("=")
        if key in seen:
            raise BadValue(f"gpu request key '{key}' can be specified only once")
        seen.add(key)
        if not equals:
            seen.add("count")
            count = _count(key)
        elif key == "driver":
            driver = value
        elif key == "count":
            count = _count(value)
        elif key == "device":
            ids = tuple(value.split(","))
        elif key == "capabilities":
            capabilities = (*value.split(","), "gpu")
        elif key == "options":
            options = dict(key_value(option) for option in csv_fields.fields(value))
        else:
            raise BadValue(f"unexpected key '{key}' in '{part}'")
    if "count" not in seen and ids is None:
        count = 1
    return DeviceRequest(driver, count, ids, capabilities, tuple(options.items()))


def _count(text: str) -> int:
    if text == "all":
        return -1
    try:
        return decimal_integer(text)
    except BadValue as error:
        what = "value out of range" if str(error).endswith("range") else "invalid syntax"
        raise BadValue(f'invalid count ({text}): value must be either "all" or an integer: {what}') from error
