"""Loggers for all messages of this package, on top of Sphinx's."""

from __future__ import annotations

import os
import re
from logging import LogRecord

from sphinx.util import logging

from docker_run.terminal.visible import visible

# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands, and their older form
_ORDERS = re.compile(r"^(\s*:)(?=:)|(#)(?=#\[)", re.MULTILINE)


def get_logger(name: str) -> logging.SphinxLoggerAdapter:
    """Return the logger `name`, whose messages contain no control characters, whatever they quote."""
    logger = logging.getLogger(name)
    logger.logger.addFilter(_make_visible)  # idempotent: a function is added only once
    return logger


def _make_visible(record: LogRecord) -> bool:
    """Escape control characters in the message and the location of `record`; let it pass."""
    text = visible(record.getMessage())
    if os.environ.get("GITHUB_ACTIONS") == "true":
        # The runner of a workflow takes orders from any line of the log, and messages quote output.
        text = _ORDERS.sub(lambda found: f"{found[0]}\\", text)
    record.msg, record.args = text, ()
    location = getattr(record, "location", None)
    if isinstance(location, str):
        record.location = visible(location)
    return True
