"""Sphinx's log, for all that this package has to say."""

from __future__ import annotations

from logging import LogRecord

from sphinx.util import logging

from docker_run.terminal.visible import visible


def get_logger(name: str) -> logging.SphinxLoggerAdapter:
    """Return the logger `name`; no message of it holds a control character, whatever it quotes."""
    logger = logging.getLogger(name)
    logger.logger.addFilter(_make_visible)  # the same function a second time is not added
    return logger


def _make_visible(record: LogRecord) -> bool:
    """Change what `record` says, and the place that it names; let it pass."""
    record.msg, record.args = visible(record.getMessage()), ()
    location = getattr(record, "location", None)
    if isinstance(location, str):
        record.location = visible(location)
    return True
