"""The files that flags name: variables, labels, the profile of a security option.

Source of the rules: docker/cli 28, `cli/command/container/opts.go`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from docker_run.docker_cli.flag_table import FLAGS
from docker_run.docker_cli.parsed_flags import ParsedFlags
from docker_run.docker_cli.values import env_file, scalars
from docker_run.docker_cli.values.scalars import BadValue, quote
from docker_run.errors import FlagProblem

Read = Callable[[str], str]
"""Returns the text of the file of that name; may raise `OSError` and `UnicodeDecodeError`."""


def environment(
    flags: ParsedFlags, *, read: Read, environ: Mapping[str, str], proxies: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the variables: those of files, then those of `-e`, of which the last of a name wins.

    `proxies` are the variables that the user's CLI adds, unless `-e` sets them.

    A bare name gets its value from `environ`; if it is not set there, it is ignored in a file, and unset
    in the container with `-e`.
    """
    entries: list[str] = []
    for path in flags.all("env-file", str):
        for number, text in _file(path, "env-file", read):
            flags.check(FLAGS["env-file"], text, place=f" (line {number} of {path})")
            name = text.partition("=")[0]
            if "=" in text:
                entries.append(text)
            elif name in environ:
                entries.append(f"{name}={environ[name]}")
    named: dict[str, str] = {}
    for entry in flags.all("env", str):
        name = entry.partition("=")[0]
        named[name] = entry if "=" in entry or name not in environ else f"{name}={environ[name]}"
    added = {name: f"{name}={value}" for name, value in proxies.items() if name not in named}
    return (*entries, *named.values(), *added.values())


def labels(flags: ParsedFlags, *, read: Read) -> tuple[tuple[str, str], ...]:
    """Return the labels: those of files, then those of `--label`. A bare name in a file is ignored."""
    entries = [
        entry.text
        for path in flags.all("label-file", str)
        for entry in _file(path, "label-file", read)
        if "=" in entry.text
    ]
    pairs = dict(scalars.key_value(entry) for entry in [*entries, *flags.all("label", str)])
    return tuple(pairs.items())


def security_options(flags: ParsedFlags, *, read: Read) -> tuple[tuple[str, ...], bool]:
    """Return the options of `--security-opt` for the engine, and whether system paths are unconfined."""
    options: list[str] = []
    has_system_paths = False
    for option in flags.all("security-opt", str):
        name, separator, value = option.partition("=")
        if not separator and name != "no-new-privileges":
            name, separator, value = option.partition(":")
        if not value and name != "no-new-privileges":
            raise BadValue(
                f"invalid --security-opt: {quote(option)}", hint="Try e.g. --security-opt no-new-privileges"
            )
        if option == "systempaths=unconfined":
            has_system_paths = True
        elif name == "seccomp" and value not in ("builtin", "unconfined"):
            options.append(f"seccomp={_profile(value, read)}")
        else:
            options.append(option)
    return tuple(options), has_system_paths


def _file(path: str, flag: str, read: Read) -> tuple[env_file.Entry, ...]:
    text = _text(path, read, f"open {path}", flag=flag)
    try:
        return env_file.parse(text)
    except BadValue as error:
        # The CLI's message is the same for both kinds of files.
        raise BadValue(f"invalid env file ({path}): {error}", hint=error.hint) from error


def _text(path: str, read: Read, failed: str, *, flag: str) -> str:
    """Return the text of the file that `flag` names; no message quotes its content."""
    try:
        return read(path)
    except FlagProblem as error:
        raise type(error)(f"--{flag} {error}") from error
    except OSError as error:
        message = (error.strerror or str(error)).lower()
        raise BadValue(
            f"{failed}: {message}", hint="The file has to be where the page's files are"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        hint = "Save the file as UTF-8, or name the right one"
        raise BadValue(f"{failed}: invalid utf8 bytes at line {line}", hint=hint) from None


_STRING_OR_SPACE = re.compile(r'("(?:\\.|[^"\\])*")|[ \t\r\n]+')


def _profile(path: str, read: Read) -> str:
    """Return the text of a seccomp profile without the white space between its tokens."""
    text = _text(path, read, f"opening seccomp profile ({path}) failed: open {path}", flag="security-opt")
    try:
        # Numbers are not converted: Python refuses those of thousands of digits.
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except ValueError as error:
        raise BadValue(f"compacting json for seccomp profile ({path}) failed: {error}") from error
    except RecursionError as error:
        raise BadValue(f"compacting json for seccomp profile ({path}) failed: exceeded max depth") from error
    return _STRING_OR_SPACE.sub(lambda match: match[1] or "", text)


def _refuse_constant(name: str) -> None:
    """Refuse the constants that Python accepts, but JSON does not have: `NaN`, `Infinity`."""
    raise ValueError(f"{name} is no JSON")
