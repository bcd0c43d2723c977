"""Connecting to an engine."""

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
"""Timeout of an engine's first response, in seconds; a working one needs milliseconds."""


def connect(
    url: str, *, environ: Mapping[str, str] | None = None, credentials: Credentials | None = None
) -> docker.DockerClient:
    """Return a client of the engine at `url`, once that has responded.

    `credentials` are those for registries, by default read from the user's `config.json`. Certificates
    come from `environ` (by default the process's own): those of the current context if `url` is the
    context's, else `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`. For the API version see `spoken_version`.
    Raises `EngineProblem`, which says in one line why no engine was reached, and what to try.
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
            # Without a version in the path: an engine responds with 400 to one that it no longer supports.
            version = spoken_version(first.api.version(api_version=False))
        finally:
            first.close()
        client = _client(url, tls, config, version=version, timeout=DEFAULT_TIMEOUT_SECONDS)
    except (DockerException, requests.RequestException, OSError, ValueError, KeyError) as error:
        raise EngineProblem(f"no engine at {url}: {_reason(url, error)}") from error
    except Exception as error:
        # paramiko's errors can't be named here: paramiko may not be installed.
        if not url.startswith("ssh://"):
            raise
        raise EngineProblem(f"no engine at {url}: {error}; try `ssh` to that machine first") from error
    # In the attributes for what docker-py would read itself.
    vars(client.api).update(_auth_configs=credentials, _proxy_configs=_Proxies(config.proxy_variables(url)))
    return client


class _Api(docker.APIClient):
    """docker-py's low-level client, but without docker-py's reading of `config.json`.

    docker-py fails at entries that the CLI accepts (an empty `auth`), and applies `detachKeys`, so that
    typing to a program would depend on the machine.
    """

    def __init__(self, config: ClientConfig, **settings: Any) -> None:  # noqa: ANN401 - docker-py's own
        self._config = config
        super().__init__(**settings)

    @property
    def _general_configs(self) -> dict[str, object]:
        return {"HttpHeaders": dict(self._config.headers)}

    @_general_configs.setter
    def _general_configs(self, read: object) -> None:
        """Ignore what docker-py has read."""


class _Client(docker.DockerClient):
    """docker-py's high-level client, around an existing low-level one."""

    def __init__(self, api: _Api) -> None:
        self.api = api


class _Proxies(ProxyConfig):
    """The proxies that docker-py passes to image builds, by the names of their variables."""

    def get_environment(self) -> Any:  # noqa: ANN401 - docker-py's type lacks ALL_PROXY
        """Return the variables, which docker-py adds to a build's unless they are set."""
        return dict(self)


def spoken_version(answer: Mapping[str, Any]) -> str:
    """Return the version of the Engine API to use, by the engine's response to `/version`.

    The lower of the engine's and docker-py's; if the engine no longer supports that, its oldest.
    Raises `KeyError` if the response names no version.
    See https://docs.docker.com/reference/api/engine/#api-version-matrix.
    """
    newest, oldest = str(answer["ApiVersion"]), str(answer.get("MinAPIVersion") or MINIMUM_DOCKER_API_VERSION)
    spoken = newest if version_lt(newest, DEFAULT_DOCKER_API_VERSION) else DEFAULT_DOCKER_API_VERSION
    return oldest if version_lt(spoken, oldest) else spoken


def _probe(url: str) -> None:
    """Check that a Unix socket accepts connections: docker-py leaks a socket where connecting fails."""
    path = unquote(urlsplit(url).netloc + urlsplit(url).path)
    if not hasattr(socket, "AF_UNIX"):
        raise EngineProblem(
            f"no engine at {url}: Python has no Unix sockets on this system; use npipe:// or tcp://"
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
    """Convert to docker-py's type. Raises docker-py's `TLSParameterError` if a file is missing."""
    pair = (certificates.directory / "cert.pem", certificates.directory / "key.pem")
    authority = certificates.directory / "ca.pem"
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
    # `REQUESTS_CA_BUNDLE` would take precedence over the engine's own CA; proxies are set below instead.
    client.api.trust_env = False
    if not url.startswith(("unix://", "npipe://", "ssh://")):
        client.api.proxies.update(requests.utils.get_environ_proxies(client.api.base_url))
    return client


def _reason(url: str, error: BaseException) -> str:
    """Return the operating system's error from the chain that docker-py, requests and urllib3 build."""
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
