"""What a registry's access log tells: which images each of those who ask it has taken.

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
    (?P<when>\S+) [ ]  # by the engine's clock, which it writes in front of each line of a log
    (?P<address>\S+) [ ] \S+ [ ] \S+ [ ] \[[^]]*\] [ ]
    "(?:GET|HEAD) [ ] /v2/(?P<repository>[^"? ]+?)/manifests/(?P<reference>[^/"? ]+) (?:\?[^" ]*)?
    [ ] [^"]*" [ ] 200 [ ]
    """,
    re.VERBOSE,
)


class ImageRequest(NamedTuple):
    """An image that was asked for, and was there."""

    repository: str
    """As the registry calls it, e.g. `library/busybox`."""
    reference: str
    """A tag, or a digest (with a colon)."""


def image_requests(log: str, address: str, *, since: str = "") -> tuple[ImageRequest, ...]:
    """Return what the client at `address` has asked for, each once, in order.

    `log` is what the engine returns with its time stamps; `since` is the first moment that counts,
    in the same form (RFC 3339, in UTC), because another client had the address before.
    A manifest that the client has already is only asked for with HEAD; that counts as well.
    """
    return tuple(dict.fromkeys(_of(log.splitlines(), address, _comparable(since))))


def _of(lines: Iterable[str], address: str, since: str) -> Iterator[ImageRequest]:
    for line in lines:
        found = _LINE.match(line)
        if found and found["address"].strip("[]") == address and _comparable(found["when"]) >= since:
            yield ImageRequest(found["repository"], found["reference"])


def _comparable(when: str) -> str:
    """Return the time with all digits of its fraction: engines leave out zeros at its end."""
    whole, _, fraction = when.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}" if when else ""
