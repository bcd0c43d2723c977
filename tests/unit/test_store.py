"""Recordings on disk: whole or not at all, never outside the directory, never lost."""

from __future__ import annotations

import hashlib
import os
import resource
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath, PureWindowsPath
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from docker_run.errors import NewerRecording, RecordingProblem, UnsavedRecording
from docker_run.model import (
    CommandRecording,
    Environment,
    Image,
    Recording,
    Segment,
    StepRecording,
    Stream,
    TerminalSize,
)
from docker_run.recordings.store import Store
from docker_run.recordings.writer import dumps, normalised
from docker_run.system.files import bounded_lines, open_plain
from docker_run.system.locks import try_lock

PATIENTLY = settings(deadline=None)  # a busy machine is no failure

RECORDING = Recording(
    page="docs/first",
    place="direct",
    terminal=TerminalSize(),
    date="2026-11-23T22:10:04Z",
    environment=Environment("Docker Engine 20.10.24", "Debian GNU/Linux 12", "x86_64"),
    steps=(StepRecording("ab" * 32, not_run="no image"),),
)
PAGES = st.text(st.sampled_from("aAcon1.%/\\ :~tx\x00é\ud800") | st.characters(codec=None), max_size=12)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "recordings")


def files(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_what_a_killed_build_was_writing_is_removed_and_what_another_writes_is_not(
    store: Store, tmp_path: Path
) -> None:
    store.save(RECORDING)
    folder = tmp_path / "recordings" / "docs"
    unfinished = folder / ".recording-0123.tmp"
    unfinished.write_text("half")
    with (folder / ".recording-4567.tmp").open("w") as written:
        assert try_lock(written.fileno())
        store.remove_unfinished()
        assert files(tmp_path) == ["recordings/docs/.recording-4567.tmp", "recordings/docs/first.txt"]
    store.remove_unfinished()
    assert files(tmp_path) == ["recordings/docs/first.txt"]


def test_a_file_that_is_swept_before_it_is_locked_is_begun_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[int] = []

    def lock(descriptor: int) -> bool:
        if not swept:
            swept.append(descriptor)
            Path(f"/proc/self/fd/{descriptor}").readlink().unlink()
        return try_lock(descriptor)

    monkeypatch.setattr("docker_run.system.files.try_lock", lock)
    assert store.save(RECORDING)
    assert swept
    assert files(tmp_path) == ["recordings/docs/first.txt"]


def test_what_was_saved_is_loaded(store: Store, tmp_path: Path) -> None:
    assert store.load("docs/first") is None
    assert store.fingerprint("docs/first") == ""
    assert store.save(RECORDING)
    assert store.load("docs/first") == RECORDING
    data = dumps(RECORDING).encode()
    assert (tmp_path / "recordings/docs/first.txt").read_bytes() == data
    assert store.fingerprint("docs/first") == hashlib.sha256(data).hexdigest()
    assert files(tmp_path) == ["recordings/docs/first.txt"]


def test_saving_the_same_again_touches_nothing(store: Store) -> None:
    store.save(RECORDING)
    before = store.path("docs/first").stat()
    assert not store.save(RECORDING)
    after = store.path("docs/first").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_another_recording_replaces_the_file(store: Store) -> None:
    store.save(RECORDING)
    before = store.fingerprint("docs/first")
    other = replace(RECORDING, date="2026-11-24T00:00:00Z")
    assert store.save(other)
    assert store.load("docs/first") == other
    assert store.fingerprint("docs/first") != before


def test_others_may_read_the_file(store: Store) -> None:
    store.save(RECORDING)
    (store.path("docs/first").parent / "other").touch()
    assert store.path("docs/first").stat().st_mode == store.path("docs/other").with_suffix("").stat().st_mode


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("index", "index.txt"),
        ("a/b", "a/b.txt"),
        ("über/1. Ein Text", "über/1. Ein Text.txt"),
        ("Index", "Index.txt"),
        ("../x", "%2E%2E/x.txt"),
        ("/etc/passwd", "%/etc/passwd.txt"),
        ("a//b", "a/%/b.txt"),
        ("", "%.txt"),
        (".hidden", "%2Ehidden.txt"),
        ("x.txt/b", "x%2Etxt/b.txt"),
        ("x.txt", "x.txt.txt"),
        ("100%", "100%25.txt"),
        ("C:\\x", "C%3A%5Cx.txt"),
        ("aux", "%61ux.txt"),
        ("con.fig/auxiliary", "%63on.fig/auxiliary.txt"),
        ("\udcff", "%ED%B3%BF.txt"),
    ],
)
def test_paths(store: Store, tmp_path: Path, page: str, expected: str) -> None:
    assert store.path(page) == tmp_path / "recordings" / expected


@PATIENTLY
@given(st.lists(PAGES, min_size=2, max_size=8, unique=True))
@example(["x", "x.txt/b"])
@example(["a", "a/", "/a", "a//"])
def test_each_page_has_a_file_of_its_own_inside_the_directory(pages: list[str]) -> None:
    store = Store(Path("top"))
    paths = [store.path(page) for page in pages]
    assert len(set(paths)) == len(pages)
    for path in paths:
        assert path.parts[0] == "top"
        assert path.name.endswith(".txt")
        assert not any(part.startswith(".") for part in path.parts)
        assert not any(PurePath("/", *path.parts) in other.parents for other in paths)
        assert not any(path in other.parents for other in paths)
        assert not PureWindowsPath(*path.parts).is_reserved()
        str(path).encode()


def test_a_recording_of_another_page_is_not_taken_for_this_one(store: Store) -> None:
    store.save(RECORDING)
    store.path("docs/first").rename(store.path("docs/second"))
    with pytest.raises(
        RecordingProblem, match=r"second\.txt, line 2: .* `docs/first`, .* `page: docs/second`"
    ) as caught:
        store.load("docs/second")
    assert caught.value.line == 2


def test_two_pages_that_the_file_system_takes_for_one(store: Store) -> None:
    store.save(RECORDING)
    # What a file system does that doesn't tell capital letters from small ones:
    store.path("docs/first").rename(store.path("docs/First"))
    with pytest.raises(RecordingProblem, match="`docs/first` and `docs/First` have the same file"):
        store.save(replace(RECORDING, page="docs/First"))
    assert store.path("docs/First").read_text() == dumps(RECORDING)


def test_damage_is_reported_with_the_file_and_line(store: Store) -> None:
    store.save(RECORDING)
    path = store.path("docs/first")
    path.write_bytes(path.read_bytes().replace(b"place: direct", b"place: \xff"))
    with pytest.raises(RecordingProblem, match=r"docs/first\.txt, line 3: not UTF-8") as caught:
        store.load("docs/first")
    assert caught.value.line == 3
    path.write_text("nothing\n")
    with pytest.raises(RecordingProblem, match=r"docs/first\.txt, line 1: expected"):
        store.load("docs/first")


def test_an_unreadable_recording_is_kept_when_it_is_replaced(store: Store) -> None:
    path = store.path("docs/first")
    path.parent.mkdir(parents=True)
    for text in ("<<<<<<< one\n", "<<<<<<< two\n", "<<<<<<< one\n"):
        path.write_text(text)
        assert store.save(RECORDING)
        assert store.load("docs/first") == RECORDING
    assert files(path.parent) == ["first.txt", "first.txt.2.unreadable", "first.txt.unreadable"]
    assert (path.parent / "first.txt.unreadable").read_text() == "<<<<<<< one\n"
    assert (path.parent / "first.txt.2.unreadable").read_text() == "<<<<<<< two\n"
    assert store.orphans(["docs/first"]) == ()


def test_a_recording_of_a_later_version_is_never_replaced(store: Store) -> None:
    path = store.path("docs/first")
    path.parent.mkdir(parents=True)
    path.write_text("docker-run recording 999\n")
    with pytest.raises(NewerRecording, match=r"first\.txt: .*format 999"):
        store.load("docs/first")
    with pytest.raises(NewerRecording, match=r"first\.txt: .*format 999"):
        store.save(RECORDING)
    assert path.read_text() == "docker-run recording 999\n"
    assert files(path.parent) == ["first.txt"]


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """Let the system refuse longer files, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_that_fails_leaves_everything_as_it_was(store: Store) -> None:
    store.save(RECORDING)
    other = replace(RECORDING, place="x" * 5000)
    with (
        no_file_longer_than(4096),
        pytest.raises(UnsavedRecording, match=r"first\.txt: .*`docs/first`.*written"),
    ):
        store.save(other)
    assert store.load("docs/first") == RECORDING
    assert files(store.path("docs/first").parent) == ["first.txt"]


def test_a_directory_that_can_not_be_written(tmp_path: Path) -> None:
    store = Store(Path("/proc/recordings"))  # where not even root may make a directory
    with pytest.raises(UnsavedRecording, match="Make sure that the directory"):
        store.save(RECORDING)


def test_a_directory_in_the_place_of_a_file(store: Store) -> None:
    store.path("docs/first").mkdir(parents=True)
    for action in (lambda: store.load("docs/first"), lambda: store.save(RECORDING)):
        with pytest.raises(RecordingProblem, match=r"first\.txt: .*Is a directory"):
            action()
    assert store.orphans([]) == ()


def test_a_file_in_the_place_of_a_directory(store: Store) -> None:
    store.save(replace(RECORDING, page="first"))
    path = store.path("docs/first").parent
    path.write_text("mine")
    with pytest.raises(RecordingProblem, match="Not a directory"):
        store.save(RECORDING)
    assert path.read_text() == "mine"


def refused(store: Store, page: str, reason: str) -> None:
    """Check that nothing is read from, or written to, where the recording of `page` should be."""
    for action in (
        lambda: store.load(page),
        lambda: store.save(replace(RECORDING, page=page)),
        lambda: store.fingerprint(page),
    ):
        with pytest.raises(RecordingProblem, match=reason):
            action()


def test_a_pipe_a_device_and_a_socket_are_not_waited_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = store.path("pipe").parent
    folder.mkdir()
    os.mkfifo(store.path("pipe"))
    with socket.socket(socket.AF_UNIX) as listening:
        # A short path: that of a socket may have no more than some hundred characters.
        monkeypatch.chdir(folder)
        listening.bind(store.path("socket").name)
    refused(store, "pipe", r"pipe\.txt: .*Not a plain file")
    refused(store, "socket", r"socket\.txt: .*Not a plain file")
    # What is a recording's file by another name is one, and a device of the system is none.
    with pytest.raises(OSError, match="Not a plain file"):
        open_plain(Path("/dev/zero"), largest=10)
    assert store.orphans([]) == ()


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    store = Store(tmp_path, largest=1000)
    store.save(RECORDING)
    with store.path("huge").open("wb") as file:
        file.truncate(10**12)  # holes: it takes no room
    refused(store, "huge", r"huge\.txt: .*Larger than 1,000 bytes")


def test_a_file_that_grows_while_it_is_read_has_an_end(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"x" * 10)
    with open_plain(path, largest=10) as file:
        path.write_bytes(b"x" * 11)
        with pytest.raises(OSError, match="Larger than 10 bytes"):
            list(bounded_lines(file, largest=10))


def test_a_recording_that_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    store = Store(tmp_path, largest=1000)
    output = (Segment(Stream.OUT, "x" * 1000),)
    large = replace(RECORDING, steps=(StepRecording("k", (CommandRecording("c", 0, 0, output),)),))
    with pytest.raises(UnsavedRecording, match=r"first\.txt: .*Larger than 1,000 bytes.*print no more"):
        store.save(large)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "change",
    [
        {"terminal": TerminalSize(-1, 24)},
        {"terminal": TerminalSize(80, 10**6)},
        {"steps": (StepRecording("k", (CommandRecording("c", 10**5000, 0),)),)},
        {"steps": (StepRecording("k", (CommandRecording("c", -(10**20), 0),)),)},
        {"steps": (StepRecording("k", (CommandRecording("c", 0, float("nan")),)),)},
        {"steps": (StepRecording("k", (CommandRecording("c", 0, -1.0),)),)},
        {"steps": (StepRecording("k", (CommandRecording("c", 0, 1e300),)),)},
    ],
)
def test_a_number_that_no_recording_has_is_refused(store: Store, change: dict[str, Any]) -> None:
    store.save(RECORDING)
    with pytest.raises(UnsavedRecording, match=r"first\.txt: .*`docs/first`"):
        store.save(replace(RECORDING, **change))
    assert store.load("docs/first") == RECORDING
    assert files(store.path("docs/first").parent) == ["first.txt"]


@PATIENTLY
@given(st.text(st.sampled_from("\ud800\udcff\r\n\t\x00\x1b\x85\u2028 |-\\\u202e\ufffe"), max_size=9))
def test_any_text_in_any_field_comes_back(text: str) -> None:
    with TemporaryDirectory() as folder:
        store = Store(Path(folder))
        command = CommandRecording(text, 0, 0.0, not_text=text)
        recording = Recording(
            page=f"x{text}",
            place=text,
            terminal=TerminalSize(),
            date=text,
            environment=Environment(text, text, text),
            images=(Image(text, text, text, text),),
            steps=(StepRecording(text, (command,), not_run=text, date=text),),
        )
        store.save(recording)
        assert store.load(f"x{text}") == normalised(recording)


def test_a_page_whose_name_is_too_long_for_a_file(store: Store) -> None:
    refused(store, "x" * 5000, "File name too long")
    refused(store, "/".join(["x" * 200] * 50), "File name too long")


def test_folders_as_deep_as_the_system_has_them(tmp_path: Path) -> None:
    depth = 1500
    at = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(depth):
            os.mkdir("d", dir_fd=at)
            at, before = os.open("d", os.O_RDONLY, dir_fd=at), at
            os.close(before)
    finally:
        os.close(at)
    assert Store(tmp_path).orphans([]) == ()
    # Python 3.11 removes folders by a function that calls itself: too deep for pytest's own tidying.
    subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


def test_copies_of_unreadable_recordings_are_plain_files_too(store: Store, tmp_path: Path) -> None:
    path = store.path("docs/first")
    path.parent.mkdir(parents=True)
    path.write_text("<<<<<<< one\n")
    os.mkfifo(path.with_name("first.txt.unreadable"))
    path.with_name("first.txt.2.unreadable").symlink_to(tmp_path / "outside")
    (tmp_path / "outside").write_text("<<<<<<< one\n")
    assert store.save(RECORDING)
    assert path.with_name("first.txt.3.unreadable").read_text() == "<<<<<<< one\n"


def test_links_among_recordings_are_orphans_and_not_followed(store: Store, tmp_path: Path) -> None:
    store.save(RECORDING)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("x")
    store.path("folder").with_suffix("").symlink_to(outside)
    store.path("file").symlink_to(outside / "secret.txt")
    assert store.orphans(["docs/first"]) == (store.path("file"),)


def test_links_are_not_followed(store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "first.txt").write_text(dumps(RECORDING))
    store.save(replace(RECORDING, page="index"))
    (tmp_path / "recordings/docs").symlink_to(outside)
    store.path("alone").symlink_to(outside / "first.txt")
    store.path("dangling").symlink_to(outside / "nothing.txt")
    for page in ("docs/first", "alone", "dangling"):
        with pytest.raises(RecordingProblem, match="a symbolic link"):
            store.load(page)
        with pytest.raises(RecordingProblem, match="a symbolic link"):
            store.save(replace(RECORDING, page=page, place="other"))
    assert (outside / "first.txt").read_text() == dumps(RECORDING)
    assert files(outside) == ["first.txt"]


def test_the_directory_itself_may_be_reached_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = Store(tmp_path / "link")
    store.save(RECORDING)
    assert store.load("docs/first") == RECORDING


def test_orphans(store: Store, tmp_path: Path) -> None:
    assert store.orphans(["a"]) == ()
    for page in ("b", "a", "c/a", "..", "a.txt/b"):
        store.save(replace(RECORDING, page=page))
    (tmp_path / "recordings/README.md").touch()
    assert store.orphans(["b", "..", "gone"]) == tuple(store.path(page) for page in ("a.txt/b", "a", "c/a"))
    assert store.orphans(["b", "..", "a", "c/a", "a.txt/b"]) == ()
