"""What a page shows of a lab, side by side with the same commands in a real terminal on the same lab."""

from __future__ import annotations

import shutil
from pathlib import Path

import docker
import pytest

import tmux
from docker_run.engine.cleanup import labels
from docker_run.engine.engine import DockerEngine
from docker_run.engine.labs.lab_shell import COMMAND
from docker_run.model import TerminalSize
from docker_run.terminal import markup, screen
from lab_sessions import session, step

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

COMMANDS = (
    "ls --color=always -d /etc /bin /dev/null",
    r"for i in 1 2 3; do printf '\r%d%% %s' $i ${i}xx; sleep 0.1; done; echo",
    r"printf 'one\ntwo\nthree\n\e[3A\rONE\e[2B\rTHREE\n\e[K'",
    r"printf '漢字 한국어 👍 e\u0301\n漢字漢字\rab\n'",
    r"printf '%.0s=' {1..100}; echo; printf '%.0sx' {1..80}; echo next",
    r"printf 'a\tb\n1234567\t8\n'",
    r"printf '\e[1;31mred\e[0m \e[7mreverse\e[0m \e[38;5;208morange\e[0m\n'",
    "seq 1 60",
    "docker pull busybox",
    "docker image ls --format '{{.Repository}}'",
    "tput cols; stty size",
    "printf 'no newline'",
    "echo; no-such-command",
    "echo '$ not a prompt'",
)


def test_a_page_shows_what_a_terminal_shows(
    lab_engine: DockerEngine, client: docker.DockerClient, engine_url: str, tmp_path: Path
) -> None:
    asked = step(*COMMANDS)
    page = f"side-by-side-{tmp_path.name}"
    with lab_engine.session(session(asked, page=page)) as running:
        recordings = running.run(asked)
        (container,) = client.api.containers(filters={"label": [f"{labels.PAGE}={page}"]})
        removed = client.api.exec_create(container["Id"], ["docker", "rmi", "busybox"])
        client.api.exec_start(removed["Id"])
        words = ["docker", "-H", engine_url, "exec", "-it", container["Id"], *COMMAND]
        with tmux.server(tmp_path) as server, server.terminal("lab", words) as capture:
            for number, command in enumerate(COMMANDS):
                tmux.wait_for(lambda done=number: prompts(capture(), done), f"the prompt before `{command}`")
                server("send-keys", "-l", "-t", "lab", command)
                server("send-keys", "-t", "lab", "Enter")
            tmux.wait_for(lambda: prompts(capture(), len(COMMANDS)), "the last prompt")
            real = capture()
    size = TerminalSize()
    blocks = [markup.Block(one.command, screen.lines(one.output, size)) for one in recordings]
    shown = markup.plain(blocks).split("\n")
    # Where the output has no end of line, the next prompt stands behind it: a page gives each its own.
    assert "no newline$ echo; no-such-command" in real
    real = real.replace("no newline$ echo", "no newline\n$ echo").removesuffix("\n$")
    assert shown == real.split("\n")


def prompts(shown: str, number: int) -> bool:
    """Tell whether so many commands were typed, and the prompt for the next is there."""
    lines = shown.split("\n")
    typed = sum(shown.count(f"$ {command[:60]}") for command in set(COMMANDS[:number]))
    return typed >= number and lines[-1].endswith("$")
