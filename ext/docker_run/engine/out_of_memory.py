"""Whether the kernel has killed a program because its container was out of memory.

What such a program printed is its output where the page itself has set the limit (`-m`), else it tells of the
machine.
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
"""The exit status of what was killed: 128, and the number of SIGKILL."""
_SIGNS = re.compile(rb"\bKilled\b|\b137\b")
"""What shells, compilers and `docker build` print of such an end of a program that they have started."""
_LATE_SECONDS = 0.5
"""How long an engine may take to note it after the end of the program: it is told by another way."""
_LOOK_SECONDS = 0.05
_ANSWER_SECONDS = 10.0


def may_be_killed(exit_code: int, output: Iterable[bytes]) -> bool:
    """Tell whether it is worth while to ask: whether a command, or a program that it ran, was killed."""
    return exit_code == KILLED or any(_SIGNS.search(data) for data in output)


def was_out_of_memory(api: APIClient, container: str) -> bool:
    """Tell whether `container`, also one that is gone by now, was ever out of memory.

    Raises what docker-py raises.
    """
    give_up = time.monotonic() + _LATE_SECONDS
    while not _is_noted(api, container):
        if time.monotonic() > give_up:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _is_noted(api: APIClient, container: str) -> bool:
    with suppress(NotFound):  # one with `--rm` is gone
        if api.inspect_container(container)["State"].get("OOMKilled"):
            return True
    # Engine 20.10 says it of a container only when that has ended; but the last events are there at once.
    now = datetime.fromisoformat(str(api.info()["SystemTime"])).timestamp()
    # Not by docker-py's `events`, which would wait for ever where the answer does not end.
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
