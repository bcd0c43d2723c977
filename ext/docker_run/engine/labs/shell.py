"""One shell on a terminal of a lab: commands are typed at its prompt, one after another."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from enum import Enum

import requests
from docker import APIClient
from docker.errors import APIError
from urllib3.exceptions import HTTPError

from docker_run.engine import streams
from docker_run.engine.cleanup import engine_errors
from docker_run.engine.foreground import Limits
from docker_run.engine.labs import execs
from docker_run.engine.terminal import Typist
from docker_run.errors import BodyProblem, Interrupted, LabProblem, TimedOut, TooMuchOutput
from docker_run.model import Chunk, Command, CommandRecording, Stream, TerminalSize
from docker_run.terminal import keys, marks

COMMAND = ("bash", "--rcfile", "/etc/docker-run/bashrc", "-i")
"""The shell, which puts the marks of `docker_run.terminal.marks` around its prompts."""
_TICK = 0.05
"""Seconds between two looks at the clock."""
_MOST_ASIDE = 65536
"""Bytes that are kept of what is printed while no command runs."""
_RESIZE_TRIES = 20
_ENTER, _INTERRUPT = b"\r", b"\x03"


class State(Enum):
    """What the shell is doing."""

    STARTING = "starting"
    PROMPT = "at its prompt"
    TYPED = "a command is being typed"
    RUNNING = "running a command"
    ENDING = "a command has ended, and there is no prompt yet"
    PROMPTING = "printing its prompt"
    UNFINISHED = "waiting for the rest of a command"


class Console:
    """What comes out of the shell's terminal; written by the thread that reads it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._state = State.STARTING
        self._transcript: streams.Transcript | None = None
        self._aside = bytearray()
        self._accepted = False
        self._reader = marks.MarkReader()
        self.directory = "/"
        """The directory that the shell was in at its last prompt."""
        self.lost: BaseException | None = None
        """Why nothing more will come."""
        self.stray = False
        """Whether a command began that was not typed as one: text that came too late for its program."""

    def begin(self, transcript: streams.Transcript) -> None:
        """Let what comes from now on go to `transcript`, after what was printed since the last command."""
        with self._changed:
            if self._aside:
                transcript.add(Chunk(Stream.TERMINAL, bytes(self._aside)))
                self._aside.clear()
            self._transcript = transcript
            self._state = State.TYPED

    @property
    def state(self) -> State:
        """What the shell is doing."""
        with self._changed:
            return self._state

    def aside(self) -> str:
        """Return what was printed outside of commands."""
        with self._changed:
            return self._aside.decode(errors="replace")

    def wait_ready(self, seconds: float) -> bool:
        """Wait for the first prompt, at most `seconds`; say whether it is there."""
        with self._changed:
            self._changed.wait_for(lambda: self._state is State.PROMPT or self.lost, seconds)
            return self._state is State.PROMPT

    def read(self, connection: streams.Connection) -> None:
        """Take everything that comes out of `connection`, until it ends."""
        error: BaseException = EOFError("the shell has ended")
        try:
            while data := connection.read():
                with self._changed:
                    for piece in self._reader.feed(data):
                        self._take(piece)
                    self._changed.notify_all()
        except (OSError, ValueError) as failure:
            error = failure
        with self._changed:
            self.lost = error
            if self._transcript is not None:
                self._transcript.lose(error)
            self._changed.notify_all()

    def _take(self, piece: marks.Piece) -> None:
        kind, transcript = piece.kind, self._transcript
        if kind is marks.Kind.DIRECTORY:
            self.directory = piece.directory
        elif transcript is None:
            self._take_between(piece)
        elif kind is marks.Kind.ENDED and self._state in (State.RUNNING, State.TYPED):
            self._state = State.ENDING
            transcript.exited(piece.status)
        elif kind is marks.Kind.PROMPT and self._state in (State.RUNNING, State.ENDING):
            if self._state is State.RUNNING:
                # A new prompt, and nothing has run: the shell could not make sense of the line (`!x`).
                transcript.exited(1)
            self._state = State.PROMPTING
        elif kind is marks.Kind.READY and self._state is State.PROMPTING:
            self._state = State.PROMPT
            self._transcript = None
            transcript.end()
        elif kind is marks.Kind.CONTINUATION and self._state is State.RUNNING:
            self._state = State.UNFINISHED
        elif kind is marks.Kind.ACCEPTED and self._state is State.TYPED:
            self._state = State.RUNNING
            self._accepted = True
        elif self._state is State.RUNNING and kind is not marks.Kind.BEGUN:
            self._record(transcript, piece.data)
        elif self._state is State.ENDING and kind is marks.Kind.OUTPUT:
            self._record(transcript, piece.data)

    def _take_between(self, piece: marks.Piece) -> None:
        """Take what comes while no command runs: the first prompt, and what jobs in the background print."""
        if piece.kind is marks.Kind.READY:
            self._state = State.PROMPT
        elif piece.kind is marks.Kind.PROMPT:
            if self._state is State.STARTING:
                self._aside.clear()  # what the shell said at its start belongs to no command
            self._state = State.PROMPTING
        elif piece.kind is marks.Kind.BEGUN:
            self.stray = True
        elif piece.kind is marks.Kind.OUTPUT and self._state is not State.PROMPTING:
            self._aside += piece.data[: _MOST_ASIDE - len(self._aside)]

    def _record(self, transcript: streams.Transcript, data: bytes) -> None:
        if self._accepted:
            # Readline goes to the start of the line, where the cursor is already.
            data, self._accepted = data.removeprefix(b"\r"), False
        # What is too much is still read: a terminal that nobody reads would stop all of the lab.
        if not transcript.overflown:
            transcript.add(Chunk(Stream.TERMINAL, data))


class Shell:
    """The shell of one lab. `api` belongs to the thread that calls; `name` is what messages call the lab.

    Raises `EngineProblem` where the container is gone.
    """

    def __init__(self, api: APIClient, container: str, *, name: str, size: TerminalSize) -> None:
        self._name = name
        self._size = size
        self.console = Console()
        with engine_errors("while it started the shell of a lab"):
            self._execution = execs.create(api, container, COMMAND, tty=True)
            self._connection = streams.open_exec(api, self._execution, tty=True)
        console, connection = self.console, self._connection
        self._thread = streams.start_thread(f"shell {name}", lambda: console.read(connection))
        self._resize(api)

    @property
    def directory(self) -> str:
        """The directory that the shell is in."""
        return self.console.directory

    def run(self, command: Command, limits: Limits) -> CommandRecording:
        """Type `command`, and what is typed into it; wait for its end and the next prompt.

        Raises `TimedOut`, `TooMuchOutput`, `Interrupted`, `BodyProblem` where the shell waits for the
        rest of a command, and `LabProblem` where it has ended. After any of them it can't be used.
        """
        transcript = streams.Transcript(max_output=limits.max_output, has_output=True)
        self._check_idle(command)
        began = time.monotonic()
        self.console.begin(transcript)
        self._send(marks.PASTE_BEGIN + command.text.encode() + marks.PASTE_END + _ENTER)
        typist: Typist | None = None
        while not transcript.complete:
            fresh, now = transcript.wait(_TICK), time.monotonic()
            if typist is None and self.console.state is State.RUNNING:
                typist = Typist(command.typed, began=now)
            if typist is not None:
                typist.saw(fresh, now=now)
                line = typist.next_line(now=now) if transcript.exit_code is None else None
                if line is not None:
                    self._type(line, transcript)
            self._check(command, transcript, limits, began)
        self._check(command, transcript, limits, began)
        return CommandRecording(
            command=command.text,
            exit_code=transcript.exit_code or 0,
            seconds=time.monotonic() - began,
            output=transcript.chunks(),
        )

    def close(self) -> None:
        """Let go of the shell; it ends with its lab."""
        self._connection.abort()
        self._thread.join()
        self._connection.close()

    def _resize(self, api: APIClient) -> None:
        """Set the terminal's size: the engine can't before the shell is there."""
        for attempt in range(_RESIZE_TRIES):
            try:
                api.exec_resize(self._execution, self._size.rows, self._size.columns)
            except APIError:
                if self.console.lost is not None:
                    return
                time.sleep(0.005 * (attempt + 1))
            except (requests.RequestException, HTTPError):
                return  # what has happened is told by the shell's own connection
            else:
                return

    def _type(self, line: str, transcript: streams.Transcript) -> None:
        transcript.add(Chunk(Stream.TYPED, line.encode()))
        self._send(keys.to_bytes(line))

    def _send(self, data: bytes) -> None:
        with suppress(OSError):  # the shell has just ended: its connection tells
            self._connection.send(data)

    def _check_idle(self, command: Command) -> None:
        if self.console.stray:
            raise LabProblem(
                f"before `{command.text}`, something was typed at the prompt of {self._name} that was meant for a "
                "program before it, which had ended; put a `<wait …>` before it, or take it out"
            )
        if self.console.lost is None and self.console.state is not State.PROMPT:
            raise LabProblem(f"the shell of {self._name} is not at its prompt: {self.console.state.value}")

    def _check(self, command: Command, transcript: streams.Transcript, limits: Limits, began: float) -> None:
        """Raise what ends the command before its time."""
        if transcript.lost is not None:
            last = transcript.last_lines(self._size)
            raise LabProblem(
                f"the shell of {self._name} ended while `{command.text}` ran" + (f":\n{last}" if last else "")
            ) from transcript.lost
        if transcript.overflown:
            raise TooMuchOutput(
                f"`{command.text}` printed more than {limits.max_output:,} bytes and was stopped; "
                "let it print less, e.g. with `head`, or raise `docker_run_max_output`"
            )
        if transcript.complete:
            return
        if limits.interrupted.is_set():
            raise Interrupted(f"the build was interrupted while `{command.text}` ran")
        if self.console.state is State.UNFINISHED:
            self._send(_INTERRUPT)
            raise BodyProblem(
                f"the shell waits for the rest of `{command.text}`: begin each line that goes on with `> `"
            )
        if time.monotonic() - began > limits.seconds:
            raise TimedOut(self._overdue(command, transcript, limits))

    def _overdue(self, command: Command, transcript: streams.Transcript, limits: Limits) -> str:
        last = transcript.last_lines(self._size)
        seen = f"The last it printed:\n{last}" if last else "It printed nothing."
        advice = (
            "end what is typed into it with `exit`, `<C-c>` or `<C-d>`, or raise `:timeout:` if it needs longer"
            if command.typed
            else "raise `:timeout:` if it needs longer, end it with `<C-c>` on the line below, "
            "or let it go on in the background with `&`"
        )
        return (
            f"`{command.text}` was still running after {limits.seconds:g} s and was stopped; {advice}. {seen}"
        )
