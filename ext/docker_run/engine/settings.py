"""The settings of an engine, and the limits of a command on it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from docker_run.model import DirectLimits, LabSettings


class ImagesFrom(StrEnum):
    """Where images come from: the values of `docker_run_images_from`."""

    AUTO = "auto"
    """From their registries; from the catalogue where those can't be reached."""
    HUB = "hub"
    """From their registries only."""
    CATALOGUE = "catalogue"
    """From the catalogue; from their registries if it has none of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """The settings of the engine of a build."""

    engine: str = "auto"
    """`auto`, `none` or a URL (see `docker_run.engine.connection.discovery`)."""
    private: bool = False
    """Whether the build may start an engine of its own if none responds."""
    catalogue: Path | None = None
    """The directory of images that are built if they can't be pulled, and that labs can pull."""
    images_from: ImagesFrom = ImagesFrom.AUTO
    refreshes: bool = False
    """Whether registries are asked also for images of the engine that are not known to come from one."""
    allow: tuple[str, ...] | None = ()
    """The flags that may reach into the host; None allows all."""
    limits: DirectLimits = field(default_factory=DirectLimits)
    labs: LabSettings = field(default_factory=LabSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a command, for both runners."""

    seconds: float = 60.0
    max_output: int = 1_000_000
    """In bytes."""
    interrupted: threading.Event = field(default_factory=threading.Event)
    """Set when the build is interrupted."""

    def within(self, seconds: float | None) -> Limits:
        """Return the limits with the time limit `seconds`, if it is not None."""
        return self if seconds is None else replace(self, seconds=seconds)
