"""A real terminal emulator, tmux, for tests."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 60.0
CONFIGURATION = (
    "set -g status off\nset -g history-limit 5000\nset -g scroll-on-clear off\n"
    "set -g exit-empty off\nset -g default-terminal screen-256color\nset -g allow-rename off\n"
)


class Tmux:
    """A server of tmux whose files are in `folder`; its terminals have 80 columns and 24 rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm-256color",
            "HOME": str(folder),
        }

    def __call__(self, *arguments: str) -> str:
        """Run a command of tmux; return what it prints."""
        # A short path: that of a socket may have no more than some hundred characters.
        command = ["tmux", "-S", "s", "-u", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self._environment, check=True, capture_output=True
        )
        return done.stdout.decode()

    @contextmanager
    def terminal(self, name: str, command: Sequence[str]) -> Iterator[Callable[[], str]]:
        """Run `command` on a terminal; give a function that returns all that it shows."""
        self("new-session", "-d", "-s", name, "-x", "80", "-y", "24", shlex.join(command))
        try:
            yield lambda: stripped(self("capture-pane", "-p", "-t", name, "-S", "-"))
        finally:
            self("kill-session", "-t", name)


@contextmanager
def server(folder: Path) -> Iterator[Tmux]:
    """Start a server."""
    configuration = folder / "tmux.conf"
    configuration.write_text(CONFIGURATION)
    tmux = Tmux(folder)
    tmux("-f", str(configuration), "start-server")
    try:
        yield tmux
    finally:
        tmux("kill-server")


def stripped(text: str) -> str:
    """Return `text` without blanks at the ends of lines, and without empty lines at its end."""
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n")


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until `condition` holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"tmux: waited for {what}"
        time.sleep(0.02)
