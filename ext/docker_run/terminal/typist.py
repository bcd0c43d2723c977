"""Typing at a container's terminal as a person would: each line when the program prompts for it.

Text that is typed before a program reads is shown twice: by the terminal's own echo, and again when the
program reads it and redraws its line. So a line is held back until the output ends in a prompt, unless its
author says with `<wait …>` what to wait for.
Pure: the time is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from docker_run.terminal import keys, waits

_ESCAPE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, modes
    rb"|\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC: title, shell integration
    rb"|[ -/]*[0-~])"
)
_PROMPT_ENDS = (b"$", b"#", b">", b":", b"?", b"%", b"]")
_ENDS_LINE = b"\r\n\x03\x04\x1a\x1c"
"""Keys that end a line or interrupt: Enter, Ctrl-C, Ctrl-D, Ctrl-Z, Ctrl-Backslash."""
_LONGEST_LINE = 8192
_REMEMBERED = 65_536
"""Bytes of output in which the pattern of a wait is searched."""

_KNOWN_PROMPT = 0.12
"""Seconds of silence after a prompt at which a line was typed before."""
_LIKELY_PROMPT = 0.3
"""Seconds of silence after a line that ends like a prompt, or after keys that only edit the line."""
_UNLIKELY_PROMPT = 1.5
"""Seconds of silence after any other unfinished line, and in a program without prompts."""
_NO_PROMPT = 5.0
"""Seconds of silence after which a program that had prompts before is assumed to read without one."""
_PATIENCE = 5.0
"""Seconds after which keys are pressed although the program prints: they interrupt, or detach."""


class Typist:
    """Decides when the next of `lines` is typed, after the waits (`<wait …>`) before it.

    `began` is when the program started, in seconds of the clock of all other times. The output passed to
    `saw` begins there, too, without the echo of the command. `starting` is the silence, in seconds, after
    which the first line is typed if the program has shown no prompt.
    """

    def __init__(self, lines: Sequence[str], *, began: float, starting: float = _UNLIKELY_PROMPT) -> None:
        self._starting = starting
        self._lines = list(lines)
        self._position = 0
        self._last_event = began
        self._last_typed = began
        self._line = b""
        self._prompts: set[bytes] = set()
        self._answered = False
        self._blindly = False
        self._awaits_answer = True
        self._typed: str | None = None
        self._wait_began = began
        self._waited = False
        self._seen = _RecentOutput()

    @property
    def done(self) -> bool:
        """Whether everything was typed, and the waits after it are over.

        Waits are only ended by `saw` and `next_line`, to which the time is passed.
        """
        return self._position == len(self._lines)

    @property
    def only_waits(self) -> bool:
        """Whether only waits are left, and nothing to type."""
        return not self.done and all(map(waits.is_wait, self._lines[self._position :]))

    @property
    def waiting(self) -> str:
        """What it waits for, for a message, e.g. `waiting for /Ready/`; empty once it is done."""
        if self.done:
            return ""
        wait = self._wait()
        if wait is not None:
            return f"waiting for {wait}" if wait.pattern else f"waiting {wait}"
        return f"waiting for a prompt, to type `{self._lines[self._position]}`"

    def saw(self, output: bytes, *, now: float) -> None:
        """Process output of the program."""
        if output:
            self._last_event = now
            _, newline, tail = output.rpartition(b"\n")
            self._line = (tail if newline else self._line + output)[-_LONGEST_LINE:]
            # The echo of a typed line ends with its Enter: only output after that is a response.
            self._answered = self._answered or bool(newline) or not self._awaits_answer or self._typed is None
            self._seen.add(output)
        self._pass_waits(now)

    def next_line(self, *, now: float) -> str | None:
        """Return the line to type now, None if it is not time yet. Never a wait."""
        self._pass_waits(now)
        if self.done or self._wait() is not None or not self._is_time(now):
            return None
        prompt, line = self._prompt(), self._lines[self._position]
        # A line that its author timed says nothing about the program's prompts.
        if not self._waited:
            self._blindly = not prompt
            if prompt and self._answered:
                self._prompts.add(prompt)
        self._position += 1
        self._awaits_answer = _starts_something(line)
        self._answered = False
        self._waited = False
        self._typed = line
        self._seen = _RecentOutput(line)
        self._last_event = self._last_typed = self._wait_began = now
        return line

    def _wait(self) -> waits.Wait | None:
        """Return the next entry if it is a wait, else None."""
        entry = "" if self.done else self._lines[self._position]
        return waits.parse(entry) if waits.is_wait(entry) else None

    def _pass_waits(self, now: float) -> None:
        """Skip the waits that are over."""
        while (wait := self._wait()) is not None:
            ends = now if wait.pattern else self._wait_began + wait.seconds
            if now < ends or (wait.pattern and not self._seen.holds(wait)):
                return
            self._position += 1
            self._waited = True
            self._wait_began = ends

    def _is_time(self, now: float) -> bool:
        if self._waited or now - self._last_event >= self._silence():
            return True
        return keys.is_keys(self._lines[self._position]) and now - self._last_typed >= _PATIENCE

    def _silence(self) -> float:
        """Return the silence, in seconds, after which to type."""
        if not self._awaits_answer:
            return _LIKELY_PROMPT
        prompt = self._prompt()
        if self._typed is None and not prompt:
            return self._starting
        if self._answered and prompt:
            if prompt in self._prompts:
                return _KNOWN_PROMPT
            return _LIKELY_PROMPT if prompt.rstrip().endswith(_PROMPT_ENDS) else _UNLIKELY_PROMPT
        return _NO_PROMPT if self._prompts and not self._blindly else _UNLIKELY_PROMPT

    def _prompt(self) -> bytes:
        """Return the visible text of the cursor's line, in bytes; empty if there is none."""
        visible = _ESCAPE.sub(b"", self._line)
        return next((part for part in reversed(visible.split(b"\r")) if part.strip()), b"")


def _starts_something(line: str) -> bool:
    """Return whether typing `line` makes a program continue, rather than only edits the current line."""
    return not keys.is_keys(line) or any(byte in _ENDS_LINE for byte in keys.to_bytes(line))


class _RecentOutput:
    """The end of the output since `typed`, the last typed line."""

    def __init__(self, typed: str = "") -> None:
        self._echo = "" if keys.is_keys(typed) else keys.to_bytes(typed).decode(errors="replace")
        self._data = b""
        self._not_found: waits.Wait | None = None

    def add(self, output: bytes) -> None:
        """Add output."""
        self._data += output
        if len(self._data) > _REMEMBERED:
            self._data, self._echo = self._data[-_REMEMBERED:], ""
        self._not_found = None

    def holds(self, wait: waits.Wait) -> bool:
        """Return whether the pattern of `wait` was printed; the echo of the typed line does not count."""
        if self._not_found != wait and wait.found_in(_without_echo(self._text(), self._echo)):
            return True
        self._not_found = wait
        return False

    def _text(self) -> str:
        text = _ESCAPE.sub(b"", self._data).decode(errors="replace")
        return re.sub(r"\r*\n|\r", "\n", text)


def _without_echo(text: str, echo: str) -> str:
    """Return `text` without `echo` at its start, which may be wrapped at the ends of a terminal's lines."""
    at = 0
    for char in "".join(echo.split()):
        while text[at : at + 1].isspace():
            at += 1
        if at == len(text):
            return ""
        if text[at] != char:
            return text
        at += 1
    return text[at:]
