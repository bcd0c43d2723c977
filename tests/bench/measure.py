"""Building blocks of the benchmarks: processes that are timed, and ratios that are wanted.

What is wanted are ratios of wall-clock time. Beside each stands that of processor time, which says more on
a machine that does other things at the same time.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

REPORT = Path("build/bench.json")

# As after `pip install`: modules are compiled once.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT["PYTHONPATH"] = os.pathsep.join(sys.path)


@dataclass(frozen=True)
class Usage:
    """What a process took."""

    seconds: float
    processor: float
    """Seconds, of the program and of the system on its behalf."""
    memory: int
    """The most that was resident, in KiB."""

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.processor:.2f} s of processor, {self.memory / 1024:.0f} MB"


@dataclass
class Wanted:
    """A ratio, and the most that it may be."""

    name: str
    most: float
    ratios: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    """The same of processor time, where the ratios are of time."""

    @property
    def median(self) -> float:
        return statistics.median(self.ratios)

    @property
    def is_met(self) -> bool:
        return self.median <= self.most

    def add(self, ours: Usage, theirs: Usage) -> None:
        """Take the times of a process of each kind."""
        self.ratios.append(ours.seconds / theirs.seconds)
        self.processor.append(ours.processor / theirs.processor)

    def as_json(self) -> dict[str, object]:
        return {
            "median": self.median,
            "at most": self.most,
            "ratios": self.ratios,
            "processor time": self.processor,
        }

    def __str__(self) -> str:
        processor = f"(processor {statistics.median(self.processor):.2f})" if self.processor else ""
        verdict = "" if self.is_met else "NOT MET"
        return f"{self.name:52} {self.median:6.2f}  at most {self.most:.2f} {processor:17} {verdict}".rstrip()


def run(command: Sequence[str], *, environ: Mapping[str, str] = ENVIRONMENT) -> Usage:
    """Run `command`, and say what it took."""
    began = time.monotonic()
    with subprocess.Popen(command, env=environ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return Usage(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def report(wanted: Sequence[Wanted]) -> int:
    """Print what was measured, and keep it in `build/bench.json`; return the exit status."""
    for each in wanted:
        print(each)
    REPORT.parent.mkdir(exist_ok=True)
    kept = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    kept |= {each.name: each.as_json() for each in wanted}
    REPORT.write_text(json.dumps(kept, indent=1) + "\n")
    return 0 if all(each.is_met for each in wanted) else 1
