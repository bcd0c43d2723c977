"""What comes out of the terminal of a lab's shell, sorted into commands by the shell's marks."""

from __future__ import annotations

import threading
from enum import Enum

from docker_run.engine import streams
from docker_run.model import Chunk, Stream
from docker_run.terminal import marks

_MOST_ASIDE = 65536
"""Bytes that are kept of what is printed while no command runs."""


class State(Enum):
    """What the shell is doing."""

    STARTING = "starting"
    PROMPT = "at its prompt"
    TYPED = "a command is being typed"
    RUNNING = "running a command"
    ENDING = "a command has ended, and there is no prompt yet"
    PROMPTING = "printing its prompt"
    UNFINISHED = "waiting for the rest of a command"


_NEXT = {
    (State.TYPED, marks.Kind.ACCEPTED): State.RUNNING,
    (State.TYPED, marks.Kind.ENDED): State.ENDING,
    (State.RUNNING, marks.Kind.ENDED): State.ENDING,
    (State.RUNNING, marks.Kind.CONTINUATION): State.UNFINISHED,
    (State.RUNNING, marks.Kind.PROMPT): State.PROMPTING,
    (State.ENDING, marks.Kind.PROMPT): State.PROMPTING,
    (State.PROMPTING, marks.Kind.READY): State.PROMPT,
}
"""What the shell does next, once a command is typed; any other mark changes nothing."""
_RECORDED = {
    # A program within may edit lines, too.
    State.RUNNING: (marks.Kind.OUTPUT, marks.Kind.EDITING, marks.Kind.ACCEPTED),
    State.ENDING: (marks.Kind.OUTPUT,),
    State.PROMPT: (marks.Kind.OUTPUT,),
}
"""What of what comes is a command's output."""


class Console:
    """What comes out of the shell's terminal; written by the thread that reads it."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._state = State.STARTING
        self._transcript: streams.Transcript | None = None
        self._aside = bytearray()
        self._accepted = False
        self._lingers = False
        self._reader = marks.MarkReader()
        self.directory = "/"
        """The directory that the shell was in at its last prompt."""
        self.lost: BaseException | None = None
        """Why nothing more will come."""
        self.stray = False
        """Whether a command began that was not typed as one: text that came too late for its program."""

    def begin(self, transcript: streams.Transcript, *, lingers: bool = False) -> None:
        """Let what comes from now on go to `transcript`, after what was printed since the last command.

        It is ended by the prompt, or, if the command `lingers`, by `finish`: what a job in the
        background prints in between belongs to the command.
        """
        with self._changed:
            self._lingers = lingers
            if self._aside:
                transcript.add(Chunk(Stream.TERMINAL, bytes(self._aside)))
                self._aside.clear()
            self._transcript = transcript
            self._state = State.TYPED

    def finish(self) -> None:
        """Let what comes from now on belong to no command."""
        with self._changed:
            if self._transcript is not None:
                self._transcript.end()
                self._transcript = None

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
        if piece.kind is marks.Kind.DIRECTORY:
            self.directory = piece.directory
        elif self._transcript is None:
            self._take_between(piece)
        else:
            self._take_of_command(piece, self._transcript)

    def _take_of_command(self, piece: marks.Piece, transcript: streams.Transcript) -> None:
        before = self._state
        self._state = _NEXT.get((before, piece.kind), before)
        if self._state is before:
            if piece.kind in _RECORDED.get(before, ()):
                self._record(transcript, piece.data)
        elif self._state is State.RUNNING:
            self._accepted = True
        elif self._state is State.ENDING:
            transcript.exited(piece.status)
        elif self._state is State.PROMPTING and before is State.RUNNING:
            # A new prompt, and nothing has run: the shell could not make sense of the line (`!x`).
            transcript.exited(1)
        elif self._state is State.PROMPT and not self._lingers:
            self.finish()

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
