"""Devices of the host: the values of `--device`, `--device-cgroup-rule` and `--gpus`.

Source of the rules: docker/cli, `cli/command/container/opts.go` and `opts/gpus.go`; for the names
of CDI devices the Container Device Interface specification, "Kind" and "Device names".
"""

from __future__ import annotations

import posixpath
import re

from docker_run.docker_cli.values import csv_fields
from docker_run.docker_cli.values.scalars import BadValue, decimal_integer, key_value

_WORD = r"[A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_CDI = re.compile(rf"{_WORD}/{_WORD}=[A-Za-z0-9](?:[A-Za-z0-9_.:-]*[A-Za-z0-9])?", re.ASCII)


def cgroup_rule(text: str) -> str:
    """Check `TYPE MAJOR:MINOR MODE` for `--device-cgroup-rule`."""
    if not re.fullmatch(r"[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}", text, re.ASCII):
        raise BadValue(f"invalid device cgroup format '{text}'")
    return text


def is_cdi(text: str) -> bool:
    """Tell whether `text` is the full name of a CDI device: `vendor.com/class=name`."""
    return bool(_CDI.fullmatch(text))


def cdi_request(names: list[str]) -> dict[str, object]:
    """Return the Engine API's `DeviceRequest` for CDI devices."""
    return {"Driver": "cdi", "Count": 0, "DeviceIDs": names, "Capabilities": None, "Options": None}


def device_or_name(text: str) -> dict[str, object] | str:
    """Read `--device`: a mapping of paths, or the full name of a CDI device as it is."""
    return text if is_cdi(text) else device(text)


def device(text: str) -> dict[str, object]:
    """Read `HOST_PATH[:PATH][:MODE]`; the mode is made of r, w and m. Raises `BadValue`."""
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
    return {"PathOnHost": host, "PathInContainer": path, "CgroupPermissions": mode}


def _is_mode(text: str) -> bool:
    """Tell whether `text` is made of r, w and m, each once at most."""
    return 0 < len(text) == len(set(text)) and set(text) <= set("rwm")


def _clean(path: str) -> str:
    """Normalise a path as Go does, which keeps no second slash at the start."""
    return re.sub(r"^//+", "/", posixpath.normpath(path))


def gpus(text: str) -> dict[str, object]:
    """Read `all`, a number, or `device=…,capabilities=…,…`; return the Engine API's `DeviceRequest`."""
    count = 0
    ids: list[str] | None = None
    driver = ""
    capabilities = ["gpu"]
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
            ids = value.split(",")
        elif key == "capabilities":
            capabilities = [*value.split(","), "gpu"]
        elif key == "options":
            options = dict(key_value(option) for option in csv_fields.fields(value))
        else:
            raise BadValue(f"unexpected key '{key}' in '{part}'")
    if "count" not in seen and ids is None:
        count = 1
    return {
        "Driver": driver,
        "Count": count,
        "DeviceIDs": ids,
        "Capabilities": [capabilities],
        "Options": options,
    }


def _count(text: str) -> int:
    if text == "all":
        return -1
    try:
        return decimal_integer(text)
    except BadValue as error:
        what = "value out of range" if str(error).endswith("range") else "invalid syntax"
        raise BadValue(f'invalid count ({text}): value must be either "all" or an integer: {what}') from error
