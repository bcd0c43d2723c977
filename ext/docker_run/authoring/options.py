"""The options of a directive, as text → values. Each function raises `OptionProblem`."""

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
"""In one option: each line of a block is held against all of them."""
_OPTION = re.compile(r"(?P<name>[A-Za-z][\w-]{0,99}+)\s*+:(?:\s|\Z)")
_FENCES = ("```", "~~~", ":::")
_LISTS = frozenset({"capture", "match", "volatile"})
"""The options that take several values."""
_HOST_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


def refuse_unknown(options: Options, known: Collection[str]) -> None:
    """Refuse an option that there isn't, and say which one may be meant."""
    for name in sorted(set(options) - set(known)):
        close = near_match(name, known)
        meant = f": did you mean `:{close}:`?" if close else f"; there are {', '.join(known)}"
        raise OptionProblem(f"there is no option `:{name}:`{meant}")


def refuse_repeated(lines: Iterable[str]) -> None:
    """Refuse an option that stands twice in MyST's block of options: it keeps the last, and says nothing.

    `lines` are those of the whole directive; before MyST 5, those below its own line. (docutils refuses
    such a block by itself.)
    """
    seen = set()
    for name in _option_names(lines):
        if name in seen:
            more = f": write `:{name}: |`, and one pattern a line below it" if name in _LISTS else ""
            raise OptionProblem(f"`:{name}:` stands there twice, and only one of them would count{more}")
        seen.add(name)


def _option_names(lines: Iterable[str]) -> Iterator[str]:
    """Yield the names in MyST's block of options: lines that begin with `:`, or stand between `---`."""
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
    """Read an option that is there or not."""
    if options.get(name, "").strip():
        raise OptionProblem(f"`:{name}:` takes no value, and got `{options[name].strip()}`")
    return name in options


def lab(options: Options, traits: RunnerTraits) -> str:
    """Read `:lab:`, the name of a lab of the page, which is its host name too."""
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
    """Read `:exit-code:`: `any`, one status for all `commands`, or a list with one, or `any`, for each."""
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
    """Read a duration such as `30`, `1.5s` or `2m`; seconds."""
    try:
        return units.seconds(text)
    except ValueError as error:
        raise OptionProblem(f"`:timeout: {text}`: give {error}, such as `30`, `90s` or `2m`") from None


def patterns(options: Options, name: str) -> tuple[str, ...]:
    """Read regular expressions, a line each."""
    found = tuple(line.strip() for line in options.get(name, "").splitlines() if line.strip())
    if name in options and not found:
        raise OptionProblem(f"`:{name}:` needs a regular expression")
    for pattern in found:
        _compile(pattern, f":{name}: {pattern}")
    return found


def captures(options: Options) -> tuple[Capture, ...]:
    """Read `name = regular expression`, a line each."""
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
    """Read an option that holds ranges of lines; none where it is left out."""
    if name not in options:
        return ()
    if options[name].count(",") >= _MOST_RANGES:
        raise OptionProblem(f"`:{name}:` has more than {_MOST_RANGES:,} ranges of lines")
    try:
        return parse_ranges(options[name])
    except ValueError as error:
        raise OptionProblem(
            f"`:{name}: {options[name]}`: `{error}` is no range of lines; write e.g. `1-3, 7, 10-`"
        ) from None


def parse_ranges(text: str) -> tuple[LineRange, ...]:
    """Read line ranges such as `1-3, 7, 10-`. Raises `ValueError` with the word that is none."""
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
