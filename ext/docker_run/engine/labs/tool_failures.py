"""What the tools of a lab say of its engine: that this has failed, or that its disk is full. Pure.

On a lab the real `docker` command prints, at a terminal, among what programs print. So only lines in its
own words count, and what says that the disk is full is a reason to look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from docker_run.engine.refusals import is_failure

_LOST = re.compile(
    r"^(?:docker: |ERROR: )?(?:Cannot connect to the Docker daemon|error during connect: "
    r"|request returned .* for API route).*",
    re.MULTILINE | re.IGNORECASE,
)
"""What the CLI says where nobody answers it (github.com/docker/docker/client, `errors.go`, `request.go`)."""
_SAID = re.compile(
    r"^(?:docker: |ERROR: )?(?:Error response from daemon: |failed to solve: ).*", re.MULTILINE
)
"""What the CLI hands on of the engine, and of BuildKit."""
_REFUSED = re.compile(r"^docker: (?:Error response from daemon: )?(?P<said>.*)", re.MULTILINE)
_FULL = re.compile(r"no space left on device", re.IGNORECASE)

_WORDS = re.compile(
    rb"daemon|error during connect|failed to solve|no space left|request returned", re.IGNORECASE
)
"""What any of the lines has in it."""


def may_speak(output: Iterable[bytes]) -> bool:
    """Tell whether it is worth while to look for one of the lines below."""
    return any(_WORDS.search(data) for data in output)


def failure(text: str) -> str:
    """Return the line of `text` that says that the lab's engine has failed; empty where none does."""
    lost = _LOST.search(text)
    if lost is not None:
        return lost[0]
    return next((found[0] for found in _SAID.finditer(text) if is_failure(found[0])), "")


def full_disk(text: str) -> str:
    """Return the line of `text` that says that a disk is full: the lab's, or one that a page has made."""
    found = _FULL.search(text)
    if found is None:
        return ""
    # Not by `.*` on both sides, which takes time that grows with the square of a long line's length.
    before, after = text[: found.start()], text[found.end() :]
    return before.rpartition("\n")[2] + found[0] + after.partition("\n")[0]


def refusal(text: str) -> str:
    """Return why `docker run` has refused to run something; empty where it has not."""
    found = _REFUSED.search(text)
    return found["said"] if found is not None else ""
