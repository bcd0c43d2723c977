"""Volumes without a name, which an engine makes for a container, and to which it gives none of our labels.

They are asked for with `-v /path`, or by `VOLUME` in the container's image, and go with the container. But
an engine removes the container first: where it dies in between, they stay, and nothing says whose they
are. So a build's sign of life names them (see `docker_run.engine.cleanup.lease`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import requests
from docker import APIClient
from docker.errors import APIError

WITHOUT_A_NAME = re.compile(r"[0-9a-f]{64}")
"""What engines call them; names of pages have a prefix, which has other characters."""


def without_names(container: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the volumes without a name of a container, by the engine's answer about it."""
    mounts = [mount for mount in container.get("Mounts") or () if mount.get("Type") == "volume"]
    names = {str(mount.get("Name", "")) for mount in mounts}
    return tuple(sorted(name for name in names if WITHOUT_A_NAME.fullmatch(name)))


def remove_volumes(api: APIClient, names: Iterable[str]) -> list[str]:
    """Remove the volumes that are still there; return those that somebody uses.

    Raises docker-py's `APIError` where the engine fails.
    """
    used = []
    for name in names:
        try:
            api.remove_volume(name)
        except APIError as error:
            if error.status_code == requests.codes.conflict:
                used.append(name)
            elif error.status_code != requests.codes.not_found:
                raise
    return used
