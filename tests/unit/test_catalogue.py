"""The catalogue of images: what is in it, and what an image's name there stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from docker_run.catalogue.build_context import find_entry
from docker_run.errors import ImageProblem


def put(catalogue: Path, name: str, dockerfile: str) -> Path:
    (catalogue / name).mkdir(parents=True)
    (catalogue / name / "Dockerfile").write_text(dockerfile)
    return catalogue / name


def reference(catalogue: Path, name: str) -> str:
    entry = find_entry(catalogue, name)
    assert entry
    return entry.reference


def test_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    assert find_entry(tmp_path, "notes") is None
    assert find_entry(tmp_path, "other") is None


def test_origin_names_the_folder_as_the_project_does(tmp_path: Path) -> None:
    put(tmp_path / "docs/images", "shell", "FROM scratch\n")
    put(tmp_path / "docs/images", "team/shell", "FROM scratch\n")
    for name in ("shell", "team/shell"):
        entry = find_entry(tmp_path / "docs/images", name)
        assert entry
        assert entry.origin == f"built from docs/images/{name}"


def test_bases_are_the_arguments_before_the_first_from(tmp_path: Path) -> None:
    put(tmp_path, "base", "FROM scratch\n")
    put(tmp_path, "tool", "FROM scratch\n")
    put(
        tmp_path,
        "top",
        "# ARG NO=base\nARG BASE=base\narg TOOL='tool:latest'\nARG PUBLIC=public\n"
        "FROM ${BASE}\nARG LATE=tool\nFROM ${TOOL}\n",
    )
    entry = find_entry(tmp_path, "top")
    assert entry
    assert [(base.argument, base.entry.name) for base in entry.bases] == [("BASE", "base"), ("TOOL", "tool")]


def test_a_circle_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, "a", "ARG BASE=b\nFROM ${BASE}\n")
    put(tmp_path, "b", "ARG BASE=a\nFROM ${BASE}\n")
    with pytest.raises(ImageProblem, match="begins FROM itself, through a and b"):
        find_entry(tmp_path, "a")


def test_the_reference_changes_with_all_that_goes_into_the_image(tmp_path: Path) -> None:
    base = put(tmp_path, "base", "FROM scratch\n")
    top = put(tmp_path, "top", "ARG BASE=base\nFROM ${BASE}\nCOPY file /\n")
    (top / "file").write_text("1")
    seen = [reference(tmp_path, "top")]
    assert reference(tmp_path, "top") == seen[0]
    for change in (
        lambda: (top / "file").write_text("2"),
        lambda: (top / "file").chmod(0o755),
        lambda: (top / "file").rename(top / "other"),
        lambda: (top / "Dockerfile").write_text("ARG BASE=base\nFROM ${BASE}\n"),
        lambda: (base / "Dockerfile").write_text("FROM scratch\nCMD []\n"),
    ):
        change()
        seen.append(reference(tmp_path, "top"))
    assert len(set(seen)) == 6
    assert all(name.startswith("docker-run/top:") for name in seen)
