"""Sessions on labs, which are started ahead, opened, and removed when their page ends."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from docker_run.engine.connection.product import Product
from docker_run.engine.host import Host
from docker_run.engine.labs.expiry import Expiry
from docker_run.engine.labs.lab_session import Lab, LabSession
from docker_run.engine.labs.lab_shell import Shell
from docker_run.engine.labs.machine import Blueprint, Machine
from docker_run.engine.labs.mirrors import Mirror, Mirrors, RunningMirror
from docker_run.errors import DockerRunError, ImageProblem, Interrupted, LabProblem
from docker_run.model import Environment, Image, LabSettings, Session
from docker_run.protocols import Progress
from docker_run.system.closing import close_all

_AHEAD = 1
"""The number of sessions whose labs are started ahead."""
_READY_SECONDS = 90.0
"""Time limit from a lab's start to its first prompt; generous, for busy machines."""
_CHECK_SECONDS = 0.1
"""Interval of checks for an interruption."""

T = TypeVar("T")


class KindsOfLabs(Protocol):
    """Provides the images of labs."""

    def provide(self, kind: str) -> str:
        """Return the reference of the image of `kind`, built if need be. Raises `ImageProblem`."""


@dataclass(slots=True)
class _Opening:
    """The labs of one session, from the beginning of their start."""

    session: Session
    prefix: str
    mirror: Mirror | None = None
    """The registry that its labs use before Docker Hub, once it has started."""
    labs: dict[str, Lab] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    description: str = ""
    """The engine and the system of its labs."""
    expiry: Expiry | None = None


class LabPool:
    """Opens sessions on labs that `host` hosts.

    `images` provides the labs' own images; `mirror` makes a registry for labs that reproduces recorded images
    (see `mirrors`), and is None if labs use Docker Hub directly.
    """

    def __init__(
        self,
        host: Host,
        *,
        images: KindsOfLabs,
        mirror: Callable[[Mapping[str, Image]], Mirror] | None,
        settings: LabSettings,
        progress: Progress,
    ) -> None:
        self._host = host
        self._images = images
        self._settings = settings
        self._progress = progress
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="docker-run labs")
        self._loaders = ThreadPoolExecutor(max_workers=4, thread_name_prefix="docker-run images")
        self._coming: deque[Session] = deque()
        self._warm: dict[str, Future[_Opening]] = {}
        self._kinds: dict[str, Future[str]] = {}
        self._mirrors = None if mirror is None else Mirrors(mirror, self._pool)
        self._closed = False

    def prepare(self, sessions: Sequence[Session]) -> None:
        """Begin to prepare labs for `sessions`, which will be opened in this order."""
        with self._lock:
            self._coming.extend(sessions)
        if sessions:
            self._prepare_shared(sessions)
            self._start_ahead()

    @contextmanager
    def open(self, session: Session) -> Iterator[LabSession]:
        """Open `session`; leaving the context removes its labs.

        Raises `LabProblem`, `ImageProblem`, `EngineProblem` and `Interrupted` on entry.
        """
        opening = self._labs_for(session)
        self._start_ahead()
        try:
            yield LabSession(
                opening.labs,
                clients=self._host.clients,
                images=lambda machines: _images_used(opening.mirror, machines),
                environment=lambda: self._environment(opening),
                problem=lambda name: _problem(opening.mirror, name),
                limits=self._host.limits,
                size=session.terminal,
            )
        except BaseException as error:
            self._detach(opening)
            self._host.remove_after(opening.prefix, error)
            raise
        self._discard(opening)

    def close(self) -> None:
        """Remove unused labs, and stop the mirror. Raises the first error at the end."""
        with self._lock:
            self._closed = True
            warm = list(self._warm.values())
            self._warm.clear()
        for future in warm:
            future.cancel()
        close_all(
            *(partial(self._discard_unused, future) for future in warm),
            *(partial(pool.shutdown, cancel_futures=True) for pool in (self._pool, self._loaders)),
            *(() if self._mirrors is None else (self._mirrors.close,)),
        )

    # The needs of all labs.

    def _prepare_shared(self, sessions: Sequence[Session]) -> None:
        """Build the labs' images, and start and stock mirrors; each only once.

        Raises `LabProblem` on Podman, which neither supports the engine of a lab, nor pushes images to the
        mirror.
        """
        if self._host.product() is Product.PODMAN:
            raise LabProblem(
                "labs don't run on Podman: name a Docker engine (`docker_run_engine`), or run the page "
                "directly on the engine (`docker_run_lab: none`)"
            )
        with self._lock:
            for kind in sorted({session.place.name for session in sessions}):
                if kind not in self._kinds:
                    self._kinds[kind] = self._pool.submit(self._images.provide, kind)
            if self._mirrors is not None:
                self._mirrors.prepare(sessions)

    # The labs of one session.

    def _labs_for(self, session: Session) -> _Opening:
        """Return the session's labs, started ahead or now."""
        self._prepare_shared([session])
        with self._lock:
            warm = self._warm.pop(session.page, None)
            if session in self._coming:
                self._coming.remove(session)
        if warm is None:
            return self._start(session)
        try:
            opening = self._await(warm)
        except Interrupted:
            with self._lock:
                self._warm[session.page] = warm  # so that it is removed, if it still becomes ready
            raise
        if time.monotonic() - opening.began <= self._settings.life / 2:
            return opening
        # A page should have most of a lab's lifetime.
        self._discard(opening)
        return self._start(session)

    def _discard(self, opening: _Opening) -> None:
        self._detach(opening)
        self._host.remove(opening.prefix)

    def _discard_unused(self, future: Future[_Opening]) -> None:
        try:
            opening = future.result()
        except (CancelledError, DockerRunError):
            return  # it did not start, which concerns no page, and left nothing
        self._discard(opening)

    def _start_ahead(self) -> None:
        with self._lock:
            while not self._closed and self._coming and len(self._warm) < _AHEAD:
                session = self._coming.popleft()
                self._warm[session.page] = self._pool.submit(self._start, session)

    def _start(self, session: Session) -> _Opening:
        """Start the session's labs, and wait until they are ready."""
        opening = _Opening(session, f"{secrets.token_hex(8)}-")
        try:
            image, running = self._await(self._kinds[session.place.name]), self._mirror_of(session)
            url = self._await(running.url) if running else ""
            opening.mirror = running.mirror if running else None
            machines = [self._machine(opening, name, image=image, mirror=url) for name in session.labs]
            opening.expiry = Expiry(machines, seconds=self._settings.life, clients=self._host.clients)
            for machine in machines:
                opening.labs[machine.name] = Lab(machine, self._shell(machine, session))
            for lab in opening.labs.values():
                self._await_prompt(lab)
            opening.description = machines[0].description(self._host.clients().api)
            self._connect(machines)
            if running:
                self._await(running.stocked)
            self._load_images(opening, machines)
        except BaseException as error:
            self._detach(opening)
            self._host.remove_after(opening.prefix, error)
            raise
        return opening

    def _mirror_of(self, session: Session) -> RunningMirror | None:
        with self._lock:
            return None if self._mirrors is None else self._mirrors.of(session)

    def _machine(self, opening: _Opening, name: str, *, image: str, mirror: str) -> Machine:
        blueprint = Blueprint(
            image=image,
            name=name,
            labels=self._host.labels(page=opening.session.page, session=opening.prefix),
            settings=self._settings,
            interrupted=self._host.interrupted,
            mirror=mirror,
            proxies=self._host.proxies,
            near=opening.session.labs,
        )
        machine = Machine.start(self._host.clients().api, blueprint)
        self._host.note_volumes(opening.prefix, machine.volumes)
        return machine

    def _shell(self, machine: Machine, session: Session) -> Shell:
        # The lab's engine may still be starting: the shell itself waits for it.
        return Shell(self._host.clients().api, machine.container, name=machine.name, size=session.terminal)

    def _connect(self, machines: Sequence[Machine]) -> None:
        """Add the labs to each other's hosts."""
        for machine in machines:
            machine.add_hosts(self._host.clients().api, [other for other in machines if other is not machine])

    def _load_images(self, opening: _Opening, machines: Sequence[Machine]) -> None:
        """Load the images that the page's labs have from the start."""
        loading = [
            self._loaders.submit(self._load, opening.mirror, machine, name)
            for machine in machines
            for name in opening.session.images
        ]
        for loaded in loading:
            self._await(loaded)

    def _await_prompt(self, lab: Lab) -> None:
        waited = 0.0
        while not lab.shell.console.wait_ready(_CHECK_SECONDS):
            self._check_interrupted()
            waited += _CHECK_SECONDS
            if lab.shell.console.lost is not None or waited >= _READY_SECONDS:
                why_it_ended = lab.machine.why_it_ended(self._host.clients().api)
                said = lab.shell.console.aside().strip()
                why = why_it_ended or said or f"it gave no prompt within {_READY_SECONDS:g} s"
                raise LabProblem(f"the lab {lab.machine.name} did not start: {why}")

    def _load(self, mirror: Mirror | None, machine: Machine, name: str) -> None:
        """Pull the image `name` on a lab. Raises `ImageProblem`."""
        if problem := _problem(mirror, name):
            raise problem
        ended = machine.execute(self._host.clients().api, ["docker", "pull", "--quiet", name])
        if ended.status:
            said = ended.output.strip()
            raise ImageProblem(
                f"the page begins with the image {name!r} (`docker_run_images`), which can't be pulled: "
                f"{said}; check the name, or give it a Dockerfile in the catalogue",
                reason=f"there is no image `{name}`",
            )

    def _environment(self, opening: _Opening) -> Environment:
        """Return the environment of the page: the engine on the lab, and the lab's system."""
        host = self._host.environment()
        engine, _, system = opening.description.partition("\n")
        return host._replace(engine=f"{engine}, on a lab hosted by {host.engine}", system=system)

    @staticmethod
    def _detach(opening: _Opening) -> None:
        """Close the shells of its labs, which are about to be removed, and cancel the expiry."""
        if opening.expiry is not None:
            opening.expiry.cancel()
        for lab in opening.labs.values():
            lab.shell.close()

    def _await(self, future: Future[T]) -> T:
        """Wait for another thread. Raises `Interrupted` if the build is interrupted."""
        while True:
            self._check_interrupted()
            try:
                return future.result(timeout=_CHECK_SECONDS)
            except FutureTimeout:
                if future.done():
                    raise

    def _check_interrupted(self) -> None:
        if self._host.interrupted.is_set():
            raise Interrupted("the build was interrupted before its lab was ready")


def _problem(mirror: Mirror | None, name: str) -> ImageProblem | None:
    """Return why the image `name` of the catalogue is unavailable to labs that use `mirror`."""
    return None if mirror is None else mirror.problem(name)


def _images_used(mirror: Mirror | None, machines: Sequence[Machine]) -> tuple[Image, ...]:
    """Return the images that labs have pulled from `mirror`, sorted by name."""
    if mirror is None:
        return ()
    used = {
        image.name: image
        for machine in machines
        for image in mirror.images_served(machine.address, since=machine.started)
    }
    return tuple(used[name] for name in sorted(used))
