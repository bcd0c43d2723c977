"""Removing what dead builds left on an engine, by its labels (see `labels`).

Objects without our labels are never touched, nor those that only inherited them, nor those of a build that
may still be alive. Whether a build is alive is decided by its directory if it ran on this machine (see
`build_directory`), else by its lease (see `lease`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import requests
from docker import APIClient, DockerClient
from docker.errors import DockerException
from urllib3.exceptions import HTTPError

from docker_run.engine.cleanup.build_directory import BuildDirectories, Liveness
from docker_run.engine.cleanup.labels import BUILD, SESSION
from docker_run.engine.cleanup.lease import RENEWAL_SECONDS
from docker_run.engine.cleanup.leftovers import (
    DockerObject,
    images_of_leases,
    is_ours,
    labelled_objects,
    volumes_of_leases,
)
from docker_run.engine.cleanup.removal import Resource
from docker_run.engine.connection.answers import NotAnEngine
from docker_run.errors import EngineProblem

PAUSE_SECONDS = 3 * RENEWAL_SECONDS
"""How long to wait for a silent build's lease to be renewed before its objects are removed.

If the engine's clock was changed, every build on it looks silent until its next renewal.
"""
_REMOVAL_SECONDS = 60.0
_PENDING_REMOVAL_SECONDS = 10.0
"""How long to wait for a container that the engine is already removing."""


@dataclass(slots=True)
class Survey:
    """The objects of builds on an engine, by whether their build is alive."""

    dead: list[DockerObject] = field(default_factory=list)
    alive: list[DockerObject] = field(default_factory=list)
    """Objects of builds that run on this machine."""
    elsewhere: list[DockerObject] = field(default_factory=list)
    """Objects of builds elsewhere that may be alive."""


def survey(
    client: DockerClient,
    directories: BuildDirectories,
    *,
    say: Callable[[str], None] = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
) -> Survey:
    """List the objects of builds on an engine; `say` gets a notice before a long wait.

    Raises what docker-py raises.
    """
    api, found = client.api, Survey()
    inherited: dict[str, str] = {}
    # A user's container may have inherited a dead build's labels for good: it is no reason to wait.
    builds = _by_build(obj for obj in labelled_objects(api) if is_ours(api, obj, inherited))
    lives = {build: directories.liveness(build) for build in builds}
    silent = _silent(
        api, {build: builds[build] for build, life in lives.items() if life is Liveness.ELSEWHERE}
    )
    if silent:
        owners = ", ".join(sorted({str(builds[build][0].owner) for build in silent}))
        say(f"listening {PAUSE_SECONDS:g} s for builds that seem to be dead ({owners})")
        pause(PAUSE_SECONDS)
        again = _by_build(obj for obj in labelled_objects(api) if is_ours(api, obj, inherited))
        silent = {build for build in silent if _ids(builds[build]) == _ids(again.get(build, []))}
    for build, ours in builds.items():
        if lives[build] is Liveness.DEAD or build in silent:
            found.dead += ours
        elif lives[build] is Liveness.ALIVE:
            found.alive += ours
        else:
            found.elsewhere += ours
    return found


def sweep(
    client: DockerClient,
    directories: BuildDirectories,
    *,
    say: Callable[[str], None] = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
    failed: Callable[[str], None] = lambda _: None,
) -> str:
    """Remove what dead builds left on the engine.

    `failed` is called with each build of which something could not be removed.
    Returns a sentence that says what was removed, and what could not be; empty if there was nothing.
    Raises `EngineProblem`.
    """
    with engine_errors("while it was looked through for what killed builds left behind"):
        dead = survey(client, directories, say=say, pause=pause).dead
        return _remove_dead(client.api, dead, failed=failed)


def remove_parts(
    api: APIClient, build: str, *, lease: str, failed: Callable[[str], None] = lambda _: None
) -> str:
    """Remove what is left of a build whose processes have all ended, except the one with the lease `lease`.

    `lease` is its prefix (`Lease.prefix`). Returns a sentence, like `sweep`. Raises what docker-py raises.
    """
    inherited: dict[str, str] = {}
    left = [
        obj
        for obj in labelled_objects(api, f"{BUILD}={build}")
        if not (obj.is_lease and obj.name.startswith(lease)) and is_ours(api, obj, inherited)
    ]
    return _remove_dead(api, left, whose="a process of this build that was", failed=failed)


def remove_all(
    client: DockerClient,
    directories: BuildDirectories,
    *,
    say: Callable[[str], None] = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """Remove the same; the sentence also says what was left, and why. Raises `EngineProblem`."""
    with engine_errors("while what builds left on it was removed"):
        found = survey(client, directories, say=say, pause=pause)
        sentences = [_remove_dead(client.api, found.dead) or "nothing to remove"]
    if found.alive:
        sentences.append(f"left {_counts(found.alive)} of a build that is running ({_owners(found.alive)})")
    if found.elsewhere:
        silence = max(obj.owner.silence for obj in found.elsewhere)
        sentences.append(
            f"left {_counts(found.elsewhere)} of builds elsewhere that may be running "
            f"({_owners(found.elsewhere)}); once they have given no sign of life for {_hours(silence)}, "
            "they are removed"
        )
    return "; ".join(sentences)


def remove_session(clients: Callable[[], DockerClient], session: str, *, pool: Executor) -> None:
    """Remove all objects of `session`, its containers concurrently. Raises `EngineProblem`.

    `clients` returns the calling thread's client; `pool` runs the removals.
    """
    with engine_errors("while a page's containers were removed"):
        give_up = time.monotonic() + _REMOVAL_SECONDS
        inherited: dict[str, str] = {}
        while time.monotonic() < give_up:
            api = clients().api
            found = [
                each
                for each in labelled_objects(api, f"{SESSION}={session}")
                if is_ours(api, each, inherited)
            ]
            if not found:
                return
            for kind in Resource:
                _remove_together([obj for obj in found if obj.kind == kind], clients, pool)
            time.sleep(0.02)
    left = _counts(found)
    raise EngineProblem(
        f"the engine did not remove {left} of this page within {_REMOVAL_SECONDS:g} s; "
        "the next build will try again"
    )


@contextmanager
def engine_errors(what: str) -> Iterator[None]:
    """Turn errors of the engine, or of the connection to it, into `EngineProblem`."""
    try:
        yield
    except (DockerException, requests.RequestException, HTTPError, OSError) as error:
        raise EngineProblem(f"the engine failed {what}: {error}; check that it is running") from error


def _by_build(objects: Iterable[DockerObject]) -> dict[str, list[DockerObject]]:
    builds: dict[str, list[DockerObject]] = {}
    for obj in objects:
        builds.setdefault(obj.owner.build, []).append(obj)
    return builds


def _ids(objects: Iterable[DockerObject]) -> set[str]:
    return {obj.id for obj in objects}


def _silent(api: APIClient, builds: dict[str, list[DockerObject]]) -> set[str]:
    """Return the builds whose last sign of life is older than they allow, by the engine's clock.

    Any object that a build created is a sign of life. One that is far in the future counts as old: the clock
    was changed.
    """
    if not builds:
        return set()
    now = datetime.fromisoformat(str(api.info()["SystemTime"])).timestamp()
    silent = set()
    for build, objects in builds.items():
        age = min(abs(now - obj.created) for obj in objects)
        if age > max(obj.owner.silence for obj in objects):
            silent.add(build)
    return silent


def _remove_dead(
    api: APIClient,
    dead: list[DockerObject],
    *,
    whose: str = "",
    failed: Callable[[str], None] = lambda _: None,
) -> str:
    """Remove what dead builds left; return what was removed, what could not be, and why, as a sentence.

    `whose` describes the builds in the sentence, by default with their number.
    """
    # A lease goes after the objects that it names: nothing else names them.
    found = sorted(
        [*dead, *images_of_leases(api, dead), *volumes_of_leases(dead)],
        key=lambda obj: (list(Resource).index(obj.kind), obj.is_lease),
    )
    removed: list[DockerObject] = []
    left: dict[DockerObject, str] = {}
    for kind in Resource:
        objects = [obj for obj in found if obj.kind == kind]
        give_up = time.monotonic() + _PENDING_REMOVAL_SECONDS
        while objects:
            pending = [obj for obj in objects if _remove_or_note(api, obj, removed, left)]
            # The engine is still removing these containers: what they use can't be removed before.
            objects = pending if kind is Resource.CONTAINER and time.monotonic() < give_up else []
            time.sleep(0.05 if objects else 0)
    sentences = []
    counted = [obj for obj in removed if not obj.is_lease]
    if counted:
        builds = len({obj.owner.build for obj in counted})
        whose = whose or ("a build that was" if builds == 1 else f"{builds} builds that were")
        sentences.append(f"removed {_counts(counted)} of {whose} killed")
    if left:
        sentences.append(f"could not remove {', '.join(left.values())}")
    for build in sorted({obj.owner.build for obj in left}):
        failed(build)
    return "; ".join(sentences)


def _remove_or_note(
    api: APIClient, obj: DockerObject, removed: list[DockerObject], left: dict[DockerObject, str]
) -> bool:
    """Remove `obj`, and note the outcome; return whether it still exists although there was no error."""
    if obj.is_lease and any(obj.owner.build == other.owner.build for other in left):
        return False  # it names what could not be removed
    try:
        if obj.remove(api):
            removed.append(obj)
            return False
        return obj.exists(api)
    except (DockerException, NotAnEngine) as error:
        said = getattr(error, "explanation", "") or error
        left[obj] = f"{obj.kind} {obj.name or obj.id[:12]} ({said})"
        return False


def _remove_together(
    objects: list[DockerObject], clients: Callable[[], DockerClient], pool: Executor
) -> None:
    if len(objects) == 1:
        objects[0].remove(clients().api)
        return
    list(pool.map(lambda obj: obj.remove(clients().api), objects))


def _owners(objects: Iterable[DockerObject]) -> str:
    return ", ".join(sorted({str(obj.owner) for obj in objects}))


def _hours(seconds: int) -> str:
    hours = seconds / 3600
    return "an hour" if hours == 1 else f"{hours:g} hours"


def _counts(objects: Iterable[DockerObject]) -> str:
    kinds = [obj.kind for obj in objects if not obj.is_lease]
    counts = [(kind, kinds.count(kind)) for kind in Resource if kind in kinds]
    told = (f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts)
    return ", ".join(told) or "nothing but a sign of life"
