"""Limits: the values of `--ulimit`, and of the flags that throttle a device.

Source of the rules: docker/cli, `opts/ulimit.go`, `opts/weightdevice.go` and `opts/throttledevice.go`.
"""

from __future__ import annotations

from typing import NamedTuple

from docker_run.docker_cli.values.scalars import BadValue, decimal_integer, size

_ULIMITS = frozenset(
    {"core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice"}
    | {"nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"}
)


class Ulimit(NamedTuple):
    """A resource limit of each process (`setrlimit`); -1 is unlimited."""

    name: str
    soft: int
    hard: int


class DeviceWeight(NamedTuple):
    """The relative weight of a block device's IO."""

    path: str
    weight: int
    """10 to 1000, or 0 for none."""


class DeviceRate(NamedTuple):
    """The limit of a block device's rate of reads or writes."""

    path: str
    rate: int
    """Bytes, or operations, per second."""


def ulimit(text: str) -> Ulimit:
    """Parse `NAME=SOFT[:HARD]`; -1 is unlimited."""
    name, equals, limits = text.partition("=")
    if not equals:
        raise BadValue(f"invalid ulimit argument: {text}")
    if name not in _ULIMITS:
        raise BadValue(f"invalid ulimit type: {name}")
    parts = limits.split(":")
    if len(parts) > 2:
        raise BadValue(f"too many limit value arguments - {limits}, can only have up to two, `soft[:hard]`")
    hard = decimal_integer(parts[-1])
    soft = decimal_integer(parts[0])
    if hard != -1 and (soft == -1 or soft > hard):
        seen = f"soft: -1 (unlimited), hard: {hard}" if soft == -1 else f"{soft} > {hard}"
        raise BadValue(f"ulimit soft limit must be less than or equal to hard limit: {seen}")
    return Ulimit(name, soft, hard)


def _device_and(text: str) -> tuple[str, str]:
    path, colon, value = text.partition(":")
    if not colon or not path:
        raise BadValue(f"bad format: {text}")
    if not path.startswith("/dev/"):
        raise BadValue(f"bad format for device path: {text}")
    return path, value


def device_weight(text: str) -> DeviceWeight:
    """Parse `/dev/PATH:WEIGHT`, 10 to 1000, or 0 for none."""
    path, value = _device_and(text)
    try:
        number = decimal_integer(value, low=0, high=0xFFFF, go="ParseUint")
    except BadValue as error:
        raise BadValue(f"invalid weight for device: {text}") from error
    if number and not 10 <= number <= 1000:
        raise BadValue(f"invalid weight for device: {text}")
    return DeviceWeight(path, number)


def device_bytes(text: str) -> DeviceRate:
    """Parse `/dev/PATH:SIZE`, in bytes per second."""
    path, value = _device_and(text)
    try:
        return DeviceRate(path, size(value))
    except BadValue as error:
        raise BadValue(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>[<unit>]. "
            "Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
        ) from error


def device_operations(text: str) -> DeviceRate:
    """Parse `/dev/PATH:NUMBER`, in operations per second."""
    path, value = _device_and(text)
    try:
        return DeviceRate(path, decimal_integer(value, low=0, high=(1 << 64) - 1, go="ParseUint"))
    except BadValue as error:
        raise BadValue(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>. "
            "Number must be a positive integer"
        ) from error
