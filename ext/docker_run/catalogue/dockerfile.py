"""Parsing a Dockerfile: its instructions, the files that they copy, and its `.dockerignore`.

See https://docs.docker.com/reference/dockerfile/. Nothing here uses an engine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_NO_FILE = re.compile(r"[$*?\[]|://|^git@|^<<")
"""The source of a COPY or ADD that is more than the name of a file."""


class Instruction(NamedTuple):
    """An instruction of a Dockerfile."""

    line: int
    """The line on which it begins, from 1."""
    keyword: str
    """In upper case, e.g. `COPY`."""
    rest: str
    """What follows, continuation lines joined."""


def instructions(dockerfile: str) -> tuple[Instruction, ...]:
    """Parse a Dockerfile; the builder numbers the instructions as its steps, from 1."""
    found: list[Instruction] = []
    began, text = 0, ""
    for number, line in enumerate(dockerfile.splitlines(), start=1):
        # Comments and empty lines do not end a continued instruction.
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        began = began or number
        text += line.strip()
        if text.endswith("\\"):
            text = text[:-1]
            continue
        found.append(_instruction(began, text))
        began, text = 0, ""
    if text:
        found.append(_instruction(began, text))
    return tuple(found)


def _instruction(line: int, text: str) -> Instruction:
    keyword, *rest = text.split(maxsplit=1)
    return Instruction(line, keyword.upper(), rest[0] if rest else "")


def copy_sources(found: Instruction) -> Iterator[str]:
    """Yield the files of the context that a COPY or ADD names; patterns are left out."""
    if found.keyword not in ("COPY", "ADD"):
        return
    words = found.rest.split()
    while words and words[0].startswith("--"):
        if words.pop(0).startswith("--from="):
            return
    if words and words[0].startswith("["):
        try:
            words = [str(word) for word in json.loads(" ".join(words))]
        except ValueError:
            return
    yield from (word for word in words[:-1] if not _NO_FILE.search(word))


def ignore_patterns(directory: Path, dockerfile: Path) -> list[str]:
    """Return the patterns of files that are left out of the context `directory`.

    They are in the Dockerfile's own `NAME.dockerignore` beside it, else in the context's `.dockerignore`
    (https://docs.docker.com/build/concepts/context/#filename-and-location).
    """
    for path in (dockerfile.with_name(f"{dockerfile.name}.dockerignore"), directory / ".dockerignore"):
        if path.is_file():
            lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
            return [line for line in lines if line and not line.startswith("#")]
    return []
