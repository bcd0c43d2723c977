"""Scalar values of the flags of `docker run`: numbers, sizes, durations, names.

Each function takes the text of a value, and returns the value for the Engine API, or raises `BadValue` with
the CLI's own message. The rules are those of docker/cli (`opts/`), docker/go-units, and Go's `strconv` and
`time`, which these use. Ports, mounts, networks and files of variables have modules of their own.
"""

from __future__ import annotations

import ipaddress
import json
import math
import re
from fractions import Fraction

from docker_run.units import BYTES, NANOSECONDS


class BadValue(ValueError):
    """An invalid value of a flag; the message is the CLI's, `hint` says what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def quote(text: str) -> str:
    """Return `text` in double quotes, as Go's `%q` prints it in the CLI's messages."""
    return json.dumps(text, ensure_ascii=False)


# Go's numbers.

_INTEGER = re.compile(
    r"(?P<sign>[+-]?)(?:0x(?P<hex>_?[0-9a-f]+(?:_[0-9a-f]+)*)|0b(?P<bin>_?[01]+(?:_[01]+)*)"
    r"|0o?(?P<oct>_?[0-7]+(?:_[0-7]+)*)|(?P<dec>0|[1-9][0-9]*(?:_[0-9]+)*))",
    re.IGNORECASE | re.ASCII,
)
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def boolean(text: str) -> bool:
    """Parse the value of `--flag=…` for a switch (Go's `strconv.ParseBool`)."""
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise BadValue(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")


def integer(text: str, *, bits: int = 64) -> int:
    """Parse a signed integer; as in Go, also `0x1f`, `0b11`, `017` and `1_000`."""
    limit = 1 << (bits - 1)
    return _integer(text, "ParseInt", low=-limit, high=limit - 1)


def unsigned(text: str, *, bits: int = 64) -> int:
    """Parse an unsigned integer."""
    if text[:1] in ("+", "-"):
        raise BadValue(f"strconv.ParseUint: parsing {quote(text)}: invalid syntax")
    return _integer(text, "ParseUint", low=0, high=(1 << bits) - 1)


def weight(text: str) -> int:
    """Parse `--blkio-weight`: 16 bits, unsigned."""
    return unsigned(text, bits=16)


def decimal_integer(
    text: str, *, low: int = -(1 << 63), high: int = (1 << 63) - 1, go: str = "ParseInt"
) -> int:
    """Parse an integer of decimal digits only, as Go does with base 10."""
    if not re.fullmatch(r"[0-9]+" if go == "ParseUint" else r"[+-]?[0-9]+", text, re.ASCII):
        raise BadValue(f"strconv.{go}: parsing {quote(text)}: invalid syntax")
    number = _decimal(text.lstrip("+-"))
    return _in_range(-number if text[0] == "-" else number, text, go, low=low, high=high)


def _integer(text: str, go: str, *, low: int, high: int) -> int:
    match = _INTEGER.fullmatch(text)
    if not match:
        raise BadValue(f"strconv.{go}: parsing {quote(text)}: invalid syntax")
    (name, digits) = next((name, found) for name in _BASES if (found := match[name]))
    digits = digits.replace("_", "")
    number = _decimal(digits) if name == "dec" else int(digits, _BASES[name])
    return _in_range(-number if match["sign"] == "-" else number, text, go, low=low, high=high)


def _decimal(digits: str) -> int:
    """Convert `digits`; a number that exceeds 64 bits becomes another one that does.

    Python refuses to convert thousands of digits: 21 exceed 64 bits, whatever follows them.
    """
    return int(digits.lstrip("0")[:21] or "0")


def _in_range(number: int, text: str, go: str, *, low: int, high: int) -> int:
    if not low <= number <= high:
        raise BadValue(f"strconv.{go}: parsing {quote(text)}: value out of range")
    return number


# Sizes, CPUs, durations.

_FLOAT = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE | re.ASCII)


def size(text: str) -> int:
    """Parse a size, in bytes: `64m`, `64MB`, `64MiB` and `67108864` are the same."""
    end = max((text.rfind(char) for char in "0123456789. "), default=-1)
    if end < 0:
        raise BadValue(f"invalid size: '{text}'")
    number = text[:end] if text[end] == " " else text[: end + 1]
    suffix = text[end + 1 :]
    if not _FLOAT.fullmatch(number):
        raise BadValue(f"strconv.ParseFloat: parsing {quote(number)}: invalid syntax")
    amount = float(number)
    if math.copysign(1, amount) < 0 and amount:
        raise BadValue(f"invalid size: '{text}'")
    if len(suffix) > 3:
        raise BadValue(f"invalid suffix: '{suffix}'")
    suffix = suffix.lower()
    if suffix in ("", "b"):
        unit = 1
    elif suffix[0] in BYTES and suffix[0] != "b" and suffix[1:] in ("", "b", "ib"):
        unit = BYTES[suffix[0]]
    else:
        raise BadValue(f"invalid suffix: '{suffix}'")
    if amount * unit >= 1 << 63:  # also infinity, which is Python's value of `1e400`
        raise BadValue(f"strconv.ParseFloat: parsing {quote(number)}: value out of range")
    return int(amount * unit)


def size_or_unlimited(text: str) -> int:
    """Parse `--memory-swap`: a size in bytes, or `-1` for no limit."""
    return -1 if text == "-1" else size(text)


_RATIONAL = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<over>\w+)/(?P<under>\w+)"
    r"|(?P<number>\d+(?:\.\d*)?|\.\d+)(?:e(?P<exponent>[+-]?\d+))?)",
    re.IGNORECASE | re.ASCII,
)
_LARGEST_EXPONENT = 10**6
"""The limit of Go's `math/big`; beyond it a few characters would denote numbers of any size."""
_MOST_DIGITS = 1000
"""Limit of each side of `3/2`."""


def nano_cpus(text: str) -> int:
    """Parse a number of CPUs, in billionths: `1.5`, `.5`, `3/2` (Go's `big.Rat.SetString`)."""
    found = _RATIONAL.fullmatch(text)
    if not found:
        raise BadValue(f"failed to parse {text} as a rational number")
    nano = _nano_fraction(found, text) if found["over"] else _nano_decimal(found, text)
    if nano >= 1 << 63:
        raise BadValue(f"failed to parse {text} as a rational number: value out of range")
    return -nano if found["sign"] == "-" else nano


def _nano_fraction(found: re.Match[str], text: str) -> int:
    over, under = _whole(found["over"]), _whole(found["under"])
    if over is None or not under:
        raise BadValue(f"failed to parse {text} as a rational number")
    nano = Fraction(over, under) * 10**9
    if nano.denominator != 1:
        raise BadValue("value is too precise")
    return nano.numerator


def _whole(text: str) -> int | None:
    """Convert a side of a fraction, in which `010` is 8 as in other integers; None if it is invalid."""
    match = _INTEGER.fullmatch(text)
    if not match:
        return None
    (name, digits) = next((name, found) for name in _BASES if (found := match[name]))
    digits = digits.replace("_", "").lstrip("0")
    return int(digits or "0", _BASES[name]) if len(digits) <= _MOST_DIGITS else None


def _nano_decimal(found: re.Match[str], text: str) -> int:
    """Return the billionths of a decimal number; the power of ten is computed last, when it is small."""
    sign, exponent = (found["exponent"] or "0")[:1], _decimal((found["exponent"] or "0").lstrip("+-"))
    whole, _, part = found["number"].partition(".")
    digits = (whole + part).lstrip("0")
    significant = digits.rstrip("0")
    if not significant:
        return 0
    if exponent > _LARGEST_EXPONENT:
        raise BadValue(f"failed to parse {text} as a rational number")
    power = 9 + (-exponent if sign == "-" else exponent) - len(part) + len(digits) - len(significant)
    if power < 0:
        raise BadValue("value is too precise")
    return _decimal(significant + "0" * min(power, 21))


# With both code points of the micro sign.
_NANOSECONDS = NANOSECONDS | dict.fromkeys(("µs", "μs"), NANOSECONDS["us"])
_DURATION_PART = re.compile(r"(?P<number>\d+(?:\.\d*)?|\.\d+)(?P<unit>[^\d.]*)", re.ASCII)
_FRACTION_DIGITS = 18
"""Significant digits of a fraction: a fraction of an hour has 13 down to a nanosecond."""


def duration(text: str) -> int:
    """Parse a duration, in nanoseconds: `90s`, `1m30s`, `1.5h`, `0` (Go's `time.ParseDuration`)."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    total = 0
    at = 0
    while at < len(rest) or not rest:
        part = _DURATION_PART.match(rest, at)
        if not part:
            raise BadValue(f"time: invalid duration {quote(text)}")
        if not part["unit"]:
            raise BadValue(f"time: missing unit in duration {quote(text)}")
        if part["unit"] not in _NANOSECONDS:
            raise BadValue(f"time: unknown unit {quote(part['unit'])} in duration {quote(text)}")
        total += _nanoseconds(part["number"], _NANOSECONDS[part["unit"]])
        if total >= 1 << 63:
            raise BadValue(f"time: invalid duration {quote(text)}")
        at = part.end()
    return -total if text[0] == "-" else total


def _nanoseconds(number: str, unit: int) -> int:
    whole, _, part = number.partition(".")
    part = part[:_FRACTION_DIGITS]
    return _decimal(whole) * unit + _decimal(part) * unit // int(10 ** len(part))


# Words of a known set.


_KERNEL_SYSCTLS = frozenset(
    "kernel." + name
    for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
)


def sysctl(text: str) -> tuple[str, str]:
    """Parse `NAME=VALUE` for a kernel parameter of the container's own namespaces."""
    name, equals, value = text.partition("=")
    if not equals or not (name in _KERNEL_SYSCTLS or name.startswith(("net.", "fs.mqueue."))):
        raise BadValue(f"sysctl '{text}' is not allowed")
    return name, value


# Names and addresses.


def key_value(text: str) -> tuple[str, str]:
    """Parse `KEY=VALUE`; without `=` the value is empty."""
    key, _, value = text.partition("=")
    return key, value


def storage_opt(text: str) -> tuple[str, str]:
    """Parse `--storage-opt`: `KEY=VALUE`."""
    if "=" not in text:
        raise BadValue("invalid storage option")
    return key_value(text)


def label(text: str) -> str:
    """Check `KEY[=VALUE]` for a label."""
    key = text.partition("=")[0].lstrip(" \t")
    if not key:
        raise BadValue(f"invalid label '{text}': empty name")
    if re.search(r"[ \t]", key):
        raise BadValue(f"label '{key}' contains whitespaces")
    return text


def variable(text: str) -> str:
    """Check `NAME[=VALUE]` for an environment variable."""
    if not text.partition("=")[0]:
        raise BadValue(f"invalid environment variable: {text}")
    return text


def address(text: str) -> str:
    """Parse an IP address; return its canonical form (`::1`)."""
    try:
        found = ipaddress.ip_address(text.strip())
    except ValueError as error:
        raise BadValue(f"IP address is not correctly formatted: {text}") from error
    if "%" in text:
        raise BadValue(f"IP address is not correctly formatted: {text}")
    return str(getattr(found, "ipv4_mapped", None) or found)


_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"({_DOMAIN_PART}(?:\.{_DOMAIN_PART})*)\.?\s*", re.ASCII)


def search_domain(text: str) -> str:
    """Parse a domain for `--dns-search`; `.` is none."""
    text = text.strip(" ")
    if text == ".":
        return text
    match = _DOMAIN.fullmatch(text)
    if not match or not re.search(r"[a-zA-Z]", text) or len(match[1]) >= 255:
        raise BadValue(f"{text} is not a valid domain")
    return match[1]


def extra_host(text: str) -> str:
    """Parse `NAME:ADDRESS` or `NAME=ADDRESS` for `--add-host`; the address may be `host-gateway`."""
    separator = "=" if "=" in text else ":"
    name, found, value = text.partition(separator)
    if not found or not name or ":" in name:
        raise BadValue(f"bad format for add-host: {quote(text)}")
    if value != "host-gateway":
        if len(value) > 2 and value[0] == "[" and value[-1] == "]":
            value = value[1:-1]
        try:
            address(value)
        except BadValue as error:
            raise BadValue(f"invalid IP address in add-host: {quote(value)}") from error
    return f"{name}:{value}"


def link(text: str) -> tuple[str, str]:
    """Parse `CONTAINER[:ALIAS]` for `--link`; a missing alias is empty."""
    if not text:
        raise BadValue("empty string specified for links")
    if text.count(":") > 1:
        raise BadValue(f"bad format for links: {text}")
    name, _, alias = text.partition(":")
    return name, alias


_MAC = re.compile(
    r"[0-9a-f]{2}(?P<separator>[:-])[0-9a-f]{2}(?:(?P=separator)[0-9a-f]{2})*|[0-9a-f]{4}(?:\.[0-9a-f]{4})+",
    re.IGNORECASE,
)
_MAC_BYTES = (6, 8, 20)


def capability(text: str) -> str:
    """Return a capability in the engine's form: `net_raw` is `CAP_NET_RAW`; `ALL` is all of them."""
    name = text.upper()
    return name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}"


def mac_address(text: str) -> str:
    """Check a MAC address: 6, 8 or 20 bytes, `02:42:ac:11:00:02`, with `-`, or in groups of four with `.`."""
    digits = re.sub(r"[:.\-]", "", text.strip())
    if not _MAC.fullmatch(text.strip()) or len(digits) not in (2 * count for count in _MAC_BYTES):
        raise BadValue(f"{text} is not a valid mac address")
    return text
