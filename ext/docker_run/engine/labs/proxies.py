"""The user's proxies on a lab: for its own programs, and for containers that are started there."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping

from docker_run.engine.connection.client_config import PROXY_VARIABLES

_OWN = ("localhost", "127.0.0.1", "::1")
HOME = "/root"


def own_environment(proxies: Mapping[str, str], *, near: Iterable[str]) -> list[str]:
    """Return the environment variables for a lab's engine, shell and programs: `NAME=VALUE`.

    The lab itself, and the hosts `near`, which only the labs can reach, are excluded from proxying. Empty if
    there are no proxies.
    """
    if not proxies:
        return []
    direct = [*filter(None, [proxies.get("NO_PROXY", "")]), *_OWN, *near]
    variables = dict(proxies) | dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(dict.fromkeys(direct)))
    return [f"{name}={value}" for name, value in variables.items()]


def client_config_archive(proxies: Mapping[str, str]) -> bytes:
    """Return an archive to unpack at `HOME`: the `config.json` for the lab's CLI, with the user's proxies.

    See https://docs.docker.com/engine/cli/proxy/.
    """
    default = {key: proxies[name] for key, name in PROXY_VARIABLES.items() if name in proxies}
    content = json.dumps({"proxies": {"default": default}}, indent=1).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        directory = tarfile.TarInfo(".docker")
        directory.type, directory.mode = tarfile.DIRTYPE, 0o700
        tar.addfile(directory)
        file = tarfile.TarInfo(".docker/config.json")
        file.size, file.mode = len(content), 0o600
        tar.addfile(file, io.BytesIO(content))
    return archive.getvalue()
