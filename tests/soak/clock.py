"""A clock that builds believe in."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """The time of day of processes that have `environ` in their environment; made in `folder`, with gcc."""

    def __init__(self, folder: Path) -> None:
        self._moved = folder / "clock"
        self._moved.write_bytes(bytes(8))
        self._library = folder / "clock.so"
        if not self._library.exists():
            words = ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(self._library)]
            subprocess.run([*words, str(_SOURCE)], check=True)

    @property
    def environ(self) -> dict[str, str]:
        """What makes a process believe in it."""
        return {"LD_PRELOAD": str(self._library), "SOAK_CLOCK": str(self._moved)}

    def move(self, hours: int) -> None:
        """Move it away from the true time, at once for all that run already."""
        with self._moved.open("r+b", buffering=0) as file:
            file.write(struct.pack("=q", 3600 * hours))
