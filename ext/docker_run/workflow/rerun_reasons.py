"""Describing what has changed on a page since it was recorded: the reason why it is run again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

from docker_run.model import Recording, Session, Step, TerminalSize
from docker_run.recordings.key_parts import KeyParts, KeyPartsCache, Part, PartKind, Parts, key_parts
from docker_run.workflow.expectations import held_steps
from docker_run.workflow.page import Pages

_MOST_TOLD = 3
"""Limit of changes that are described for a page."""


class Changes:
    """Describes the changes of pages, on demand."""

    def __init__(self, pages: Pages, cache: KeyPartsCache, contexts: Mapping[str, str]) -> None:
        """`contexts` are the fingerprints of images' build contexts, by name, as in the sessions' keys."""
        self._pages = pages
        self._cache = cache
        self._contexts = contexts

    def note_recorded(self, session: Session) -> None:
        """Note that the recording of a page is now that of `session`."""
        self._cache.save(session.page, session.key, key_parts(session, self._contexts))

    def discard_others(self, pages: Iterable[str]) -> None:
        """Remove all pages except `pages`: the others no longer exist."""
        self._cache.discard_others(list(pages))

    def of(self, session: Session) -> str:
        """Return why the recording of a page is not that of `session`."""
        loaded = self._pages.load(session)
        recording = loaded.recording
        if recording is None:
            return "its recording can't be read" if loaded.notices else "there is no recording of it"
        key = recording.steps[-1].key if recording.steps else ""
        before = self._cache.load(session.page, key)
        now = key_parts(session, self._contexts)
        told = list(dict.fromkeys(_changes(session, recording, before, now)))
        if not told:
            return "its recording is not of its current form"
        more = f", and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
        return f"changed since it was recorded: {', '.join(told[:_MOST_TOLD])}{more}"


def _changes(session: Session, recording: Recording, before: KeyParts | None, now: KeyParts) -> Iterator[str]:
    """Yield the changes; if the parts `before` are unknown, as far as the recording shows them."""
    if recording.place != session.place.name:
        yield f"where it runs (`{recording.place}` before, `{session.place.name}` now)"
    if recording.terminal != session.terminal:
        yield f"the size of its terminals ({_size(recording.terminal)} before, {_size(session.terminal)} now)"
    if before is None:
        yield from _by_recording(session, recording)
        return
    for part in _changed(before.page, now.page):
        if part.kind is PartKind.DEFINITION and recording.place == session.place.name:
            yield f"the definition of `{session.place.name}`"
        elif part.kind is PartKind.IMAGES:
            yield "the images that its labs begin with"
        elif part.kind is PartKind.CONTEXT:
            yield _context(part)
    yield from _in_steps(session.steps, before.steps, now.steps)


def _in_steps(steps: Sequence[Step], before: tuple[Parts, ...], now: tuple[Parts, ...]) -> Iterator[str]:
    # Not at the top: replay compares nothing.
    from docker_run.recordings.compare import opcodes  # noqa: PLC0415

    old, new = ([tuple(sorted(parts.items())) for parts in each] for each in (before, now))
    for tag, a, b, c, d in opcodes(old, new):
        if tag == "equal":
            continue
        for left, right in zip_longest(range(a, b), range(c, d)):
            if right is None:
                yield "a step that is gone"
            elif left is None:
                yield f"line {steps[right].location.line}, which is new"
            else:
                for part in _changed(before[left], now[right]):
                    yield _in_step(part, steps[right])


def _by_recording(session: Session, recording: Recording) -> Iterator[str]:
    """Yield the change of the first step that differs, as far as the recording shows it."""
    held = held_steps(session, recording)
    if held == len(session.steps):
        yield "a step that is gone"
        return
    step = session.steps[held]
    line = step.location.line
    if held == len(recording.steps):
        yield f"line {line}, which is new"
        return
    recorded = recording.steps[held].commands
    ran = [command.command for command in recorded]
    texts = [command.text for command in step.commands]
    if texts[: len(ran)] != ran or (not recording.steps[held].not_run and len(texts) != len(ran)):
        yield f"the command on line {line}"
    elif recording.place == session.place.name and recording.terminal == session.terminal:
        needs = f"what line {line} needs (its files, its images, or what is typed)"
        yield needs if held else f"{needs}, or the lab or the images that the page begins with"


def _in_step(part: Part, step: Step) -> str:
    line = step.location.line
    match part.kind:
        case PartKind.COMMAND | PartKind.TYPED:
            number = int(part.of) + 1
            command = f"command {number} of line {line}" if len(step.commands) > 1 else f"line {line}"
            if part.kind is PartKind.TYPED:
                return f"what is typed at {command}"
            return command if len(step.commands) > 1 else f"the command on line {line}"
        case PartKind.FILE:
            return f"the file `{part.of}`, which line {line} names"
        case PartKind.MACHINE:
            return f"the lab of line {line}"
        case PartKind.MACHINE_FILE:
            return f"the file `{part.of}` of line {line}"
        case _:
            return _context(part)


def _context(part: Part) -> str:
    return f"the build context of `{part.of}`"


def _changed(before: Parts, now: Parts) -> list[Part]:
    """Return the parts that differ, without those that only follow from another."""
    differ = [part for part in dict.fromkeys([*now, *before]) if before.get(part) != now.get(part)]
    # If a step names another image, the build context changes with it.
    own = [part for part in differ if part.kind is not PartKind.CONTEXT or (part in before and part in now)]
    return own or differ


def _size(terminal: TerminalSize) -> str:
    return f"{terminal.columns}x{terminal.rows}"
