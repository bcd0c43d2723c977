"""Values of options: text becomes a value, or a message that names the option."""

from __future__ import annotations

import pytest

from docker_run.authoring.options import exit_codes, fold, line_ranges, parse_ranges, refuse_repeated, seconds
from docker_run.authoring.presentation import LineRange
from docker_run.errors import OptionProblem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("any", None),
        ("0", (0,)),
        ("125", (125,)),
        ("0 1 2", (0, 1, 2)),
        ("0,1,2", (0, 1, 2)),
        ("0 any 2", (0, None, 2)),
    ],
)
def test_exit_codes(text: str, expected: tuple[int | None, ...] | None) -> None:
    assert exit_codes(text, commands=3) == expected


@pytest.mark.parametrize(("text", "expected"), [("1", 1), (" 40 ", 40), ("no", 0)])
def test_fold(text: str, expected: int) -> None:
    assert fold({"fold": text}) == expected
    assert fold({}) is None


@pytest.mark.parametrize("text", ["", "0", "-1", "none", "1.5", "\u0661", "9999999999", "20 lines"])
def test_no_number_of_lines_to_fold_after(text: str) -> None:
    with pytest.raises(OptionProblem, match=r"^`:fold: .*give the number of lines .*, or `no`$"):
        fold({"fold": text})


@pytest.mark.parametrize(
    ("text", "expected"), [("30", 30), ("1.5s", 1.5), ("2m", 120), ("500ms", 0.5), ("1 h", 3600)]
)
def test_seconds(text: str, expected: float) -> None:
    assert seconds(text) == expected


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
        line_ranges({"lines": text}, "lines")


@pytest.mark.parametrize(
    "block",
    [
        [":match: a", ":lines: 1", ":match: b", "", "body"],
        [" :match: a", "  :match: b"],
        [":match: |", ":  a", ":match: b"],
        ["---", "match: a", "match: b", "---", "body"],
        ["```{docker-run} busybox", ":match: a", ":match: b", "```"],
        [":::{docker-run} busybox", ":match: a", ":match: b", ":::"],
    ],
)
def test_an_option_stands_once(block: list[str]) -> None:
    with pytest.raises(OptionProblem, match=r"`:match:` is given twice.*: write `:match: \|`"):
        refuse_repeated(block)


def test_an_option_with_one_value_is_not_given_a_list() -> None:
    with pytest.raises(OptionProblem, match=r"`:timeout:` is given twice.* would count$"):
        refuse_repeated([":timeout: 1", ":timeout: 2"])


@pytest.mark.parametrize(
    "block",
    [
        [],
        [""],
        [":match: |", ":  match: a", ":  match: b"],
        [":match: a", "", ":match: b"],
        ["---", "match: |", "  match: a", "---", "match: b"],
        ["match: a", "match: b"],
        [".. docker-run:: busybox", "   :match: a"],
    ],
)
def test_what_is_no_option_may_stand_twice(block: list[str]) -> None:
    refuse_repeated(block)
