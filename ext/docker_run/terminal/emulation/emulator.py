"""A headless terminal: interprets the output of programs.

The control sequences are those of ECMA-48 and of xterm's "Control Sequences" document. Queries, and sequences
for the keyboard, mouse or window, are parsed and ignored; no input is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pyte import modes

from docker_run.terminal.emulation.cells import Row
from docker_run.terminal.emulation.grid import Grid, SavedState
from docker_run.terminal.emulation.rendition import restyled

_LONGEST = 256
"""Limit of a control sequence's parameters, and of its intermediates, in characters; a longer one is ignored.
xterm accepts 30 parameters; without a limit, a sequence that never ends would be scanned again and again."""

_TOKEN = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    rf"|\x1b\[[0-?]{{{_LONGEST}}}(?P<long_parameters>)"
    rf"|\x1b\[[0-?]*[ -/]{{{_LONGEST}}}(?P<long_middle>)"
    rf"|\x1b[ -/]{{{_LONGEST}}}(?P<long_escape>)"
    r"|\x1b\[(?P<private>[<-?]*)(?P<parameters>[0-9:;]*)(?P<middle>[ -/]*)(?P<final>[@-~])"
    r"|\x1b(?P<set>[()])(?P<charset>[0-~])"
    r"|\x1b(?P<operating>\])"
    r"|\x1b(?P<string>[PX^_k])"
    r"|\x1b(?P<escape>[0-OQ-WYZ\\`-jl-~])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f-\x9f])"
)
_BROKEN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|[ -/]+[0-~]?)?")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[ -/]+)?\Z")

# What is skipped: the rest of a sequence that is too long, and strings for the terminal, such as titles and
# links, up to their terminator or what aborts them. The group `end` matches once the end was reached.
_REST_OF_MIDDLE = re.compile(r"[ -/]*+(?P<end>[@-~]|(?=[^ -/]))?")
_REST_OF_PARAMETERS = re.compile(r"[0-?]*+(?P<end>(?=[^0-?]))?")
_SKIPPED = {
    "long_parameters": _REST_OF_PARAMETERS,
    "long_middle": _REST_OF_MIDDLE,
    "long_escape": re.compile(r"[ -/]*+(?P<end>[0-~]|(?=[^ -/]))?"),
    "operating": re.compile(r"[^\x07\x18\x1a\x1b]*+(?P<end>[\x07\x18\x1a]|\x1b\\|(?=\x1b[^\\]))?"),
    "string": re.compile(r"[^\x18\x1a\x1b]*+(?P<end>[\x18\x1a]|\x1b\\|(?=\x1b[^\\]))?"),
}
_THEN = {_REST_OF_PARAMETERS: _REST_OF_MIDDLE}

_CONTROLS = {
    "\b": "backspace", "\t": "tab", "\n": "linefeed", "\v": "linefeed", "\f": "linefeed",
    "\r": "carriage_return", "\x0e": "shift_out", "\x0f": "shift_in",
}  # fmt: skip
_ESCAPES = {
    "D": "index", "E": "next_line", "H": "set_tab_stop", "M": "reverse_index", "c": "reset",
    "7": "save_cursor", "8": "restore_cursor",
}  # fmt: skip
# The final character of a control sequence: the method, and its number of parameters.
_SEQUENCES = {
    "@": ("insert_characters", 1), "A": ("cursor_up", 1), "B": ("cursor_down", 1),
    "C": ("cursor_forward", 1), "D": ("cursor_back", 1), "E": ("cursor_down1", 1),
    "F": ("cursor_up1", 1), "G": ("cursor_to_column", 1), "H": ("cursor_position", 2),
    "I": ("tabs", 1), "J": ("erase_in_display", 1), "K": ("erase_in_line", 1),
    "L": ("insert_lines", 1), "M": ("delete_lines", 1), "P": ("delete_characters", 1),
    "S": ("scroll_up", 1), "T": ("scroll_down", 1), "X": ("erase_characters", 1),
    "Z": ("back_tabs", 1), "`": ("cursor_to_column", 1), "a": ("cursor_forward", 1),
    "b": ("repeat", 1), "d": ("cursor_to_line", 1), "e": ("cursor_down", 1),
    "f": ("cursor_position", 2), "g": ("clear_tab_stop", 1), "r": ("set_margins", 2),
    "s": ("save_cursor", 0), "u": ("restore_cursor", 0),
}  # fmt: skip
_LARGEST = 9999
_ALTERNATE = frozenset((47, 1047, 1049))


class _Main(NamedTuple):
    """The main screen while the alternate one is shown."""

    rows: dict[int, Row]
    saved: SavedState


class Terminal(Grid):
    """A `Grid` that interprets characters and control sequences."""

    def __init__(self, columns: int, rows: int, *, limited: bool = True, joined: bool = False) -> None:
        self.unfinished = ""
        """The beginning of a control sequence at the end of the input so far."""
        self._skipped: re.Pattern[str] | None = None
        """The pattern of what is being skipped, from `_SKIPPED`."""
        self._main: _Main | None = None
        super().__init__(columns, rows, limited=limited, joined=joined)

    # Input.

    def feed(self, text: str) -> None:
        """Interpret `text`, which may end within a control sequence."""
        text = self.unfinished + text
        self.unfinished = ""
        position = 0
        while position < len(text):
            if self._skipped is not None:
                position = self._skip(self._skipped, text, position)
                continue
            token = _TOKEN.match(text, position)
            if token is None and _UNFINISHED.match(text, position):
                self.unfinished = text[position:]
                return
            token = token or _BROKEN.match(text, position)
            if token is not None:
                self._interpret(token)
            position = token.end() if token else position + 1

    def _skip(self, skipped: re.Pattern[str], text: str, position: int) -> int:
        """Skip what `skipped` matches; return where that, or `text`, ends."""
        found = skipped.match(text, position)
        if found is not None and found["end"] is None:
            # At most an escape is left, whose meaning depends on the next character.
            self.unfinished = text[found.end() :]
            return len(text)
        self._skipped = _THEN.get(skipped)
        return found.end() if found else position

    def _interpret(self, token: re.Match[str]) -> None:
        """Interpret a token of `_TOKEN`; unsupported ones are ignored."""
        group = token.lastgroup
        if group == "text":
            self.draw(token["text"])
        elif group in _SKIPPED:
            self._skipped = _SKIPPED[group]
        elif group == "final":
            self._sequence(token)
        elif group == "charset":
            self.define_charset(token["charset"], token["set"])
        elif group == "escape" and token["escape"] in _ESCAPES:
            getattr(self, _ESCAPES[token["escape"]])()
        elif group == "control" and token["control"] in _CONTROLS:
            getattr(self, _CONTROLS[token["control"]])()

    def _sequence(self, token: re.Match[str]) -> None:
        private, parameters, final = token["private"], token["parameters"], token["final"]
        if final == "m" and not private and not token["middle"]:
            self.style = restyled(self.style, parameters)
        elif final == "p" and token["middle"] == "!":
            self.soft_reset()
        elif token["middle"] or ":" in parameters:
            return
        else:
            numbers = [min(int(digits[:9] or 0), _LARGEST) for digits in parameters.split(";")]
            if final in "hl" and private in ("", "?"):
                for number in numbers:
                    self._switch(number, private=private == "?", on=final == "h")
            elif not private and final in _SEQUENCES:
                name, count = _SEQUENCES[final]
                getattr(self, name)(*numbers[:count])

    def _switch(self, number: int, *, private: bool, on: bool) -> None:
        """Set or reset a mode. All others concern the keyboard, mouse or window."""
        if private and number in _ALTERNATE:
            (self._enter_alternate if on else self._leave_alternate)()
            return
        mode = number << 5 if private else number
        if mode in (modes.DECAWM, modes.DECOM, modes.IRM, modes.LNM):
            (self.mode.add if on else self.mode.discard)(mode)
            if mode == modes.DECOM:
                self.cursor_position()

    def _enter_alternate(self) -> None:
        if self._main is None:
            self.save_cursor()
            self._main = _Main(dict(self.buffer), self.saved)
            self.saved = SavedState()
            self.buffer.clear()
            self.keeps = False

    def _leave_alternate(self) -> None:
        if self._main is not None:
            self.buffer.clear()
            self.buffer.update(self._main.rows)
            self.saved = self._main.saved
            self._main = None
            self.keeps = True
            self.restore_cursor()

    # Reading.

    def packed_lines(self) -> Iterator[str]:
        """Yield all lines, packed: the scrollback, and the screen, with empty lines at its end.

        If a program ended without leaving the alternate screen, that one follows the main one.
        """
        screens = [self.buffer] if self._main is None else [self._main.rows, self.buffer]
        return self.scrolled.packed(
            screen.get(y, Row()) for screen in screens for y in range(max(screen, default=-1) + 1)
        )

    def reset(self) -> None:
        """Clear the screen and reset all settings; the scrollback is kept (RIS)."""
        self._leave_alternate()
        super().reset()
