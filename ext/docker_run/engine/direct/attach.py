"""Running a container in the foreground until it ends, is detached from, or has to be killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, Self

import requests
from docker import APIClient
from docker.errors import APIError, NotFound

from docker_run.engine import podman, streams
from docker_run.engine.connection.answers import NotAnEngine
from docker_run.engine.connection.product import Product
from docker_run.engine.settings import Limits
from docker_run.engine.terminal_size import set_terminal_size
from docker_run.errors import EngineProblem, Interrupted, TimedOut, TooMuchOutput
from docker_run.model import Chunk, Stream, TerminalSize
from docker_run.terminal import keys
from docker_run.terminal.typist import Typist

_CHECK_SECONDS = 0.05
"""Interval of checks, in seconds."""
_END_SECONDS = 2.0
"""How long a program that has closed its input may take to end before unread input counts as an error."""
_ENDED_STATES = ("restarting", "removing", "exited", "dead")
"""The states of a container that has ended."""
_LATE_SECONDS = 30.0
"""How long Podman may take to note a container's end after its output has ended; a busy one took five."""
_JOIN_SECONDS = 2.0
"""How long to wait for a thread whose connection was shut down."""
_EXIT_SECONDS = 0.5
"""Interval of queries whether a container has exited, on engines that may not report it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachOptions:
    """The attached streams of a container, and the input for it."""

    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool
    auto_remove: bool
    typed: tuple[str, ...] = ()
    detach_keys: str = keys.DEFAULT_DETACH_KEYS
    size: TerminalSize = TerminalSize()
    product: Product = Product.DOCKER

    @property
    def output(self) -> bool:
        """Whether any output is attached."""
        return self.stdout or self.stderr


class Foreground:
    """The connections to follow one container, opened before it starts.

    A context manager: on exit it closes the connections, and the container continues if it still runs.
    `command` names it in messages.
    """

    def __init__(
        self, api: APIClient, container: str, attached: AttachOptions, *, limits: Limits, command: str
    ) -> None:
        self._api = api
        self._container = container
        self._attached = attached
        self._limits = limits
        self._command = command
        self._began = time.monotonic()
        self._ready = float("inf")
        self._transcript = streams.Transcript(max_output=limits.max_output, has_output=attached.output)
        self._connections: list[streams.Connection] = []
        self._threads: list[threading.Thread] = []
        self._input: streams.Connection | None = None
        self._detached = False
        self._unread_since = 0.0
        self._next_question = 0.0
        self._detach = keys.DetachKeys(keys.parse_detach_keys(attached.detach_keys))

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self.close)
            self._open()
            self._ready = time.monotonic()
            undo.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.abort()
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)
        if not any(thread.is_alive() for thread in self._threads):
            for connection in self._connections:
                connection.close()
        self._connections.clear()

    @property
    def is_over(self) -> bool:
        """Whether the container has exited, rather than been detached from."""
        return self._transcript.exit_code is not None

    def output(self) -> tuple[Chunk, ...]:
        """Return the output, and the typed input, so far."""
        return self._transcript.chunks()

    def follow(self) -> int:
        """Follow the container, just started, until it ends; return its exit status, 0 if detached from.

        Raises `TimedOut`, `TooMuchOutput` and `Interrupted` after killing it, and `EngineProblem` if the
        engine fails, or the output may be incomplete.
        """
        if self._attached.tty and self._attached.output:
            self._resize()
        typist = Typist(self._attached.typed if self._types else (), began=time.monotonic())
        while not self._transcript.complete:
            typist.saw(self._transcript.wait(_CHECK_SECONDS), now=time.monotonic())
            self._check()
            self._ask_for_exit()
            line = typist.next_line(now=time.monotonic())
            if line is not None and self._type(line):
                return 0
        self._check()
        return self._transcript.exit_code or 0

    def _ask_for_exit(self) -> None:
        """Query from time to time whether a container whose output has ended has exited."""
        now = time.monotonic()
        if self._attached.product is Product.DOCKER or self._transcript.prints or now < self._next_question:
            return
        self._next_question = now + _EXIT_SECONDS
        status = podman.exit_status(self._api, self._container)
        if status is not None:
            self._transcript.exited(status)

    @property
    def _types(self) -> bool:
        return self._attached.tty and self._attached.stdin

    def _open(self) -> None:
        attached, transcript = self._attached, self._transcript
        waiting = self._keep(streams.open_wait(self._api, self._container, removed=attached.auto_remove))
        self._start("exit", lambda: streams.await_exit(waiting, transcript))
        if attached.output:
            output = self._keep(self._attach_output())
            self._start(
                "output",
                lambda: streams.read_output(output, transcript, tty=attached.tty, is_over=self._is_over),
            )
        if attached.stdin:
            feed = self._input = self._input or self._keep(
                streams.open_input(self._api, self._container, detach_keys=attached.detach_keys)
            )
            if not attached.tty:
                # Without a terminal there are no keys: the body is sent literally.
                data = "".join(f"{line}\n" for line in attached.typed).encode()
                self._start("input", lambda: streams.feed_input(feed, data, transcript))

    def _attach_output(self) -> streams.Connection:
        attached = self._attached
        if attached.product is Product.DOCKER or not self._types:
            return streams.open_output(
                self._api, self._container, stdout=attached.stdout, stderr=attached.stderr
            )
        # Podman closes a terminal's input if it is attached without the output.
        self._input = streams.open_terminal(self._api, self._container, detach_keys=attached.detach_keys)
        return self._input

    def _keep(self, connection: streams.Connection) -> streams.Connection:
        self._connections.append(connection)
        return connection

    def _start(self, name: str, work: streams.Work) -> None:
        self._threads.append(streams.start_thread(name, work))

    def _resize(self) -> None:
        columns, rows = self._attached.size
        set_terminal_size(
            lambda: self._api.resize(self._container, rows, columns),
            terminal_of=f"`{self._command}`",
            is_over=lambda: self._transcript.complete,
            check=self._check,
        )

    def _type(self, line: str) -> bool:
        """Type `line`; return whether that detached from the container."""
        self._transcript.add(Chunk(Stream.TYPED, line.encode()))
        data, self._detached = self._detach.feed(keys.to_bytes(line))
        if data and self._input is not None:
            with suppress(OSError):  # the program has just ended, which `follow` will notice
                self._input.send(data)
        if self._detached and data:
            while self._transcript.wait(0.2):
                self._check()
            self._check_lost()
        return self._detached

    def _check(self) -> None:
        """Raise if the command has to be ended early."""
        if self._limits.interrupted.is_set() and not self._transcript.complete:
            self._kill()
            raise Interrupted(f"the build was interrupted while `{self._command}` ran")
        self._check_lost()
        if self._transcript.overflown:
            self._kill()
            raise TooMuchOutput(
                f"`{self._command}` printed more than {self._limits.max_output:,} bytes and was stopped; "
                "let it print less, e.g. with `head`, or raise `docker_run_max_output`"
            )
        self._check_input()
        if self._transcript.complete:
            return
        if time.monotonic() - self._began > self._limits.seconds:
            self._kill()
            raise TimedOut(self._overdue())

    def _check_lost(self) -> None:
        if self._transcript.lost is not None:
            raise EngineProblem(
                f"the engine, or the connection to it, failed while `{self._command}` ran "
                f"({self._transcript.lost}); check that it is running, then build again"
            ) from self._transcript.lost

    def _check_input(self) -> None:
        """Raise if the body could not be sent completely although the program continues."""
        if self._transcript.unread is None or self._transcript.complete:
            return
        self._unread_since = self._unread_since or time.monotonic()
        # A program that ends closes its input a moment before its end is known.
        if time.monotonic() - self._unread_since > _END_SECONDS:
            raise EngineProblem(
                f"`{self._command}` did not get all of its body ({self._transcript.unread}): it has closed "
                "its input, or the connection was cut; give it no more than it reads, or build again"
            ) from self._transcript.unread

    def _is_over(self) -> bool:
        """Return whether the container, whose output has just ended, has ended as well.

        Docker knows at once (see `_has_ended`); Podman knows later, but then has the time.
        """
        if self._attached.product is Product.DOCKER:
            return self._has_ended()
        ended = time.monotonic()
        while not self._has_ended():
            if time.monotonic() > ended + _LATE_SECONDS:
                return False
            time.sleep(_CHECK_SECONDS)
        return self._detached or podman.had_ended(self._api, self._container, ended - self._ready)

    def _has_ended(self) -> bool:
        """Ask the engine whether the container has ended.

        Docker closes a container's output and sets its state under one lock (moby, `daemon/monitor.go`,
        `handleContainerExit`), which reading the state acquires, too. So the answer is never too early.
        """
        if self._detached:
            return True
        try:
            about: Mapping[str, Any] = self._api.inspect_container(self._container)
            if about.get("RestartCount"):
                return True  # it had ended, and was restarted
            return about["State"]["Status"] in _ENDED_STATES
        except NotFound:
            if self._attached.auto_remove:
                return True
            raise
        except (KeyError, TypeError) as error:
            raise NotAnEngine("the answer about a container does not have its state") from error

    def _overdue(self) -> str:
        last = self._transcript.last_lines(self._attached.size)
        seen = f"The last it printed:\n{last}" if last else "It printed nothing."
        return (
            f"`{self._command}` was still running after {self._limits.seconds:g} s and was stopped; "
            f"{self._advice()}. {seen}"
        )

    def _advice(self) -> str:
        longer = "raise `:timeout:` if it needs longer"
        if not self._types:
            return f"{longer}, or detach it with `-d` if it never ends"
        if not self._attached.typed:
            return "a body is what would be typed: give it one that ends with `exit`, or leave out `-it`"
        return f"end the body with `exit` (or `<C-d>`, or `<C-p><C-q>` to detach), or {longer}"

    def _kill(self) -> None:
        # Before the kill: an engine with output that is not being read does not respond for a minute.
        for connection in self._connections:
            connection.abort()
        with suppress(APIError, requests.RequestException):
            self._api.kill(self._container)
