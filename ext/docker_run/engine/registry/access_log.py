"""Parsing a registry's access log: which images each client has pulled.

The log has a line for each request in the "combined" format of web servers
(https://httpd.apache.org/docs/current/logs.html#combined); the requests are those of
https://distribution.github.io/distribution/spec/api/.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_LINE = re.compile(
    r"""
    (?P<when>\S+) [ ]  # the engine's timestamp, which it prefixes to each line of a log
    (?P<address>\S+) [ ] \S+ [ ] \S+ [ ] \[[^]]*\] [ ]
    "(?:GET|HEAD) [ ] /v2/(?P<repository>[^"? ]+?)/manifests/(?P<reference>[^/"? ]+) (?:\?[^" ]*)?
    [ ] [^"]*" [ ] 200 [ ]
    """,
    re.VERBOSE,
)


class ImageRequest(NamedTuple):
    """A successful request for an image."""

    repository: str
    """The registry's name for it, e.g. `library/busybox`."""
    reference: str
    """A tag, or a digest (with a colon)."""


def image_requests(log: str, address: str, *, since: str = "") -> tuple[ImageRequest, ...]:
    """Return the requests of the client at `address`, without duplicates, in order.

    `log` is what the engine returns with timestamps; requests before `since` (RFC 3339, in UTC) are
    ignored: another client may have had the address.
    A manifest that the client already has is requested with HEAD only; that counts as well.
    """
    return tuple(dict.fromkeys(_of(log.splitlines(), address, _comparable(since))))


def _of(lines: Iterable[str], address: str, since: str) -> Iterator[ImageRequest]:
    for line in lines:
        found = _LINE.match(line)
        if found and found["address"].strip("[]") == address and _comparable(found["when"]) >= since:
            yield ImageRequest(found["repository"], found["reference"])


def _comparable(when: str) -> str:
    """Return the time with all digits of its fraction: engines omit trailing zeros."""
    whole, _, fraction = when.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}" if when else ""
