"""Comparing two recordings of a page.

Compared are: whether a step was run, its commands, their exit statuses, and the text that a reader sees.
Ignored are: durations, dates, images and the machine, colours, intermediate states of progress bars, and
volatile text (see `docker_run.recordings.masks`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from types import MappingProxyType

from docker_run.model import CommandRecording, Recording, StepRecording, Stream
from docker_run.recordings.escapes import escape
from docker_run.recordings.masks import Patterns, mask
from docker_run.terminal.segments import streams

_CONTEXT = 3
_MOST_LINES = 200
"""Limit of a diff, in lines; a longer one is cut off."""
_MOST_PAIRS = 4_000_000
"""Limit of pairs of lines to compare; above it, all lines count as replaced."""
_MOST_STEPS = 200_000_000
"""Limit of the pairs of equal lines times the blocks that `difflib` may find, for each of which it looks at
the pairs again: some seconds. It is reached when every second one of many equal lines changes."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of one command's output."""

    step: int
    """The index of its step in the newer recording, from 0."""
    command: str
    """The command line; empty for a step that was not run in either recording."""
    diff: str
    """A unified diff (context 3) in the notation of recordings, without a line feed at its end. Volatile
    text is shown in it, but does not make a line count as changed."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The lines of one command to compare: plain, and masked."""

    command: str = ""
    plain: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()


def differences(
    old: Recording,
    new: Recording,
    *,
    volatile: Mapping[str, Patterns],
    any_exit: Mapping[str, Sequence[bool]] = MappingProxyType({}),
) -> tuple[Difference, ...]:
    """Return the differences of `new` from `old`, by step and command.

    `volatile` maps keys of steps of `new` to what is ignored in them besides the built-in masks; `any_exit`
    maps them to which of their commands may have any exit status, so that it is not compared. Steps are
    paired by key; a step whose key `old` lacks is paired with the one in its position. Steps of `old` that
    `new` does not reach are no difference: that session may have ended early.

    Without a terminal, standard output and standard error have no common order, so they are compared
    separately.
    """
    return tuple(
        Difference(index, two.command or one.command, _diff(one, two))
        for index, (before, after) in enumerate(_pairs(old.steps, new.steps))
        if before is None or _essence(before) != _essence(after)
        for one, two in zip_longest(
            _parts(before, volatile.get(after.key, ()), any_exit.get(after.key, ())),
            _parts(after, volatile.get(after.key, ()), any_exit.get(after.key, ())),
            fillvalue=_Part(),
        )
        if one.masked != two.masked
    )


def _pairs(
    old: Sequence[StepRecording], new: Sequence[StepRecording]
) -> Iterator[tuple[StepRecording | None, StepRecording]]:
    by_key = {step.key: step for step in old}
    keys = {step.key for step in new}
    for index, step in enumerate(new):
        # A step that is paired by its key is not paired by its position.
        beside = old[index] if index < len(old) and old[index].key not in keys else None
        yield by_key.get(step.key, beside), step


def _essence(step: StepRecording) -> tuple[object, ...]:
    """Return what two steps have in common if nothing differs: a cheap first test."""
    return step.not_run, tuple(command._replace(seconds=0, typed=None) for command in step.commands)


def _parts(step: StepRecording | None, patterns: Patterns, any_exit: Sequence[bool]) -> Iterator[_Part]:
    if step is None:
        return
    if step.not_run:
        reason = f"not run: {escape(step.not_run)}"
        yield _Part(plain=(reason,), masked=(mask(reason, patterns),))
    for number, command in enumerate(step.commands):
        yield _part(command, patterns, any_exit=number < len(any_exit) and any_exit[number])


def _part(command: CommandRecording, patterns: Patterns, *, any_exit: bool) -> _Part:
    first, *more = (escape(line) for line in command.command.split("\n"))
    plain = [f"$ {first}", *(f"> {line}" for line in more), f"exit: {command.exit_code}"]
    masked = [*plain[:-1], "exit: <any>"] if any_exit else list(plain)
    texts = streams(command.output)
    for stream in (Stream.OUT, Stream.ERR, Stream.TERMINAL):
        if text := texts.get(stream):
            lines, without = text.split("\n"), mask(text, patterns).split("\n")
            if len(lines) != len(without):  # an author's pattern spans lines: they can't be paired
                lines = without
            plain += [f"{stream.value}|{escape(line)}" for line in lines]
            masked += [f"{stream.value}|{line}" for line in without]
    return _Part(command.command, tuple(plain), tuple(masked))


def _diff(old: _Part, new: _Part) -> str:
    lines = [line for hunk in _hunks(old.masked, new.masked) for line in _hunk_lines(hunk, old, new)]
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"… and {len(lines) - _MOST_LINES} more lines"]
    return "\n".join(lines)


_Run = tuple[str, int, int, int, int]
"""An opcode of `difflib`: tag, start and end in the old lines, and in the new ones."""


def _hunks(old: Sequence[str], new: Sequence[str]) -> Iterator[Sequence[_Run]]:
    """Yield the places where `old` and `new` differ, each with its context."""
    start = _common(old, new)
    end = min(_common(old[::-1], new[::-1]), len(old) - start, len(new) - start)
    one, two = old[start : len(old) - end], new[start : len(new) - end]
    blocks = opcodes(one, two)
    before, after = min(start, _CONTEXT), min(end, _CONTEXT)
    hunk: list[_Run] = [("equal", start - before, start, start - before, start)]
    for tag, *bounds in blocks:
        a, b, c, d = (bound + start for bound in bounds)
        if tag == "equal" and b - a > 2 * _CONTEXT:
            yield [*hunk, (tag, a, a + _CONTEXT, c, c + _CONTEXT)]
            hunk = [(tag, b - _CONTEXT, b, d - _CONTEXT, d)]
        else:
            hunk.append((tag, a, b, c, d))
    last_old, last_new = len(old) - end, len(new) - end
    yield [*hunk, ("equal", last_old, last_old + after, last_new, last_new + after)]


def opcodes(one: Sequence[Hashable], two: Sequence[Hashable]) -> Sequence[_Run]:
    """Return how to turn `one` into `two`, as `difflib` does; by replacing all if that takes too long."""
    counts = Counter(two)
    equal = sum(counts[each] for each in one)
    if len(one) * len(two) > _MOST_PAIRS or equal * min(len(one), len(two)) > _MOST_STEPS:
        return [("replace", 0, len(one), 0, len(two))]
    return SequenceMatcher(None, one, two, autojunk=False).get_opcodes()


def _common(one: Sequence[str], two: Sequence[str]) -> int:
    """Return the number of equal lines at the start."""
    pairs = enumerate(zip(one, two, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(two)))


def _hunk_lines(hunk: Sequence[_Run], old: _Part, new: _Part) -> Iterator[str]:
    (_, a, _, c, _), (_, _, b, _, d) = hunk[0], hunk[-1]
    yield f"@@ -{_range(a, b)} +{_range(c, d)} @@"
    for tag, from_old, to_old, from_new, to_new in hunk:
        if tag == "equal":
            yield from (f" {line}" for line in new.plain[from_new:to_new])
        else:
            yield from (f"-{line}" for line in old.plain[from_old:to_old])
            yield from (f"+{line}" for line in new.plain[from_new:to_new])


def _range(start: int, end: int) -> str:
    """Return the range of lines as in a unified diff; an empty one is named by the line before it."""
    length = end - start
    return f"{start + 1 if length else start},{length}"
