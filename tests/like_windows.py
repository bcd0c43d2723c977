"""Run what follows as on a system that has none of what only Unix has: `python like_windows.py PROGRAM …`.

All that is not ours is imported before, as it is on this system; of ours, nothing is. A stand-in for
`msvcrt`, Windows' own module for locks, is all that is added. What can't be had in this way: file names and
paths of Windows, its pipes, its consoles.
"""

from __future__ import annotations

import importlib
import importlib.abc
import os
import pkgutil
import re
import runpy
import signal
import socket
import sys
import types

MODULES = frozenset(["fcntl", "grp", "nis", "pty", "pwd", "resource", "spwd", "syslog", "termios", "tty"])
OS = re.compile(
    "ch(own|root)|fch(dir|mod|own)|fork(pty)?|(g|s)et(e?[gu]id|p?gid|groups|pgrp|priority|sid)|initgroups|killpg|"
    "lchown|lockf|major|makedev|minor|mkfifo|mknod|nice|openpty|f?pathconf|posix_spawnp?|f?statvfs|sysconf|uname|"
    "wait[34]?|O_(CLOEXEC|DIRECTORY|NOCTTY|NOFOLLOW|NONBLOCK|SYNC)|WNOHANG"
)
SIGNALS = re.compile("SIG(ALRM|CHLD|HUP|KILL|PIPE|QUIT|TSTP|USR1|USR2|WINCH)")
SOCKETS = re.compile("AF_UNIX")
OTHERS = "docker_run.engine.private.supervisor"
"""The program of the private engine, which is started by its path and only on Linux."""


class _Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname in MODULES:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def _modules() -> list[str]:
    import docker_run  # noqa: PLC0415

    found = pkgutil.walk_packages(docker_run.__path__, "docker_run.")
    return [each.name for each in found if each.name != OTHERS]


def become() -> None:
    """Take away what only Unix has; then import all that is ours."""
    for name in _modules():
        importlib.import_module(name)
    # Whatever those import only when they are used.
    for name in (
        "docker.api.client",
        "sphinx.cmd.build",
        "myst_parser.sphinx_",
        "requests",
        "sphinx.testing",
    ):
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] in MODULES | {"docker_run"}]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Missing())
    for module, names in ((os, OS), (signal, SIGNALS), (socket, SOCKETS)):
        for name in filter(names.fullmatch, dir(module)):
            delattr(module, name)
    locks = types.ModuleType("msvcrt")
    vars(locks).update(LK_NBLCK=2, locking=lambda _descriptor, _mode, _bytes: None)
    sys.modules["msvcrt"] = locks
    sys.platform = "win32"
    for name in _modules():
        importlib.import_module(name)


if __name__ == "__main__":
    become()
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
