"""The exceptions of the extension, as one tree.

::

    DockerRunError
    ├── SyntaxProblem
    │   ├── OptionProblem
    │   ├── BodyProblem
    │   └── FlagProblem
    │       └── RefusedFlag
    ├── EngineRefusal
    ├── EngineProblem
    │   ├── ClientConfigProblem
    │   └── LabProblem
    ├── ImageProblem
    ├── Unfinished
    │   ├── TimedOut
    │   ├── TooMuchOutput
    │   ├── SlowPattern
    │   └── Interrupted
    ├── Defect
    ├── RecordingProblem
    │   ├── NewerRecording
    │   └── UnsavedRecording
    └── UnsavedReport

Each class has a `subtype`: the `WarningType` under which the build reports it. The message says what
failed and what to try; the place (page and line) is added by the caller that knows it.
"""

from __future__ import annotations

from typing import ClassVar

from docker_run.model import Cause
from docker_run.warning_types import WarningType

_LONGEST_MESSAGE = 2000


def shortened(message: str) -> str:
    """Return `message`, its middle left out if it is too long: the text that it quotes has no limit."""
    if len(message) <= _LONGEST_MESSAGE:
        return message
    part = _LONGEST_MESSAGE // 2 - 50
    return f"{message[:part]} […{len(message) - 2 * part:,} characters left out…] {message[-part:]}"


class DockerRunError(Exception):
    """Base class of all errors that the extension reports to its user."""

    subtype: ClassVar[WarningType] = WarningType.DEFECT
    """The type of the warning that reports it."""
    cause: ClassVar[Cause] = Cause.PAGE
    """The cause, if it ends a session."""


# The text of a directive is wrong: raised in the read phase, without an engine.


class SyntaxProblem(DockerRunError):
    """The text of a directive can't be parsed: quoting, shell syntax, options, body."""

    subtype = WarningType.SYNTAX


class OptionProblem(SyntaxProblem):
    """An option of a directive has an invalid value."""

    subtype = WarningType.OPTION


class BodyProblem(SyntaxProblem):
    """The directive has a body that its command can't read."""

    subtype = WarningType.BODY


class FlagProblem(SyntaxProblem):
    """A flag of `docker run` is unknown, lacks its value, has an invalid one, or has no API counterpart."""

    subtype = WarningType.FLAG


class RefusedFlag(FlagProblem):
    """A flag reaches into the host and `docker_run_allow` does not name it."""

    subtype = WarningType.REFUSED


# The command did something unexpected.


class EngineRefusal(DockerRunError):
    """The engine refused a command line, and the page does not expect it to.

    Where the page expects the exit status by its number, the refusal is recorded as output instead
    (`docker_run.engine.error_classification`).
    """

    subtype = WarningType.EXIT_CODE


# The engine or an image is not available.


class EngineProblem(DockerRunError):
    """No engine answers, it failed, or its response is incomplete. Nothing of that is recorded as output."""

    subtype = WarningType.ENGINE
    cause = Cause.ENGINE


class ClientConfigProblem(EngineProblem):
    """The CLI's `config.json` is damaged, so no engine can be chosen safely."""


class LabProblem(EngineProblem):
    """A lab did not start, or ended in the middle of its page; the engine that hosts it still runs."""

    subtype = WarningType.LAB
    cause = Cause.LAB


class ImageProblem(DockerRunError):
    """An image could be neither found, nor pulled, nor built from the catalogue.

    `reason` says why in a few words, for readers of a page. `answer` is what the CLI prints, up to its
    hint at `--help`, when the engine or the registry refuses for good; it is empty where another
    attempt, or another machine, might succeed.
    """

    subtype = WarningType.IMAGE
    cause = Cause.IMAGE

    def __init__(self, message: str, *, reason: str = "", answer: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message.partition("\n")[0]
        self.answer = answer
        """The results of the step's commands that ran before the one that needed the image."""


# A command did not finish. It is never recorded.


class Unfinished(DockerRunError):
    """Base class of the reasons why a command has no result to record."""


class TimedOut(Unfinished):
    """A command was still running when its `:timeout:` was over."""

    subtype = WarningType.TIMEOUT


class TooMuchOutput(Unfinished):
    """A command printed more than `docker_run_max_output` bytes."""

    subtype = WarningType.OUTPUT_LIMIT


class SlowPattern(Unfinished):
    """An author's regular expression exceeded its time limit."""

    subtype = WarningType.PATTERN

    def __init__(self, message: str, *, pattern: str) -> None:
        super().__init__(message)
        self.pattern = pattern
        """The expression as its author wrote it."""


class Interrupted(Unfinished):
    """The build was interrupted while the command ran."""

    subtype = WarningType.INTERRUPTED
    cause = Cause.INTERRUPTION


# The extension, or a library that it uses, has a defect.


class Defect(DockerRunError):
    """An unexpected exception. It costs the page on which it was raised, and no other."""

    subtype = WarningType.DEFECT
    cause = Cause.DEFECT

    @classmethod
    def of(cls, error: BaseException, what: str) -> Defect:
        """Wrap `error`; `what` is its consequence (e.g. `this page was not run`)."""
        said = f": {error}" if str(error) else ""
        return cls(
            f"{what}, because of a defect of the extension or of a library ({type(error).__name__}{said}). "
            "Please report it, with the traceback that `sphinx-build -v` shows and `docker_run.log`, beside "
            "the doctrees, keeps"
        )


# A recording can't be used.


class RecordingProblem(DockerRunError):
    """A recording exists but can't be read."""

    subtype = WarningType.RECORDING_UNREADABLE

    def __init__(self, message: str, *, line: int = 1) -> None:
        super().__init__(message)
        self.line = line
        """The line of the recording at which reading failed, from 1."""


class NewerRecording(RecordingProblem):
    """A recording was written by a later version of the extension."""

    subtype = WarningType.RECORDING_NEWER


class UnsavedRecording(RecordingProblem):
    """A recording could not be written."""

    subtype = WarningType.RECORDING_UNSAVED


# The results of a build can't be reported.


class UnsavedReport(DockerRunError):
    """A file with the results of a build could not be written."""

    subtype = WarningType.REPORT_UNSAVED
