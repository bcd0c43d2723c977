"""What a person at the terminal sees while commands run; and the clock on their wall."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from docker_run.results import counted
from docker_run.sphinx_ext.reporting.log import get_logger

logger = get_logger(__name__)


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start."""
        return time.monotonic()


class LoggedProgress:
    """Tells through Sphinx's log which page is run, how many of how many, and how images come in."""

    def __init__(self, *, log: Path) -> None:
        """`log` is the file that keeps the tracebacks of this build's defects."""
        self._log = log
        self._defects: list[str] = []
        self._why: dict[str, str] = {}
        self._done = 0
        self._begun: set[str] = set()
        self._stages: dict[str, str] = {}
        self._lock = threading.Lock()

    def planned(self, pages: Mapping[str, str]) -> None:
        """Take note of the pages that will be run, each with the reason."""
        self._why = dict(pages)

    def note(self, message: str) -> None:
        """Say `message`, on a line of its own."""
        logger.info("docker-run: %s", message)

    def image(self, name: str, status: str) -> None:
        """Say how an image comes in: each new stage of it, not each byte."""
        stage = status.rstrip("0123456789.,%/ ofkMGTB")
        with self._lock:
            if self._stages.get(name) == stage:
                return
            self._stages[name] = stage
        logger.info("docker-run: image %s: %s", name, status)

    def command(self, page: str, text: str) -> None:
        """Say that `page` has begun with its first command; later ones are told with `-v`."""
        with self._lock:
            first = page not in self._begun
            self._begun.add(page)
        if first:
            logger.info("docker-run: %s: running (%s)", page, self._why.get(page, ""))
        logger.verbose("docker-run: %s: %s", page, text)

    def finished(self, page: str, commands: int, seconds: float) -> None:
        """Say that `page` is done."""
        with self._lock:
            self._done += 1
        told = counted(commands, "command")
        logger.info("docker-run: [%d/%d] %s: %s, %.1f s", self._done, len(self._why), page, told, seconds)

    def defect(self, page: str, traceback: str) -> None:
        """Keep where a defect showed in the log file, and tell it with `-v`."""
        self._defects.append(f"{page or 'all pages'}:\n{traceback}")
        logger.verbose("docker-run: %s", self._defects[-1])
        with suppress(OSError):
            self._log.parent.mkdir(parents=True, exist_ok=True)
            self._log.write_text("\n".join(self._defects), encoding="utf-8", errors="backslashreplace")
