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
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from docker_run.engine.settings import EngineSettings, ImagesFrom
from docker_run.model import DIRECT, LAB, DirectLimits, LabSettings, TerminalSize
from docker_run.sphinx_ext.config import validators as valid

PREFIX = "docker_run_"


class Mode(StrEnum):
    """What a build runs: the values of `docker_run_mode`."""

    AUTO = "auto"
    """Everything that its engine has not run in its current form."""
    ALWAYS = "always"
    """Everything."""
    REPLAY = "replay"
    """Nothing."""


REGISTERED = PREFIX + "registered_runners"
"""The value of Sphinx's configuration for the registered runners; not a setting for `conf.py`."""

_LAB, _DIRECT = LabSettings(), DirectLimits()


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
        valid.engine,
        help="`auto`, `none`, or the URL of the engine, such as `unix:///var/run/docker.sock`",
    )
    private_engine: bool = _setting(
        False,  # noqa: FBT003 (a default value)
        valid.truth,
        help="whether to install and start an engine for the build if none answers "
        "(root on Debian or Ubuntu only)",
    )
    mode: Mode = _setting(
        Mode.AUTO,
        valid.one_of(Mode),
        help="`auto`, `always` or `replay`: when commands are run",
        written="auto",
    )
    jobs: int = _setting(4, valid.count, help="number of pages that are run at the same time")
    timeout: float = _setting(
        60.0, valid.seconds, help="time limit of a command without `:timeout:`, in seconds"
    )
    max_output: int = _setting(
        1_000_000,
        valid.count,
        help="limit of a command's output, in bytes; a command that exceeds it is ended",
    )
    terminal: TerminalSize = _setting(
        TerminalSize(),
        valid.terminal,
        help="columns and rows of the terminal of `-t`, and of labs",
        rebuild="env",
        written=tuple(TerminalSize()),
    )
    fold_lines: int | None = _setting(
        20,
        valid.optional_count,
        help="number of lines after which an output without `:fold:` is folded in HTML; None: never",
        rebuild="html",
    )
    footer: bool = _setting(
        False,  # noqa: FBT003 (a default value)
        valid.truth,
        help="whether each block has a footer in HTML: how its commands ended, how long they took, where and "
        "when they ran",
        rebuild="html",
    )
    allow: tuple[str, ...] = _setting(
        (),
        valid.flags,
        help="flags that may reach into the host, by name, without dashes",
        rebuild="env",
    )
    volatile: tuple[str, ...] = _setting(
        (), valid.patterns, help="regular expressions for text to ignore when outputs are compared"
    )
    recordings: str = _setting(
        "recordings", valid.text, help="directory of the recordings, relative to the source directory"
    )
    junit: str | None = _setting(
        None,
        valid.optional_text,
        help="JUnit XML file with the results of a build, relative to `conf.py`",
    )
    json: str | None = _setting(
        None, valid.optional_text, help="JSON file with the results of each build, relative to `conf.py`"
    )
    images: str | None = _setting(
        None, valid.catalogue, help="directory of the image catalogue, relative to the source directory"
    )
    images_from: ImagesFrom = _setting(  # noqa: RUF009 (a field)
        ImagesFrom.AUTO,
        valid.one_of(ImagesFrom),
        help="`auto`, `hub` or `catalogue`: where images come from",
        written="auto",
    )
    lab: str | None = _setting(
        None,
        valid.lab_setting,
        help="the default kind of lab, or runner, of pages; None: directly on the engine",
        rebuild="env",
    )
    labs: tuple[tuple[str, str], ...] = _setting(
        (),
        valid.labs,
        help="kinds of labs besides `lab`: each one's directory, relative to the source directory",
        rebuild="env",
        written={},
    )
    memory: int = _setting(
        _DIRECT.memory,
        valid.memory,
        help="memory limit of a container directly on the engine, unless its line sets one, in bytes",
        written="2g",
    )
    pids: int = _setting(
        _DIRECT.pids,
        valid.count,
        help="limit of processes and threads of a container directly on the engine, unless its line sets one",
    )
    shm_size: int = _setting(
        _DIRECT.shm_size,
        valid.memory,
        help="size of `/dev/shm` of a container directly on the engine, unless its line sets one, in bytes",
        written="64m",
    )
    lab_memory: int = _setting(
        _LAB.memory,
        valid.memory,
        help="memory limit of a lab, in bytes, or a text such as `2g`",
        written="2g",
    )
    lab_pids: int = _setting(_LAB.pids, valid.count, help="limit of processes and threads on a lab")
    lab_life: float = _setting(
        _LAB.life, valid.seconds, help="maximum lifetime of a lab, in seconds", written=3600
    )
    lab_devices: tuple[str, ...] = _setting(
        (),
        valid.devices,
        help="devices of the engine's machine that labs have, such as `/dev/fuse`, or `all`",
    )
    lab_capabilities: tuple[str, ...] = _setting(
        (),
        valid.capabilities,
        help="capabilities of labs besides those that they need, such as `SYS_TIME`",
    )

    @classmethod
    def of(cls, config: Config) -> Settings:
        """Return the settings in `config`; the default replaces an invalid value, `replay` an invalid mode.

        That is enough to show pages. Nothing may be run with them if there are `config_checks.problems`.
        """
        found = {}
        for setting in fields(cls):
            try:
                found[setting.name] = setting.metadata["check"](config[PREFIX + setting.name])
            except ValueError:
                found[setting.name] = Mode.REPLAY if setting.name == "mode" else setting.default
        settings = cls(**found)
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
    # After Sphinx has made a dictionary of `source_suffix`.
    app.connect("config-inited", _exclude_recordings, priority=850)


def _exclude_recordings(app: Sphinx, config: Config) -> None:
    """Keep Sphinx from taking recordings for pages, where they are in its source directory."""
    directory = Path(os.path.normpath(app.srcdir / Settings.of(config).recordings))
    is_inside = directory.is_relative_to(app.srcdir) and directory != Path(app.srcdir)
    # Anything else is reported by Sphinx.
    if is_inside and isinstance(config["exclude_patterns"], list | tuple):
        # Sphinx's patterns can't quote these characters, but any one character matches them.
        pattern = re.sub(r"[*[]", "?", directory.relative_to(app.srcdir).as_posix())
        # Not all files: the patterns also hold within `html_static_path`.
        excluded = [f"{pattern}/**{suffix}" for suffix in config["source_suffix"]]
        config["exclude_patterns"] = [*config["exclude_patterns"], *excluded]


def as_in_conf(setting: Field[Any]) -> object:
    """Return the default of a setting in the form for `conf.py`."""
    written: object = setting.metadata["written"]
    return setting.default if written is None else written
