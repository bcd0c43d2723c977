"""Keys: hashes of everything that decides a step's output.

A recording is valid for a step as long as their keys are equal. Keys are chained: each covers its own step
and all steps before it on the page, since they share containers and files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from docker_run.model import Place, Step, TerminalSize

SCHEME = 1
"""Incremented when keys are computed differently, so that earlier recordings become invalid."""

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def session_keys(
    steps: Sequence[Step],
    *,
    place: Place,
    terminal: TerminalSize,
    images: Sequence[str] = (),
    contexts: Mapping[str, str] = MappingProxyType({}),
) -> tuple[str, ...]:
    """Return a key, 64 hexadecimal digits, for each of a page's `steps`.

    A key covers what decides the output: commands, typed input and files of the step and of those before it,
    where they run, the size of the terminal, the `images` that labs have from the start, and the build
    contexts of the images that all these name: `contexts` has their fingerprints, by the image's name with
    its tag. A key does not cover how the step is shown or verified (location, expectation, captures, volatile
    text), nor `timeout` and `optional`: a command that these stop has no output.
    """
    key = digest(
        {
            "scheme": SCHEME,
            "place": [place.name, place.definition],
            "terminal": [terminal.columns, terminal.rows],
            **({"images": list(images)} if images else {}),
            **_as_json(contexts_of(images, contexts)),
        }
    )
    keys = []
    for step in steps:
        key = digest(
            {
                "after": key,
                "commands": [[command.text, list(command.typed)] for command in step.commands],
                "files": [list(file) for file in step.files],
                **({"lab": _on_machine(step)} if place.traits.machines or place.traits.files else {}),
                **_as_json(contexts_of(texts(step), contexts)),
            }
        )
        keys.append(key)
    return tuple(keys)


def _on_machine(step: Step) -> list[object]:
    """Return the part of a step's key that only applies to runners with several machines, or with files."""
    file = step.file
    content = hashlib.sha256(file.data).hexdigest() if file else ""
    return [step.lab, *([file.path, content, file.mode, file.owner] if file else [])]


def texts(step: Step) -> Iterator[str]:
    """Yield the texts of a step that may name an image: commands, typed input, a Dockerfile."""
    for command in step.commands:
        yield command.text
        yield from command.typed
    if step.file is not None:
        yield step.file.data.decode(errors="replace")


def contexts_of(named_in: Iterable[str], contexts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return those of `contexts` whose images are named in the texts `named_in`: (name, fingerprint).

    Any word that could be an image counts, since it can't be determined in general which word of a command
    is one. So a changed context may rerun a page that only mentions its image, but never misses one that
    uses it.
    """
    named: set[str] = set()
    if contexts:
        pattern = _names(tuple(sorted(contexts)))
        for text in named_in:
            named |= {f"{found[1]}:{found[2] or 'latest'}" for found in pattern.finditer(text)}
    return [(name, contexts[name]) for name in sorted(named) if name in contexts]


def _as_json(contexts: Sequence[tuple[str, str]]) -> dict[str, list[list[str]]]:
    return {"contexts": [list(each) for each in contexts]} if contexts else {}


@lru_cache(maxsize=4)
def _names(known: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern that matches the images `known` (`NAME:TAG`) as words, with or without a tag."""
    names = sorted({name.rpartition(":")[0] for name in known}, key=lambda name: (-len(name), name))
    each = "|".join(map(re.escape, names))
    return re.compile(
        rf"(?<![\w./:@-])(?:docker\.io/)?(?:library/)?({each})(?::([\w.-]*\w))?(?![\w/@-]|\.\w)"
    )


def digest(value: object) -> str:
    """Return the SHA-256 of `value` as canonical JSON (sorted names, no blanks, only ASCII)."""
    return hashlib.sha256(_CANONICAL.encode(value).encode("ascii")).hexdigest()
