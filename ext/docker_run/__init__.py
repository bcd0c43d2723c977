"""A Sphinx extension whose directive `docker-run` runs commands and embeds their real output.

`__all__` is the public API. Its names are loaded lazily: importing `docker_run` imports neither Sphinx nor
docker-py.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

    from docker_run.errors import (
        BodyProblem,
        ClientConfigProblem,
        Defect,
        DockerRunError,
        EngineProblem,
        EngineRefusal,
        FlagProblem,
        ImageProblem,
        Interrupted,
        LabProblem,
        NewerRecording,
        OptionProblem,
        RecordingProblem,
        RefusedFlag,
        SlowPattern,
        SyntaxProblem,
        TimedOut,
        TooMuchOutput,
        Unfinished,
        UnsavedRecording,
        UnsavedReport,
    )
    from docker_run.model import (
        Capture,
        Cause,
        Chunk,
        Command,
        CommandRecording,
        CommandResult,
        Environment,
        Expectation,
        Finding,
        Image,
        Input,
        LabFile,
        Location,
        Place,
        Problem,
        Recording,
        RunnerTraits,
        Segment,
        Session,
        Step,
        StepOutput,
        StepRecording,
        Stream,
        TerminalSize,
    )
    from docker_run.protocols import Engine, EngineSource, Progress, RunContext, Runner, RunnerSession
    from docker_run.warning_types import Failure, WarningType

__all__ = [
    "BodyProblem",
    "Capture",
    "Cause",
    "Chunk",
    "ClientConfigProblem",
    "Command",
    "CommandRecording",
    "CommandResult",
    "Defect",
    "DockerRunError",
    "Engine",
    "EngineProblem",
    "EngineRefusal",
    "EngineSource",
    "Environment",
    "Expectation",
    "Failure",
    "Finding",
    "FlagProblem",
    "Image",
    "ImageProblem",
    "Input",
    "Interrupted",
    "LabFile",
    "LabProblem",
    "Location",
    "NewerRecording",
    "OptionProblem",
    "Place",
    "Problem",
    "Progress",
    "Recording",
    "RecordingProblem",
    "RefusedFlag",
    "RunContext",
    "Runner",
    "RunnerSession",
    "RunnerTraits",
    "Segment",
    "Session",
    "SlowPattern",
    "Step",
    "StepOutput",
    "StepRecording",
    "Stream",
    "SyntaxProblem",
    "TerminalSize",
    "TimedOut",
    "TooMuchOutput",
    "Unfinished",
    "UnsavedRecording",
    "UnsavedReport",
    "WarningType",
    "add_runner",
    "setup",
]

__version__ = "0.1.0"

_HOMES = ("model", "errors", "protocols", "warning_types")
"""The modules that define the public names."""


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the extension with Sphinx."""
    # Not at the top: everything below `engine/` can be used without Sphinx.
    from docker_run.sphinx_ext.extension import register  # noqa: PLC0415

    register(app)
    return {
        "version": __version__,
        "env_version": 2,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }


def add_runner(app: Sphinx, name: str, runner: Runner, *, override: bool = False) -> None:
    """Register `runner` under `name`: pages can then have `docker_run_lab: NAME` in their front matter.

    Call it from `setup` of an extension, or of `conf.py`. A name consists of lower-case letters, digits and
    `-`. With `override`, it replaces an existing runner, even `direct` or `lab`.
    Raises `sphinx.errors.ExtensionError` if the name is invalid, taken or reserved, or if `runner` is not a
    runner.
    """
    from docker_run.sphinx_ext import runner_registration  # noqa: PLC0415 (as in `setup`)

    runner_registration.add_runner(app, name, runner, override=override)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # else a type checker would accept every name

    def __getattr__(name: str) -> object:
        """Load a public name."""
        if name in __all__:
            for home in _HOMES:
                module = import_module(f"{__name__}.{home}")
                if getattr(vars(module).get(name), "__module__", None) == module.__name__:
                    return globals().setdefault(name, vars(module)[name])
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
