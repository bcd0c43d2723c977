"""Keys: equal as long as the same things decide what a step prints."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docker_run.model import (
    DIRECT,
    Capture,
    Command,
    Expectation,
    Input,
    LabFile,
    Location,
    Place,
    RunnerTraits,
    Step,
    TerminalSize,
)
from docker_run.recordings.key import session_keys

PATIENTLY = settings(deadline=None)  # a busy machine is no failure

TEXT = st.text(max_size=5)
COMMANDS = st.builds(Command, TEXT, st.lists(TEXT, max_size=2).map(tuple), st.just(Input.NONE))
STEPS = st.builds(
    Step,
    location=st.builds(Location, TEXT, st.integers(1, 99)),
    commands=st.lists(COMMANDS, max_size=3).map(tuple),
    files=st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
)
PLACES = st.builds(Place, TEXT, TEXT, st.just(DIRECT), st.just(RunnerTraits()))
SIZES = st.builds(TerminalSize, st.integers(1, 200), st.integers(1, 200))
STEP = Step(Location("/page.md", 3), (Command("docker run -it busybox", ("ls", "exit")),), (("env", "A=1"),))


def keys(*steps: Step, place: Place = Place(), terminal: TerminalSize = TerminalSize()) -> tuple[str, ...]:
    return session_keys(steps, place=place, terminal=terminal)


def deciding(step: Step) -> tuple[object, ...]:
    return (step.commands, step.files)


def test_no_steps_have_no_keys() -> None:
    assert keys() == ()


@PATIENTLY
@given(st.lists(STEPS, max_size=4), st.lists(STEPS, max_size=4), PLACES, SIZES)
def test_what_comes_later_changes_nothing(
    one: list[Step], two: list[Step], place: Place, size: TerminalSize
) -> None:
    before = keys(*one, place=place, terminal=size)
    assert keys(*one, *two, place=place, terminal=size)[: len(one)] == before
    assert all(len(key) == 64 and int(key, 16) >= 0 for key in before)


@PATIENTLY
@given(st.lists(STEPS, min_size=1, max_size=3), st.lists(STEPS, min_size=1, max_size=3))
def test_keys_are_equal_exactly_where_all_before_is(one: list[Step], two: list[Step]) -> None:
    for index, (left, right) in enumerate(zip(keys(*one), keys(*two), strict=False)):
        same = [deciding(step) for step in one[: index + 1]] == [deciding(step) for step in two[: index + 1]]
        assert (left == right) == same


@PATIENTLY
@given(STEPS, PLACES, PLACES)
def test_the_place_decides(step: Step, one: Place, two: Place) -> None:
    assert (keys(step, place=one) == keys(step, place=two)) == (one == two)


@PATIENTLY
@given(STEPS, SIZES, SIZES)
def test_the_size_of_the_terminal_decides(step: Step, one: TerminalSize, two: TerminalSize) -> None:
    assert (keys(step, terminal=one) == keys(step, terminal=two)) == (one == two)


@pytest.mark.parametrize(
    "other",
    [
        replace(STEP, commands=(Command("docker run -it busybox ", ("ls", "exit")),)),
        replace(STEP, commands=(Command("docker run -it busybox", ("ls exit",)),)),
        replace(STEP, commands=(Command("docker run -it busybox", ("exit", "ls")),)),
        replace(STEP, commands=(Command("docker run -it busybox"), Command("ls"), Command("exit"))),
        replace(STEP, commands=(*STEP.commands, Command("true"))),
        replace(STEP, files=(("env", "A=2"),)),
        replace(STEP, files=(("other", "A=1"),)),
        replace(STEP, files=()),
    ],
)
def test_each_deciding_field_counts_also_for_the_steps_after(other: Step) -> None:
    after = Step(Location("/page.md", 9), (Command("docker run busybox"),))
    one, two = keys(STEP, after), keys(other, after)
    assert one[0] != two[0]
    assert one[1] != two[1]


@pytest.mark.parametrize(
    "other",
    [
        replace(STEP, location=Location("/other.md", 7)),
        replace(STEP, expect=Expectation(exit_codes=None, match=("x",))),
        replace(STEP, captures=(Capture("id", "x"),)),
        replace(STEP, timeout=7.0),
        replace(STEP, optional=True),
        replace(STEP, volatile=("x",)),
    ],
)
def test_no_other_field_counts(other: Step) -> None:
    assert other != STEP
    assert keys(other) == keys(STEP)


def test_the_same_step_twice_has_two_keys() -> None:
    one, two = keys(STEP, STEP)
    assert one != two


def test_text_that_is_no_unicode_has_a_key() -> None:
    assert keys(replace(STEP, commands=(Command("\udcff"),))) != keys(
        replace(STEP, commands=(Command("\udcfe"),))
    )


def test_no_hash_seed_counts() -> None:
    program = (
        "from docker_run.recordings.key import session_keys\n"
        "from docker_run.model import *\n"
        "step = Step(Location('/page.md', 3), (Command('docker run -it busybox', ('ls', 'exit')),),"
        " (('env', 'A=1'),))\n"
        "print(*session_keys([step, step], place=Place(), terminal=TerminalSize()))\n"
    )
    for seed in ("0", "1", "4294967295"):
        found = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert tuple(found.stdout.split()) == keys(STEP, STEP)


def test_the_scheme_is_the_one_that_recordings_were_made_with() -> None:
    """Where this fails, all recordings have become stale: raise `SCHEME`, and record them again."""
    assert keys(STEP) == ("1490a706ce729e38824da65c039e76a7184da569ae62dea0b8cbac5b6bb633f3",)


CONTEXTS = {"busybox:latest": "b" * 64, "debian:latest": "d" * 64, "debian:trixie": "d" * 64, "me/app:1": "a"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("docker run busybox ls", ["busybox:latest"]),
        ("docker run --rm docker.io/library/busybox", ["busybox:latest"]),
        ("docker pull debian:trixie; docker run me/app:1", ["debian:trixie", "me/app:1"]),
        ("FROM debian AS build", ["debian:latest"]),
        ("image: 'debian:latest'", ["debian:latest"]),
        ("This is busybox.", ["busybox:latest"]),
        ("docker run busybox:1.36", []),
        ("docker run me/busybox registry:5000/busybox busybox/me", []),
        (f"docker run busybox@sha256:{'0' * 64}", []),
        ("cat /bin/busybox busybox-static mybusybox busybox.conf ./debian", []),
        ("docker run me/app", []),
        ("echo hello", []),
    ],
)
def test_the_build_contexts_of_the_images_that_are_named_decide(text: str, named: list[str]) -> None:
    def key(step: Step, contexts: dict[str, str], images: tuple[str, ...] = ()) -> str:
        return session_keys([step], place=Place(), terminal=TerminalSize(), images=images, contexts=contexts)[
            0
        ]

    steps = (
        replace(STEP, commands=(Command(text),)),
        replace(STEP, commands=(Command("docker exec box sh", (text,)),)),
        replace(STEP, commands=(), file=LabFile("Dockerfile", text.encode())),
    )
    for step in steps:
        plain = key(step, {})
        counted = [name for name in CONTEXTS if key(step, {name: "1"}) != plain]
        assert counted == named
        for name in CONTEXTS:
            changed = key(step, CONTEXTS | {name: "other"}) != key(step, CONTEXTS)
            assert changed == (name in named)
    assert key(STEP, {"debian:latest": "1"}, ("debian",)) != key(STEP, {"debian:latest": "2"}, ("debian",))
