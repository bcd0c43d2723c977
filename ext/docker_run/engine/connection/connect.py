"""Reaching an engine."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import docker
import requests
from docker.constants import (
    DEFAULT_DOCKER_API_VERSION,
    DEFAULT_TIMEOUT_SECONDS,
    MINIMUM_DOCKER_API_VERSION,
)
from docker.errors import DockerException
from docker.tls import TLSConfig
from docker.utils import version_lt
from docker.utils.proxy import ProxyConfig

from docker_run.engine.connection.client_config import ClientConfig, client_config
from docker_run.engine.connection.credentials import Credentials
from docker_run.engine.connection.endpoints import Certificates, certificates_for
from docker_run.errors import EngineProblem

_FIRST_ANSWER = 15
"""Seconds that an engine may take for its first answer; one that works needs milliseconds."""


def connect(
    url: str, *, environ: Mapping[str, str] | None = None, credentials: Credentials | None = None
) -> docker.DockerClient:
    """Return a client of the engine at `url`, after that has answered; see `spoken_version`.

    `credentials` are those for registries, by default read from the user's `config.json`. Certificates
    come from `environ` (by default the process's own): those of the current context
    where `url` is the context's, else `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`.
    Raises `EngineProblem` that says in one line why there is none, and what to try.
    A client belongs to one thread; the caller closes it.
    """
    environ = os.environ if environ is None else environ
    if url.startswith("unix://"):
        _probe(url)
    config = client_config(environ)
    credentials = credentials or Credentials(config, environ=environ)
    try:
        certificates = certificates_for(url, environ)
        tls = _config(certificates) if certificates else False
        first = _client(url, tls, config, version=MINIMUM_DOCKER_API_VERSION, timeout=_FIRST_ANSWER)
        try:
            # Without a version in the path: an engine answers 400 to one that it no longer speaks.
            version = spoken_version(first.api.version(api_version=False))
        finally:
            first.close()
        client = _client(url, tls, config, version=version, timeout=DEFAULT_TIMEOUT_SECONDS)
    except (DockerException, requests.RequestException, OSError, ValueError, KeyError) as error:
        raise EngineProblem(f"no engine at {url}: {_reason(url, error)}") from error
    except Exception as error:
        # paramiko's errors have no base that can be named where paramiko is not installed.
        if not url.startswith("ssh://"):
            raise
        raise EngineProblem(f"no engine at {url}: {error}; try `ssh` to that machine first") from error
    # Where docker-py would have what it reads itself.
    vars(client.api).update(_auth_configs=credentials, _proxy_configs=_Proxies(config.proxy_variables(url)))
    return client


class _Api(docker.APIClient):
    """docker-py's client, without its own reading of `config.json`.

    That fails at what the CLI takes (an entry with an empty `auth`), and takes over `detachKeys`, with which
    a program under a build could not be typed to in the same way on all machines.
    """

    def __init__(self, config: ClientConfig, **settings: Any) -> None:  # noqa: ANN401 - docker-py's own
        self._config = config
        super().__init__(**settings)

    @property
    def _general_configs(self) -> dict[str, object]:
        return {"HttpHeaders": dict(self._config.headers)}

    @_general_configs.setter
    def _general_configs(self, read: object) -> None:
        """Leave what docker-py has read."""


class _Client(docker.DockerClient):
    """docker-py's outer client, of a client that there is."""

    def __init__(self, api: _Api) -> None:
        self.api = api


class _Proxies(ProxyConfig):
    """The proxies that docker-py tells to builds, by the names of their variables."""

    def get_environment(self) -> Any:  # noqa: ANN401 - docker-py's type lacks ALL_PROXY
        """Return the variables, which docker-py gives to a build unless it has them already."""
        return dict(self)


def spoken_version(answer: Mapping[str, Any]) -> str:
    """Return the version of the Engine API to speak with the engine that gave `answer` to `/version`.

    The lower of the engine's and docker-py's; where the engine no longer speaks that one, the oldest
    that it does. Raises `KeyError` where the answer names no version.
    See https://docs.docker.com/reference/api/engine/#api-version-matrix.
    """
    newest, oldest = str(answer["ApiVersion"]), str(answer.get("MinAPIVersion") or MINIMUM_DOCKER_API_VERSION)
    spoken = newest if version_lt(newest, DEFAULT_DOCKER_API_VERSION) else DEFAULT_DOCKER_API_VERSION
    return oldest if version_lt(spoken, oldest) else spoken


def _probe(url: str) -> None:
    """Connect to a Unix socket and hang up: docker-py leaves a socket open where that fails."""
    path = unquote(urlsplit(url).netloc + urlsplit(url).path)
    if not hasattr(socket, "AF_UNIX"):
        raise EngineProblem(
            f"no engine at {url}: Python has no such sockets on this system; use npipe:// or tcp://"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
        knocking.settimeout(_FIRST_ANSWER)
        try:
            knocking.connect(path)
        except FileNotFoundError as error:
            raise EngineProblem(
                f"no engine at {url}: there is no such socket; is the engine running?"
            ) from error
        except ConnectionRefusedError as error:
            raise EngineProblem(
                f"no engine at {url}: nothing is listening there; start the engine"
            ) from error
        except PermissionError as error:
            raise EngineProblem(
                f"no engine at {url}: permission denied; join the socket's group (often `docker`) "
                "and log in again, or run as root"
            ) from error
        except OSError as error:
            raise EngineProblem(f"no engine at {url}: {error}; is the path right?") from error


def _config(certificates: Certificates) -> TLSConfig:
    """Return docker-py's form. Raises docker-py's `TLSParameterError` where a file is missing."""
    pair = (certificates.folder / "cert.pem", certificates.folder / "key.pem")
    authority = certificates.folder / "ca.pem"
    return TLSConfig(
        client_cert=(str(pair[0]), str(pair[1])) if pair[0].exists() else None,
        ca_cert=str(authority) if authority.exists() else None,
        verify=certificates.verify,
    )


def _client(
    url: str,
    tls: TLSConfig | bool,  # noqa: FBT001 - docker-py's own type
    config: ClientConfig,
    *,
    version: str,
    timeout: float,
) -> docker.DockerClient:
    client = _Client(_Api(config, base_url=url, version=version, timeout=int(timeout), tls=tls))
    # `REQUESTS_CA_BUNDLE` would go before the engine's own authority; proxies are kept by hand.
    client.api.trust_env = False
    if not url.startswith(("unix://", "npipe://", "ssh://")):
        client.api.proxies.update(requests.utils.get_environ_proxies(client.api.base_url))
    return client


def _reason(url: str, error: BaseException) -> str:
    """Find the operating system's own error in the chain that docker-py, requests and urllib3 make."""
    if url.startswith("ssh://") and "paramiko" in str(error).lower():
        return 'ssh:// needs paramiko; install it with `pip install "docker[ssh]"`'
    cause: BaseException = error
    while (deeper := _cause(cause)) is not None:
        cause = deeper
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    if "HTTP request to an HTTPS server" in str(error):
        return "it speaks TLS; set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH"
    return f"{(text or type(cause).__name__).splitlines()[0]}; check the address and that the engine runs"


def _cause(error: BaseException) -> BaseException | None:
    wrapped = getattr(error, "reason", None)
    inner = error.args[0] if error.args else None
    for candidate in (error.__cause__, error.__context__, wrapped, inner):
        if isinstance(candidate, BaseException):
            return candidate
    return None
