"""What the user has set up for the `docker` command, in `config.json`; nothing here needs Docker's library.

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
"""The variables that tell programs of a proxy, by their names in `config.json`; see `proxies`."""


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """The parts of `config.json` that matter to what is run; all empty where there is no such file."""

    path: Path | None = None
    context: str = ""
    """The name of the current context."""
    auths: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """By registry: what `docker login` wrote into the file itself."""
    credentials_store: str = ""
    """The helper program that has the credentials of all registries: `NAME` in `docker-credential-NAME`."""
    credential_helpers: Mapping[str, str] = field(default_factory=dict)
    """By registry: the helper program that has its credentials, if it is another."""
    proxies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """By the URL of an engine, or `default`: the proxies of its containers."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What to send besides with each request to an engine, by the names of the headers."""

    def proxy_variables(self, url: str) -> dict[str, str]:
        """Return the variables that the CLI gives to containers and builds on the engine at `url`.

        Each is there in capital and in small letters, as programs look for either. See
        https://docs.docker.com/engine/cli/proxy/; the CLI's rule is `ParseProxyConfig` in docker/cli,
        `cli/config/configfile/file.go`.
        """
        chosen = self.proxies[url] if url in self.proxies else self.proxies.get("default", {})
        found: dict[str, str] = {}
        for key, name in PROXY_VARIABLES.items():
            if value := chosen.get(key):
                found |= {name: str(value), name.lower(): str(value)}
        return found


def home_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the user's home folder, from the variable that the system has for it."""
    home = environ.get("USERPROFILE" if sys.platform == "win32" else "HOME", "")
    return Path(home) if home else None


def config_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder of `config.json` and of the contexts; None where the user has no home."""
    if environ.get("DOCKER_CONFIG"):
        return Path(environ["DOCKER_CONFIG"])
    home = home_folder(environ)
    return home / ".docker" if home else None


def client_config(environ: Mapping[str, str]) -> ClientConfig:
    """Read the user's `config.json`.

    An empty one is as good as none, as for the CLI. Of a damaged one the CLI warns, and goes on without
    all that it says; here that is a `ClientConfigProblem`: it may have named another engine, or a proxy.
    """
    folder = config_folder(environ)
    if folder is None:
        return ClientConfig()
    path = folder / "config.json"
    content = read_object(path)
    _check(path, content)
    # Checked: what these have is what the fields say.
    texts = {"context": "currentContext", "credentials_store": "credsStore"}
    tables = {"auths": "auths", "credential_helpers": "credHelpers", "proxies": "proxies"}
    tables |= {"headers": "HttpHeaders"}
    values = {name: content.get(key) or "" for name, key in texts.items()}
    values |= {name: content.get(key) or {} for name, key in tables.items()}
    return ClientConfig(path, **values)  # type: ignore[arg-type]


def read_object(path: Path) -> dict[str, object]:
    """Return the JSON object in a file, empty where the file is missing or empty.

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
    """Return the error that says what is wrong with the file."""
    return ClientConfigProblem(
        f"{path} can't be read: {why}; fix it, or name another folder with DOCKER_CONFIG"
    )


def _check(path: Path, content: Mapping[str, object]) -> None:
    """Look at the types of what is used. Raises `ClientConfigProblem`."""
    for key in ("currentContext", "credsStore"):
        if not isinstance(content.get(key) or "", str):
            raise damaged(path, f"`{key}` is not a text")
    for key, kind in (("auths", dict), ("credHelpers", str), ("proxies", dict), ("HttpHeaders", str)):
        table = content.get(key) or {}
        if not isinstance(table, dict) or not all(isinstance(value, kind) for value in table.values()):
            raise damaged(path, f"`{key}` is not an object of {'texts' if kind is str else 'objects'}")
