"""Parsing the options of a directive: text → values. Each function raises `OptionProblem`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain, takewhile

from docker_run import patterns as regular_expressions
from docker_run import units
from docker_run.authoring.presentation import LineRange
from docker_run.errors import OptionProblem
from docker_run.model import DEFAULT_LAB, Capture, RunnerTraits
from docker_run.near_matches import near_match

Options = Mapping[str, str]
"""The text of each option; empty for one without a value."""

_RANGE = re.compile(r"(?P<only>[0-9]{1,9})|(?P<first>[0-9]{1,9})?\s*+-\s*+(?P<last>[0-9]{1,9})?")
_MOST_RANGES = 1000
"""Limit for one option: each line of a block is compared with all of them."""
_OPTION = re.compile(r"(?P<name>[A-Za-z][\w-]{0,99}+)\s*+:(?:\s|\Z)")
_FENCES = ("```", "~~~", ":::")
_LISTS = frozenset({"capture", "match", "volatile"})
"""The options with several values."""
_HOST_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


def refuse_unknown(options: Options, known: Collection[str]) -> None:
    """Refuse unknown options, with a suggestion."""
    for name in sorted(set(options) - set(known)):
        close = near_match(name, known)
        meant = f": did you mean `:{close}:`?" if close else f"; there are {', '.join(known)}"
        raise OptionProblem(f"there is no option `:{name}:`{meant}")


def refuse_repeated(lines: Iterable[str]) -> None:
    """Refuse a duplicate option in MyST's option block: MyST silently uses the last one.

    `lines` are those of the whole directive; before MyST 5, those below its own line. (docutils itself
    refuses duplicates.)
    """
    seen = set()
    for name in _option_names(lines):
        if name in seen:
            more = f": write `:{name}: |`, and one pattern a line below it" if name in _LISTS else ""
            raise OptionProblem(f"`:{name}:` is given twice, and only one of them would count{more}")
        seen.add(name)


def _option_names(lines: Iterable[str]) -> Iterator[str]:
    """Yield the names in MyST's option block: lines that begin with `:`, or are between `---`."""
    rest = iter(lines)
    first = next(rest, "")
    if first.startswith(_FENCES):
        first = next(rest, "")
    block: Iterable[str] = takewhile(lambda line: not line.startswith("---"), rest)
    if not first.startswith("---"):
        marked = takewhile(lambda line: line.startswith(":"), map(str.lstrip, chain([first], rest)))
        block = (line.removeprefix(":") for line in marked)
    return (found["name"] for found in map(_OPTION.match, block) if found)


def flag(options: Options, name: str) -> bool:
    """Parse an option without a value."""
    if options.get(name, "").strip():
        raise OptionProblem(f"`:{name}:` takes no value, and got `{options[name].strip()}`")
    return name in options


def lab(options: Options, traits: RunnerTraits) -> str:
    """Parse `:lab:`, the name of a lab of the page, which is also its host name."""
    if "lab" not in options:
        return DEFAULT_LAB
    name = options["lab"].strip()
    if not traits.machines:
        where = "on one machine" if traits.console else "directly on the engine"
        raise OptionProblem(
            f"`:lab: {name}`: this page runs {where}, and has no labs; "
            "see `docker_run_lab` in conf.py, or in the page's front matter"
        )
    if not _HOST_NAME.fullmatch(name):
        raise OptionProblem(
            f"`:lab: {name}`: it is a host name too: lower-case letters, digits and `-`, "
            "with a letter at its start, no `-` at its end, and at most 63 characters"
        )
    return name


def exit_codes(text: str, *, commands: int) -> tuple[int | None, ...] | None:
    """Parse `:exit-code:`: `any`, one status for all `commands`, or a list with one, or `any`, for each."""
    words = [word for word in re.split(r"[\s,]+", text) if word]
    if words == ["any"]:
        return None
    if not words or not all(map(_is_status, words)):
        raise OptionProblem(
            f"`:exit-code: {text}`: give a status from 0 to 255, one for each command, or `any`"
        )
    if len(words) not in {1, commands}:
        number = "one command" if commands == 1 else f"{commands} commands"
        raise OptionProblem(
            f"`:exit-code: {text}`: {len(words)} statuses for {number}: give one for all, or one for each"
        )
    return tuple(None if word == "any" else int(word) for word in words)


def _is_status(word: str) -> bool:
    return word == "any" or (re.fullmatch(r"[0-9]{1,3}", word) is not None and int(word) <= 255)


def seconds(text: str) -> float:
    """Parse a duration such as `30`, `1.5s` or `2m` into seconds."""
    try:
        return units.seconds(text)
    except ValueError as error:
        raise OptionProblem(f"`:timeout: {text}`: give {error}, such as `30`, `90s` or `2m`") from None


def fold(options: Options) -> int | None:
    """Parse `:fold:`, a number of lines, or `no` for all: 0; None if it is not given."""
    if "fold" not in options:
        return None
    word = options["fold"].strip()
    if word == "no":
        return 0
    if not re.fullmatch(r"[1-9][0-9]{0,8}", word):
        raise OptionProblem(
            f"`:fold: {word}`: give the number of lines after which an output is folded, or `no`"
        )
    return int(word)


def patterns(options: Options, name: str) -> tuple[str, ...]:
    """Parse regular expressions, one per line."""
    found = tuple(line.strip() for line in options.get(name, "").splitlines() if line.strip())
    if name in options and not found:
        raise OptionProblem(f"`:{name}:` needs a regular expression")
    for pattern in found:
        _compile(pattern, f":{name}: {pattern}")
    return found


def captures(options: Options) -> tuple[Capture, ...]:
    """Parse `name = regular expression`, one per line."""
    found = []
    for line in filter(str.strip, options.get("capture", "").splitlines()):
        name, equals, pattern = (part.strip() for part in line.partition("="))
        if not (equals and pattern and re.fullmatch(r"\w[\w.-]*", name)):
            raise OptionProblem(
                f"`:capture: {line.strip()}`: write `name = regular expression`, "
                "the name in letters, digits, `-`, `_` and `.`"
            )
        _compile(pattern, f":capture: {line.strip()}")
        found.append(Capture(name, pattern))
    if "capture" in options and not found:
        raise OptionProblem("`:capture:` needs `name = regular expression`")
    return tuple(found)


def _compile(pattern: str, shown: str) -> None:
    if problem := regular_expressions.problem(pattern):
        raise OptionProblem(f"`{shown}` is not a regular expression: {problem}")


def line_ranges(options: Options, name: str) -> tuple[LineRange, ...]:
    """Parse an option with ranges of lines; empty if it is not given."""
    if name not in options:
        return ()
    if options[name].count(",") >= _MOST_RANGES:
        raise OptionProblem(f"`:{name}:` has more than {_MOST_RANGES:,} ranges of lines")
    try:
        return parse_ranges(options[name])
    except ValueError as error:
        raise OptionProblem(
            f"`:{name}: {options[name]}`: `{error}` is not a range of lines; write e.g. `1-3, 7, 10-`"
        ) from None


def parse_ranges(text: str) -> tuple[LineRange, ...]:
    """Parse line ranges such as `1-3, 7, 10-`. Raises `ValueError` with the invalid word."""
    return tuple(_range(word.strip()) for word in text.split(","))


def _range(word: str) -> LineRange:
    found = _RANGE.fullmatch(word)
    if not found or word == "-":
        raise ValueError(word)
    if found["only"]:
        first, last = int(word), found["only"]
    else:
        first, last = int(found["first"] or 1), found["last"]
    if first < 1 or (last and int(last) < first):
        raise ValueError(word)
    return LineRange(first, int(last) if last else None)
