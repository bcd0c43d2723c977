"""Everything that can go wrong, as one tree of exceptions.

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
    └── RecordingProblem
        ├── NewerRecording
        └── UnsavedRecording

Each class has a `subtype`: the `WarningType` under which the build reports it. The message says what
failed and what to try; the place (page and line) is added by whoever knows it.
"""

from __future__ import annotations

from typing import ClassVar

from docker_run.model import Cause, CommandRecording
from docker_run.warning_types import WarningType

_LONGEST_MESSAGE = 2000


def shortened(message: str) -> str:
    """Return a message without its middle where it is too long: what it quotes can have any length."""
    if len(message) <= _LONGEST_MESSAGE:
        return message
    part = _LONGEST_MESSAGE // 2 - 50
    return f"{message[:part]} […{len(message) - 2 * part:,} characters left out…] {message[-part:]}"


class DockerRunError(Exception):
    """Base of all errors that the extension reports to its user."""

    subtype: ClassVar[WarningType] = WarningType.DEFECT
    """The type of warning under which it is reported."""
    cause: ClassVar[Cause] = Cause.PAGE
    """Whose failure it is, where it ends a session."""


# The text of a directive is wrong: found while reading, no engine involved.


class SyntaxProblem(DockerRunError):
    """The directive's text can't be understood: quoting, shell syntax, options, body."""

    subtype = WarningType.SYNTAX


class OptionProblem(SyntaxProblem):
    """An option of the directive has a value that it can't have."""

    subtype = WarningType.OPTION


class BodyProblem(SyntaxProblem):
    """The directive has a body that the command could never read."""

    subtype = WarningType.BODY


class FlagProblem(SyntaxProblem):
    """A flag of `docker run` is unknown, lacks its value, has a bad one, or has no API counterpart."""

    subtype = WarningType.FLAG


class RefusedFlag(FlagProblem):
    """A flag reaches into the host and `docker_run_allow` does not name it."""

    subtype = WarningType.REFUSED


# The command did something unexpected.


class EngineRefusal(DockerRunError):
    """The engine refuses a command line, and the page does not expect that.

    An exit status that a page expects by its number makes it an output (`docker_run.engine.refusals`).
    """

    subtype = WarningType.EXIT_CODE


# The engine or an image is not available.


class EngineProblem(DockerRunError):
    """No engine answers, it failed, or what came from it is not whole. Nothing of it is an output."""

    subtype = WarningType.ENGINE
    cause = Cause.ENGINE


class ClientConfigProblem(EngineProblem):
    """`config.json` of the `docker` command is damaged, so that no engine can be chosen safely."""


class LabProblem(EngineProblem):
    """A lab did not start, or ended in the middle of its page; the engine that hosts it goes on."""

    subtype = WarningType.LAB
    cause = Cause.LAB


class ImageProblem(DockerRunError):
    """An image could be neither found, nor pulled, nor built from the catalogue.

    `reason` says why in a few words, for readers of a page. `answer` is what the CLI prints where the
    engine or the registry has said no for good, before its hint at `--help`; it is empty where
    another try, or another machine, might have the image.
    """

    subtype = WarningType.IMAGE
    cause = Cause.IMAGE

    def __init__(self, message: str, *, reason: str = "", answer: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message.partition("\n")[0]
        self.answer = answer
        self.ran: tuple[CommandRecording, ...] = ()
        """What commands of the step printed that were run before the one which wanted the image."""


# A command did not finish. It is never recorded.


class Unfinished(DockerRunError):
    """Base of the reasons for which a command has no result to record."""


class TimedOut(Unfinished):
    """A command was still running when its `:timeout:` was over."""

    subtype = WarningType.TIMEOUT


class TooMuchOutput(Unfinished):
    """A command printed more than `docker_run_max_output` bytes."""

    subtype = WarningType.OUTPUT_LIMIT


class SlowPattern(Unfinished):
    """A regular expression of an author was still at work when its time was over."""

    subtype = WarningType.PATTERN

    def __init__(self, message: str, *, pattern: str) -> None:
        super().__init__(message)
        self.pattern = pattern
        """As its author wrote it."""


class Interrupted(Unfinished):
    """The build was interrupted while the command ran."""

    subtype = WarningType.INTERRUPTED
    cause = Cause.INTERRUPTION


# The extension, or a library that it uses, has a defect.


class Defect(DockerRunError):
    """Something was raised that nobody expected. It costs the page at which it happened, and no other."""

    subtype = WarningType.DEFECT
    cause = Cause.DEFECT

    @classmethod
    def of(cls, error: Exception, what: str) -> Defect:
        """Return what to tell of `error`, because of which `what` (e.g. `this page was not run`)."""
        said = f": {error}" if str(error) else ""
        return cls(
            f"{what}, because of a defect of the extension or of a library ({type(error).__name__}{said}). "
            "Please report it, with the traceback that `sphinx-build -v` shows and `docker_run.log`, beside "
            "the doctrees, keeps"
        )


# A recording can't be used.


class RecordingProblem(DockerRunError):
    """A recording exists and can't be read."""

    subtype = WarningType.RECORDING_UNREADABLE

    def __init__(self, message: str, *, line: int = 1) -> None:
        super().__init__(message)
        self.line = line
        """The line of the recording at which it can't be read, from 1."""


class NewerRecording(RecordingProblem):
    """A recording was written by a later version of the extension."""

    subtype = WarningType.RECORDING_NEWER


class UnsavedRecording(RecordingProblem):
    """A recording could not be written."""

    subtype = WarningType.RECORDING_UNSAVED
