"""The labels of what builds make on an engine."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

BUILD = "docker-run.build"
"""The build, a random UUID. What has it is ours."""
SESSION = "docker-run.session"
"""The session, the prefix of its names."""
PAGE = "docker-run.page"
"""The document whose session it is."""
NAME = "docker-run.name"
"""The container's own name. One that was made from an image of ours inherits our labels, and has another."""
HOST = "docker-run.host"
"""The machine of the build, for messages: several may have one name."""
PID = "docker-run.pid"
"""The process of the build on that machine, for messages."""
SILENCE = "docker-run.silence"
"""How many seconds without a sign of life mean that the build is dead, where its process can't be seen."""
LEASE = "docker-run.lease"
"""On a volume: it is the sign of life."""
LEASE_NAME = "docker-run-lease-"
"""How the name of such a volume begins; a page can give a label to what it makes, but no such name."""
IMAGES = "docker-run.images"
"""On a sign of life, as JSON: the images without a name that the build has made so far."""
VOLUMES = "docker-run.volumes"
"""On a sign of life, as JSON: the volumes without a name of the containers that there are."""

SILENCE_SECONDS = 3600
"""What a build of this version says."""
OLD_SILENCE_SECONDS = 24 * 3600
"""For a build of a version that gave no signs of life."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A build to which things on an engine belong."""

    build: str
    host: str = ""
    pid: int = 0
    silence: int = SILENCE_SECONDS

    @classmethod
    def current(cls, build: str) -> Self:
        """Return the build `build`, of this process."""
        return cls(build, socket.gethostname(), os.getpid())

    @classmethod
    def from_labels(cls, labels: Mapping[str, str]) -> Self:
        """Return the owner that `labels` name."""
        pid, silence = labels.get(PID, ""), labels.get(SILENCE, "")
        return cls(
            labels.get(BUILD, ""),
            # The first version wrote its process name space behind the machine's name.
            labels.get(HOST, "").partition(" ")[0],
            int(pid) if pid.isdecimal() and len(pid) < 10 else 0,
            int(silence) if silence.isdecimal() and len(silence) < 10 else OLD_SILENCE_SECONDS,
        )

    def labels(self) -> dict[str, str]:
        """Return the labels that name this owner."""
        return {
            BUILD: self.build,
            HOST: self.host,
            PID: str(self.pid),
            SILENCE: str(self.silence),
        }

    def __str__(self) -> str:
        """Return what messages call it."""
        return f"process {self.pid} on {self.host or 'an unknown machine'}"
