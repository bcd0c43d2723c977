"""Prefixes that separate a session's names from those of other sessions and of the engine's user.

The names of containers, volumes and networks are global on an engine. So there, every name of a session has
a random prefix, which is removed from everything that is shown: author and reader see the name as it was
written. Pure: the prefix is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from itertools import chain, groupby
from typing import Any

from docker_run.model import Chunk, Stream

_VALID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
"""Names that an engine accepts; any other is passed on unchanged, for the engine to refuse it."""

_PREDEFINED_NETWORKS = frozenset({"", "default", "bridge", "host", "none"})

Json = dict[str, Any]
"""A JSON object of the engine's API."""


class Names:
    """Adds the prefix to the names of one session, and removes it from output.

    `prefix` must be random enough (64 bits or more) not to occur in an output by chance.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def private(self, name: str) -> str:
        """Return the name of `name` on the engine."""
        bare = name.removeprefix("/")
        return f"{self.prefix}{bare}" if _VALID.fullmatch(bare) else name

    def referred(self, name: str) -> str:
        """Return the engine's name for a reference to `name`.

        References get the prefix whatever their form: an engine also accepts a prefix of an ID, as short as
        one character, and could find an object of another session.
        """
        return f"{self.prefix}{name.removeprefix('/')}"

    def public(self, text: str) -> str:
        """Return `text`, e.g. an engine's message, with the author's names."""
        return text.replace(self.prefix, "")

    def public_chunks(self, chunks: Iterable[Chunk]) -> tuple[Chunk, ...]:
        """Return an output with the author's names, and adjacent chunks of a stream joined.

        A name is also found if it spans chunks of its stream; typed input is not changed.
        """
        pieces = list(chunks)
        for stream in sorted({piece.stream for piece in pieces} - {Stream.TYPED}, key=lambda one: one.value):
            places = [place for place, piece in enumerate(pieces) if piece.stream is stream]
            cleaned = _without(self.prefix.encode(), [pieces[place].data for place in places])
            for place, data in zip(places, cleaned, strict=True):
                pieces[place] = Chunk(stream, data)
        return joined(pieces)

    def private_config(self, config: Mapping[str, Any], *, name: str | None) -> Json:
        """Return the body of a request to create a container, with the prefix on every name in it.

        `config` is in the engine's format
        (https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate),
        `name` the author's name for the container.
        """
        private = deepcopy(dict(config))
        host: Json = private.get("HostConfig") or {}
        self._volumes(host)
        _each(host, "VolumesFrom", self._first_part)
        _each(host, "Links", self._link)
        for mode in ("NetworkMode", "PidMode", "IpcMode"):
            if str(host.get(mode) or "").startswith("container:"):
                host[mode] = "container:" + self.referred(host[mode].removeprefix("container:"))
        mode = host.get("NetworkMode") or "default"
        self._endpoints(private, mode, name)
        host["NetworkMode"] = self._network(mode)
        return private

    def _volumes(self, host: Json) -> None:
        _each(host, "Binds", self._bind)
        for mount in host.get("Mounts") or ():
            if mount.get("Type") == "volume" and mount.get("Source"):
                mount["Source"] = self._volume(mount["Source"])

    def _endpoints(self, private: Json, mode: str, name: str | None) -> None:
        networking = private.get("NetworkingConfig") or {}
        given: Json = {
            network: one or {} for network, one in (networking.get("EndpointsConfig") or {}).items()
        }
        if name and self._network(mode) != mode:
            given.setdefault(mode, {})
        for network, settings in given.items():
            _each(settings, "Links", self._link)
            if name and self._network(network) != network:
                # On a user-defined network, containers resolve each other's names.
                plain = name.removeprefix("/")
                settings["Aliases"] = list(dict.fromkeys([*(settings.get("Aliases") or ()), plain]))
        if given:
            endpoints = {self._network(network): settings for network, settings in given.items()}
            private["NetworkingConfig"] = networking | {"EndpointsConfig": endpoints}

    def _network(self, name: str) -> str:
        own = name in _PREDEFINED_NETWORKS or name.startswith("container:")
        return name if own else self.referred(name)

    def _first_part(self, text: str) -> str:
        name, colon, rest = text.partition(":")
        return self.referred(name) + colon + rest

    def _link(self, text: str) -> str:
        name, _, alias = text.partition(":")
        return f"{self.referred(name)}:{alias or name.removeprefix('/')}"

    def _bind(self, text: str) -> str:
        source, colon, rest = text.partition(":")
        return self._volume(source) + colon + rest if colon else text

    def _volume(self, source: str) -> str:
        return source if source.startswith("/") else self.private(source)


def named_volumes(config: Mapping[str, Any]) -> list[Json]:
    """Return the requests that create the named volumes in a container's (prefixed) `config` before it.

    An engine would create them itself, but without the labels by which they are found again.
    """
    host = config.get("HostConfig") or {}
    requests: dict[str, Json] = {}
    for bind in host.get("Binds") or ():
        source = bind.partition(":")[0]
        if ":" in bind and _VALID.fullmatch(source):
            driver = {"Driver": host["VolumeDriver"]} if host.get("VolumeDriver") else {}
            requests[source] = {"Name": source, **driver}
    for mount in host.get("Mounts") or ():
        source = mount.get("Source") or ""
        if mount.get("Type") == "volume" and _VALID.fullmatch(source):
            options = mount.get("VolumeOptions") or {}
            driver = options.get("DriverConfig") or {}
            requests[source] = {
                "Name": source,
                "Driver": driver.get("Name") or "local",
                "DriverOpts": driver.get("Options") or {},
                "Labels": options.get("Labels") or {},
            }
    return [requests[name] for name in sorted(requests)]


def joined(chunks: Iterable[Chunk]) -> tuple[Chunk, ...]:
    """Join adjacent chunks of a stream, except typed input: each typed line stays a chunk of its own."""
    pieces: list[Chunk] = []
    kept = (chunk for chunk in chunks if chunk.data or chunk.stream is Stream.TYPED)
    for stream, group in groupby(kept, key=lambda chunk: chunk.stream):
        data = [chunk.data for chunk in group]
        pieces += (
            [Chunk(stream, line) for line in data]
            if stream is Stream.TYPED
            else [Chunk(stream, b"".join(data))]
        )
    return tuple(pieces)


def _each(holder: Json, key: str, change: Callable[[str], str]) -> None:
    if holder.get(key):
        holder[key] = [change(item) for item in holder[key]]


def _without(unwanted: bytes, pieces: Sequence[bytes]) -> list[bytes]:
    """Remove every `unwanted` from the concatenated `pieces`, and return them with their borders kept."""
    whole = b"".join(pieces)
    cuts = [found.span() for found in re.finditer(re.escape(unwanted), whole)]
    if not cuts:
        return list(pieces)
    ends = list(chain([0], (end for _, end in cuts)))
    starts = list(chain((start for start, _ in cuts), [len(whole)]))
    kept = list(zip(ends, starts, strict=True))
    cleaned, begin, first = [], 0, 0
    for piece in pieces:
        end, parts = begin + len(piece), []
        while first < len(kept) and kept[first][0] < end:
            parts.append(whole[max(begin, kept[first][0]) : min(end, kept[first][1])])
            if kept[first][1] >= end:
                break
            first += 1
        cleaned.append(b"".join(parts))
        begin = end
    return cleaned
