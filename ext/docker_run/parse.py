"""The text of a `docker-run` directive, taken apart: text → `Step` and `Presentation`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches

from docker_run.errors import BodyProblem, OptionProblem, SyntaxProblem
from docker_run.grammar import runline
from docker_run.model import (
    Capture,
    Command,
    Expectation,
    LineRange,
    Location,
    Presentation,
    RunLine,
    Step,
)
from docker_run.terminal import keys

OPTIONS = (
    "capture",
    "caption",
    "class",
    "collapse",
    "emphasize-lines",
    "exit-code",
    "hidden",
    "lines",
    "match",
    "name",
    "optional",
    "timeout",
    "volatile",
)
"""The names of the directive's options."""

DEFAULT_SUMMARY = "Show the output"
"""What a collapsed block says where its author gave no text."""

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_step(
    argument: str,
    options: Mapping[str, str],
    body: Sequence[str],
    *,
    location: Location,
    allow: Collection[str] | None,
    read: Callable[[str], str],
) -> Step:
    """Take the directive apart, as far as it decides what is run and what is expected.

    `argument` is what follows `docker-run` on its line, `options` the text of each option (empty
    for one without a value), `body` the lines below. `allow` names the flags that may reach into the
    host, None allows all. `read` returns the text of a file that a flag names, and raises `OSError`.

    Raises `SyntaxProblem` or one of its subclasses.
    """
    for name in sorted(set(options) - set(OPTIONS)):
        close = get_close_matches(name, OPTIONS, n=1)
        meant = f": did you mean `:{close[0]}:`?" if close else f"; there are {', '.join(OPTIONS)}"
        raise OptionProblem(f"there is no option `:{name}:`{meant}")
    if not argument.strip():
        raise SyntaxProblem(
            "there is nothing to run: write the options, the image and the command of `docker run` "
            "on the directive's own line, e.g. `{docker-run} --rm busybox ls /bin`"
        )
    files: dict[str, str] = {}

    def note(name: str) -> str:
        files[name] = read(name)
        return files[name]

    line = runline.parse(argument, allow=allow, read=note)
    return Step(
        location=location,
        commands=(Command(text=f"docker run {argument.strip()}", typed=_typed(line, body)),),
        files=tuple(sorted(files.items())),
        expect=Expectation(
            exit_codes=parse_exit_codes(options.get("exit-code", "0"), commands=1),
            match=_patterns(options, "match"),
        ),
        captures=_captures(options),
        timeout=parse_seconds(options["timeout"]) if "timeout" in options else None,
        optional=_flag(options, "optional"),
        volatile=_patterns(options, "volatile"),
    )


def parse_presentation(options: Mapping[str, str]) -> Presentation:
    """Take the options apart that decide how a step looks. Raises `OptionProblem`."""
    collapse = options.get("collapse")
    return Presentation(
        caption=options.get("caption", "").strip(),
        name=options.get("name", "").strip(),
        classes=tuple(options.get("class", "").split()),
        lines=_ranges(options, "lines"),
        emphasize=_ranges(options, "emphasize-lines"),
        collapse="" if collapse is None else collapse.strip() or DEFAULT_SUMMARY,
        hidden=_flag(options, "hidden"),
    )


def parse_exit_codes(text: str, *, commands: int) -> tuple[int, ...] | None:
    """Read `:exit-code:`: `any`, one status for all `commands`, or a list with one for each.

    Raises `OptionProblem`.
    """
    if text.strip() == "any":
        return None
    words = [word for word in re.split(r"[\s,]+", text) if word]
    if not words or not all(re.fullmatch(r"\d{1,3}", word) and int(word) <= 255 for word in words):
        raise OptionProblem(
            f"`:exit-code: {text}`: give a status from 0 to 255, one for each command, or `any`"
        )
    if len(words) not in {1, commands}:
        raise OptionProblem(f"`:exit-code: {text}`: {len(words)} statuses for {commands} command(s)")
    return tuple(map(int, words))


def parse_seconds(text: str) -> float:
    """Read a duration such as `30`, `1.5s` or `2m`; seconds. Raises `OptionProblem`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|)", text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds <= 0:
        raise OptionProblem(f"`:timeout: {text}`: give a time above zero, such as `30`, `90s` or `2m`")
    return seconds


def parse_ranges(text: str) -> tuple[LineRange, ...]:
    """Read line ranges such as `1-3, 7, 10-`. Raises `ValueError`."""
    ranges = []
    for word in text.split(","):
        found = re.fullmatch(r"\s*(?:(\d+)\s*(-)?\s*(\d+)?|-\s*(\d+))\s*", word)
        if not found or (found[3] and not found[2]):
            raise ValueError(word.strip())
        first = int(found[1] or 1)
        if found[4]:
            last: int | None = int(found[4])
        elif found[2]:
            last = int(found[3]) if found[3] else None
        else:
            last = first
        if first < 1 or (last is not None and last < first):
            raise ValueError(word.strip())
        ranges.append(LineRange(first, last))
    return tuple(ranges)


def _typed(line: RunLine, body: Sequence[str]) -> tuple[str, ...]:
    """Check that a body has somewhere to go, and that its keys exist."""
    if not body:
        return ()
    if line.client.get("detach"):
        raise BodyProblem(
            "a detached container (`-d`) reads nothing: what would be typed has nowhere to go. "
            "Leave out `-d`, or the body"
        )
    if not line.container.get("stdin_open"):
        raise BodyProblem(
            "the container's standard input is closed: add `-i` to feed it the body, or `-it` to type "
            "the body at a terminal"
        )
    if line.container.get("tty"):
        for text in body:
            keys.check(text)
    return tuple(body)


def _flag(options: Mapping[str, str], name: str) -> bool:
    if options.get(name, "").strip():
        raise OptionProblem(f"`:{name}:` takes no value, and got `{options[name].strip()}`")
    return name in options


def _patterns(options: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Read regular expressions, a line each."""
    found = tuple(line.strip() for line in options.get(name, "").splitlines() if line.strip())
    if name in options and not found:
        raise OptionProblem(f"`:{name}:` needs a regular expression")
    for pattern in found:
        _compile(pattern, f":{name}: {pattern}")
    return found


def _captures(options: Mapping[str, str]) -> tuple[Capture, ...]:
    """Read `name = regular expression`, a line each."""
    captures = []
    for line in filter(str.strip, options.get("capture", "").splitlines()):
        name, equals, pattern = (part.strip() for part in line.partition("="))
        if not (equals and pattern and re.fullmatch(r"\w[\w.-]*", name)):
            raise OptionProblem(
                f"`:capture: {line.strip()}`: write `name = regular expression`, "
                "the name in letters, digits, `-`, `_` and `.`"
            )
        _compile(pattern, f":capture: {line.strip()}")
        captures.append(Capture(name, pattern))
    if "capture" in options and not captures:
        raise OptionProblem("`:capture:` needs `name = regular expression`")
    return tuple(captures)


def _compile(pattern: str, shown: str) -> None:
    try:
        re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise OptionProblem(f"`{shown}` is not a regular expression: {error}") from None


def _ranges(options: Mapping[str, str], name: str) -> tuple[LineRange, ...]:
    if name not in options:
        return ()
    try:
        return parse_ranges(options[name])
    except ValueError as error:
        raise OptionProblem(
            f"`:{name}: {options[name]}`: `{error}` is no range of lines; write e.g. `1-3, 7, 10-`"
        ) from None
