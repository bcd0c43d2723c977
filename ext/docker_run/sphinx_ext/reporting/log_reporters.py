"""Reporters through Sphinx: warnings, a missing engine, the exit status."""

from __future__ import annotations

from sphinx.application import Sphinx

from docker_run.build_result import BuildResult
from docker_run.sphinx_ext.reporting.log import get_logger

logger = get_logger(__name__)


class LoggedWarnings:
    """Reports each finding as a warning of Sphinx, sorted by location."""

    def begin(self) -> None:
        """Do nothing: each build has a log of its own."""

    def report(self, build: BuildResult) -> None:
        """Warn of all findings."""
        for finding in build.findings:
            where = f"{finding.location.path}:{finding.location.line}" if finding.location else None
            logger.warning("%s", finding.message, type="docker_run", subtype=finding.subtype, location=where)


class LoggedEngine:
    """Logs that there was no engine."""

    def begin(self) -> None:
        """Do nothing: each build has a log of its own."""

    def report(self, build: BuildResult) -> None:
        """Log why pages show their recordings, if anything should have been run."""
        if build.no_engine:
            logger.info("docker-run: no engine, so the pages show their recordings (%s)", build.no_engine)


class LoggedReplay:
    """Logs that a check runs nothing."""

    def begin(self) -> None:
        """Do nothing: each build has a log of its own."""

    def report(self, build: BuildResult) -> None:  # noqa: ARG002 (the protocol's)
        """Log it."""
        logger.info("docker-run: mode replay: nothing is run, the recordings are verified")


class RequiredEngine:
    """Reports that there was no engine although everything should be run, and makes the build fail."""

    def __init__(self, app: Sphinx) -> None:
        self._app = app

    def begin(self) -> None:
        """Do nothing: each build has a log, and a status, of its own."""

    def report(self, build: BuildResult) -> None:
        """Log the reason, and set the exit status."""
        if build.no_engine:
            # Not an exception: Sphinx would show a traceback of it.
            self._app.statuscode = 1
            logger.error("docker-run: everything should be run, but there is no engine: %s", build.no_engine)


class FailureStatus:
    """Makes a build with findings fail."""

    def __init__(self, app: Sphinx) -> None:
        self._app = app

    def begin(self) -> None:
        """Do nothing: each build has a status of its own."""

    def report(self, build: BuildResult) -> None:
        """Set the exit status."""
        if build.findings:
            self._app.statuscode = 1
