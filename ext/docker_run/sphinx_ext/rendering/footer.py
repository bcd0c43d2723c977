"""The footer of a block in HTML: how its commands ended, how long they took, with what, where and when."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes

from docker_run.model import Image, Recording, StepRecording
from docker_run.sphinx_ext.rendering.nodes import FOOTER, docker_run_collapse

_DIGEST_DIGITS = 12
"""As many as Docker shows of an ID."""


def footer(step: StepRecording, recording: Recording) -> nodes.Element:
    """Build the footer of `step`, a step of `recording`: one line, behind which are the details."""
    statuses = [command.exit_code for command in step.commands]
    summary = f"{sum(command.seconds for command in step.commands):.1f} s"
    # All pages have the same words there: Sphinx's search leaves that class out.
    classes = [FOOTER, "no-search"]
    if any(statuses):
        summary = f"exit status {', '.join(map(str, statuses))} · {summary}"
        classes.append("docker-run-footer-status")
    day = (step.date or recording.date).partition("T")[0]
    lines = [
        *(_described(image) for image in _used(step, recording)),
        recording.environment.engine,
        f"Recorded on {day}",
    ]
    block = nodes.line_block("", *(nodes.line(line, line) for line in lines))
    return docker_run_collapse("", block, summary=summary, classes=classes)


def _used(step: StepRecording, recording: Recording) -> Iterator[Image]:
    """Yield the images of the page that the step's commands name."""
    commands = "\n".join(command.command for command in step.commands)
    for image in recording.images:
        if re.search(rf"(?<![\w./-]){re.escape(image.name)}(?![\w/:@-]|\.\w)", commands):
            yield image


def _described(image: Image) -> str:
    digest = (image.digest or image.id).removeprefix("sha256:")[:_DIGEST_DIGITS]
    return f"Image {image.name}: {image.origin}, sha256:{digest}…"
