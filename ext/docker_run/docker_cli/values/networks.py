"""Networks: the value of `--network`, and its combination with related flags.

Source of the rules: docker/cli, `opts/network.go` and `cli/command/container/opts.go`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from docker_run.docker_cli.values import csv_fields
from docker_run.docker_cli.values.scalars import BadValue, decimal_integer, mac_address, quote


class Attachment(NamedTuple):
    """The attachment of a container to one network."""

    target: str
    """A network's name, or `default`, `bridge`, `host`, `none`, `container:NAME`."""
    aliases: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    ipv4: str = ""
    ipv6: str = ""
    link_local: tuple[str, ...] = ()
    mac: str = ""
    driver_options: tuple[tuple[str, str], ...] = ()
    gateway_priority: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether it has no options, only the network's name."""
        return self == Attachment(self.target)


def is_user_defined(mode: str) -> bool:
    """Return whether `mode` names a user-defined network, rather than a predefined one."""
    return mode not in ("default", "bridge", "host", "none") and not mode.startswith("container:")


def network(text: str) -> Attachment:
    """Parse `NETWORK`, or `name=NETWORK[,alias=…][,ip=…][,ip6=…][,driver-opt=K=V][,…]`. Raises `BadValue`.

    In the second form everything is converted to lower case, as the CLI does.
    """
    if not re.search(r"\w=\w", text, re.ASCII):
        return Attachment(target=text)
    single: dict[str, str] = {}
    several: dict[str, list[str]] = {"alias": [], "link-local-ip": []}
    options: dict[str, str] = {}
    for part in csv_fields.fields(text):
        key, equals, value = (piece.strip() for piece in part.lower().partition("="))
        if not equals or not part.partition("=")[0]:
            raise BadValue(f"invalid field {part}")
        if key == "driver-opt":
            option, value = _driver_option(value)
            options[option] = value
        elif key in several:
            several[key].append(value)
        elif key in ("name", "ip", "ip6", "mac-address", "gw-priority"):
            single[key] = value
        else:
            raise BadValue(f"invalid field key {key}")
    if not single.get("name"):
        raise BadValue("network name/id is not specified")
    return Attachment(
        target=single["name"],
        aliases=tuple(several["alias"]),
        ipv4=single.get("ip", ""),
        ipv6=single.get("ip6", ""),
        link_local=tuple(several["link-local-ip"]),
        mac=single.get("mac-address", ""),
        driver_options=tuple(options.items()),
        gateway_priority=_priority(single.get("gw-priority", "0")),
    )


def _driver_option(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise BadValue("invalid key value pair format in driver options")
    return key.strip(), value.strip()


def _priority(text: str) -> int:
    try:
        return decimal_integer(text)
    except BadValue as error:
        what = "value out of range" if str(error).endswith("range") else "invalid syntax"
        raise BadValue(f"invalid gw-priority ({text}): {what}") from error


_CONFLICTS = (
    ("aliases", "--network-alias and per-network alias"),
    ("ipv4", "--ip and per-network IPv4 address"),
    ("ipv6", "--ip6 and per-network IPv6 address"),
    ("mac", "--mac-address and per-network MAC address"),
    ("link_local", "--link-local-ip and per-network link-local IP addresses"),
)


def attachments(networks: Sequence[Attachment], separate: Attachment) -> tuple[Attachment, ...]:
    """Combine the `--network` flags with separate flags for them (`--ip`, `--network-alias`, …).

    The values of the latter, in `separate`, are for the first network. Raises `BadValue` for conflicts.
    """
    found = list(networks) or [Attachment(target="default")]
    found[0] = _combined(found[0], separate)
    seen = set()
    for attachment in found:
        _check(attachment)
        if attachment.target in seen:
            raise BadValue(f"network {quote(attachment.target)} is specified multiple times")
        seen.add(attachment.target)
    if len({is_user_defined(attachment.target) for attachment in found}) > 1:
        raise BadValue(
            "conflicting options: cannot attach both user-defined and non-user-defined network-modes"
        )
    return tuple(found)


def _combined(first: Attachment, separate: Attachment) -> Attachment:
    if separate.is_plain:
        return first
    for name, what in _CONFLICTS:
        if getattr(first, name) and getattr(separate, name):
            raise BadValue(
                f"conflicting options: cannot specify both {what}", hint="Leave one of the two out"
            )
    return first._replace(
        aliases=separate.aliases or first.aliases,
        # On the default bridge, links are of the legacy kind, and not part of the endpoint.
        links=separate.links if is_user_defined(first.target) else (),
        ipv4=separate.ipv4 or first.ipv4,
        ipv6=separate.ipv6 or first.ipv6,
        mac=separate.mac or first.mac,
        link_local=separate.link_local or first.link_local,
    )


def _check(attachment: Attachment) -> None:
    if not attachment.target.strip():
        raise BadValue("no name set for network")
    if attachment.aliases and not is_user_defined(attachment.target):
        raise BadValue(
            "network-scoped aliases are only supported for user-defined networks", hint="Add --network NAME"
        )
    if attachment.gateway_priority:
        raise BadValue(f"gw-priority={attachment.gateway_priority}: docker-py can't send it: leave it out")
    if attachment.mac:
        mac_address(attachment.mac)
