"""Progress of a build in Sphinx's log; and the system's clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from docker_run.build_result import counted
from docker_run.sphinx_ext.reporting.log import get_logger

logger = get_logger(__name__)


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start."""
        return time.monotonic()


class LoggedProgress:
    """Logs which page is run, how many are done, and the progress of images."""

    def __init__(self, *, log: Path) -> None:
        """`log` is the file for the tracebacks of this build's defects."""
        self._log = log
        self._defects: list[str] = []
        self._why: dict[str, str] = {}
        self._done = 0
        self._begun: set[str] = set()
        self._stages: dict[str, str] = {}
        self._lock = threading.Lock()

    def planned(self, pages: Mapping[str, str]) -> None:
        """Note the pages that will be run, each with the reason."""
        self._why = dict(pages)

    def note(self, message: str) -> None:
        """Log `message`."""
        logger.info("docker-run: %s", message)

    def image(self, name: str, status: str) -> None:
        """Log the progress of an image: only when a new stage begins."""
        stage = status.rstrip("0123456789.,%/ ofkMGTB")
        with self._lock:
            if self._stages.get(name) == stage:
                return
            self._stages[name] = stage
        logger.info("docker-run: image %s: %s", name, status)

    def command(self, page: str, text: str) -> None:
        """Log that `page` has begun, with its first command; with `-v`, log all commands."""
        with self._lock:
            first = page not in self._begun
            self._begun.add(page)
        if first:
            logger.info("docker-run: %s: running (%s)", page, self._why.get(page, ""))
        logger.verbose("docker-run: %s: %s", page, text)

    def finished(self, page: str, commands: int, seconds: float) -> None:
        """Log that `page` is done."""
        with self._lock:
            self._done += 1
        told = counted(commands, "command")
        logger.info("docker-run: [%d/%d] %s: %s, %.1f s", self._done, len(self._why), page, told, seconds)

    def defect(self, page: str, traceback: str) -> None:
        """Write the traceback of a defect to the log file; with `-v`, log it, too."""
        self._defects.append(f"{page or 'all pages'}:\n{traceback}")
        logger.verbose("docker-run: %s", self._defects[-1])
        with suppress(OSError):
            self._log.parent.mkdir(parents=True, exist_ok=True)
            self._log.write_text("\n".join(self._defects), encoding="utf-8", errors="backslashreplace")
