"""What `--platform` names: the engine's own rules, and its words for what is none."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_cli import Cli, cli
from docker_run.engine.images.platforms import Platform, parse_platform, platform_of


@pytest.fixture(scope="module")
def docker() -> Iterator[Cli]:
    with tempfile.TemporaryDirectory() as folder, cli(Path(folder)) as found:
        if found is None:
            pytest.skip("the docker command is not installed")
        yield found


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux", Platform("linux")),
        ("arm64", Platform("linux", "arm64")),
        ("linux/arm64", Platform("linux", "arm64")),
        ("linux/arm/v7", Platform("linux", "arm", "v7")),
        ("LINUX/AMD64", Platform("linux", "amd64")),
        ("linux/x86_64", Platform("linux", "amd64")),
        ("linux/armhf", Platform("linux", "arm", "v7")),
        ("aarch64", Platform("linux", "arm64")),
        ("macos/arm64", Platform("darwin", "arm64")),
        ("windows(10.0.17763)/amd64", Platform("windows", "amd64")),
        ("linux/made-up", Platform("linux", "made-up")),
    ],
)
def test_what_is_a_platform(text: str, platform: Platform, docker: Cli) -> None:
    assert parse_platform(text) == platform
    assert "error parsing" not in docker.run(["--platform", text, "busybox"]).stderr


@pytest.mark.parametrize(
    "text", ["nonsense", "a/b/c/d", "linux/", "/amd64", "linux//v7", "li$nux/amd64", "linux/arm 64", "$", "/"]
)
def test_what_is_none_is_refused_in_the_words_of_the_cli(text: str, docker: Cli) -> None:
    with pytest.raises(ValueError, match="invalid argument") as caught:
        parse_platform(text)
    said = docker.run(["--platform", text, "busybox"]).stderr
    assert said.startswith(f"docker: error parsing specified platform: {caught.value}\n")


@pytest.mark.parametrize(
    ("wanted", "image", "fits"),
    [
        ("linux/arm64", {"Os": "linux", "Architecture": "arm64", "Variant": "v8"}, True),
        ("linux/arm/v6", {"Os": "linux", "Architecture": "arm", "Variant": "v7"}, False),
        ("linux/amd64", {"Os": "linux", "Architecture": "arm64"}, False),
        ("windows", {"Os": "linux", "Architecture": "amd64"}, False),
        ("linux", {"Os": "linux", "Architecture": "riscv64"}, True),
        ("linux/amd64", {"Os": "linux", "Architecture": None}, True),
    ],
)
def test_whether_an_image_is_for_it(wanted: str, image: dict[str, object], fits: bool) -> None:  # noqa: FBT001
    assert parse_platform(wanted).is_of(platform_of(image)) is fits


def test_its_form() -> None:
    assert str(Platform("linux", "arm", "v7")) == "linux/arm/v7"
    assert Platform("linux", "arm64").query == {"os": "linux", "architecture": "arm64"}
