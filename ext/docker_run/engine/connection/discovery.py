"""Choosing the engine of a build: the one that the user names, else the first that answers, else our own.

If the user names an engine (a URL, `DOCKER_HOST`, a context), no other is used: it would run commands where
the user does not want them to run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from docker_run.engine.connection.endpoints import Endpoint, candidates
from docker_run.errors import ClientConfigProblem, EngineProblem
from docker_run.protocols import Progress

if TYPE_CHECKING:
    from docker_run.engine.private.private_engine import PrivateEngine


def expected(setting: str, *, environ: Mapping[str, str], private: bool) -> tuple[str, ...]:
    """Return the URLs that `find` could return, without contacting or starting an engine.

    Raises `EngineProblem` for an invalid setting, and for a context that does not exist.
    """
    endpoints = candidates(setting, environ=environ)
    urls = tuple(endpoint.url for endpoint in endpoints)
    return (*urls, _private_engine().url) if _may_start(setting, endpoints, private=private) else urls


def find(
    setting: str,
    *,
    environ: Mapping[str, str],
    private: bool,
    progress: Progress,
    engine: PrivateEngine | None = None,
) -> str:
    """Return the URL of the engine that the user names, else of the first that answers.

    `setting` is `auto`, `none` or a URL (see `endpoints`). With `auto`, if no engine answers and none was
    named in `DOCKER_HOST` or as a context, and `private` is true, an engine of our own is started: `engine`,
    or the default one.
    Raises `ClientConfigProblem` if `config.json` is damaged, else `EngineProblem` with a line for each
    engine that was tried.
    """
    endpoints = candidates(setting, environ=environ)
    if setting.strip() == "none":
        raise EngineProblem("the engine setting is `none`")
    url, tried = _first(endpoints, environ)
    if url:
        _note(progress, tried)
        return url
    if not endpoints:
        tried.append("no engine: DOCKER_HOST is not set, and there is no socket of Docker or Podman")
    if _may_start(setting, endpoints, private=private):
        try:
            url = (engine or _private_engine()).start(progress)
        except EngineProblem as problem:
            tried.append(str(problem))
        else:
            _note(progress, [*(tried if endpoints else ()), f"on an engine of the build's own, at {url}"])
            return url
    raise EngineProblem("\n".join(tried))


def _first(endpoints: Sequence[Endpoint], environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the URL of the first engine that answers (else ""), and the problems of those before it."""
    # Docker's library takes a quarter of a second to import, and only builds with an engine need it.
    from docker_run.engine.connection.connect import connect  # noqa: PLC0415

    tried: list[str] = []
    for endpoint in endpoints:
        try:
            connect(endpoint.url, environ=environ).close()
        except ClientConfigProblem:
            raise  # the file has to be fixed, not this endpoint
        except EngineProblem as problem:
            remedy = f"; {endpoint.remedy}: no other is used in its place" if endpoint.remedy else ""
            tried.append(f"{problem} (from {endpoint.source}{remedy})")
        else:
            return endpoint.url, tried
    return "", tried


def _note(progress: Progress, lines: Sequence[str]) -> None:
    """Report what the user should know, above all sockets and hosts that exist but don't answer."""
    for line in lines:
        progress.note(line)


def _may_start(setting: str, endpoints: Sequence[Endpoint], *, private: bool) -> bool:
    return private and setting.strip() == "auto" and not any(endpoint.remedy for endpoint in endpoints)


def _private_engine() -> PrivateEngine:
    # Not at the top: the import is slow, and only needed if an engine is started.
    from docker_run.engine.private.private_engine import PrivateEngine  # noqa: PLC0415

    return PrivateEngine()
