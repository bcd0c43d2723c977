"""What a build says at its end, through Sphinx: warnings, whether there was an engine, an exit status."""

from __future__ import annotations

from sphinx.application import Sphinx

from docker_run.results import BuildResult
from docker_run.sphinx_ext.reporting.log import get_logger

logger = get_logger(__name__)


class LoggedWarnings:
    """Gives each finding to Sphinx as a warning, in the order of their places."""

    def begin(self) -> None:
        """Do nothing: each build has a log of its own."""

    def report(self, build: BuildResult) -> None:
        """Warn of all findings."""
        for finding in build.findings:
            where = f"{finding.location.path}:{finding.location.line}" if finding.location else None
            logger.warning("%s", finding.message, type="docker_run", subtype=finding.subtype, location=where)


class LoggedEngine:
    """Says that there was no engine."""

    def begin(self) -> None:
        """Do nothing: each build has a log of its own."""

    def report(self, build: BuildResult) -> None:
        """Say why pages show their recordings, where something was to be run."""
        if build.no_engine:
            logger.info("docker-run: no engine, so the pages show their recordings (%s)", build.no_engine)


class LoggedReplay:
    """Says that a check runs nothing."""

    def begin(self) -> None:
        """Do nothing: each build has a log of its own."""

    def report(self, build: BuildResult) -> None:  # noqa: ARG002 (the protocol's)
        """Say so."""
        logger.info("docker-run: mode replay: nothing is run, the recordings are verified")


class RequiredEngine:
    """Says that there was no engine, where everything should be run; such a build fails."""

    def __init__(self, app: Sphinx) -> None:
        self._app = app

    def begin(self) -> None:
        """Do nothing: each build has a log, and a status, of its own."""

    def report(self, build: BuildResult) -> None:
        """Say why, and let the build fail."""
        if build.no_engine:
            # Not an exception: Sphinx would show a traceback of it.
            self._app.statuscode = 1
            logger.error("docker-run: everything should be run, but there is no engine: %s", build.no_engine)


class FailureStatus:
    """Lets a build with findings fail."""

    def __init__(self, app: Sphinx) -> None:
        self._app = app

    def begin(self) -> None:
        """Do nothing: each build has a status of its own."""

    def report(self, build: BuildResult) -> None:
        """Set the status."""
        if build.findings:
            self._app.statuscode = 1
