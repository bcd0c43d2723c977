"""What decides a step's output, as one short name for it: the key.

A recording holds for a step as long as the keys are equal. Keys are chained: each covers its own
step and all before it on the page, because those share containers and files with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from docker_run.model import Place, Step, TerminalSize

SCHEME = 1
"""Raised when keys are made of something else, so that no recording of before holds."""


def session_keys(
    steps: Sequence[Step], *, place: Place, terminal: TerminalSize, images: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return a key, 64 hexadecimal digits, for each of a page's `steps`.

    A key covers what decides what is printed: commands, typed input and files of the step and of
    those before it, where they run, the size of the terminal, the `images` that labs begin with. It does
    not cover what decides how the step looks or is judged (location, expectation, captures, volatile
    text), nor `timeout` and `optional`: what these stop has no output.
    """
    key = _digest(
        {
            "scheme": SCHEME,
            "place": [place.name, place.definition],
            "terminal": [terminal.columns, terminal.rows],
            **({"images": list(images)} if images else {}),
        }
    )
    keys = []
    for step in steps:
        key = _digest(
            {
                "after": key,
                "commands": [[command.text, list(command.typed)] for command in step.commands],
                "files": [list(file) for file in step.files],
                **({"lab": _on_lab(step)} if place.is_lab else {}),
            }
        )
        keys.append(key)
    return tuple(keys)


def _on_lab(step: Step) -> list[object]:
    """Return what of a step has a meaning on a lab only."""
    file = step.file
    content = hashlib.sha256(file.data).hexdigest() if file else ""
    return [step.lab, *([file.path, content, file.mode, file.owner] if file else [])]


def _digest(value: object) -> str:
    """Return the sha256 of `value` as canonical JSON (sorted names, no blanks, only ASCII)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
