"""The engine of a build, shared by all of its sessions."""

from __future__ import annotations

import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import requests
from docker import DockerClient
from docker.errors import DockerException
from urllib3.exceptions import HTTPError

from docker_run.engine.cleanup import sweep
from docker_run.engine.cleanup.anonymous_volumes import remove_volumes
from docker_run.engine.cleanup.build_directory import BuildDirectories, BuildDirectory
from docker_run.engine.cleanup.labels import PAGE, SESSION, Owner
from docker_run.engine.cleanup.lease import Lease
from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.product import Product, product_of
from docker_run.engine.settings import Limits
from docker_run.errors import EngineProblem, Interrupted
from docker_run.model import Environment
from docker_run.system.closing import close_all

_CONCURRENCY = 4
"""Concurrent removals; more don't make an engine faster."""


class Host:
    """An engine, the build that owns what is created on it, and the limits of its commands.

    `clients` are those of the engine at `url`, and are closed with it. `timeout` is in seconds, for each
    command of a step that sets none; `max_output` in bytes, for each command. `proxies` are the user's proxy
    variables for containers. `say` gets notices of what the build waits for, and of what it could not remove;
    `directories` are those of this machine's builds. `build` is the ID of a build in another process that
    this one takes part in: all objects belong to it, and that process shows that it is alive.
    """

    def __init__(
        self,
        url: str,
        *,
        clients: Clients,
        timeout: float,
        max_output: int,
        proxies: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda _: None,
        directories: BuildDirectories | None = None,
        build: str = "",
    ) -> None:
        self.url = url
        self.clients = clients
        self.proxies = dict(proxies or {})
        self.say = say
        self.directories = directories or BuildDirectories()
        self.interrupted = clients.interrupted
        self.limits = Limits(seconds=timeout, max_output=max_output, interrupted=self.interrupted)
        self._owner = Owner.current(build or str(uuid.uuid4()))
        self._is_part = bool(build)
        self._is_shared = False
        self._lock = threading.Lock()
        self._lease: Lease | None = None
        self._directory: BuildDirectory | None = None
        self._has_leftovers = False
        self._product: Product | None = None
        self._environment: Environment | None = None
        self._identity = ""
        self._pool = ThreadPoolExecutor(max_workers=_CONCURRENCY, thread_name_prefix="docker-run engine")

    @property
    def owner(self) -> Owner:
        """The build as an owner; from now on it shows that it is alive, on this machine and on the engine.

        Raises `EngineProblem`.
        """
        self.lease  # noqa: B018 - first use starts it
        return self._owner

    @property
    def lease(self) -> Lease:
        """The build's lease on the engine, started on first use. Raises `EngineProblem`."""
        with self._lock:
            if self._lease is None:
                engine = self.identity()
                try:
                    self._directory = self._directory or self._open_directory(engine)
                except OSError as error:
                    self.say(f"what this build would leave, if it were killed, is removed late: {error}")
                lease = Lease(self.clients, self._owner)
                with sweep.engine_errors("when it was told that a build begins"):
                    lease.start()
                self._lease = lease
            return self._lease

    def _open_directory(self, engine: str) -> BuildDirectory | None:
        if self._is_part:
            return self.directories.join(self._owner.build)
        return self.directories.open(self._owner.build, engine=engine, url=self.url)

    def share(self) -> str:
        """Let other processes take part in the build; return its ID. Raises `EngineProblem`."""
        self._is_shared = True
        return self.owner.build

    def identity(self) -> str:
        """Return the engine's ID, the same at each of its addresses; without one, its URL.

        Podman has no ID: it generates a new one for each response. Raises `EngineProblem`.
        """
        if not self._identity and self.product() is Product.PODMAN:
            self._identity = self.url
        if not self._identity:
            with sweep.engine_errors("when it was asked for its id"):
                self._identity = str(self.clients().api.info().get("ID") or self.url)
        return self._identity

    def product(self) -> Product:
        """Return the engine's product; cached. Raises `EngineProblem`."""
        if self._product is None:
            with sweep.engine_errors("when it was asked what it is"):
                self._product = product_of(self.clients().api.version())
        return self._product

    def environment(self) -> Environment:
        """Return the machine's environment, requested once. Raises `EngineProblem`."""
        if self._environment is None:
            api = self.clients().api
            with sweep.engine_errors("when it was asked for its version"):
                version, info = api.version(), api.info()
            self._environment = Environment(
                engine=f"{product_of(version).value} {version['Version']}, API {version['ApiVersion']}",
                system=f"{info['OperatingSystem']}, Linux {info['KernelVersion']}",
                architecture=str(info["Architecture"]),
            )
        return self._environment

    def sweep(self) -> str:
        """Remove what killed builds left behind; return a sentence that says what. Raises `EngineProblem`."""
        dead = self.directories.dead()
        untidy: set[str] = set()
        swept = sweep.sweep(self.clients(), self.directories, say=self.say, failed=untidy.add)
        # The record that a build is dead is kept until everything that it left is removed.
        self.directories.remove(dead - untidy, engine=self.identity(), url=self.url)
        return swept

    def labels(self, *, page: str, session: str) -> dict[str, str]:
        """Return the labels for objects of `session` (a random name) of `page`."""
        return self.owner.labels() | {PAGE: page, SESSION: session}

    @contextmanager
    def work(self) -> Iterator[Path]:
        """Create an empty temporary directory; the next build removes it if this one is killed."""
        self.lease  # noqa: B018 - creates the build's directory
        if self._directory is None:
            with tempfile.TemporaryDirectory(prefix="docker-run-") as temporary:
                yield Path(temporary)
        else:
            with self._directory.work() as directory:
                yield directory

    @contextmanager
    def cancellable(self) -> Iterator[DockerClient]:
        """Yield a client for a long request, which is cancelled as soon as the build is interrupted.

        Raises `Interrupted` then.
        """
        try:
            with self.clients.cancellable() as client:
                yield client
        except (DockerException, requests.RequestException, HTTPError, OSError, EngineProblem) as error:
            if not self.interrupted.is_set():
                raise
            raise Interrupted("the build was interrupted while an image was pulled or built") from error

    def lock(self, key: str, what: str) -> AbstractContextManager[None]:
        """Hold the lock named `key` for this engine, one build of this machine at a time.

        The notice to builds that wait names `what` they wait for.
        """
        return self.directories.lock(
            f"{self.identity()} {key}", what=what, say=self.say, stopped=self.interrupted.is_set
        )

    def note_leftover(self) -> None:
        """Note that objects of this build are left on the engine, for the next build to remove."""
        self._has_leftovers = True

    def note_volumes(self, session: str, volumes: Sequence[str]) -> None:
        """Note the anonymous volumes of containers of `session`."""
        if volumes:
            self.lease.note_volumes(session, volumes)

    def interrupt(self) -> None:
        """Cancel long requests, and later all requests to an engine that no longer answers."""
        self.clients.interrupt()

    def remove(self, session: str) -> None:
        """Remove all objects of `session`. Raises `EngineProblem`."""
        try:
            sweep.remove_session(self.clients, session, pool=self._pool)
            self._remove_volumes(session)
        except EngineProblem:
            self._has_leftovers = True
            raise

    def _remove_volumes(self, session: str) -> None:
        """Remove anonymous volumes that were not removed with their containers. Raises `EngineProblem`."""
        volumes = self._lease.volumes(session) if self._lease is not None else ()
        if self._lease is None or not volumes:
            return
        with sweep.engine_errors("while a page's volumes were removed"):
            if remove_volumes(self.clients().api, volumes):
                self._has_leftovers = True  # for the next build to retry
            else:
                self._lease.forget_volumes(session)

    def remove_after(self, session: str, error: BaseException) -> None:
        """Remove the objects of `session` after `error`; only report a failure: the next build sweeps."""
        try:
            if isinstance(error, EngineProblem):
                self.clients.renew()
            self.remove(session)
        except EngineProblem as problem:
            self._has_leftovers = True
            reason = str(problem).partition("\n")[0]
            self.say(f"what a page made is left on the engine ({reason}); the next build removes it")

    def close(self) -> None:
        """Close the connections to the engine, and show that the build has ended."""
        # Threads that still wait for a hanging engine are abandoned.
        close_all(
            self._remove_parts,
            self._end_lease,
            self.clients.abandon,
            self._pool.shutdown,
            self.clients.close,
            self._close_directory,
        )

    def _remove_parts(self) -> None:
        """Remove what ended processes of this build left. Raises `EngineProblem`."""
        if not self._is_shared or self._lease is None:
            return
        try:
            with sweep.engine_errors("while what other processes of this build left was removed"):
                removed = sweep.remove_parts(
                    self.clients().api,
                    self._owner.build,
                    lease=self._lease.prefix,
                    failed=lambda _: self.note_leftover(),
                )
        except EngineProblem:
            self._has_leftovers = True
            raise
        if removed:
            self.say(removed)

    def _end_lease(self) -> None:
        if self._lease is not None and not self._lease.end():
            self._has_leftovers = True

    def _close_directory(self) -> None:
        if self._directory is not None:
            self._directory.close(keep=self._has_leftovers)
