"""Parsing a `docker-file` directive: text → `Step` with a file, and `FilePresentation`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from docker_run.authoring import options as read_option
from docker_run.authoring.presentation import Presentation
from docker_run.errors import BodyProblem, OptionProblem, SyntaxProblem
from docker_run.model import LabFile, Location, RunnerTraits, Step

FILE_OPTIONS = (
    "caption",
    "class",
    "collapse",
    "emphasize-lines",
    "hidden",
    "lab",
    "language",
    "mode",
    "name",
    "owner",
    "source",
)
"""The names of the directive's options."""

LARGEST_SHOWN = 1_000_000
"""Limit of a file that a page shows, in bytes."""
LARGEST_HIDDEN = 50_000_000
"""Limit of a hidden file, in bytes."""
DEFAULT_SUMMARY = "Show the file"
"""The default summary of a collapsed block."""

_MODE = re.compile(r"0?[0-7]{3,4}")
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?"
_OWNER = re.compile(rf"{_NAME}(?::{_NAME})?")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_NOT_SHOWN = re.compile("[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class FilePresentation(Presentation):
    """The presentation of a file, which is always shown whole, as it is put on the lab."""

    language: str = ""
    """The language for highlighting; empty to guess it from the name."""


def parse_file(
    argument: str,
    options: Mapping[str, str],
    body: Sequence[str],
    *,
    location: Location,
    traits: RunnerTraits,
    read: Callable[[str], bytes],
) -> Step:
    """Parse the parts of the directive that decide which file is put where.

    `argument` is the path on the lab, `options` the text of each option, `body` the lines below. `traits`
    are those of the page's runner. `read` returns the content of the file that `:source:` names, and raises
    `OSError`.

    Raises `SyntaxProblem` or one of its subclasses.
    """
    read_option.refuse_unknown(options, FILE_OPTIONS)
    if not traits.files:
        raise SyntaxProblem(
            "a file needs a lab to be put on: see `docker_run_lab` in conf.py, or in the page's front matter"
        )
    hidden = read_option.flag(options, "hidden")
    return Step(
        location=location,
        commands=(),
        lab=read_option.lab(options, traits),
        file=LabFile(
            path=_path(argument),
            data=_data(options, body, hidden=hidden, read=read),
            mode=_mode(options.get("mode", "644")),
            owner=_owner(options.get("owner", "root:root")),
        ),
    )


def parse_file_presentation(options: Mapping[str, str]) -> FilePresentation:
    """Parse the options for the presentation of the file. Raises `OptionProblem`."""
    if "lines" in options:
        raise OptionProblem(
            "there is no option `:lines:`: a file is always shown whole, as it is put on the lab"
        )
    collapse = options.get("collapse")
    language = options.get("language", "").strip()
    if "language" in options and not language:
        raise OptionProblem("`:language:` needs the name of a language, e.g. `docker`, or `none`")
    return FilePresentation(
        caption=options.get("caption", "").strip(),
        name=options.get("name", "").strip(),
        classes=tuple(options.get("class", "").split()),
        emphasize=read_option.line_ranges(options, "emphasize-lines"),
        collapse="" if collapse is None else collapse.strip() or DEFAULT_SUMMARY,
        hidden=read_option.flag(options, "hidden"),
        language=language,
    )


def _path(argument: str) -> str:
    """Validate the path on the lab."""
    path = argument.strip()
    if not path:
        raise SyntaxProblem(
            "a path is missing: write it on the directive's own line, e.g. `{docker-file} web/Dockerfile`"
        )
    if _CONTROL.search(path):
        raise SyntaxProblem("the path of a file is one line, without control characters")
    wrong = ""
    if path[0] in "~$":
        wrong = (
            "no shell reads it, so `~` and `$HOME` mean nothing: write `/root/…`, or a path seen from there"
        )
    elif path[0] in "'\"":
        wrong = "no shell reads it: leave out the quotes, spaces need none"
    elif path.rpartition("/")[2] in {"", ".", ".."}:
        wrong = "it is that of a directory: name the file in it"
    if wrong:
        raise SyntaxProblem(f"the path `{path}`: {wrong}")
    return path


def _data(
    options: Mapping[str, str], body: Sequence[str], *, hidden: bool, read: Callable[[str], bytes]
) -> bytes:
    """Return the content of the file: the body, or that of another file."""
    text = "\n".join(line.removesuffix("\r") for line in body).rstrip("\n")
    has_body = bool(text.strip())
    if "source" not in options:
        if not has_body:
            raise BodyProblem(
                "there is nothing to put into the file: write it into the body, or give `:source:`"
            )
        source, data = "its body", f"{text}\n".encode()
    else:
        if has_body:
            raise BodyProblem("there are a body and a `:source:`: leave out one of them")
        name = options["source"].strip()
        source, data = f"`:source: {name}`", _read(name, read)
    largest = LARGEST_HIDDEN if hidden else LARGEST_SHOWN
    if len(data) > largest:
        advice = "" if hidden else f", and {LARGEST_HIDDEN:,} with `:hidden:`"
        raise OptionProblem(f"{source} has {len(data):,} bytes; {largest:,} are allowed{advice}")
    if not hidden and (problem := _unshowable(data)):
        raise OptionProblem(f"{source} holds {problem}, which a page can't show: add `:hidden:`")
    return data


def _read(name: str, read: Callable[[str], bytes]) -> bytes:
    if not name:
        raise OptionProblem("`:source:` needs the name of a file beside the page")
    try:
        return read(name)
    except OSError as error:
        raise OptionProblem(f"`:source: {name}` can't be read: {error.strerror or error}") from None


def _unshowable(data: bytes) -> str:
    """Describe the first part of `data` that can't be shown as text; empty if there is none."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return f"bytes that are not UTF-8 (the first, 0x{data[error.start]:02x}, at byte {error.start})"
    found = _NOT_SHOWN.search(text)
    return f"the control character U+{ord(found[0]):04X} (at character {found.start()})" if found else ""


def _mode(text: str) -> int:
    if not _MODE.fullmatch(text.strip()):
        raise OptionProblem(f"`:mode: {text}`: give the permission bits in octal, e.g. `755` or `0644`")
    return int(text.strip(), 8)


def _owner(text: str) -> str:
    if not _OWNER.fullmatch(text.strip()):
        raise OptionProblem(f"`:owner: {text}`: give a user, or a user and a group, e.g. `www-data:www-data`")
    return text.strip()
