"""Which engines there may be, and how to reach one.

The rules are the `docker` command's own: `DOCKER_HOST` goes before the current context, which goes
before the sockets that an engine listens on by default
(https://docs.docker.com/reference/cli/docker/#environment-variables,
https://docs.docker.com/engine/manage-resources/contexts/).
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import docker
import requests
from docker.constants import DEFAULT_TIMEOUT_SECONDS, MINIMUM_DOCKER_API_VERSION
from docker.errors import DockerException
from docker.tls import TLSConfig
from docker.utils import parse_host

from docker_run.errors import EngineProblem

_SCHEMES = ("unix", "tcp", "ssh", "http", "https", "npipe")
_FORMS = "`auto`, `none`, or the URL of an engine such as `unix:///var/run/docker.sock`"
_FIRST_ANSWER = 15
"""Seconds that an engine may take for its first answer; one that works needs milliseconds."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files with which an engine on TCP proves who it is, and we who we are."""

    folder: Path
    """Holds any of `ca.pem`, `cert.pem` and `key.pem`."""
    verify: bool = True
    """Whether the engine's certificate must be signed by the authority in `ca.pem`."""

    def config(self) -> TLSConfig:
        """Return docker-py's form. Raises docker-py's `TLSParameterError` where a file is missing."""
        pair = (self.folder / "cert.pem", self.folder / "key.pem")
        authority = self.folder / "ca.pem"
        return TLSConfig(
            client_cert=(str(pair[0]), str(pair[1])) if pair[0].exists() else None,
            ca_cert=str(authority) if authority.exists() else None,
            verify=self.verify,
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an engine may listen."""

    url: str
    """E.g. `unix:///var/run/docker.sock`, `tcp://10.0.0.2:2376`, `ssh://me@machine`."""
    source: str
    """Who says so, e.g. `DOCKER_HOST` or `context remote`."""
    certificates: Certificates | None = None


def candidates(setting: str, *, environ: Mapping[str, str], root: Path = Path("/")) -> tuple[Endpoint, ...]:
    """Return the engines that `setting` allows, the first choice first, without contacting any.

    `setting` is `auto`, `none` or a URL. `root` is where absolute paths of sockets begin.
    Raises `EngineProblem` for another setting, and for a context that does not exist.
    """
    setting = setting.strip()
    if setting == "none":
        return ()
    if setting != "auto":
        _check(setting, f"the engine setting {setting!r} is none of {_FORMS}")
        return (Endpoint(setting, "the engine setting", _certificates_of(setting, environ)),)
    host = environ.get("DOCKER_HOST", "").strip()
    if host:
        _check(host, f"DOCKER_HOST is {host!r}, which is not the URL of an engine; correct or unset it")
        return (Endpoint(host, "DOCKER_HOST", _certificates_of(host, environ)),)
    context = _current_context(environ)
    if context is not None:
        return (context,)
    return tuple(
        Endpoint(f"unix://{path}", source)
        for path, source in _usual_sockets(environ)
        if (root / path.lstrip("/")).is_socket()
    )


def connect(url: str, *, environ: Mapping[str, str] | None = None) -> docker.DockerClient:
    """Return a client of the engine at `url`, after that has answered; it speaks the engine's API version.

    Certificates come from `environ` (by default the process's own): those of the current context
    where `url` is the context's, else `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`.
    Raises `EngineProblem` that says in one line why there is none, and what to try.
    A client belongs to one thread; the caller closes it.
    """
    environ = os.environ if environ is None else environ
    if url.startswith("unix://"):
        _knock(url)
    try:
        certificates = _certificates_for(url, environ)
        tls = certificates.config() if certificates else False
        first = _client(url, tls, version=MINIMUM_DOCKER_API_VERSION, timeout=_FIRST_ANSWER)
        try:
            first.ping()
            version = str(first.api.version(api_version=False)["ApiVersion"])
        finally:
            first.close()
        return _client(url, tls, version=version, timeout=DEFAULT_TIMEOUT_SECONDS)
    except (DockerException, requests.RequestException, OSError, ValueError, KeyError) as error:
        raise EngineProblem(f"no engine at {url}: {_reason(url, error)}") from error
    except Exception as error:
        # paramiko's errors have no base that can be named where paramiko is not installed.
        if not url.startswith("ssh://"):
            raise
        raise EngineProblem(f"no engine at {url}: {error}; try `ssh` to that machine first") from error


def _knock(url: str) -> None:
    """Connect to a Unix socket and hang up: docker-py leaves a socket open where that fails."""
    path = unquote(urlsplit(url).netloc + urlsplit(url).path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
        knocking.settimeout(_FIRST_ANSWER)
        try:
            knocking.connect(path)
        except FileNotFoundError as error:
            raise EngineProblem(
                f"no engine at {url}: there is no such socket; is the engine running?"
            ) from error
        except ConnectionRefusedError as error:
            raise EngineProblem(f"no engine at {url}: nobody listens there; start the engine") from error
        except PermissionError as error:
            raise EngineProblem(
                f"no engine at {url}: permission denied; join the socket's group (often `docker`) "
                "and log in again, or run as root"
            ) from error
        except OSError as error:
            raise EngineProblem(f"no engine at {url}: {error}; is the path right?") from error


def _client(url: str, tls: TLSConfig | bool, *, version: str, timeout: float) -> docker.DockerClient:  # noqa: FBT001 - docker-py's own type
    client = docker.DockerClient(base_url=url, version=version, timeout=int(timeout), tls=tls)
    # `REQUESTS_CA_BUNDLE` would go before the engine's own authority; proxies are kept by hand.
    client.api.trust_env = False
    if str(client.api.base_url).startswith("http"):
        client.api.proxies.update(requests.utils.get_environ_proxies(client.api.base_url))
    return client


def _check(url: str, message: str) -> None:
    scheme, found, rest = url.partition("://")
    try:
        parse_host(url)
    except (DockerException, ValueError) as error:
        raise EngineProblem(message) from error
    if not found or not rest or scheme not in _SCHEMES:
        raise EngineProblem(message)


def _usual_sockets(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    run = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    home = environ.get("HOME", "")
    return (
        ("/var/run/docker.sock", "the default socket"),
        (f"{run}/docker.sock", "the socket of rootless Docker"),
        (f"{home}/.docker/run/docker.sock", "the socket of Docker Desktop"),
        (f"{run}/podman/podman.sock", "the socket of rootless Podman"),
        ("/run/podman/podman.sock", "the socket of Podman"),
    )


def _current_context(environ: Mapping[str, str]) -> Endpoint | None:
    folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", "")) / ".docker")
    name = environ.get("DOCKER_CONTEXT") or _read(folder / "config.json").get("currentContext", "default")
    if name in ("default", ""):
        return None
    # The folder of a context is called by the hash of its name.
    identity = hashlib.sha256(str(name).encode()).hexdigest()
    meta = folder / "contexts" / "meta" / identity / "meta.json"
    if not meta.exists():
        raise EngineProblem(
            f"there is no docker context {name!r} in {folder}: "
            "see `docker context ls`, or choose another with `docker context use` or DOCKER_CONTEXT"
        )
    endpoints = _read(meta).get("Endpoints")
    endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
    url = endpoint.get("Host", "") if isinstance(endpoint, dict) else ""
    _check(str(url), f"the docker context {name!r} names no engine; see `docker context inspect {name}`")
    tls = folder / "contexts" / "tls" / identity / "docker"
    skips = isinstance(endpoint, dict) and bool(endpoint.get("SkipTLSVerify", False))
    certificates = Certificates(tls, verify=not skips) if tls.is_dir() else None
    return Endpoint(str(url), f"context {name}", certificates)


def _read(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise EngineProblem(f"{path} can't be read: {error}") from error
    if not isinstance(content, dict):
        raise EngineProblem(f"{path} can't be read: it does not hold a JSON object")
    return content


def _certificates_for(url: str, environ: Mapping[str, str]) -> Certificates | None:
    if not environ.get("DOCKER_HOST", "").strip():
        try:
            context = _current_context(environ)
        except EngineProblem:
            context = None  # it was not the context that named `url`
        if context is not None and context.url == url:
            return context.certificates
    return _certificates_of(url, environ)


def _certificates_of(url: str, environ: Mapping[str, str]) -> Certificates | None:
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    folder = environ.get("DOCKER_CERT_PATH")
    if not url.startswith(("tcp://", "https://")) or not (verify or folder):
        return None
    return Certificates(Path(folder or Path(environ.get("HOME", "")) / ".docker"), verify=verify)


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
