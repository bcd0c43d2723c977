"""Endpoints at which engines may listen. Nothing here contacts one, or needs Docker's library.

The precedence is the Docker CLI's: `DOCKER_HOST`, the current context, the default sockets of engines
(https://docs.docker.com/reference/cli/docker/#environment-variables,
https://docs.docker.com/engine/manage-resources/contexts/).
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from docker_run.engine.connection.client_config import (
    client_config,
    config_directory,
    home_directory,
    read_object,
)
from docker_run.errors import EngineProblem

_SCHEMES = ("unix", "tcp", "ssh", "http", "https", "npipe")
_FORMS = "`auto`, `none`, or the URL of an engine such as `unix:///var/run/docker.sock`"


class Certificates(NamedTuple):
    """The files for mutual TLS with an engine on TCP."""

    directory: Path
    """A directory with any of `ca.pem`, `cert.pem` and `key.pem`."""
    verify: bool = True
    """Whether the engine's certificate must be signed by the CA in `ca.pem`."""


class Endpoint(NamedTuple):
    """The address of a possible engine."""

    url: str
    """E.g. `unix:///var/run/docker.sock`, `tcp://10.0.0.2:2376`, `ssh://me@machine`."""
    source: str
    """Where the address comes from, e.g. `DOCKER_HOST` or `context remote`."""
    certificates: Certificates | None = None
    remedy: str = ""
    """What to try if no engine answers there; set only for an engine that the user named."""


def candidates(setting: str, *, environ: Mapping[str, str], root: Path = Path("/")) -> tuple[Endpoint, ...]:
    """Return the endpoints that `setting` allows, in order of preference, without contacting any.

    `setting` is `auto`, `none` or a URL. Absolute paths of sockets are relative to `root`.
    Raises `EngineProblem` for an invalid setting, and for a context that does not exist.
    """
    setting = setting.strip()
    if setting == "none":
        return ()
    if setting != "auto":
        _check(setting, f"the engine setting {setting!r} is none of {_FORMS}")
        return (
            Endpoint(
                setting, "the engine setting", _certificates_of(setting, environ), "correct it, or say `auto`"
            ),
        )
    host = environ.get("DOCKER_HOST", "").strip()
    if host:
        _check(host, f"DOCKER_HOST is {host!r}, which is not the URL of an engine; correct or unset it")
        return (Endpoint(host, "DOCKER_HOST", _certificates_of(host, environ), "correct or unset it"),)
    context = _current_context(environ)
    if context is not None:
        return (context,)
    return _usual(environ, root)


def certificates_for(url: str, environ: Mapping[str, str]) -> Certificates | None:
    """Return the certificates for the engine at `url`, if TLS is configured for it.

    Those of the current context if `url` is the context's, else those of `DOCKER_TLS_VERIFY` and
    `DOCKER_CERT_PATH`.
    """
    if not environ.get("DOCKER_HOST", "").strip():
        try:
            context = _current_context(environ)
        except EngineProblem:
            context = None  # so `url` can't come from the context
        if context is not None and context.url == url:
            return context.certificates
    return _certificates_of(url, environ)


def _check(url: str, message: str) -> None:
    scheme, found, rest = url.partition("://")
    if not found or not rest or scheme not in _SCHEMES:
        raise EngineProblem(message)
    try:
        lacks_port = scheme == "tcp" and urlsplit(url).port is None
    except ValueError as error:
        raise EngineProblem(f"{message} ({error})") from error
    if lacks_port:
        raise EngineProblem(f"{message} (it lacks a port, often 2375 or, with TLS, 2376)")


def _usual(environ: Mapping[str, str], root: Path) -> tuple[Endpoint, ...]:
    """Return the default endpoints whose sockets exist."""
    if sys.platform == "win32":
        # Not checked: testing whether a pipe exists connects to it.
        return (Endpoint("npipe:////./pipe/docker_engine", "the default pipe"),)
    return tuple(
        Endpoint(f"unix://{path}", source)
        for path, source in _usual_sockets(environ)
        if (root / path.lstrip("/")).is_socket()
    )


def _usual_sockets(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    run = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    home = home_directory(environ)
    desktop = ((f"{home}/.docker/run/docker.sock", "the socket of Docker Desktop"),) if home else ()
    return (
        ("/var/run/docker.sock", "the default socket"),
        (f"{run}/docker.sock", "the socket of rootless Docker"),
        *desktop,
        (f"{run}/podman/podman.sock", "the socket of rootless Podman"),
        ("/run/podman/podman.sock", "the socket of Podman"),
    )


def _current_context(environ: Mapping[str, str]) -> Endpoint | None:
    name = environ.get("DOCKER_CONTEXT") or client_config(environ).context
    if name in ("default", ""):
        return None
    directory = config_directory(environ)
    # A context's directory is named by the hash of the context's name.
    identity = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    meta = directory / "contexts" / "meta" / identity / "meta.json" if directory else None
    if directory is None or meta is None or not meta.exists():
        raise EngineProblem(
            f"there is no docker context {name!r} in {directory}: "
            "see `docker context ls`, or choose another with `docker context use` or DOCKER_CONTEXT"
        )
    endpoints = read_object(meta).get("Endpoints")
    endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
    url = endpoint.get("Host", "") if isinstance(endpoint, dict) else ""
    _check(str(url), f"the docker context {name!r} names no engine; see `docker context inspect {name}`")
    tls = directory / "contexts" / "tls" / identity / "docker"
    skips = isinstance(endpoint, dict) and bool(endpoint.get("SkipTLSVerify", False))
    certificates = Certificates(tls, verify=not skips) if tls.is_dir() else None
    return Endpoint(str(url), f"context {name}", certificates, "start it, or `docker context use` another")


def _certificates_of(url: str, environ: Mapping[str, str]) -> Certificates | None:
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    directory = environ.get("DOCKER_CERT_PATH")
    if not url.startswith(("tcp://", "https://")) or not (verify or directory):
        return None
    chosen = Path(directory) if directory else config_directory(environ)
    return Certificates(chosen, verify=verify) if chosen else None
