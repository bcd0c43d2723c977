"""The output of a lab's shell, split into commands by the shell's marks."""

from __future__ import annotations

import threading
from enum import Enum

from docker_run.engine import streams
from docker_run.model import Chunk, Stream
from docker_run.terminal import osc133
from docker_run.terminal.osc133 import Kind

_MOST_ASIDE = 1_000_000
"""Limit of the output between commands that is kept, in bytes."""


class State(Enum):
    """The state of the shell."""

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
"""Transitions between states from when a command is typed; any other mark changes nothing."""
_RECORDED = {
    # A program that the command runs may edit lines, too.
    State.RUNNING: (Kind.OUTPUT, Kind.EDITING, Kind.ACCEPTED),
    State.PROMPT: (Kind.OUTPUT,),
}
"""The kinds of pieces that are a command's output, by state."""


class Console:
    """The output of the shell's terminal; written by the thread that reads it."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._state = State.STARTING
        self._transcript: streams.Transcript | None = None
        self._reader = osc133.MarkReader()
        self._aside = bytearray()
        self._lingers = False
        # Of the running command.
        self._accepted = False
        self._has_begun = False
        self._has_printed = False
        self._line_editing: tuple[int, int] | None = None
        # Between commands.
        self._prompts = 0
        self._is_first = False
        self.lost: BaseException | None = None
        """Why there is no more output."""
        self.unexpected = ""
        """Unexpected behaviour of the shell; empty if there was none."""
        self.aside_overflown = False
        """Whether more was printed between commands than is kept."""

    def begin(self, transcript: streams.Transcript, *, lingers: bool = False) -> None:
        """Record further output in `transcript`, after what was printed since the last command.

        The prompt ends it or, if the command `lingers`, `finish` does: output of background jobs in between
        belongs to the command.
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
        """End the command: further output belongs to none."""
        with self._changed:
            if self._transcript is not None:
                self._transcript.end()
                self._transcript = None

    @property
    def state(self) -> State:
        """The state of the shell."""
        with self._changed:
            return self._state

    def aside(self) -> str:
        """Return the output between commands."""
        with self._changed:
            return self._aside.decode(errors="replace")

    def forget_aside(self) -> None:
        """Discard the output between commands."""
        with self._changed:
            self._aside.clear()

    def forget_refusal(self, text: bytes) -> bool:
        """Forget that the shell refused a line, if it said so: `text` in the output between commands."""
        with self._changed:
            before, found, after = self._aside.partition(text)
            if found:
                self._aside[:] = before + after
                self.unexpected = ""
            return bool(found)

    def wait_ready(self, seconds: float) -> bool:
        """Wait for the first prompt, at most `seconds`; return whether it was shown."""
        with self._changed:
            self._changed.wait_for(lambda: self._state is State.PROMPT or self.lost, seconds)
            return self._state is State.PROMPT

    def wait_prompt(self, seconds: float) -> int:
        """Wait, at most `seconds`, for the prompt to be shown again between commands; return how often."""
        with self._changed:
            self._changed.wait_for(lambda: self._prompts or self.lost or self.unexpected, seconds)
            seen, self._prompts = self._prompts, 0
            return seen

    def read(self, connection: streams.Connection) -> None:
        """Read the output from `connection`, until it ends."""
        error: BaseException = EOFError("the shell has ended")
        try:
            while data := connection.read():
                with self._changed:
                    for piece in self._reader.feed(data):
                        self._process(piece)
                    self._changed.notify_all()
        except Exception as failure:  # noqa: BLE001 (else the thread that follows would wait for its timeout)
            error = failure
        with self._changed:
            self.lost = error
            if self._transcript is not None:
                self._transcript.mark_incomplete(error)
            self._changed.notify_all()

    def _process(self, piece: osc133.Piece) -> None:
        if self._transcript is None:
            self._process_between(piece)
        else:
            self._process_command(piece, self._transcript)

    def _process_command(self, piece: osc133.Piece, transcript: streams.Transcript) -> None:
        before = self._state
        self._state = _NEXT.get((before, piece.kind), before)
        if self._state is before:
            self._take_within(piece, transcript)
        elif self._state is State.RUNNING:
            self._accepted = True
        elif self._state is State.PROMPTING:
            if self._line_editing is not None:
                # The shell itself has begun to edit its next line: its output since then is its prompt.
                transcript.cut(self._line_editing)
            # No command has begun, but there was output: the shell could not parse the line (`!x`).
            refused = self._has_printed and not self._has_begun
            transcript.exited(piece.status or int(refused))
        elif self._state is State.PROMPT and not self._lingers:
            self.finish()

    def _take_within(self, piece: osc133.Piece, transcript: streams.Transcript) -> None:
        """Process a piece that does not change the state."""
        if piece.kind is Kind.BEGUN:
            if self._state is State.TYPED:
                self.unexpected = "it no longer edits its lines as it did (`TERM`, `bind`, `set +o emacs`)"
            self._has_begun = True
        elif piece.kind in _RECORDED.get(self._state, ()):
            if self._state is State.RUNNING and piece.kind is not Kind.OUTPUT:
                self._line_editing = transcript.position() if piece.kind is Kind.EDITING else None
            self._record(transcript, piece.data)

    def _process_between(self, piece: osc133.Piece) -> None:
        """Process a piece between commands: the first prompt, and output of background jobs."""
        if piece.kind is Kind.READY:
            self._prompts += self._state is State.PROMPTING and not self._is_first
            self._state, self._is_first = State.PROMPT, False
        elif piece.kind is Kind.PROMPT:
            if self._state is State.STARTING:
                self._aside.clear()  # the shell's output at its start belongs to no command
                self._is_first = True
            self._state = State.PROMPTING
        elif piece.kind is Kind.ACCEPTED and self._state is State.PROMPT:
            self.unexpected = "a line was typed at its prompt"
        elif piece.kind is Kind.OUTPUT and self._state is not State.PROMPTING:
            self._aside += piece.data[: _MOST_ASIDE - len(self._aside)]
            self.aside_overflown = len(self._aside) == _MOST_ASIDE

    def _record(self, transcript: streams.Transcript, data: bytes) -> None:
        if self._accepted:
            # Readline moves to the start of the line, where the cursor already is.
            data, self._accepted = data.removeprefix(b"\r"), False
        self._has_printed = self._has_printed or (bool(data) and self._line_editing is None)
        # Output beyond the limit is still read: a terminal that is not read would block the whole lab.
        if not transcript.overflown:
            transcript.add(Chunk(Stream.TERMINAL, data))
