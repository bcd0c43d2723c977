"""Detecting that the kernel has killed a program because its container was out of memory.

If the page itself set the limit (`-m`), that is the command's output; else it is a failure of the machine.

Engines can miss it: with cgroup v1, containerd drops the kernel's notice if the container's control group is
gone when it comes to read it (one of 60 containers on a machine with six times the work it had processors
for). A program that has been killed is therefore not to be taken for one that had memory enough.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from docker import APIClient
from docker.errors import NotFound

KILLED = 137
"""The exit status of a killed program: 128 and the number of SIGKILL."""
_SIGNS = re.compile(rb"\bKilled\b|\b137\b")
"""What shells, compilers and `docker build` print when a program that they have started was killed."""
_LATE_SECONDS = 0.5
"""How long to wait for the engine to note it: that is asynchronous to the end of the program."""
_POLL_SECONDS = 0.05
_ANSWER_SECONDS = 10.0


def may_be_killed(exit_code: int, output: Iterable[bytes]) -> bool:
    """Return whether a command, or a program that it ran, may have been killed: a cheap first test."""
    return exit_code == KILLED or any(_SIGNS.search(data) for data in output)


def was_out_of_memory(api: APIClient, container: str) -> bool:
    """Return whether the engine noted that `container`, even if it is gone by now, was out of memory.

    Raises what docker-py raises.
    """
    give_up = time.monotonic() + _LATE_SECONDS
    while not _is_noted(api, container):
        if time.monotonic() > give_up:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _is_noted(api: APIClient, container: str) -> bool:
    with suppress(NotFound):  # it had `--rm`
        if api.inspect_container(container)["State"].get("OOMKilled"):
            return True
    # Engine 20.10 sets it only when the container has ended; the event is there at once.
    now = datetime.fromisoformat(str(api.info()["SystemTime"])).timestamp()
    # Not docker-py's `events`, which has no timeout: it would wait for ever for a response that does not end.
    answer = api.get(
        f"{api.base_url}/v{api.api_version}/events",
        params={
            "since": "1",
            "until": f"{now:.6f}",
            "filters": json.dumps({"container": [container], "event": ["oom"]}),
        },
        timeout=_ANSWER_SECONDS,
    )
    answer.raise_for_status()
    return bool(answer.content.strip())
