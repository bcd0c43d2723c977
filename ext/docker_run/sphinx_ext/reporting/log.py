"""Loggers for all messages of this package, on top of Sphinx's."""

from __future__ import annotations

from logging import LogRecord

from sphinx.util import logging

from docker_run.terminal.visible import visible


def get_logger(name: str) -> logging.SphinxLoggerAdapter:
    """Return the logger `name`, whose messages contain no control characters, whatever they quote."""
    logger = logging.getLogger(name)
    logger.logger.addFilter(_make_visible)  # idempotent: a function is added only once
    return logger


def _make_visible(record: LogRecord) -> bool:
    """Escape control characters in the message and the location of `record`; let it pass."""
    record.msg, record.args = visible(record.getMessage()), ()
    location = getattr(record, "location", None)
    if isinstance(location, str):
        record.location = visible(location)
    return True
