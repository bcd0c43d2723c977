"""What `make soak` counts: it has to see a loss and a leftover, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from docker_run.model import (
    CommandRecording,
    Environment,
    Recording,
    Segment,
    StepRecording,
    Stream,
    TerminalSize,
)
from docker_run.recordings.writer import dumps
from soak.check import crashed, losses, not_run
from soak.clock import Clock
from soak.leftovers import Traces
from soak.site import Site

ENVIRONMENT = Environment("Docker Engine 20.10.24", "Debian GNU/Linux 12", "x86_64")
TRUE = StepRecording("k1", (CommandRecording("docker run x", 0, 0.5, (Segment(Stream.OUT, "true\n"),)),))
LAST = StepRecording("k2", (CommandRecording("docker run y", 0, 0.5, (Segment(Stream.OUT, "last\n"),)),))


def of(*steps: StepRecording) -> dict[str, bytes]:
    date = "2026-11-23T22:10:04Z"
    return {"a": dumps(Recording("a", "direct", TerminalSize(), date, ENVIRONMENT, (), steps)).encode()}


def with_output(output: str) -> StepRecording:
    return TRUE._replace(commands=(TRUE.commands[0]._replace(output=(Segment(Stream.OUT, output),)),))


@pytest.mark.parametrize("now", [of(TRUE, LAST), of(TRUE)], ids=["all of it", "its beginning"])
def test_what_commands_print_is_no_loss(now: dict[str, bytes]) -> None:
    assert losses({}, now, of(TRUE, LAST)) == []


def test_what_has_not_changed_is_no_loss() -> None:
    assert losses(of(with_output("old\n")), of(with_output("old\n")), of(TRUE, LAST)) == []


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({}, "its recording is gone"),
        ({"a": b"cut"}, "can't be read"),
        (of(with_output("tr")), "another output"),
        (of(with_output("")), "another output"),
        (of(TRUE._replace(commands=(TRUE.commands[0]._replace(exit_code=125),))), "another output"),
        (of(LAST), "of other steps"),
        (of(TRUE._replace(commands=TRUE.commands * 2)), "not all of its commands"),
    ],
    ids=["gone", "unreadable", "cut", "empty", "another status", "other steps", "other commands"],
)
def test_a_loss(now: dict[str, bytes], said: str) -> None:
    assert said in "".join(losses(of(with_output("old\n")), now, of(TRUE, LAST)))


def test_a_page_that_was_not_run(tmp_path: Path) -> None:
    site = Site(tmp_path / "site", "lab")
    for page, phrase in site.phrases().items():
        (site.recordings / f"{page}.txt").write_text(f"tty|{phrase}\n")
    assert not_run(site) == []
    site.next_round()
    assert len(not_run(site)) == len(site.phrases()) == 2


def test_an_exception_that_reached_the_user(tmp_path: Path) -> None:
    assert crashed("Traceback (most recent call last):\n", tmp_path)
    assert crashed("", tmp_path) == []
    (tmp_path / "sphinx-err-x.log").touch()
    assert crashed("", tmp_path)


def test_what_is_new_is_a_leftover_also_if_there_was_one_like_it() -> None:
    before = Traces.of(["process sh", "mount /"])
    assert Traces.of(["process sh"]).new_since(before) == []
    assert Traces.of(["process sh", "process sh", "interface veth"]).new_since(before) == [
        "interface veth",
        "process sh (2)",
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux") or not shutil.which("gcc"), reason="needs gcc")
def test_a_clock_that_is_moved(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    clock.move(-48)
    program = (
        "import datetime, time\nwhile input():\n    print(time.time(), datetime.datetime.now().timestamp())"
    )
    with subprocess.Popen(
        [sys.executable, "-u", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **clock.environ},
    ) as process:
        assert process.stdin
        assert process.stdout
        for hours in (-48, 24, 0):
            clock.move(hours)
            early = time.time() + 3600 * hours
            process.stdin.write("now\n")
            process.stdin.flush()
            told = [float(word) for word in process.stdout.readline().split()]
            # A date has microseconds: its time may be that little bit earlier.
            assert early - 1e-3 <= told[0] <= told[1] + 1e-6 <= time.time() + 3600 * hours + 1e-3
        process.stdin.close()
        process.kill()
