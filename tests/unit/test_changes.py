"""What has changed of a page since it was recorded: each part of its keys has a name, and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docker_run.model import (
    Command,
    CommandRecording,
    Environment,
    LabFile,
    Location,
    Place,
    Recording,
    RunnerTraits,
    Session,
    Step,
    StepRecording,
    TerminalSize,
)
from docker_run.recordings.failed_runs import FailedRuns
from docker_run.recordings.key import session_keys
from docker_run.recordings.key_parts import KeyPartsCache, key_parts
from docker_run.recordings.store import Store
from docker_run.workflow.page import Pages
from docker_run.workflow.rerun_reasons import Changes

CONTEXTS = {"busybox:latest": "1", "debian:latest": "1"}
TRAITS = RunnerTraits(machines=True, files=True)
LAB = Place("lab", "machine", traits=TRAITS)


def line(number: int, *commands: str | Command, file: LabFile | None = None, **rest: object) -> Step:
    texts = tuple(each if isinstance(each, Command) else Command(each) for each in commands)
    return Step(Location("page.md", number), texts, file=file, **rest)  # type: ignore[arg-type]


STEPS = (
    line(3, "docker run busybox ls", files=(("vars.env", "A=1"),)),
    line(9, Command("docker run -it alpine", ("ls",)), "docker ps"),
    line(15, file=LabFile("/etc/motd", b"hello")),
    line(20, "uname", lab="other"),
)


def session(
    *steps: Step,
    place: Place = LAB,
    terminal: TerminalSize = TerminalSize(),
    images: tuple[str, ...] = ("debian",),
    contexts: Mapping[str, str] = CONTEXTS,
) -> Session:
    keys = session_keys(steps, place=place, terminal=terminal, images=images, contexts=contexts)
    return Session("page", steps, keys, place, terminal, images)


class Project:
    """A project whose page has been recorded."""

    def __init__(self, folder: Path, recorded: Session) -> None:
        self.folder = folder
        self.store = Store(folder / "recordings")
        steps = tuple(
            StepRecording(key, tuple(CommandRecording(each.text, 0, 0.1) for each in step.commands))
            for key, step in zip(recorded.keys, recorded.steps, strict=True)
        )
        where = Environment("Engine", "System", "x86_64")
        name, size = recorded.place.name, recorded.terminal
        self.store.save(Recording("page", name, size, "2026-11-23T00:00:00Z", where, (), steps))

    def changes(self, contexts: Mapping[str, str] = CONTEXTS) -> Changes:
        pages = Pages(self.store, FailedRuns(self.folder / "failed"))
        return Changes(pages, KeyPartsCache(self.folder / "parts"), contexts)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a project that was recorded on this machine."""
    project = Project(tmp_path, session(*STEPS))
    project.changes().note_recorded(session(*STEPS))
    return project


def edited(number: int, **edit: object) -> tuple[Step, ...]:
    return tuple(replace(step, **edit) if index == number else step for index, step in enumerate(STEPS))  # type: ignore[arg-type]


SINCE = "changed since it was recorded: "


@pytest.mark.parametrize(
    ("now", "told", "told_elsewhere"),
    [
        (
            session(*edited(0, commands=(Command("docker run busybox id"),))),
            "the command on line 3",
            "the command on line 3",
        ),
        (
            session(*edited(0, files=(("vars.env", "A=2"),))),
            "the file `vars.env`, which line 3 names",
            (
                "what line 3 needs (its files, its images, or what is typed), or the lab or the images that "
                "the page begins with"
            ),
        ),
        (
            session(*edited(1, commands=(Command("docker run -it alpine", ("id",)), Command("docker ps")))),
            "what is typed at command 1 of line 9",
            "what line 9 needs (its files, its images, or what is typed)",
        ),
        (
            session(*edited(1, commands=(STEPS[1].commands[0], Command("docker ps -a")))),
            "command 2 of line 9",
            "the command on line 9",
        ),
        (
            session(*edited(2, file=LabFile("/etc/motd", b"bye"))),
            "the file `/etc/motd` of line 15",
            "what line 15 needs (its files, its images, or what is typed)",
        ),
        (
            session(*edited(3, lab="third")),
            "the lab of line 20",
            "what line 20 needs (its files, its images, or what is typed)",
        ),
        (
            session(*STEPS, place=Place("web", "machine", traits=TRAITS)),
            "where it runs (`lab` before, `web` now)",
            "where it runs (`lab` before, `web` now)",
        ),
        (
            session(*STEPS, terminal=TerminalSize(120, 24)),
            "the size of its terminals (80x24 before, 120x24 now)",
            "the size of its terminals (80x24 before, 120x24 now)",
        ),
        (session(*STEPS, place=Place("lab", "another", traits=TRAITS)), "the definition of `lab`", None),
        (session(*STEPS, images=("debian", "alpine")), "the images that its labs begin with", None),
        (session(*STEPS[:2], line(12, "id"), *STEPS[2:]), "line 12, which is new", None),
        (session(*STEPS, line(25, "id")), "line 25, which is new", "line 25, which is new"),
        (session(*STEPS[:1], *STEPS[2:]), "a step that is gone", "the command on line 15"),
        (session(*STEPS[:3]), "a step that is gone", "a step that is gone"),
        (
            session(
                *edited(0, commands=(Command("docker run alpine"),))[:1],
                *edited(1, commands=(Command("docker run -it alpine", ("id",)), Command("docker ps")))[1:3],
                *edited(3, lab="third")[3:],
                terminal=TerminalSize(100, 30),
            ),
            (
                "the size of its terminals (80x24 before, 100x30 now), the command on line 3, what is typed "
                "at command 1 of line 9, and 1 more"
            ),
            "the size of its terminals (80x24 before, 100x30 now), the command on line 3",
        ),
    ],
)
def test_what_has_changed(project: Project, now: Session, told: str, told_elsewhere: str | None) -> None:
    assert project.changes().of(now) == SINCE + told
    # On another machine there is only the recording.
    elsewhere = Project(project.folder / "elsewhere", session(*STEPS))
    if told_elsewhere is not None:
        assert elsewhere.changes().of(now) == SINCE + told_elsewhere
    assert elsewhere.changes().of(now).startswith(SINCE)


@pytest.mark.parametrize("image", ["busybox:latest", "debian:latest"])
def test_the_build_context_of_an_image_has_changed(project: Project, image: str) -> None:
    contexts = CONTEXTS | {image: "2"}
    now = session(*STEPS, contexts=contexts)
    assert project.changes(contexts).of(now) == f"{SINCE}the build context of `{image}`"
    # Also of one that the catalogue did not have.
    contexts = CONTEXTS | {"alpine:latest": "1"}
    now = session(*STEPS, contexts=contexts)
    assert project.changes(contexts).of(now) == f"{SINCE}the build context of `alpine:latest`"


def test_there_is_no_recording(tmp_path: Path, project: Project) -> None:
    assert project.changes().of(replace(session(*STEPS), page="other")) == "there is no recording of it"
    project.store.path("page").write_text("this is none\n")
    assert project.changes().of(session(*STEPS)) == "its recording can't be read"


def test_what_is_remembered_of_another_recording_says_nothing(project: Project) -> None:
    """A recording that came with `git pull` is not the one that was made here."""
    theirs = session(*edited(0, commands=(Command("docker run busybox pwd"),)))
    Project(project.folder, theirs)
    now = session(*edited(0, files=(("vars.env", "A=2"),)))
    assert project.changes().of(now) == f"{SINCE}the command on line 3"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"key": 1}', b'{"key": "x", "page": [[1]]}', b"\xff"]
)
def test_a_damaged_memory_is_none(project: Project, content: bytes) -> None:
    (path,) = (project.folder / "parts").iterdir()
    path.write_bytes(content)
    now = session(*edited(0, commands=(Command("docker run busybox id"),)))
    assert project.changes().of(now) == f"{SINCE}the command on line 3"


def test_pages_that_are_gone_are_forgotten(project: Project) -> None:
    changes = project.changes()
    changes.note_recorded(replace(session(*STEPS), page="gone"))
    changes.discard_others(["page"])
    assert len(list((project.folder / "parts").iterdir())) == 1
    cache = KeyPartsCache(project.folder / "parts")
    asked = session(*STEPS)
    assert cache.load("page", asked.key) == key_parts(asked, CONTEXTS)
    assert cache.load("page", "0") is None


TEXT = st.text(max_size=3)
ANY_STEP = st.builds(
    Step,
    location=st.just(Location("page.md", 1)),
    commands=st.lists(st.builds(Command, TEXT, st.lists(TEXT, max_size=2).map(tuple)), max_size=2).map(tuple),
    files=st.dictionaries(TEXT, TEXT, max_size=2).map(lambda found: tuple(found.items())),
    lab=TEXT,
    file=st.none() | st.builds(LabFile, TEXT, st.binary(max_size=3), st.sampled_from([0o644, 0o755]), TEXT),
)
SESSIONS = st.builds(
    lambda steps, definition, images, terminal: session(
        *steps, place=Place("lab", definition, traits=TRAITS), images=tuple(images), terminal=terminal
    ),
    st.lists(ANY_STEP, min_size=1, max_size=3),
    TEXT,
    st.lists(st.sampled_from(["busybox", "debian", "alpine"]), max_size=2),
    st.sampled_from([TerminalSize(), TerminalSize(100, 30)]),
)


@settings(deadline=None)
@given(SESSIONS, SESSIONS)
def test_parts_are_equal_exactly_where_keys_are(one: Session, two: Session) -> None:
    same = key_parts(one, CONTEXTS) == key_parts(two, CONTEXTS)
    assert same == (one.key == two.key and len(one.steps) == len(two.steps))
