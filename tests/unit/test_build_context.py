"""Build contexts: the tags that an image stands for, the kinds of labs, what identifies them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docker_run.catalogue.build_context import (
    LAB_CONTEXT,
    base_arguments,
    contexts,
    find_entry,
    find_lab,
    lab_definition,
    names,
)
from docker_run.errors import ImageProblem


def put(parent: Path, name: str, dockerfile: str, *, tags: str = "") -> Path:
    folder = parent / name
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text(dockerfile)
    if tags:
        (folder / "tags").write_text(tags)
    return folder


def test_an_image_stands_for_its_tags_and_no_others(tmp_path: Path) -> None:
    put(tmp_path, "plain", "FROM scratch\n")
    put(tmp_path, "tagged", "FROM scratch\n", tags="latest\ntrixie\n\ntrixie\n")
    put(tmp_path, "old", "FROM scratch\n", tags="1\n")
    there = ["plain", "plain:latest", "tagged", "tagged:latest", "tagged:trixie", "old:1"]
    absent = ["plain:1", "tagged:bookworm", "old", "old:latest", f"plain@sha256:{'0' * 64}", "Plain", "../x"]
    assert [name for name in there + absent if find_entry(tmp_path, name)] == there
    assert names(tmp_path) == ("old:1", "plain:latest", "tagged:latest", "tagged:trixie")


def test_the_tags_are_part_of_what_identifies_an_image(tmp_path: Path) -> None:
    folder = put(tmp_path, "shell", "FROM scratch\n")
    before = find_entry(tmp_path, "shell")
    assert before
    reference = before.reference
    (folder / "tags").write_text("latest\n")
    assert before.reference != reference


def test_a_base_counts_by_its_tag(tmp_path: Path) -> None:
    put(tmp_path, "base", "FROM scratch\n", tags="latest\n13\n")
    put(tmp_path, "new", "ARG BASE=base:13\nFROM ${BASE}\n")
    put(tmp_path, "old", "ARG BASE=base:12\nFROM ${BASE}\n")
    new, old = find_entry(tmp_path, "new"), find_entry(tmp_path, "old")
    assert new
    assert old
    assert [(base.default, base.entry.name) for base in new.bases] == [("base:13", "base")]
    assert (old.bases, old.others) == ((), (("BASE", "base:12", ""),))


@pytest.mark.parametrize(
    ("line", "used"),
    [
        ("FROM ${BASE}", True),
        ("from $BASE as build", True),
        ("  FROM --platform=linux/amd64 ${BASE} AS build", True),
        ("FROM ${BASE}-slim", False),
        ("FROM debian:${BASE}", False),
        ("FROM $BASED", False),
        ("# FROM ${BASE}", False),
    ],
)
def test_an_argument_that_is_all_of_what_an_image_begins_from(line: str, used: bool) -> None:  # noqa: FBT001
    assert list(base_arguments(f"ARG BASE=debian\n{line}\nRUN true\n")) == [("BASE", "debian")] * used


def test_a_kind_of_lab_begins_from_another(tmp_path: Path) -> None:
    kinds = {
        "small": put(tmp_path, "a", "ARG BASE=lab\nFROM ${BASE}\n"),
        "large": put(tmp_path, "b", "ARG BASE=small\nARG TOOLS=alpine:3\nFROM ${TOOLS}\nFROM ${BASE}\n"),
    }
    large = find_lab(kinds, "large")
    assert large.name == "lab-large"
    assert large.reference.startswith("docker-run/lab-large:")
    assert large.others == (("TOOLS", "alpine:3", ""),)
    assert [(base.argument, base.entry.name) for base in large.bases] == [("BASE", "lab-small")]
    assert large.bases[0].entry.bases[0].entry.directory == LAB_CONTEXT


def test_a_definition_changes_with_the_context_and_with_those_below(tmp_path: Path) -> None:
    low = put(tmp_path, "a", "FROM debian\n")
    kinds = {"low": low, "high": put(tmp_path, "b", "ARG BASE=low\nFROM ${BASE}\n")}
    before = lab_definition(kinds, "high")
    assert lab_definition(dict(reversed(kinds.items())), "high") == before
    (low / "file").write_text("1")
    assert lab_definition(kinds, "high") != before


def test_contexts_of_a_catalogue(tmp_path: Path) -> None:
    assert contexts(None) == contexts(tmp_path / "nowhere") == {}
    low = put(tmp_path, "low", "FROM scratch\n", tags="latest\n13\n")
    put(tmp_path, "mine/high", "ARG BASE=low:13\nFROM ${BASE}\n")
    put(tmp_path, "circle", "ARG BASE=circle\nFROM ${BASE}\n")
    before = contexts(tmp_path)
    assert sorted(before) == ["low:13", "low:latest", "mine/high:latest"]
    (low / "file").write_text("1")
    assert all(after != before[name] for name, after in contexts(tmp_path).items())


def test_a_lab_is_another_when_what_it_begins_from_is(tmp_path: Path) -> None:
    known = lab_definition({}, "lab", contexts={"debian:trixie": "1" * 64})
    assert lab_definition({}, "lab", contexts={"debian:trixie": "1" * 64, "busybox:latest": "2"}) == known
    assert lab_definition({}, "lab", contexts={"debian:trixie": "3" * 64}) != known
    assert lab_definition({}, "lab") != known
    kinds = {"mine": put(tmp_path, "mine", "ARG BASE=debian\nFROM ${BASE}\n")}
    plain = lab_definition(kinds, "mine")
    assert lab_definition(kinds, "mine", contexts={"debian:latest": "1"}) != plain


def test_the_built_in_kind_can_be_replaced(tmp_path: Path) -> None:
    built_in = lab_definition({}, "lab")
    assert find_lab({}, "lab").others == (("BASE", "debian:trixie", ""),)
    assert lab_definition({"lab": put(tmp_path, "a", "FROM debian\n")}, "lab") != built_in


def test_what_is_wrong_with_a_kind(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    kinds = {
        "a": put(tmp_path, "a", "ARG BASE=b\nFROM ${BASE}\n"),
        "b": put(tmp_path, "b", "ARG BASE=a\nFROM ${BASE}\n"),
        "empty": tmp_path / "empty",
    }
    with pytest.raises(ImageProblem, match="begins FROM itself, through lab-a and lab-b"):
        lab_definition(kinds, "a")
    with pytest.raises(ImageProblem, match="no kind of lab 'c'; `docker_run_labs` has a, b, empty, lab"):
        lab_definition(kinds, "c")
    with pytest.raises(ImageProblem, match=r"the lab 'empty' has no .*Dockerfile"):
        lab_definition(kinds, "empty")


def test_a_definition_needs_nothing_of_docker() -> None:
    code = (
        "import sys; from docker_run.catalogue.build_context import lab_definition; "
        "lab_definition({}, 'lab');"
        "sys.exit('docker' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_file_of_the_built_in_lab_is_executable() -> None:
    """Installing a package may lose the mode, and with it the identity of the lab."""
    assert not [path for path in LAB_CONTEXT.iterdir() if path.stat().st_mode & 0o111]
