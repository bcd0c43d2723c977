r"""A readable notation for what is typed at a terminal, and its conversion to bytes.

`<C-p>` is Ctrl and `p`; `<Enter>`, `<Tab>`, `<Up>` and so on are the keys of those names; `\<` is a
literal `<`, and so is every `<` that does not begin a key (`cat <file`). A line with text is followed by
Enter; a line of keys alone is not. `\c` at the end of a line of text suppresses Enter, as for `echo -e`:
`q\c` ends `less`.

The bytes are those that an xterm sends
(https://invisible-island.net/xterm/ctlseqs/ctlseqs.html, "PC-Style Function Keys").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from docker_run.errors import FlagProblem, SyntaxProblem
from docker_run.near_matches import near_match

NAMED_KEYS: Mapping[str, bytes] = MappingProxyType(
    {
        "Enter": b"\r",
        "Tab": b"\t",
        "Esc": b"\x1b",
        "Space": b" ",
        "Backspace": b"\x7f",
        "Up": b"\x1b[A",
        "Down": b"\x1b[B",
        "Right": b"\x1b[C",
        "Left": b"\x1b[D",
        "Home": b"\x1b[H",
        "End": b"\x1b[F",
        "Insert": b"\x1b[2~",
        "Delete": b"\x1b[3~",
        "PageUp": b"\x1b[5~",
        "PageDown": b"\x1b[6~",
        "S-Tab": b"\x1b[Z",
    }
)
"""Named keys, and the bytes that they send."""

DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q"
"""The default of `--detach-keys`."""

_ENTER = b"\r"
_NO_ENTER = "\\c"
_CONTROLS = "@abcdefghijklmnopqrstuvwxyz[\\]^_"
"""The characters that form a control character with Ctrl, in order of its value."""
_TOKEN = re.compile(r"\\<|<([^<>\s]+)>")
_KEY_LIKE = re.compile(r"(?:[Cc]|M|(?i:ctrl|control|alt|meta|shift))[-+].*|[AS]-(?:[a-z]|[A-Z][a-z]+|F\d+)")


def to_bytes(line: str) -> bytes:
    r"""Return the bytes that typing `line` sends, including the Enter after a line of text.

    >>> to_bytes("ls /bin")
    b'ls /bin\r'
    >>> to_bytes("<C-p><C-q>")
    b'\x10\x11'
    >>> to_bytes("q\\c")
    b'q'
    """
    text = line.removesuffix(_NO_ENTER)
    sent = b"".join(data for _, data in _pieces(text))
    return sent if text != line or is_keys(line) else sent + _ENTER


def is_keys(line: str) -> bool:
    """Return whether `line` consists of keys alone, so that no Enter follows it."""
    kinds = [is_key for is_key, _ in _pieces(line)]
    return bool(kinds) and all(kinds)


def check(line: str) -> None:
    r"""Raise `SyntaxProblem` for an apparently misspelled key, e.g. `<Entr>`.

    Anything else in angle brackets is text.
    """
    for found in _TOKEN.finditer(line):
        name = found[1]
        if name is None or _key(name) is not None:
            continue
        meant = _meant(name)
        if meant is not None:
            raise SyntaxProblem(
                f"`{found[0]}` is not a key{meant}; keys are written `<C-p>` for Ctrl and a letter, or "
                f"{', '.join(f'`<{key}>`' for key in NAMED_KEYS)}. To type it as text, write `\\{found[0]}`"
            )


def parse_detach_keys(text: str) -> bytes:
    r"""Parse a value of `--detach-keys`, e.g. `ctrl-p,ctrl-q` or `ctrl-x,x`, into bytes.

    Raises `FlagProblem` for a value that the CLI refuses
    (https://docs.docker.com/reference/cli/docker/container/attach/#detach-keys).
    """
    return bytes(_detach_key(part, text) for part in text.split(","))


class DetachKeys:
    """Filters the detach keys out of typed input, as the CLI does.

    A possible beginning of the sequence is held back until the next key: typing the first of the keys alone
    sends nothing. As in the CLI, a key that breaks a sequence does not begin a new one.

    `sequence` is the result of `parse_detach_keys`.
    """

    def __init__(self, sequence: bytes) -> None:
        self._sequence = sequence
        self._held = 0

    def feed(self, typed: bytes) -> tuple[bytes, bool]:
        """Return the part of `typed` to send, and whether the input detaches."""
        sent = bytearray()
        for key in typed:
            if key == self._sequence[self._held]:
                self._held += 1
                if self._held == len(self._sequence):
                    self._held = 0
                    return bytes(sent), True
                continue
            sent += self._sequence[: self._held]
            sent.append(key)
            self._held = 0
        return bytes(sent), False


def _pieces(line: str) -> Iterator[tuple[bool, bytes]]:
    """Yield (is it a key?, its bytes) for each piece of `line`."""
    position = 0
    for found in _TOKEN.finditer(line):
        key = _key(found[1]) if found[1] is not None else None
        if key is None and found[1] is not None:
            continue
        if found.start() > position:
            yield False, line[position : found.start()].encode()
        yield (False, b"<") if key is None else (True, key)
        position = found.end()
    if position < len(line):
        yield False, line[position:].encode()


def _key(name: str) -> bytes | None:
    """Return the bytes of the key `name`, None if there is no such key."""
    if name in NAMED_KEYS:
        return NAMED_KEYS[name]
    if name == "C-Space":
        return b"\0"
    if name.startswith("C-") and len(name) == 3 and name[2].lower() in _CONTROLS:
        return bytes([_CONTROLS.index(name[2].lower())])
    if name.startswith("M-") and len(name) == 3 and name[2].isascii():
        return b"\x1b" + name[2].encode()
    return None


def _meant(name: str) -> str | None:
    """Return a hint at the key that `name` resembles, None if it resembles none."""
    if _KEY_LIKE.fullmatch(name):
        return ""
    by_case = {key.lower(): key for key in NAMED_KEYS}
    exact = by_case.get(name.lower())
    if exact is None and name[0].isupper():
        close = near_match(name.lower(), by_case, cutoff=0.8)
        exact = by_case[close] if close else None
    return None if exact is None else f" (is `<{exact}>` meant?)"


def _detach_key(part: str, text: str) -> int:
    if len(part) == 1 and part.isascii():
        return ord(part)
    if part == "DEL":
        return 0x7F
    control = part.removeprefix("ctrl-")
    if part.startswith("ctrl-") and len(control) == 1 and control in _CONTROLS:
        return _CONTROLS.index(control)
    raise FlagProblem(
        f"`--detach-keys={text}`: `{part}` is not a key; write single characters and `ctrl-` with one of "
        "`a`-`z`, `@`, `[`, `\\`, `]`, `^`, `_`, with commas between them"
    )
