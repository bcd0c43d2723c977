"""What fuzzing found once is tried again by every run of the tests; so are a few plain inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.targets import TARGETS

SEEDS = Path(__file__).parents[1] / "fuzz" / "seeds"
FOUND = sorted(path for path in SEEDS.rglob("*") if path.is_file())
PLAIN = (
    b"",
    b"\0",
    b"\xff\xfe",
    b"busybox",
    b"$ echo\n> x\n",
    b"\x1b[1mx\x1b]133;C\x07",
    "a\u0301\u202e\ue0ff".encode() * 3,
)


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_seed(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_plain_inputs(name: str) -> None:
    for data in PLAIN:
        TARGETS[name](data)


def test_each_seed_is_of_a_target() -> None:
    assert {path.parent.name for path in FOUND} <= TARGETS.keys()
    assert FOUND
