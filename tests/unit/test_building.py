"""`python -m docker_run build`, as far as it goes without an engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from docker_run.__main__ import main
from docker_run.engine.commands.project_image import BuiltImage, ImageSettings, _save, report
from docker_run.errors import ImageProblem
from docker_run.model import Image


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "publish").mkdir()
    (tmp_path / "publish" / "Dockerfile").write_text("ARG BASE=web\nFROM ${BASE}\n\nCOPY pages /srv\n")
    (tmp_path / "pages").mkdir()
    return tmp_path


def build(project: Path, *arguments: object) -> int:
    """Run the command with what is right; later arguments go before earlier ones."""
    right = ["build", str(project), "--tag", "site", "--file", str(project / "publish" / "Dockerfile")]
    return main([*right, *map(str, arguments)], {})


def test_no_engine_is_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build(project, "--engine", "none") == 1
    assert capsys.readouterr().err == (
        "docker_run: an engine is needed to build site: "
        "the engine setting is `none`; say `auto`, or the URL of one\n"
    )
    assert build(project, "--engine", "unix:///nowhere") == 1
    said = capsys.readouterr().err
    assert said.startswith("docker_run: an engine is needed to build site: no engine at unix:///nowhere: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--file", "nowhere/Dockerfile"), "there is no nowhere/Dockerfile; name the Dockerfile with --file"),
        (("--tag", "Site"), "--tag Site: that is not the name of an image: write NAME[:TAG], in lower case"),
        (("--tag", f"site@sha256:{'a' * 64}"), f"--tag site@sha256:{'a' * 64}: that is not the name"),
        (("--catalogue", "nowhere"), "there is no directory nowhere"),
        (
            ("--output", "nowhere/site.tar"),
            "--output nowhere/site.tar: that is not a file in an existing directory",
        ),
        (("--output", "/"), "--output /: that is not a file in an existing directory"),
    ],
)
def test_what_is_wrong_is_said_before_an_engine_is_asked(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert build(project, "--engine", "none", *arguments) == 1
    assert capsys.readouterr().err.startswith(f"docker_run: {said}")


def test_pages_that_are_not_there_are_missed_at_their_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "pages").rmdir()
    assert build(project, "--engine", "none") == 1
    assert capsys.readouterr().err == (
        f"docker_run: {project}/publish/Dockerfile:4: COPY pages: there is no {project}/pages\n"
    )


def test_without_a_file_it_is_the_dockerfile_of_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", "--engine", "none", "--tag", "site", str(tmp_path)], {}) == 1
    assert f"there is no {tmp_path}/Dockerfile" in capsys.readouterr().err


def test_a_tag_has_to_be_given(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["build", str(project)], {})
    assert ended.value.code == 2
    assert "--tag" in capsys.readouterr().err


def built(output: Path | None = None) -> BuiltImage:
    return BuiltImage(
        wanted=ImageSettings(directory=Path(), dockerfile=Path("Dockerfile"), tag="site", output=output),
        url="unix:///run/engine.sock",
        size=190_040_000,
        bases=((Image("web", "sha256:00", "pulled", ""), 180_000_000),),
        ports=(80, 443),
    )


def test_the_report_says_what_there_is_and_how_to_run_it() -> None:
    assert report(built(), private=False).splitlines() == [
        "site: 190.0 MB",
        "it begins from web, pulled: 180.0 MB",
        "it is on the engine at unix:///run/engine.sock",
        "run it: docker run -d -p 80:80 -p 443:443 site",
    ]


def test_an_engine_that_ends_is_told_and_what_to_do() -> None:
    told = report(built(), private=True).splitlines()[3:]
    assert told == [
        "that is the build's own engine, which ends with the command that it was started for",
        "to run it on another: save it in a file with --output FILE.tar (make: OUTPUT=FILE.tar)",
    ]


def test_a_file_is_told_and_how_to_load_it(tmp_path: Path) -> None:
    output = tmp_path / "site.tar"
    output.write_bytes(b"x" * 1_000_000)
    assert report(built(output), private=True).splitlines()[4:] == [
        f"and in {output}: 1.0 MB",
        f"run it anywhere: docker load -i {output} && docker run -d -p 80:80 -p 443:443 site",
    ]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    output = tmp_path / "site.tar"
    _save(output, [b"one", b"two"])
    assert output.read_bytes() == b"onetwo"

    def broken() -> Iterator[bytes]:
        yield b"three"
        raise requests.ConnectionError

    with pytest.raises(requests.ConnectionError):
        _save(output, broken())
    assert output.read_bytes() == b"onetwo"
    assert list(tmp_path.iterdir()) == [output]


def test_a_file_that_can_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(ImageProblem, match=r"nowhere/site\.tar can't be written: No such file"):
        _save(tmp_path / "nowhere" / "site.tar", [])
