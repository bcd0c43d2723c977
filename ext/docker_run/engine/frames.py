"""Demultiplexing the output of a container without a terminal. Pure.

The format is described at
https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach.
"""

from __future__ import annotations

import struct

from docker_run.model import Chunk, Stream

_HEADER = 8
_STREAMS = {0: Stream.OUT, 1: Stream.OUT, 2: Stream.ERR}
"""The stream of a frame, by its first byte (github.com/docker/docker/pkg/stdcopy)."""
_ENGINE_ERROR = 3
"""The first byte of a frame with an error of the engine itself."""
_LONGEST_ERROR = 4096
"""Limit of such an error, in bytes."""


class BrokenStream(ValueError):
    """The data is not a container's output, or not all of it."""


class Frames:
    """Decoder of frames: a header of 8 bytes, then data."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._kind = 0
        self._left = 0
        self._error = bytearray()

    def feed(self, data: bytes) -> list[Chunk]:
        """Decode `data`, in which frames may begin and end anywhere.

        Raises `BrokenStream` for data that is not a frame, and for an error of the engine itself.
        """
        self._rest += data
        chunks = []
        while self._rest:
            if not self._left:
                if len(self._rest) < _HEADER:
                    break
                self._begin(bytes(self._rest[:_HEADER]))
                del self._rest[:_HEADER]
                continue
            piece = bytes(self._rest[: self._left])
            del self._rest[: self._left]
            self._left -= len(piece)
            if self._kind == _ENGINE_ERROR:
                self._take_error(piece)
            else:
                chunks.append(Chunk(_STREAMS[self._kind], piece))
        return chunks

    def finish(self) -> None:
        """Check that the data ended with a whole frame. Raises `BrokenStream`."""
        if self._left or self._rest:
            raise BrokenStream("the connection ended in the middle of the output")

    def _begin(self, header: bytes) -> None:
        kind, padding, self._left = struct.unpack(">B3sL", header)
        if kind > _ENGINE_ERROR or any(padding):
            raise BrokenStream(f"what came is not the output of a container: {header!r} …")
        self._kind = kind

    def _take_error(self, piece: bytes) -> None:
        self._error += piece[: _LONGEST_ERROR - len(self._error)]
        if not self._left or len(self._error) == _LONGEST_ERROR:
            raise BrokenStream(
                f"the engine has sent an error: {self._error.decode(errors='replace').strip()}"
            )
