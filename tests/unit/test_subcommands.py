"""Commands of the CLI after `docker-run` are told from images, and each gets its advice."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from docker_run.docker_cli.subcommands import COMMANDS, OFFICIAL_IMAGES, PLUGINS, find, refuse
from docker_run.errors import SyntaxProblem

ALL = sorted((COMMANDS | PLUGINS) - OFFICIAL_IMAGES)


def called(text: str, *, images: Collection[str] = ()) -> str:
    """Return the command that `text` is taken to call; empty for none."""
    call = find(text, is_image=lambda name: name in images)
    return call.name if call else ""


def said(text: str, *, console: bool) -> str:
    with pytest.raises(SyntaxProblem) as caught:
        refuse(text, console=console, is_image=lambda _: False)
    assert type(caught.value) is SyntaxProblem
    return str(caught.value)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("form", ["{}", "{} web ls", "--rm -it {} web", "docker {}", "-e A=1 --name x {}"])
def test_every_command_in_every_place(name: str, form: str) -> None:
    assert called(form.format(name)) == name


@pytest.mark.parametrize("console", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_every_command_gets_advice(name: str, *, console: bool) -> None:
    text = said(f"{name} web", console=console)
    if name == "run":
        assert text.startswith("`run` is already there: ")
        return
    assert text.startswith(f"`{name}` is a command of the CLI, not an image")
    assert f"write `$ docker {name} web` into the body" in text
    assert text.endswith(f"An image of this name would be `{name}:latest`")
    assert ("Directly on the engine" in text) is not console


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        ("-H tcp://a:1 ps -a", "ps", "docker -H tcp://a:1 ps -a"),
        ("-Htcp://a:1 -D ps", "ps", "docker -Htcp://a:1 -D ps"),
        ("--context far ps", "ps", "docker --context far ps"),
        ("--context=far --debug info", "info", "docker --context=far --debug info"),
        ("-c 512 images", "images", "docker images …"),
        ("docker --host x ps", "ps", "docker --host x ps"),
        ("docker   compose   up", "compose", "docker compose   up"),
        ("sudo docker ps", "ps", "docker ps"),
        ("DOCKER_HOST=x LANG=C docker ps", "ps", "docker ps"),
        ("docker-compose up -d", "docker-compose", "docker compose up -d"),
        ("container exec web ls", "container exec", "docker container exec web ls"),
        ("container ls", "container", "docker container ls"),
        ("-it exec web sh", "exec", "docker exec …"),
        ("-- exec web", "exec", "docker exec …"),
        ("'exec' web", "exec", "docker 'exec' web"),
        ("ps | grep web", "ps", "docker ps | grep web"),
        ("exec web sh -c 'echo $A' > x", "exec", "docker exec web sh -c 'echo $A' > x"),
        ("exec web \\\n  ls", "exec", "docker exec web …"),
        ("exec web\nls", "exec", "docker exec web …"),
        ("exec " + "a" * 200, "exec", f"docker exec {'a' * 95} …"),
    ],
)
def test_what_to_write_instead(text: str, name: str, line: str) -> None:
    for console in (False, True):
        message = said(text, console=console)
        assert message.startswith(f"`{name}` is a command")
        assert f"write `$ {line}` into the body" in message


@pytest.mark.parametrize(
    "text",
    [
        "busybox exec web",
        "--rm busybox",
        "exec:latest web",
        "library/exec web",
        "localhost:5000/exec",
        "exec@sha256:" + "0" * 64,
        "executor",
        "--name exec busybox",
        "--name=exec busybox",
        "-itp exec busybox",
        "-e 'A=b exec' busybox",
        "-v /var/run/docker.sock:/var/run/docker.sock docker ps",
        "--rm docker run",
        "docker",
        "docker sh",
        "docker:cli ps",
        "node ls",
        "--rm node",
        "sudo",
        "sudo ls",
        "A=1 exec",
        "- exec",
        "Exec",
        "",
        "'exec",
        "--name",
    ],
)
def test_what_is_no_command(text: str) -> None:
    assert not called(text)
    refuse(text, console=False, is_image=lambda _: False)


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("exec web", "exec"),
        ("--rm build", "build"),
        ("docker ps", "docker"),
        ("docker-compose", "docker-compose"),
    ],
)
def test_an_image_of_the_project_is_one(text: str, image: str) -> None:
    assert called(text)
    assert not called(text, images={image})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("run --rm busybox", "run"),
        ("container run busybox", "container run"),
        ("docker run busybox", "docker run"),
        ("docker --context x run busybox", "docker run"),
        ("docker container run busybox", "docker run"),
        ("sudo docker run busybox", "docker run"),
    ],
)
def test_docker_run_twice(text: str, name: str) -> None:
    for console in (False, True):
        assert said(text, console=console).startswith(f"`{name}` is already there: ")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("build .", "`docker_run_images`"),
        ("image build .", "`docker_run_images`"),
        ("exec web ls", "`-it`"),
        ("container logs web", "`-d`"),
        ("volume create data", "`-v data:/data`"),
        ("create busybox", "leave out `create`"),
    ],
)
def test_advice_for_pages_without_a_lab(text: str, advice: str) -> None:
    assert advice in said(text, console=False)
    assert advice not in said(text, console=True)
