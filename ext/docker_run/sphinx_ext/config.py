"""The settings in `conf.py`: one dataclass that registers, validates and documents them.

Invalid values are reported by `docker_run.sphinx_ext.config_checks`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from sphinx.application import Sphinx
from sphinx.config import Config

from docker_run import patterns
from docker_run.engine.settings import EngineSettings, ImagesFrom
from docker_run.errors import EngineProblem
from docker_run.model import DIRECT, LAB, DirectLimits, LabSettings, TerminalSize
from docker_run.near_matches import near_match
from docker_run.units import BYTES, LONGEST

PREFIX = "docker_run_"

E = TypeVar("E", bound=StrEnum)


class Mode(StrEnum):
    """What a build runs: the values of `docker_run_mode`."""

    AUTO = "auto"
    """Everything that its engine has not run in its current form."""
    ALWAYS = "always"
    """Everything."""
    REPLAY = "replay"
    """Nothing."""


NO_LAB = ("none", "null", "false")
"""Values in a page's front matter for running directly on the engine, in lower case."""

RESERVED = (DIRECT, LAB, *NO_LAB)
"""Names that no kind of lab and no runner of a project can have."""

PLACE_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
"""The pattern for names of kinds of labs and of runners."""

REGISTERED = PREFIX + "registered_runners"
"""The value of Sphinx's configuration for the registered runners; not a setting for `conf.py`."""

_LAB, _DIRECT = LabSettings(), DirectLimits()
LARGEST = (1 << 63) - 1
"""The largest integer in the Engine API, and in Linux."""


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


def _engine(value: object) -> str:
    setting = _text(value)
    if setting in ("auto", "none"):
        return setting
    # Not at the top: most projects don't set an engine.
    from docker_run.engine.connection.endpoints import candidates  # noqa: PLC0415

    try:
        candidates(setting, environ={"DOCKER_HOST": "unix:///unused"})
    except EngineProblem as error:
        raise ValueError(f"`auto`, `none` or a URL ({error})") from None
    return setting


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _catalogue(value: object) -> str | None:
    if isinstance(value, tuple | list | set):
        raise ValueError(  # noqa: TRY004 (all validators raise the same)
            "the directory of the image catalogue; the list of images that a page has from the start "
            "belongs in the page's front matter, under the same name"
        )
    return _optional_text(value)


def _truth(value: object) -> bool:
    # Sphinx has already converted the text of `-D docker_run_private_engine=1`.
    if not isinstance(value, bool):
        raise ValueError("True or False")  # noqa: TRY004 (all validators raise the same)
    return value


def _one_of(choices: type[E]) -> Callable[[object], E]:
    def check(value: object) -> E:
        try:
            return choices(str(value))
        except ValueError:
            raise ValueError(f"one of {', '.join(choices)}") from None

    return check


def _positive(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
        raise ValueError("a whole number above zero")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST:
        raise ValueError(f"a number of seconds above zero, and {LONGEST:,.0f} (a week) at most")
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
    words = _words(value)
    if not words:
        return ()
    # Not at the top: few projects allow a flag, and the table is slow to import.
    from docker_run.docker_cli.flag_table import FLAGS  # noqa: PLC0415

    refusable = sorted(name for name, flag in FLAGS.items() if flag.reaches)
    for word in words:
        if word not in refusable:
            close = near_match(word.lstrip("-"), refusable)
            meant = f"; did you mean {close!r}?" if close else ""
            raise ValueError(
                f"a list of flags that reach into the host, without dashes ({word!r} is not one{meant})"
            )
    return words


def _patterns(value: object) -> tuple[str, ...]:
    for pattern in (words := _words(value)):
        if problem := patterns.problem(pattern):
            raise ValueError(f"a list of regular expressions ({pattern!r}: {problem})")
    return words


def lab_setting(value: object) -> str | None:
    """Return the place in a value of conf.py; None for the engine itself. Raises `ValueError`."""
    # `-D docker_run_lab=none` on the command line sets a string.
    if value is None or value in NO_LAB:
        return None
    if not isinstance(value, str) or not value.strip():
        raise ValueError("None or the name of a kind of lab or runner")
    return value


def _labs(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not all(
        isinstance(directory, str) and directory.strip() for directory in value.values()
    ):
        raise ValueError("a dictionary: the name of each kind of lab, and its directory")
    for name in value:
        if not isinstance(name, str) or not PLACE_NAME.fullmatch(name):
            raise ValueError(
                f"a dictionary with names of lower-case letters, digits and `-` ({name!r} is not one)"
            )
        if name in RESERVED:
            raise ValueError(f"a dictionary without {name!r}, which already has a meaning")
    return tuple(sorted(value.items()))


def _devices(value: object) -> tuple[str, ...]:
    for word in (words := _words(value)):
        if word != "all" and not re.fullmatch(r"/dev/[^\s:]+", word):
            raise ValueError(f"a list of devices, such as '/dev/fuse', or of 'all' ({word!r} is not one)")
    return words


def _capabilities(value: object) -> tuple[str, ...]:
    for word in (words := _words(value)):
        if not re.fullmatch(r"[A-Z]+(?:_[A-Z]+)*", word) or word.startswith("CAP_"):
            raise ValueError(f"a list of capabilities, such as 'SYS_TIME' ({word!r} is not one)")
    return words


def _bytes(value: object) -> int:
    size = value if isinstance(value, int) and not isinstance(value, bool) else 0
    if isinstance(value, str) and (found := re.fullmatch(r"([0-9]{1,18})([bkmg]?)", value.lower())):
        size = int(found[1]) * BYTES[found[2] or "b"]
    if not 1 <= size <= LARGEST:
        raise ValueError("a number of bytes above zero, or one with k, m or g, such as '2g'")
    return size


def _setting(
    default: Any,  # noqa: ANN401 (each setting has its own type)
    check: Callable[[object], Any],
    *,
    help: str,  # noqa: A002 (the field's word for it)
    rebuild: str = "",
    written: object = None,
) -> Any:  # noqa: ANN401 (as `dataclasses.field`)
    """Declare a setting; `written` is its default in the form for `conf.py`, if that is of another type."""
    metadata = {"check": check, "help": help, "rebuild": rebuild, "written": written}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    """All `docker_run_*` settings in `conf.py`, validated."""

    engine: str = _setting(
        "auto",
        _engine,
        help="`auto`, `none`, or the URL of the engine, such as `unix:///var/run/docker.sock`",
    )
    private_engine: bool = _setting(
        False,  # noqa: FBT003 (a default value)
        _truth,
        help="whether to install and start an engine for the build if none answers "
        "(root on Debian or Ubuntu only)",
    )
    mode: Mode = _setting(
        Mode.AUTO, _one_of(Mode), help="`auto`, `always` or `replay`: when commands are run", written="auto"
    )
    jobs: int = _setting(4, _positive, help="number of pages that are run at the same time")
    timeout: float = _setting(60.0, _seconds, help="time limit of a command without `:timeout:`, in seconds")
    max_output: int = _setting(
        1_000_000, _positive, help="limit of a command's output, in bytes; a command that exceeds it is ended"
    )
    terminal: TerminalSize = _setting(
        TerminalSize(),
        _size,
        help="columns and rows of the terminal of `-t`, and of labs",
        rebuild="env",
        written=tuple(TerminalSize()),
    )
    allow: tuple[str, ...] = _setting(
        (), _flags, help="flags that may reach into the host, by name, without dashes", rebuild="env"
    )
    volatile: tuple[str, ...] = _setting(
        (), _patterns, help="regular expressions for text to ignore when outputs are compared"
    )
    recordings: str = _setting(
        "recordings", _text, help="directory of the recordings, relative to the source directory"
    )
    junit: str | None = _setting(
        None, _optional_text, help="JUnit XML file with the results of a build, relative to `conf.py`"
    )
    json: str | None = _setting(
        None, _optional_text, help="JSON file with the results of each build, relative to `conf.py`"
    )
    images: str | None = _setting(
        None, _catalogue, help="directory of the image catalogue, relative to the source directory"
    )
    images_from: ImagesFrom = _setting(  # noqa: RUF009 (a field)
        ImagesFrom.AUTO,
        _one_of(ImagesFrom),
        help="`auto`, `hub` or `catalogue`: where images come from",
        written="auto",
    )
    lab: str | None = _setting(
        None,
        lab_setting,
        help="the default kind of lab, or runner, of pages; None: directly on the engine",
        rebuild="env",
    )
    labs: tuple[tuple[str, str], ...] = _setting(
        (),
        _labs,
        help="kinds of labs besides `lab`: each one's directory, relative to the source directory",
        rebuild="env",
        written={},
    )
    memory: int = _setting(
        _DIRECT.memory,
        _bytes,
        help="memory limit of a container directly on the engine, unless its line sets one, in bytes",
        written="2g",
    )
    pids: int = _setting(
        _DIRECT.pids,
        _positive,
        help="limit of processes and threads of a container directly on the engine, unless its line sets one",
    )
    shm_size: int = _setting(
        _DIRECT.shm_size,
        _bytes,
        help="size of `/dev/shm` of a container directly on the engine, unless its line sets one, in bytes",
        written="64m",
    )
    lab_memory: int = _setting(
        _LAB.memory, _bytes, help="memory limit of a lab, in bytes, or a text such as `2g`", written="2g"
    )
    lab_pids: int = _setting(_LAB.pids, _positive, help="limit of processes and threads on a lab")
    lab_life: float = _setting(
        _LAB.life, _seconds, help="maximum lifetime of a lab, in seconds", written=3600
    )
    lab_devices: tuple[str, ...] = _setting(
        (), _devices, help="devices of the engine's machine that labs have, such as `/dev/fuse`, or `all`"
    )
    lab_capabilities: tuple[str, ...] = _setting(
        (), _capabilities, help="capabilities of labs besides those that they need, such as `SYS_TIME`"
    )

    @classmethod
    def of(cls, config: Config) -> Settings:
        """Return the settings in `config`; the default replaces an invalid value, `replay` an invalid mode.

        That is enough to show pages. Nothing may be run with them if there are `config_checks.problems`.
        """
        values = {}
        for setting in fields(cls):
            try:
                values[setting.name] = setting.metadata["check"](config[PREFIX + setting.name])
            except ValueError:
                values[setting.name] = Mode.REPLAY if setting.name == "mode" else setting.default
        settings = cls(**values)
        return settings if settings.lab in {None, *settings.places(config)} else replace(settings, lab=None)

    def places(self, config: Config) -> tuple[str, ...]:
        """Return the names of all places where pages may run, sorted: runners, and kinds of labs."""
        return tuple(sorted({DIRECT, LAB, *(name for name, _ in self.labs), *config[REGISTERED]}))

    @property
    def place(self) -> str:
        """The name of the default place of pages."""
        return DIRECT if self.lab is None else self.lab

    def catalogue(self, srcdir: str | os.PathLike[str]) -> Path | None:
        """Return the directory of the image catalogue; `srcdir` is Sphinx's source directory."""
        return Path(srcdir, self.images) if self.images else None

    def engine_settings(self, srcdir: str | os.PathLike[str]) -> EngineSettings:
        """Return the settings of the engine; `srcdir` is Sphinx's source directory."""
        return EngineSettings(
            engine=self.engine,
            private=self.private_engine,
            catalogue=self.catalogue(srcdir),
            images_from=self.images_from,
            refreshes=self.mode is Mode.ALWAYS,
            allow=self.allow,
            limits=DirectLimits(self.memory, self.pids, self.shm_size),
            labs=self.lab_settings(srcdir),
        )

    def lab_settings(self, srcdir: str | os.PathLike[str]) -> LabSettings:
        """Return the settings of labs for an engine; `srcdir` is Sphinx's source directory."""
        return LabSettings(
            kinds=tuple((name, str(Path(srcdir, directory).resolve())) for name, directory in self.labs),
            memory=self.lab_memory,
            pids=self.lab_pids,
            life=self.lab_life,
            devices=self.lab_devices,
            capabilities=self.lab_capabilities,
        )


def setting_names() -> tuple[str, ...]:
    """Return the names of all settings in conf.py."""
    return tuple(PREFIX + setting.name for setting in fields(Settings))


def register(app: Sphinx) -> None:
    """Register all settings with Sphinx."""
    for setting in fields(Settings):
        app.add_config_value(
            PREFIX + setting.name,
            as_in_conf(setting),
            setting.metadata["rebuild"],
            # Types are validated here, with a better message than Sphinx's.
            types=frozenset({Any}),
            description=setting.metadata["help"],
        )
    # Pages are read again when it changes: it decides what they may contain.
    app.add_config_value(REGISTERED, {}, "env", types=frozenset({dict}))


def as_in_conf(setting: Field[Any]) -> object:
    """Return the default of a setting in the form for `conf.py`."""
    written: object = setting.metadata["written"]
    return setting.default if written is None else written
