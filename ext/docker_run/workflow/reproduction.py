"""Reproducing recordings: a check runs sessions as they were recorded, with the same images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from docker_run.catalogue.lock_file import full_name
from docker_run.catalogue.recorded_images import origin_text, recorded_images
from docker_run.model import Finding, Image, Location, Recording, Session
from docker_run.recordings.key import contexts_of, texts
from docker_run.warning_types import WarningType

LEFT_OUT = "it was not run when this page was recorded"
_MOST_PAGES = 4
"""Limit of other pages that are named in a finding."""


def reproducing(session: Session, recording: Recording | None) -> Session:
    """Return `session` so that it runs as `recording` was made.

    It has the images of the recording. A step that could not be run then is left out: it would change what
    the steps after it print.
    """
    if recording is None:
        return session
    steps = enumerate(zip(session.keys, session.steps, recording.steps, strict=False))
    left_out = (
        index
        for index, (key, step, recorded) in steps
        if step.optional and key == recorded.key and recorded.not_run and not recorded.commands
    )
    return replace(session, reproduces=recording.images, left_out=frozenset(left_out))


class Deviations:
    """The recorded images that a check could not have, and the finding for each."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[tuple[Session, Image]]] = {}

    def note(self, session: Session, recording: Recording | None) -> None:
        """Note those images of `recording`, which was made by running `session`, that are other ones."""
        wanted = recorded_images(session.reproduces)
        for image in recording.images if recording else ():
            name = full_name(image.name)
            if image.deviation and name in wanted:
                self._found.setdefault((name, origin_text(wanted[name])), []).append((session, image))

    def findings(self) -> Iterator[tuple[str, Finding]]:
        """Yield each finding, with the name of its page."""
        for (name, origin), uses in sorted(self._found.items()):
            session, image = min(uses, key=lambda use: use[0].page)
            others = sorted({other.page for other, _ in uses} - {session.page})
            message = (
                f"this page was recorded with the image `{image.name}` {origin}, which isn't available now: "
                f"{image.deviation}. The check took one {origin_text(image)}: what is printed differently "
                f"{_where(others)} may come from that"
            )
            yield session.page, Finding(_location(session, name), WarningType.IMAGE, message)


def _where(others: list[str]) -> str:
    if not others:
        return "here"
    more = f" and {len(others) - _MOST_PAGES} more" if len(others) > _MOST_PAGES else ""
    return f"here and on {', '.join(others[:_MOST_PAGES])}{more}"


def _location(session: Session, name: str) -> Location:
    """Return the place of the first step that names an image, by its full name."""
    naming = (step for step in session.steps if contexts_of(texts(step), {name: ""}))
    return next(naming, session.steps[0]).location
