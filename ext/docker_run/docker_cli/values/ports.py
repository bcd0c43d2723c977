"""Ports: the values of `--publish` and `--expose`.

Source of the rules: docker/go-connections, `nat`, and docker/cli, `cli/command/container/opts.go`.
"""

from __future__ import annotations

from typing import NamedTuple

from docker_run.docker_cli.values.scalars import BadValue, address, decimal_integer

_PROTOCOLS = ("tcp", "udp", "sctp")


class Binding(NamedTuple):
    """A published port of a container, with the address and port on the host."""

    port: str
    """`80/tcp`."""
    address: str
    """Empty for all of the host's addresses."""
    host_port: str
    """A number, a range to choose from (`8000-8010`), or empty for any free port."""


def publish(text: str) -> tuple[Binding, ...]:
    """Parse `[[ADDRESS:]HOST_PORT:]PORT[/PROTOCOL]`, or `published=…,target=…[,protocol=…]`.

    Ports may be ranges (`8000-8010`), of the same length on both sides. Raises `BadValue`.
    """
    written = _from_pairs(text) if "=" in text else text
    head, _, container = written.rpartition(":")
    ip, _, host = head.rpartition(":")
    protocol, container = _protocol(container)
    ip = _address(ip)
    if not container:
        raise BadValue(f"no port specified: {written}<empty>")
    first, last = _range_or(container, f"invalid containerPort: {container}")
    host_first, host_last = _range_or(host, f"invalid hostPort: {host}") if host else (0, 0)
    if host and last - first != host_last - host_first and last != first:
        raise BadValue(f"invalid ranges specified for container and host Ports: {container} and {host}")
    if protocol.lower() not in _PROTOCOLS:
        raise BadValue(f"invalid proto: {protocol}")
    bindings = []
    for offset in range(last - first + 1):
        host_port = str(host_first + offset) if host else ""
        if first == last and host_first != host_last:
            host_port = f"{host_first}-{host_last}"
        bindings.append(Binding(f"{first + offset}/{protocol.lower()}", ip, host_port))
    return tuple(bindings)


def expose(text: str) -> tuple[str, ...]:
    """Parse `PORT[-PORT][/PROTOCOL]`; return each port as `80/tcp`. Raises `BadValue`."""
    if ":" in text:
        raise BadValue(f"invalid port format for --expose: {text}")
    protocol, ports = _protocol(text)
    try:
        first, last = _range(ports)
    except BadValue as error:
        raise BadValue(f"invalid range format for --expose: {text}, error: {error}") from error
    return tuple(f"{port}/{protocol}" for port in range(first, last + 1))


def _from_pairs(text: str) -> str:
    pairs = {"protocol": "tcp"}
    for pair in text.split(","):
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise BadValue(f"invalid publish opts format (should be name=value but got '{pair}')")
        pairs[key] = value
    return f"{pairs.get('published', '')}:{pairs.get('target', '')}/{pairs['protocol']}"


def _protocol(text: str) -> tuple[str, str]:
    """Split `80/udp` into the protocol, by default tcp, and the port."""
    parts = text.split("/")
    if not parts[0]:
        return "", ""
    return (parts[1] if len(parts) > 1 and parts[1] else "tcp"), parts[0]


def _address(text: str) -> str:
    if text.startswith("["):
        if not text.endswith("]"):
            raise BadValue(f"invalid IP address {text}: address {text}:: missing ']' in address")
        text = text[1:-1]
    try:
        if text:
            address(text)
    except BadValue as error:
        raise BadValue(f"invalid IP address: {text}") from error
    return text


def _range_or(text: str, message: str) -> tuple[int, int]:
    try:
        return _range(text)
    except BadValue as error:
        raise BadValue(message) from error


def _range(text: str) -> tuple[int, int]:
    if not text:
        raise BadValue("empty string specified for ports")
    first, dash, rest = text.partition("-")
    start = _port(first)
    end = _port(rest.partition("-")[0]) if dash else start
    if end < start:
        raise BadValue(f"invalid range specified for port: {text}")
    return start, end


def _port(text: str) -> int:
    return decimal_integer(text, low=0, high=0xFFFF, go="ParseUint")
