"""The labels of everything that builds create on an engine."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

BUILD = "docker-run.build"
"""The build, a random UUID. Objects with this label are ours."""
SESSION = "docker-run.session"
"""The session: the prefix of its names."""
PAGE = "docker-run.page"
"""The document of the session."""
NAME = "docker-run.name"
"""The container's own name: a user's container that inherited our labels from its image has another one."""
HOST = "docker-run.host"
"""The machine of the build, for messages: names of machines are not unique."""
PID = "docker-run.pid"
"""The process of the build on that machine, for messages."""
SILENCE = "docker-run.silence"
"""Seconds without renewal of the lease after which a build is dead, where its process can't be checked."""
LEASE = "docker-run.lease"
"""Marks a volume as a lease."""
LEASE_NAME = "docker-run-lease-"
"""Prefix of a lease's name; a page can set any label, but can't use this prefix."""
IMAGES = "docker-run.images"
"""On a lease, as JSON: the untagged images that the build has created so far."""
VOLUMES = "docker-run.volumes"
"""On a lease, as JSON: the anonymous volumes of the existing containers."""

SILENCE_SECONDS = 3600
"""`SILENCE` of builds of this version."""
OLD_SILENCE_SECONDS = 24 * 3600
"""The same for builds of versions without leases."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A build that owns objects on an engine."""

    build: str
    host: str = ""
    pid: int = 0
    silence: int = SILENCE_SECONDS

    @classmethod
    def current(cls, build: str) -> Self:
        """Return the owner for the build `build`, run by this process."""
        return cls(build, socket.gethostname(), os.getpid())

    @classmethod
    def from_labels(cls, labels: Mapping[str, str]) -> Self:
        """Return the owner that `labels` name."""
        pid, silence = labels.get(PID, ""), labels.get(SILENCE, "")
        return cls(
            labels.get(BUILD, ""),
            # The first version appended its PID namespace to the machine's name.
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
        """Return the owner's description for messages."""
        return f"process {self.pid} on {self.host or 'an unknown machine'}"
