"""The user's configuration of the Docker CLI, `config.json`. Docker's library is not needed here.

See https://docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from docker_run.errors import ClientConfigProblem

PROXY_VARIABLES = {
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "noProxy": "NO_PROXY",
    "ftpProxy": "FTP_PROXY",
    "allProxy": "ALL_PROXY",
}
"""The environment variables for proxies, by their names in `config.json`; see `proxies`."""


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """The parts of `config.json` that affect what is run; all empty if there is no such file."""

    path: Path | None = None
    context: str = ""
    """The name of the current context."""
    auths: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """By registry: the credentials that `docker login` wrote into the file itself."""
    credentials_store: str = ""
    """The credential helper for all registries: `NAME` in `docker-credential-NAME`."""
    credential_helpers: Mapping[str, str] = field(default_factory=dict)
    """By registry: its own credential helper."""
    proxies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """By the URL of an engine, or `default`: the proxies of its containers."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Additional HTTP headers for each request to an engine."""

    def proxy_variables(self, url: str) -> dict[str, str]:
        """Return the proxy variables that the CLI sets in containers and builds on the engine at `url`.

        Each is set in upper and in lower case, since programs read either. See
        https://docs.docker.com/engine/cli/proxy/; the CLI's rule is `ParseProxyConfig` in docker/cli,
        `cli/config/configfile/file.go`.
        """
        chosen = self.proxies[url] if url in self.proxies else self.proxies.get("default", {})
        found: dict[str, str] = {}
        for key, name in PROXY_VARIABLES.items():
            if value := chosen.get(key):
                found |= {name: str(value), name.lower(): str(value)}
        return found


def home_directory(environ: Mapping[str, str]) -> Path | None:
    """Return the user's home directory, from the system's environment variable for it."""
    home = environ.get("USERPROFILE" if sys.platform == "win32" else "HOME", "")
    return Path(home) if home else None


def config_directory(environ: Mapping[str, str]) -> Path | None:
    """Return the directory of `config.json` and of the contexts; None if the user has no home."""
    if environ.get("DOCKER_CONFIG"):
        return Path(environ["DOCKER_CONFIG"])
    home = home_directory(environ)
    return home / ".docker" if home else None


def client_config(environ: Mapping[str, str]) -> ClientConfig:
    """Read the user's `config.json`.

    An empty file counts as none, as for the CLI. The CLI warns of a damaged one and ignores all of it; here
    it raises `ClientConfigProblem`: it may name another engine, or a proxy.
    """
    directory = config_directory(environ)
    if directory is None:
        return ClientConfig()
    path = directory / "config.json"
    content = read_object(path)
    _check(path, content)
    # `_check` has made sure of the types.
    texts = {"context": "currentContext", "credentials_store": "credsStore"}
    tables = {"auths": "auths", "credential_helpers": "credHelpers", "proxies": "proxies"}
    tables |= {"headers": "HttpHeaders"}
    values = {name: content.get(key) or "" for name, key in texts.items()}
    values |= {name: content.get(key) or {} for name, key in tables.items()}
    return ClientConfig(path, **values)  # type: ignore[arg-type]


def read_object(path: Path) -> dict[str, object]:
    """Return the JSON object in a file, empty if the file is missing or empty.

    Raises `ClientConfigProblem`.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if text.strip() else None
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path, str(error)) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise damaged(path, "it does not hold a JSON object")
    return content


def damaged(path: Path | None, why: str) -> ClientConfigProblem:
    """Return the error for a file that can't be read."""
    return ClientConfigProblem(
        f"{path} can't be read: {why}; fix it, or name another directory with DOCKER_CONFIG"
    )


def _check(path: Path, content: Mapping[str, object]) -> None:
    """Check the types of the values that are used. Raises `ClientConfigProblem`."""
    for key in ("currentContext", "credsStore"):
        if not isinstance(content.get(key) or "", str):
            raise damaged(path, f"`{key}` is not a string")
    for key, kind in (("auths", dict), ("credHelpers", str), ("proxies", dict), ("HttpHeaders", str)):
        table = content.get(key) or {}
        if not isinstance(table, dict) or not all(isinstance(value, kind) for value in table.values()):
            raise damaged(path, f"`{key}` is not an object of {'strings' if kind is str else 'objects'}")
