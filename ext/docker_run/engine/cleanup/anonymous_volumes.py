"""Anonymous volumes, which an engine creates for a container, without our labels.

They come from `-v /path`, or from `VOLUME` in the container's image, and are removed with the container. But
an engine removes the container first: if it dies in between, they stay, and nothing says whose they are. So
a build's lease names them (see `docker_run.engine.cleanup.lease`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import requests
from docker import APIClient
from docker.errors import APIError

ANONYMOUS_NAME = re.compile(r"[0-9a-f]{64}")
"""The name that engines give to them; a page's own names have a prefix with other characters."""


def anonymous_volume_names(container: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of a container's anonymous volumes; `container` is the engine's answer to inspect."""
    mounts = [mount for mount in container.get("Mounts") or () if mount.get("Type") == "volume"]
    names = {str(mount.get("Name", "")) for mount in mounts}
    return tuple(sorted(name for name in names if ANONYMOUS_NAME.fullmatch(name)))


def remove_volumes(api: APIClient, names: Iterable[str]) -> list[str]:
    """Remove the volumes that still exist; return those that are in use.

    Raises docker-py's `APIError` if the engine fails.
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
