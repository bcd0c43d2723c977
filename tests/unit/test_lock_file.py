"""The lock file of a catalogue: names of images, and the digests that they mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_run.catalogue.build_context import contexts
from docker_run.catalogue.lock_file import NAME, full_name, locked_reference, read_lock, write_lock
from docker_run.errors import ImageProblem

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("busybox", "busybox:latest"),
        ("docker.io/library/busybox:1.36", "busybox:1.36"),
        ("library/busybox", "busybox:latest"),
        ("me/app:2", "me/app:2"),
        ("registry.example:5000/library/app", "registry.example:5000/library/app:latest"),
        ("library/me/app", "library/me/app:latest"),
        (f"busybox@{ONE}", ""),
        (f"busybox:1@{ONE}", ""),
        ("Not A Name", ""),
        ("", ""),
    ],
)
def test_full_names(name: str, full: str) -> None:
    assert full_name(name) == full


def test_no_lock_file_locks_nothing(tmp_path: Path) -> None:
    assert read_lock(None) == read_lock(tmp_path) == {}


names = st.from_regex(r"[a-z]{1,5}(/[a-z]{1,5})?:[a-z0-9._-]{1,5}", fullmatch=True).filter(
    lambda name: full_name(name) == name
)


@given(locked=st.dictionaries(names, st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True), max_size=4))
def test_what_is_written_is_read(locked: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("images")
    write_lock(folder, locked)
    assert read_lock(folder) == locked
    assert [path.name for path in folder.iterdir()] == [NAME]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[images", "can't be read"),
        ("images = 1", "one table is expected"),
        ("[image]", "one table is expected"),
        (f'[images]\nbusybox = "{ONE}"', "'busybox' is not NAME:TAG"),
        (f'[images]\n"docker.io/library/busybox:1" = "{ONE}"', "is not NAME:TAG"),
        ('[images]\n"busybox:1" = "1"', "the digest of busybox:1 must be"),
        ('[images]\n"busybox:1" = 1', "the digest of busybox:1 must be"),
        (f'[images]\n"busybox:1" = "{ONE}"\n"busybox:1" = "{TWO}"', "can't be read"),
    ],
)
def test_what_is_wrong_with_a_lock_file(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(ImageProblem, match=problem) as caught:
        read_lock(tmp_path)
    assert str(tmp_path / NAME) in str(caught.value)


def test_what_is_pulled() -> None:
    lock = {"busybox:latest": ONE, "me/app:2": TWO}
    assert locked_reference("busybox", lock) == f"busybox@{ONE}"
    assert locked_reference("docker.io/me/app:2", lock) == f"me/app@{TWO}"
    assert locked_reference("me/app", lock) == locked_reference(f"busybox@{TWO}", lock) == ""


def test_another_digest_is_another_image_for_the_keys_of_pages(tmp_path: Path) -> None:
    (tmp_path / "busybox").mkdir()
    (tmp_path / "busybox" / "Dockerfile").write_text("FROM scratch\n")
    plain = contexts(tmp_path)
    write_lock(tmp_path, {"busybox:latest": ONE, "alpine:3": ONE})
    locked = contexts(tmp_path)
    assert locked.keys() == {"busybox:latest", "alpine:3"}
    assert locked["busybox:latest"] != plain["busybox:latest"]
    write_lock(tmp_path, {"busybox:latest": TWO})
    assert contexts(tmp_path)["busybox:latest"] not in {plain["busybox:latest"], locked["busybox:latest"]}
