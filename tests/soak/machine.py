"""A machine of its own for builds and their engine: whatever is new on it, they have left there.

It is made of Linux name spaces: processes, mounts, and a network without any way out. The folders where
programs put what they leave are its own, and empty, or a copy.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

EMPTY = ("/tmp", "/var/tmp", "/run", "/dev/shm")  # noqa: S108 - they are hidden by folders of our own
COPIED = ("/etc",)
_PROJECT = Path(__file__).parents[2]


def command(base: Path, words: Sequence[str], *, sockets: Iterable[Path]) -> list[str]:
    """Return the command line that runs the Python program `words` there.

    `base` is a folder outside of those that are hidden; it is seen there, too. `sockets` are engines of
    the machine around it: each can be reached at `socket_there`.
    """
    spaces = ("--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child", "--propagation", "private")
    engines = [str(path) for path in sockets]
    return ["unshare", *spaces, sys.executable, "-m", "soak.machine", str(base), *engines, "--", *words]


def socket_there(base: Path, socket: Path) -> Path:
    """Return where the socket of an engine around the machine is seen on it."""
    return base / "around" / socket.name


def _make(base: Path, sockets: Iterable[Path]) -> None:
    """Hide the folders of the machine around this one; this process is the first in its name spaces."""
    _mount("-t", "proc", "proc", "/proc")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    _show_own_interfaces(base / "groups")
    for socket in sockets:
        there = socket_there(base, socket)
        there.parent.mkdir(exist_ok=True)
        there.touch()
        _mount("--bind", str(socket), str(there))
    kept = _kept(base)
    for folder in (*EMPTY, *COPIED):
        own = base / "machine" / folder.strip("/").replace("/", "-")
        own.parent.mkdir(exist_ok=True)
        if folder in COPIED:
            subprocess.run(["cp", "-a", folder, str(own)], check=True)
        else:
            own.mkdir(mode=0o1777)
        _mount("--bind", str(own), folder)
    for path, copy in kept.items():
        path.mkdir(parents=True, exist_ok=True)
        _mount("--bind", str(copy), str(path))


def _show_own_interfaces(groups: Path) -> None:
    """Let `/sys` show this network: it shows that of who mounted it. Control groups stay where they are."""
    groups.mkdir()
    _mount("--rbind", "/sys/fs/cgroup", str(groups))
    _mount("-t", "sysfs", "sysfs", "/sys")
    _mount("--move", str(groups), "/sys/fs/cgroup")


def _kept(base: Path) -> dict[Path, Path]:
    """Return what has to be seen although it is in a folder that is hidden, and where it is meanwhile."""
    kept = {}
    for number, path in enumerate(sorted({_PROJECT, Path(sys.prefix), Path(sys.base_prefix)})):
        if any(path.is_relative_to(folder) for folder in EMPTY):
            copy = base / "kept" / str(number)
            copy.mkdir(parents=True)
            _mount("--bind", str(path), str(copy))
            kept[path] = copy
    return kept


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def main(arguments: list[str]) -> int:
    """Make the machine and run the program on it, as its first process: that reaps orphans."""
    cut = arguments.index("--")
    base, *sockets = map(Path, arguments[:cut])
    _make(base, sockets)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # the program gets them, too, and this one outlives it
    environ = {**os.environ, "HOME": str(base / "machine" / "home")}
    Path(environ["HOME"]).mkdir()
    child = subprocess.Popen([sys.executable, *arguments[cut + 1 :]], env=environ)
    while True:
        process, status = os.wait()
        if process == child.pid:
            return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
