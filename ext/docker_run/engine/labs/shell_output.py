"""What comes out of the terminal of a lab's shell, sorted into commands by the shell's marks."""

from __future__ import annotations

import threading
from enum import Enum

from docker_run.engine import streams
from docker_run.model import Chunk, Stream
from docker_run.terminal import osc133
from docker_run.terminal.osc133 import Kind

_MOST_ASIDE = 1_000_000
"""Bytes that are kept of what is printed while no command runs."""


class State(Enum):
    """What the shell is doing."""

    STARTING = "starting"
    PROMPT = "at its prompt"
    TYPED = "a command is being typed"
    RUNNING = "running a command"
    PROMPTING = "printing its prompt"
    UNFINISHED = "waiting for the rest of a command"


_NEXT = {
    (State.TYPED, Kind.ACCEPTED): State.RUNNING,
    (State.RUNNING, Kind.ENDED): State.PROMPTING,
    (State.RUNNING, Kind.CONTINUATION): State.UNFINISHED,
    (State.PROMPTING, Kind.READY): State.PROMPT,
}
"""What the shell does next, once a command is typed; any other mark changes nothing."""
_RECORDED = {
    # A program within may edit lines, too.
    State.RUNNING: (Kind.OUTPUT, Kind.EDITING, Kind.ACCEPTED),
    State.PROMPT: (Kind.OUTPUT,),
}
"""What of what comes is a command's output."""


class Console:
    """What comes out of the shell's terminal; written by the thread that reads it."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._state = State.STARTING
        self._transcript: streams.Transcript | None = None
        self._reader = osc133.MarkReader()
        self._aside = bytearray()
        self._lingers = False
        # Of the command under way.
        self._accepted = False
        self._has_begun = False
        self._has_printed = False
        self._line_editing: tuple[int, int] | None = None
        # Between commands.
        self._prompts = 0
        self._is_first = False
        self.lost: BaseException | None = None
        """Why nothing more will come."""
        self.unexpected = ""
        """What the shell does that it should not; empty where all is well."""
        self.aside_overflown = False
        """Whether more was printed while no command ran than is kept."""

    def begin(self, transcript: streams.Transcript, *, lingers: bool = False) -> None:
        """Let what comes from now on go to `transcript`, after what was printed since the last command.

        It is ended by the prompt, or, if the command `lingers`, by `finish`: what a job in the
        background prints in between belongs to the command.
        """
        with self._changed:
            if self._aside:
                transcript.add(Chunk(Stream.TERMINAL, bytes(self._aside)))
                self._aside.clear()
            self._lingers = lingers
            self._has_begun = self._has_printed = False
            self._line_editing = None
            self._transcript = transcript
            self._state = State.TYPED
            if self.lost is not None:
                transcript.mark_incomplete(self.lost)

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

    def forget_aside(self) -> None:
        """Let what was printed outside of commands be forgotten."""
        with self._changed:
            self._aside.clear()

    def wait_ready(self, seconds: float) -> bool:
        """Wait for the first prompt, at most `seconds`; say whether it is there."""
        with self._changed:
            self._changed.wait_for(lambda: self._state is State.PROMPT or self.lost, seconds)
            return self._state is State.PROMPT

    def wait_prompt(self, seconds: float) -> bool:
        """Wait, at most `seconds`, for the prompt to be shown again between commands; say whether it was."""
        with self._changed:
            self._changed.wait_for(lambda: self._prompts or self.lost or self.unexpected, seconds)
            seen, self._prompts = self._prompts, 0
            return seen > 0

    def read(self, connection: streams.Connection) -> None:
        """Take everything that comes out of `connection`, until it ends."""
        error: BaseException = EOFError("the shell has ended")
        try:
            while data := connection.read():
                with self._changed:
                    for piece in self._reader.feed(data):
                        self._take(piece)
                    self._changed.notify_all()
        except Exception as failure:  # noqa: BLE001 (or whoever follows would wait until its time is over)
            error = failure
        with self._changed:
            self.lost = error
            if self._transcript is not None:
                self._transcript.mark_incomplete(error)
            self._changed.notify_all()

    def _take(self, piece: osc133.Piece) -> None:
        if self._transcript is None:
            self._take_between(piece)
        else:
            self._take_of_command(piece, self._transcript)

    def _take_of_command(self, piece: osc133.Piece, transcript: streams.Transcript) -> None:
        before = self._state
        self._state = _NEXT.get((before, piece.kind), before)
        if self._state is before:
            self._take_within(piece, transcript)
        elif self._state is State.RUNNING:
            self._accepted = True
        elif self._state is State.PROMPTING:
            if self._line_editing is not None:
                # The shell itself has begun to edit its next line; what it printed since is its prompt.
                transcript.cut(self._line_editing)
            # Nothing has begun, and something was said: the shell could not make sense of the line (`!x`).
            refused = self._has_printed and not self._has_begun
            transcript.exited(piece.status or int(refused))
        elif self._state is State.PROMPT and not self._lingers:
            self.finish()

    def _take_within(self, piece: osc133.Piece, transcript: streams.Transcript) -> None:
        """Take what changes nothing about what the shell is doing."""
        if piece.kind is Kind.BEGUN:
            if self._state is State.TYPED:
                self.unexpected = "it no longer edits its lines as it did (`TERM`, `bind`, `set +o emacs`)"
            self._has_begun = True
        elif piece.kind in _RECORDED.get(self._state, ()):
            if self._state is State.RUNNING and piece.kind is not Kind.OUTPUT:
                self._line_editing = transcript.position() if piece.kind is Kind.EDITING else None
            self._record(transcript, piece.data)

    def _take_between(self, piece: osc133.Piece) -> None:
        """Take what comes while no command runs: the first prompt, and what jobs in the background print."""
        if piece.kind is Kind.READY:
            self._prompts += self._state is State.PROMPTING and not self._is_first
            self._state, self._is_first = State.PROMPT, False
        elif piece.kind is Kind.PROMPT:
            if self._state is State.STARTING:
                self._aside.clear()  # what the shell said at its start belongs to no command
                self._is_first = True
            self._state = State.PROMPTING
        elif piece.kind is Kind.ACCEPTED and self._state is State.PROMPT:
            self.unexpected = "a line was typed at its prompt"
        elif piece.kind is Kind.OUTPUT and self._state is not State.PROMPTING:
            self._aside += piece.data[: _MOST_ASIDE - len(self._aside)]
            self.aside_overflown = len(self._aside) == _MOST_ASIDE

    def _record(self, transcript: streams.Transcript, data: bytes) -> None:
        if self._accepted:
            # Readline goes to the start of the line, where the cursor is already.
            data, self._accepted = data.removeprefix(b"\r"), False
        self._has_printed = self._has_printed or (bool(data) and self._line_editing is None)
        # What is too much is still read: a terminal that nobody reads would stop all of the lab.
        if not transcript.overflown:
            transcript.add(Chunk(Stream.TERMINAL, data))
