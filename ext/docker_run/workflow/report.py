"""What a build tells when it ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from docker_run.model import Finding, Location


def counted(number: int, what: str) -> str:
    """Return how many there are, e.g. `1 page` or `2 pages`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Tally:
    """What a build did, for the line at its end."""

    pages: int = 0
    commands_run: int = 0
    commands_replayed: int = 0
    changed: int = 0
    failed: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        """Return the line."""
        return (
            f"docker-run: {counted(self.pages, 'page')}, {counted(self.commands_run, 'command')} run, "
            f"{self.commands_replayed} shown from recordings, {counted(self.changed, 'recording')} changed, "
            f"{self.failed} failed, {self.seconds:.1f} s"
        )


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return `findings` by their places; those of one place and type stay in their order."""
    return sorted(findings, key=_place)


def places(findings: Iterable[Finding]) -> int:
    """Return at how many places there is something to report."""
    return len({finding.location for finding in findings})


def _place(finding: Finding) -> tuple[Location, str]:
    return finding.location or Location("", 0), finding.subtype
