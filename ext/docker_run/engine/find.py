"""Choosing the engine of a build: the first that answers, or else one of our own."""

from __future__ import annotations

from collections.abc import Mapping

from docker_run.engine.endpoints import candidates
from docker_run.engine.private import PrivateEngine
from docker_run.errors import EngineProblem
from docker_run.protocols import Progress


def expected(setting: str, *, environ: Mapping[str, str], private: bool) -> tuple[str, ...]:
    """Return the URLs that `find` could return, without contacting or starting anything.

    Raises `EngineProblem` for a setting that is none, and for a context that does not exist.
    """
    urls = tuple(endpoint.url for endpoint in candidates(setting, environ=environ))
    return (*urls, PrivateEngine().url) if _may_start(setting, private=private) else urls


def find(
    setting: str,
    *,
    environ: Mapping[str, str],
    private: bool,
    progress: Progress,
    engine: PrivateEngine | None = None,
) -> str:
    """Return the URL of the first engine that answers.

    `setting` is `auto`, `none` or a URL (see `docker_run.engine.endpoints`). With `auto`, and where
    `private` allows it, an engine of our own is started when none answers: `engine`, or the usual one.
    Raises `EngineProblem` with a line for each engine that was tried.
    """
    # Docker's library takes a quarter of a second to import: only for a build that wants an engine.
    from docker_run.engine.connect import connect  # noqa: PLC0415

    endpoints = candidates(setting, environ=environ)
    tried = []
    for endpoint in endpoints:
        try:
            connect(endpoint.url, environ=environ).close()
        except EngineProblem as problem:
            tried.append(f"{problem} (from {endpoint.source})")
        else:
            return endpoint.url
    if setting.strip() == "none":
        raise EngineProblem("the engine setting is `none`")
    if not endpoints:
        tried.append("no engine: DOCKER_HOST is not set, and there is no socket of Docker or Podman")
    if _may_start(setting, private=private):
        try:
            url = (engine or PrivateEngine()).start(progress)
        except EngineProblem as problem:
            tried.append(str(problem))
        else:
            # Of sockets and hosts that are there and don't answer, the user should know.
            for line in tried if endpoints else ():
                progress.note(line)
            progress.note(f"on an engine of the build's own, at {url}")
            return url
    raise EngineProblem("\n".join(tried))


def _may_start(setting: str, *, private: bool) -> bool:
    return private and setting.strip() == "auto"
