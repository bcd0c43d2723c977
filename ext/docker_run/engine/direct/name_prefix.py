"""Names of one session, kept apart from those of all other sessions and of the engine's user.

Containers, volumes and networks live in one name space on an engine. On the engine every name of a
session carries a random prefix, and the prefix is taken out of everything that is shown: the author
and the reader see the name as it was written. Pure: the prefix is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from itertools import chain, groupby
from typing import Any

from docker_run.model import Chunk, Stream

_VALID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
"""Names that an engine accepts; any other is handed on as it is, and refused in the engine's words."""

_ENGINES_OWN_NETWORKS = frozenset({"", "default", "bridge", "host", "none"})

Json = dict[str, Any]
"""A JSON object of the engine's API."""


class Names:
    """Gives the names of one session their prefix, and takes it out again.

    `prefix` must be random enough (64 bits and more) never to occur by chance in an output.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def private(self, name: str) -> str:
        """Return what `name` is called on the engine."""
        bare = name.removeprefix("/")
        return f"{self.prefix}{bare}" if _VALID.fullmatch(bare) else name

    def referred(self, name: str) -> str:
        """Return what something of this session that is called `name` would be called on the engine.

        A reference is made private whatever its form: an engine also takes the beginning of an id, as
        short as one character, and would find what is not this session's.
        """
        return f"{self.prefix}{name.removeprefix('/')}"

    def public(self, text: str) -> str:
        """Return `text`, e.g. an engine's message, with names as the author wrote them."""
        return text.replace(self.prefix, "")

    def public_chunks(self, chunks: Iterable[Chunk]) -> tuple[Chunk, ...]:
        """Return an output with names as the author wrote them, and neighbours of one stream joined.

        A name is found also where it lies across pieces of its stream; what was typed is left alone.
        """
        pieces = list(chunks)
        for stream in sorted({piece.stream for piece in pieces} - {Stream.TYPED}, key=lambda one: one.value):
            places = [place for place, piece in enumerate(pieces) if piece.stream is stream]
            cleaned = _without(self.prefix.encode(), [pieces[place].data for place in places])
            for place, data in zip(places, cleaned, strict=True):
                pieces[place] = Chunk(stream, data)
        return joined(pieces)

    def private_config(self, config: Mapping[str, Any], *, name: str | None) -> Json:
        """Return the body of a request to create a container, with every name in it made private.

        `config` is in the engine's form
        (https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate),
        `name` the container's own name as the author wrote it.
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
                # On a network of the user's, containers know each other by their names.
                plain = name.removeprefix("/")
                settings["Aliases"] = list(dict.fromkeys([*(settings.get("Aliases") or ()), plain]))
        if given:
            endpoints = {self._network(network): settings for network, settings in given.items()}
            private["NetworkingConfig"] = networking | {"EndpointsConfig": endpoints}

    def _network(self, name: str) -> str:
        own = name in _ENGINES_OWN_NETWORKS or name.startswith("container:")
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
    """Return the requests that create the named volumes of a container's (private) `config` ahead of it.

    An engine makes them by itself, but then without labels by which they could be found again.
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
    """Join neighbours of one stream, except what was typed: each typed line stays a piece of its own."""
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
    """Cut every `unwanted` out of `pieces`, taken as one text, and keep the borders between them."""
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
