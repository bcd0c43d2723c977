"""The types of all warnings. Pure.

Sphinx shows each as `docker_run.TYPE`, the form in which `suppress_warnings` in `conf.py` names it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Failure(StrEnum):
    """The kinds of failures, each of which requires a different reaction."""

    MISTAKE = "mistake"
    """A page, a setting or a recording is invalid."""
    UNEXPECTED = "unexpected"
    """A command did something that its page does not expect."""
    UNAVAILABLE = "unavailable"
    """An engine, a lab, an image or the extension failed, which is not the page's fault."""
    UNRECORDED = "unrecorded"
    """There is no recording to show, or to compare with."""


class WarningType(StrEnum):
    """The type of a warning, equal to its text in `docker_run.TYPE`."""

    help: str
    """Its meaning, in a phrase for the table of the author's manual."""

    def __new__(cls, text: str, meaning: str = "") -> Self:
        """Create a member that equals `text`."""
        member = str.__new__(cls, text)
        member._value_ = text
        member.help = member.__doc__ = meaning
        return member

    @property
    def failure(self) -> Failure:
        """The kind of failure that it reports."""
        return _FAILURES.get(self, Failure.MISTAKE)

    # The directive can't be parsed.
    SYNTAX = "syntax", "the text of a directive can't be understood, or nothing runs it where it is"
    FLAG = "flag", "a flag is unknown, or has an invalid value"
    REFUSED = "refused", "a flag reaches into the host, or names a file that a page can't show"
    OPTION = "option", "an option of a directive, or a field of the front matter, has an invalid value"
    BODY = "body", "nothing reads the body, a line of it can't be understood, or it was not typed"
    DUPLICATE_NAME = "duplicate-name", "two blocks, or two values of a page, have the same name"
    VALUE = "value", "no command captures a value that a page shows"
    INDEX = "index", "no page runs a command that an index lists"
    CONFIG = "config", "a setting in `conf.py` is invalid"

    # The command did something unexpected.
    EXIT_CODE = "exit-code", "a command ended with an unexpected exit status"
    MATCH = "match", "a pattern of `:match:` is not in the output"
    CAPTURE = "capture", "a pattern of `:capture:` matches nothing in the output"
    PATTERN = "pattern", "a regular expression takes too long"
    OUTPUT_ENCODING = "output-encoding", "the output can't be shown as text"
    DRIFT = "drift", "`docker-check` found that a command's output has changed"

    # It could not be run, or did not finish.
    ENGINE = "engine", "the engine went away or failed, or its output is incomplete"
    LAB = "lab", "a lab did not start, ended early, or its engine failed"
    IMAGE = "image", "an image is not available"
    TIMEOUT = "timeout", "a command exceeded its time limit"
    OUTPUT_LIMIT = "output-limit", "a command exceeded its output limit"
    INTERRUPTED = "interrupted", "the build was interrupted; this is never shown as a warning"
    DEFECT = "defect", "the extension, or a library that it uses, has a defect"

    # There is nothing to show, or too much.
    RECORDING_MISSING = "recording-missing", "a page was never run"
    RECORDING_STALE = "recording-stale", "a page has changed since it was recorded"
    RECORDING_ORPHAN = "recording-orphan", "a recording belongs to no page"
    RECORDING_UNREADABLE = "recording-unreadable", "a recording is damaged"
    RECORDING_NEWER = "recording-newer", "a later version of the extension wrote a recording"
    RECORDING_UNSAVED = "recording-unsaved", "a recording, or a failed run, could not be written"
    REPORT_UNSAVED = "report-unsaved", "a file with the results of the build could not be written"


_FAILURES = {
    **dict.fromkeys(
        (
            WarningType.EXIT_CODE,
            WarningType.MATCH,
            WarningType.CAPTURE,
            WarningType.PATTERN,
            WarningType.OUTPUT_ENCODING,
            WarningType.DRIFT,
            WarningType.TIMEOUT,
            WarningType.OUTPUT_LIMIT,
        ),
        Failure.UNEXPECTED,
    ),
    **dict.fromkeys(
        (
            WarningType.ENGINE,
            WarningType.LAB,
            WarningType.IMAGE,
            WarningType.INTERRUPTED,
            WarningType.DEFECT,
            WarningType.RECORDING_UNSAVED,
            WarningType.REPORT_UNSAVED,
        ),
        Failure.UNAVAILABLE,
    ),
    **dict.fromkeys((WarningType.RECORDING_MISSING, WarningType.RECORDING_STALE), Failure.UNRECORDED),
}
"""The kinds of failures of all types that are not an author's mistake."""
