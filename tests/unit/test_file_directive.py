"""The text of `docker-file` becomes a file, or a message that says what to write instead."""

from __future__ import annotations

import pytest

from docker_run.authoring.file_directive import (
    DEFAULT_SUMMARY,
    FILE_OPTIONS,
    LARGEST_HIDDEN,
    LARGEST_SHOWN,
    parse_file,
    parse_file_presentation,
)
from docker_run.authoring.presentation import LineRange
from docker_run.errors import BodyProblem, OptionProblem, SyntaxProblem
from docker_run.model import LabFile, Location, RunnerTraits, Step
from lab_sessions import TRAITS

WHERE = Location("page.md", 7)


def parse(argument: str, *body: str, holds: bytes | OSError = b"", **options: str) -> Step:
    def read(name: str) -> bytes:
        assert name == "source.txt"
        if isinstance(holds, OSError):
            raise holds
        return holds

    return parse_file(argument, options, body, location=WHERE, traits=TRAITS, read=read)


def from_source(data: bytes | OSError, **options: str) -> Step:
    return parse("x", holds=data, source="source.txt", **options)


def test_a_body_is_put_into_the_file() -> None:
    step = parse(" web/Dockerfile ", "FROM debian", "\tRUN x \r", "", "")
    assert step.file == LabFile("web/Dockerfile", b"FROM debian\n\tRUN x \n")
    assert (step.commands, step.lab, step.location) == ((), "lab", WHERE)


def test_all_options() -> None:
    step = parse("/usr/local/bin/a b", "x", mode="755", owner="www-data:adm", lab="client")
    assert step.file == LabFile("/usr/local/bin/a b", b"x\n", 0o755, "www-data:adm")
    assert step.lab == "client"
    assert [parse("x", "y", mode=mode).file.mode for mode in ("644", "0644", "4755")] == [  # type: ignore[union-attr]
        0o644,
        0o644,
        0o4755,
    ]


def test_a_source_is_taken_byte_for_byte() -> None:
    assert from_source(b"no newline").file == LabFile("x", b"no newline")
    assert from_source(b"").file == LabFile("x", b"")
    assert from_source(b"\xff\0", hidden="").file == LabFile("x", b"\xff\0")


@pytest.mark.parametrize("body", [(), ("", " ")])
def test_a_body_or_a_source(body: tuple[str, ...]) -> None:
    with pytest.raises(BodyProblem, match="nothing to put"):
        parse("x", *body)
    with pytest.raises(BodyProblem, match="leave out one"):
        parse("x", "text", source="source.txt")
    assert parse_file("x", {"source": "a"}, body, location=WHERE, traits=TRAITS, read=lambda _: b"a").file


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "missing"), ("  ", "missing"), ("a/", "directory"), ("/", "directory"), ("a/..", "directory"),
        (".", "directory"), ("~/x", "no shell"), ("~", "no shell"), ("$HOME/x", "no shell"),
        ("'a b'", "quotes"), ("a\0b", "control"), ("a\nb", "one line"),
    ],
)  # fmt: skip
def test_bad_paths(path: str, words: str) -> None:
    with pytest.raises(SyntaxProblem, match=words):
        parse(path, "text")


@pytest.mark.parametrize("path", [".bashrc", "a..b", "/a/.b", "a~", "x$y"])
def test_good_paths(path: str) -> None:
    assert parse(path, "text").file == LabFile(path, b"text\n")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("mode", ""), ("mode", "u+x"), ("mode", "999"), ("mode", "7"), ("mode", "77777"), ("owner", ""),
        ("owner", "a b"), ("owner", ":x"), ("owner", "-x"), ("lab", "A"), ("hidden", "yes"), ("source", ""),
        ("lang", "c"),
    ],
)  # fmt: skip
def test_bad_values_name_the_option(option: str, value: str) -> None:
    with pytest.raises(OptionProblem, match=f":{option}:"):
        parse_file(
            "x",
            {option: value},
            ["y"] * (option != "source"),
            location=WHERE,
            traits=TRAITS,
            read=lambda _: b"",
        )


def test_a_misspelt_option() -> None:
    with pytest.raises(OptionProblem, match="did you mean `:owner:`"):
        parse("x", "y", ownr="root")


def test_a_file_needs_a_lab() -> None:
    with pytest.raises(SyntaxProblem, match="docker_run_lab"):
        parse_file("x", {}, ["y"], location=WHERE, traits=RunnerTraits(), read=lambda _: b"")


@pytest.mark.parametrize(
    ("data", "words"), [(b"a\xffb", "0xff, at byte 1"), (b"a\0b", r"U\+0000"), (b"\x1b[m", r"U\+001B")]
)
def test_what_a_page_cannot_show(data: bytes, words: str) -> None:
    with pytest.raises(OptionProblem, match=words) as caught:
        from_source(data)
    assert ":hidden:" in str(caught.value)


def test_sizes() -> None:
    assert from_source(b"x" * LARGEST_SHOWN).file
    with pytest.raises(OptionProblem, match="`:hidden:`"):
        from_source(b"x" * (LARGEST_SHOWN + 1))
    assert from_source(b"x" * LARGEST_HIDDEN, hidden="").file
    with pytest.raises(OptionProblem, match="50,000,000 are allowed"):
        from_source(b"x" * (LARGEST_HIDDEN + 1), hidden="")
    with pytest.raises(OptionProblem, match="its body has"):
        parse("x", "x" * LARGEST_SHOWN)


def test_a_source_that_cannot_be_read() -> None:
    with pytest.raises(OptionProblem, match=r"source\.txt.*No such file"):
        from_source(FileNotFoundError(2, "No such file or directory"))


def test_presentation() -> None:
    shown = parse_file_presentation(
        {
            "caption": " a ",
            "name": "b",
            "class": "c d",
            "language": "docker",
            "emphasize-lines": "2",
            "collapse": "",
        }
    )
    assert (shown.caption, shown.name, shown.classes, shown.language) == ("a", "b", ("c", "d"), "docker")
    assert shown.emphasize == (LineRange(2, 2),)
    assert shown.collapse == DEFAULT_SUMMARY
    assert not shown.hidden
    assert parse_file_presentation({"hidden": ""}).hidden


@pytest.mark.parametrize("options", [{"lines": "1-2"}, {"language": ""}, {"emphasize-lines": "x"}])
def test_bad_presentations(options: dict[str, str]) -> None:
    with pytest.raises(OptionProblem, match=f":{next(iter(options))}:"):
        parse_file_presentation(options)


def test_the_options_are_those_that_are_read() -> None:
    assert "lines" not in FILE_OPTIONS
    assert sorted(FILE_OPTIONS) == list(FILE_OPTIONS)
