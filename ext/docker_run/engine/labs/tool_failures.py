"""Recognising failures of a lab's engine, and full disks, in the output of the lab's tools. Pure.

On a lab the real CLI prints to the same terminal as any program. So only lines in the CLI's own words count,
and a line about a full disk is only a reason to check the disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from docker_run.engine.error_classification import is_failure

_LOST = re.compile(
    r"^(?:docker: |ERROR: (?:failed to build: )?)?(?:Cannot connect to the Docker daemon"
    r"|failed to connect to the docker API|error during connect: |request returned .* for API route).*",
    re.MULTILINE | re.IGNORECASE,
)
"""The CLI's messages if no engine answers (github.com/docker/docker/client, `errors.go`, `request.go`)."""
_SAID = re.compile(
    r"^(?:docker: |ERROR: (?:failed to build: )?)?(?:Error response from daemon: |failed to solve: ).*",
    re.MULTILINE,
)
"""Messages of the engine and of BuildKit, as the CLI prints them."""
_REFUSED = re.compile(r"^docker: (?:Error response from daemon: )?(?P<said>.*)", re.MULTILINE)
_FULL = re.compile(r"no space left on device", re.IGNORECASE)

_WORDS = re.compile(
    rb"daemon|docker API|error during connect|failed to solve|no space left|request returned", re.IGNORECASE
)
"""Words of which each of the lines has one."""


def may_speak(output: Iterable[bytes]) -> bool:
    """Return whether `output` may contain one of the lines below: a cheap first test."""
    return any(_WORDS.search(data) for data in output)


def failure(text: str) -> str:
    """Return the line of `text` that reports a failure of the lab's engine; empty if none does."""
    lost = _LOST.search(text)
    if lost is not None:
        return lost[0]
    return next((found[0] for found in _SAID.finditer(text) if is_failure(found[0])), "")


def full_disk(text: str) -> str:
    """Return the line of `text` that reports a full disk: the lab's, or one that a page has created."""
    found = _FULL.search(text)
    if found is None:
        return ""
    # Not with `.*` on both sides, which is quadratic in the length of the line.
    before, after = text[: found.start()], text[found.end() :]
    return before.rpartition("\n")[2] + found[0] + after.partition("\n")[0]


def refusal(text: str) -> str:
    """Return why `docker run` has refused to run a program; empty if it has not."""
    found = _REFUSED.search(text)
    return found["said"] if found is not None else ""
