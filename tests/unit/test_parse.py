"""The text of a directive becomes a step, or a message that says what to write instead."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from docker_run.errors import BodyProblem, FlagProblem, OptionProblem, RefusedFlag, SyntaxProblem
from docker_run.model import Capture, Command, LineRange, Location, Step
from docker_run.parse import (
    DEFAULT_SUMMARY,
    parse_exit_codes,
    parse_presentation,
    parse_ranges,
    parse_seconds,
    parse_step,
)

WHERE = Location("page.md", 7)


def parse(
    argument: str, options: dict[str, str] | None = None, body: Sequence[str] = (), **files: str
) -> Step:
    return parse_step(
        argument, options or {}, body, location=WHERE, allow=("publish",), read=lambda name: files[name]
    )


def test_the_argument_is_the_command() -> None:
    step = parse("  --rm busybox ls '/bin' ")
    assert step.commands == (Command("docker run --rm busybox ls '/bin'"),)
    assert step.location == WHERE
    assert step.expect.exit_codes == (0,)
    assert step.timeout is None
    assert not step.optional


def test_the_body_is_typed() -> None:
    assert parse("-it busybox", body=["ls", "", "exit"]).commands[0].typed == ("ls", "", "exit")


def test_all_options() -> None:
    step = parse(
        "busybox",
        {
            "exit-code": "3",
            "match": "one\n  \ntwo.*",
            "timeout": "2m",
            "optional": "",
            "volatile": r"\d+ applets",
            "capture": r"count = ^(\d+)$" + "\n" + "all = .+ = .+",
        },
    )
    assert step.expect.exit_codes == (3,)
    assert step.expect.match == ("one", "two.*")
    assert step.timeout == 120
    assert step.optional
    assert step.volatile == (r"\d+ applets",)
    assert step.captures == (Capture("count", r"^(\d+)$"), Capture("all", ".+ = .+"))


def test_files_that_flags_name_are_part_of_the_step() -> None:
    step = parse("--env-file box.env busybox env", **{"box.env": "A=1\n"})
    assert step.files == (("box.env", "A=1\n"),)


@pytest.mark.parametrize("argument", ["", "   "])
def test_nothing_to_run(argument: str) -> None:
    with pytest.raises(SyntaxProblem, match="nothing to run"):
        parse(argument)


@pytest.mark.parametrize(
    ("argument", "words"), [("-d busybox", "-d"), ("-t busybox", "-i"), ("busybox cat", "-i")]
)
def test_a_body_that_nobody_reads(argument: str, words: str) -> None:
    with pytest.raises(BodyProblem, match=words):
        parse(argument, body=["ls"])


def test_a_mistyped_key() -> None:
    with pytest.raises(SyntaxProblem, match="<C-pp>"):
        parse("-it busybox", body=["<C-pp>"])
    assert parse("-i busybox cat", body=["<C-pp>"]).commands[0].typed == ("<C-pp>",)


def test_flags_are_checked_while_reading() -> None:
    with pytest.raises(FlagProblem, match="--nmae"):
        parse("--nmae x busybox")
    with pytest.raises(RefusedFlag, match="privileged"):
        parse("--privileged busybox")
    assert parse("-p 80:80 busybox")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("exit-code", ""),
        ("exit-code", "x"),
        ("exit-code", "-1"),
        ("exit-code", "256"),
        ("exit-code", "0, 1"),
        ("match", ""),
        ("match", "("),
        ("volatile", "["),
        ("timeout", "0"),
        ("timeout", "soon"),
        ("timeout", "-5"),
        ("timeout", ""),
        ("optional", "yes"),
        ("capture", ""),
        ("capture", "count"),
        ("capture", "count ="),
        ("capture", "a b = x"),
        ("capture", "count = ("),
    ],
)
def test_bad_values_name_the_option(option: str, value: str) -> None:
    with pytest.raises(OptionProblem, match=f":{option}:"):
        parse("busybox", {option: value})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("any", None), ("0", (0,)), ("125", (125,)), ("0 1 2", (0, 1, 2)), ("0,1,2", (0, 1, 2))],
)
def test_exit_codes(text: str, expected: tuple[int, ...] | None) -> None:
    assert parse_exit_codes(text, commands=3) == expected


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 30), ("1.5s", 1.5), ("2m", 120), ("500ms", 0.5), ("1 h", 3600)]
)
def test_seconds(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


def test_ranges() -> None:
    assert parse_ranges("1-3, 7,10-") == (LineRange(1, 3), LineRange(7, 7), LineRange(10))
    assert parse_ranges("-2") == (LineRange(1, 2),)
    (open_range,) = parse_ranges("5-")
    assert 4 not in open_range
    assert 5 in open_range
    assert 10_000 in open_range


@pytest.mark.parametrize("text", ["", "0", "3-1", "a", "1,,2", "1 2", "-"])
def test_bad_ranges(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (its message is the word at fault)
        parse_ranges(text)
    with pytest.raises(OptionProblem, match=":lines:"):
        parse_presentation({"lines": text})


def test_presentation() -> None:
    shown = parse_presentation(
        {
            "caption": " A run ",
            "name": "a-run",
            "class": "wide tall",
            "lines": "2-",
            "emphasize-lines": "1",
            "collapse": "",
            "hidden": "",
        }
    )
    assert shown.caption == "A run"
    assert shown.name == "a-run"
    assert shown.classes == ("wide", "tall")
    assert shown.lines == (LineRange(2),)
    assert shown.emphasize == (LineRange(1, 1),)
    assert shown.collapse == DEFAULT_SUMMARY
    assert shown.hidden
    assert parse_presentation({"collapse": "Now look"}).collapse == "Now look"
    assert parse_presentation({}).collapse == ""
    with pytest.raises(OptionProblem, match=":hidden:"):
        parse_presentation({"hidden": "true"})
