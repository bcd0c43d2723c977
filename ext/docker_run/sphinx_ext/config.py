"""The values of `conf.py`: one dataclass that registers, checks and documents them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

from docker_run.engine.endpoints import candidates
from docker_run.errors import EngineProblem
from docker_run.grammar.flags import FLAGS
from docker_run.model import TerminalSize

logger = logging.getLogger(__name__)

PREFIX = "docker_run_"

MODES = ("auto", "always", "replay")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


def _engine(value: object) -> str:
    setting = _text(value)
    try:
        candidates(setting, environ={"DOCKER_HOST": "unix:///unused"})
    except EngineProblem as error:
        raise ValueError(f"`auto`, `none` or a URL ({error})") from None
    return setting


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _truth(value: object) -> bool:
    # `-D docker_run_private_engine=1` on the command line arrives as what Sphinx made of it.
    if not isinstance(value, bool):
        raise ValueError("True or False")  # noqa: TRY004 (all validators raise the same)
    return value


def _mode(value: object) -> str:
    if value not in MODES:
        raise ValueError(f"one of {', '.join(MODES)}")
    return str(value)


def _positive(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("a whole number above zero")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ValueError("a number of seconds above zero")
    return float(value)


def _size(value: object) -> TerminalSize:
    if (
        not isinstance(value, tuple | list)
        or len(value) != 2
        or not all(isinstance(number, int) and 1 <= number <= 1000 for number in value)
    ):
        raise ValueError("(columns, rows), each from 1 to 1000")
    return TerminalSize(*value)


def _words(value: object) -> tuple[str, ...]:
    if not isinstance(value, tuple | list | set | frozenset) or not all(
        isinstance(word, str) for word in value
    ):
        raise ValueError("a list of texts")
    return tuple(sorted(value)) if isinstance(value, set | frozenset) else tuple(value)


def _flags(value: object) -> tuple[str, ...]:
    refusable = sorted(name for name, flag in FLAGS.items() if flag.reaches)
    for word in (words := _words(value)):
        if word not in refusable:
            close = get_close_matches(word.lstrip("-"), refusable, n=1)
            meant = f"; did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"a list of flags that reach into the host, without dashes ({word!r} is none{meant})"
            )
    return words


def _patterns(value: object) -> tuple[str, ...]:
    for pattern in (words := _words(value)):
        try:
            re.compile(pattern, re.MULTILINE)
        except re.error as error:
            raise ValueError(f"a list of regular expressions ({pattern!r}: {error})") from None
    return words


def _setting(
    default: Any,  # noqa: ANN401 (each setting has its own type)
    check: Callable[[object], Any],
    *,
    help: str,  # noqa: A002 (the field's word for it)
    rebuild: str = "",
) -> Any:  # noqa: ANN401 (as `dataclasses.field`)
    return field(default=default, metadata={"check": check, "help": help, "rebuild": rebuild})


@dataclass(frozen=True, slots=True)
class Settings:
    """All `docker_run_*` values of `conf.py`, checked."""

    engine: str = _setting(
        "auto",
        _engine,
        help="`auto`, `none`, or the URL of the engine, such as `unix:///var/run/docker.sock`",
    )
    private_engine: bool = _setting(
        False,  # noqa: FBT003 (a default value)
        _truth,
        help="whether to install and start an engine of the build's own where none answers "
        "(root on Debian or Ubuntu only)",
    )
    mode: str = _setting("auto", _mode, help="`auto`, `always` or `replay`: when commands are run")
    jobs: int = _setting(4, _positive, help="how many pages are run at the same time")
    timeout: float = _setting(60.0, _seconds, help="seconds that a command may take without `:timeout:`")
    max_output: int = _setting(1_000_000, _positive, help="bytes that a command may print before it is ended")
    terminal: TerminalSize = _setting(
        TerminalSize(), _size, help="columns and rows of the terminal of `-t`", rebuild="env"
    )
    allow: tuple[str, ...] = _setting(
        (), _flags, help="flags that may reach into the host, by name, without dashes", rebuild="env"
    )
    volatile: tuple[str, ...] = _setting(
        (), _patterns, help="regular expressions for text to ignore when outputs are compared"
    )
    recordings: str = _setting(
        "recordings", _text, help="folder of the recordings, from the source directory"
    )
    images: str | None = _setting(
        None, _optional_text, help="folder of the image catalogue, from the source directory"
    )

    @classmethod
    def of(cls, config: Config) -> Settings:
        """Return the settings in `config`; a bad value was reported and counts as the default."""
        values = {}
        for setting in fields(cls):
            try:
                values[setting.name] = setting.metadata["check"](config[PREFIX + setting.name])
            except ValueError:
                values[setting.name] = _default(setting)
        return cls(**values)


def register(app: Sphinx) -> None:
    """Add all values to Sphinx."""
    for setting in fields(Settings):
        default = _default(setting)
        app.add_config_value(
            PREFIX + setting.name,
            tuple(default) if isinstance(default, TerminalSize) else default,
            setting.metadata["rebuild"],
            # Types are checked here, with a message that says what is wanted.
            types=frozenset({Any}),
            description=setting.metadata["help"],
        )
    app.connect("config-inited", report_bad_values)


def report_bad_values(app: Sphinx, config: Config) -> None:
    """Warn of each value that is not what it should be."""
    for setting in fields(Settings):
        value = config[PREFIX + setting.name]
        try:
            setting.metadata["check"](value)
        except ValueError as error:
            logger.warning(
                "%s%s = %r: should be %s; %s is used",
                PREFIX,
                setting.name,
                value,
                error,
                _as_written(_default(setting)),
                type="docker_run",
                subtype="config",
                location=_place(app, PREFIX + setting.name),
            )


def _place(app: Sphinx, name: str) -> str | None:
    """Return the line of `conf.py` that sets `name`; None where it was set elsewhere."""
    try:
        lines = Path(app.confdir, "conf.py").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for number, line in enumerate(lines, 1):
        if re.match(rf"\s*{name}\s*=", line):
            return f"{Path(app.confdir, 'conf.py')}:{number}"
    return None


def _as_written(default: object) -> str:
    """Return a default as `conf.py` would have it."""
    if isinstance(default, TerminalSize):
        return repr(tuple(default))
    return "[]" if default == () else repr(default)


def _default(setting: Field[Any]) -> Any:  # noqa: ANN401 (each setting has its own type)
    return setting.default
