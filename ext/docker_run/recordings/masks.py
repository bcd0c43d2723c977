r"""Masks for volatile text, which differs from run to run without meaning anything.

Masks are only used to compare two recordings, never for what a page shows. They are conservative: noise that
is not masked is noticed, and an author can add a pattern for it, but a difference that a mask hides is never
noticed.

Deliberately not masked are: process IDs within a container (they begin at 1 each time), whole seconds (`12s`
may be an option of a command), versions, sizes, exit statuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from docker_run.patterns import Match, Pattern

Patterns: TypeAlias = tuple[str, ...]
"""An author's regular expressions."""


@dataclass(frozen=True, slots=True)
class Mask:
    """A kind of volatile text."""

    name: str
    """The replacement in masked text, in angle brackets."""
    pattern: str
    """A regular expression (multi-line mode), without capturing groups."""
    why: str
    """Why it differs from run to run."""
    examples: tuple[str, ...]
    """Texts that are masked as a whole, or where `{…}` encloses what is masked."""


def _words(text: str) -> str:
    return "(?:" + "|".join(text.split()) + ")"


_START = r"(?<![\w.-])"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: [AP]M)?"
_ZONE = r"(?:Z\b| ?[+-]\d{2}:?\d{2}\b(?: [A-Z]{3,5}\b)?| (?:UTC|GMT|CEST|CET|BST|[ECMP][SD]T)\b)"
_WEEKDAY = _words("Mon Tue Wed Thu Fri Sat Sun")
_MONTH = _words("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
_DAY = r"(?:19|20)\d{2}-(?:0[1-9]|1[0-2])-[0-3]\d"
_TIMES = (
    rf"(?<!\w){_DAY}[T ]{_CLOCK}{_ZONE}?",  # RFC 3339; docker inspect; Go's Time.String
    rf"(?<![\w.:/-]){_DAY}(?![\w:/-])",
    rf"{_START}20\d{{2}}/\d{{2}}/\d{{2}} {_CLOCK}",  # logs of nginx and of Go programs
    rf"{_START}\d{{1,2}}/{_MONTH}/\d{{4}}:{_CLOCK}{_ZONE}?",  # access logs
    rf"{_START}(?:{_WEEKDAY}, )?\d{{1,2}}[ -]{_MONTH}[ -]\d{{4}}(?: {_CLOCK}{_ZONE}?)?",  # RFC 1123; redis
    rf"{_START}(?:{_WEEKDAY} )?{_MONTH} {{1,2}}\d{{1,2}} {_CLOCK}{_ZONE}?(?: \d{{4}})?\b",  # date; ls -l
    rf"{_START}{_MONTH} [ \d]\d  (?:19|20)\d{{2}}\b",  # ls -l of an older file
    rf"(?<![\w.:-])\d{{1,2}}:\d{{2}}:\d{{2}}(?:[.,]\d{{1,9}})?{_ZONE}?(?![\w:])",
)
_AGE = (
    r"(?:[Ll]ess than a second|[Aa]bout an? (?:minute|hour)"
    r"|\d+ (?:second|minute|hour|day|week|month|year)s?)"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_EPHEMERAL = r"(?:3276[89]|327[7-9]\d|32[89]\d\d|3[3-9]\d{3}|[45]\d{4}|60\d{3})(?!\d)"
_NUMBER = r"\d+(?:\.\d+)?"
_BYTES = r"(?:[kKMGT]i?)?B"

MASKS = (
    Mask(
        "digest",
        r"\bsha256:[0-9a-f]{12,64}(?!\w)",
        "images are rebuilt, or retagged in a registry",
        ("sha256:" + "0f" * 32, "Digest: {sha256:" + "1e" * 32 + "}"),
    ),
    Mask(
        "uuid",
        r"(?<![\w-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\w-])",
        "made at random",
        ("123e4567-e89b-42d3-a456-426614174000",),
    ),
    Mask(
        "id",
        # A short ID always contains a letter: otherwise the engine generates another (host names need one).
        # A layer's ID is the beginning of a checksum, and may consist of digits.
        r"(?<!\w)(?=[0-9]{0,63}[a-f])(?=[a-f]{0,63}[0-9])(?:[0-9a-f]{64}|[0-9a-f]{12})(?!\w)"
        r"|^(?:\d{12}|[a-f]{12})"
        r"(?=: (?:Already exists|Layer already exists|Mounted from |Pushed$|Pull(?:ing| complete)))",
        "the engine makes ids of containers, networks and volumes at random; it is the host name, too",
        (
            "3f2a1b4c5d6e",
            "root@{3f2a1b4c5d6e}:/#",
            "4d" * 32,
            "{061448011784}: Already exists",
            "{061448011784}: Pull complete",
        ),
    ),
    Mask(
        "mac",
        r"(?<![\w:])[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}(?![\w:])",
        "made from the address, or at random",
        ("02:42:ac:11:00:02",),
    ),
    Mask(
        "time",
        "|".join(_TIMES),
        "the clock goes on",
        (
            "2026-11-23T22:10:04.123456789Z",
            "2026-11-23 22:10:04 +0000 UTC",
            "2026-11-23",
            "Mon, 23 Nov 2026 22:10:04 GMT",
            "Mon Nov 23 22:10:04 UTC 2026",
            "drwxr-xr-x 2 root root 40 {Nov  3 22:10} bin",
            "[{23/Nov/2026:22:10:04 +0000}]",
            "1:C {23 Nov 2026 22:10:04.123} *",
            "22:10:04",
        ),
    ),
    Mask(
        "age",
        rf"\b{_AGE} ago\b|(?<=\bUp ){_AGE}\b",
        "the clock goes on",
        ("2 minutes ago", "Up {3 seconds}", "Up {About an hour} (healthy)", "Exited (0) {5 seconds ago}"),
    ),
    Mask(
        "rate",
        rf"{_START}\d+(?:,\d{{3}}){{0,4}}(?:\.\d+)? ?{_BYTES}/s\b",
        "the network and the disk are not always as fast",
        ("1.2 MB/s", "copied, 0.5 hours, {45.6MiB/s}"),
    ),
    Mask(
        "progress",
        rf"(?:\[=*>? *\] +)?(?<![\w.]){_NUMBER}{_BYTES} ?/ ?{_NUMBER}{_BYTES}\b",
        "how far a transfer was when the picture was taken",
        ("1.049MB/2.2MB", "[===>      ]  32.7kB/4.3MB", "1.2MiB / 7.6GiB"),
    ),
    Mask(
        "duration",
        rf"{_START}(?:\d+h)?\d+m ?{_NUMBER}s\b"
        rf"|{_START}{_NUMBER}(?:/{_NUMBER}){{0,3}} ?(?:ns|[uµ]s|ms)\b"
        rf"|{_START}\d+\.\d+ ?(?:s|secs?|seconds?)\b|(?<=\bin )\d+s\b",
        "the machine is not always as fast",
        (
            "0.3s",
            "12ms",
            "real {0m0.31s}",
            "real {0m 0.31s}",
            "min/avg/max = {0.065/0.078/0.091 ms}",
            "in {2s}",
        ),
    ),
    Mask(
        "address",
        rf"{_START}(?:10\.{_OCTET}|172\.(?:1[6-9]|2\d|3[01])|192\.168|169\.254)\.{_OCTET}\.{_OCTET}"
        rf"(?!\.?\w)(?::{_EPHEMERAL})?"
        r"|(?<![\w:])(?:fe80|f[cd][0-9a-f]{2}):[0-9a-f:]{2,35}(?:%\w+)?(?!\w)",
        "the engine gives out private and link-local addresses in turn",
        (
            "172.17.0.2",
            "{172.17.0.2}/16",
            "{192.168.1.7}:80",
            "fe80::42:acff:fe11:2",
            "{172.17.0.1:51234} connected",
        ),
    ),
    Mask(
        "port",
        rf"(?:(?<=0\.0\.0\.0:)|(?<=\[::\]:)|(?<=\s:::)|(?<=127\.0\.0\.1:)){_EPHEMERAL}"
        rf'|(?<="HostPort": "){_EPHEMERAL}',
        "the engine takes any free one from 32768 to 60999",
        ("0.0.0.0:{32768}->80/tcp, [::]:{32769}->80/tcp", '"HostPort": "{32770}"'),
    ),
    Mask(
        "pid",
        r'(?<="Pid": )[1-9]\d*'
        r"|(?<= {2})\d+ {1,20}\d+ {1,20}\d{1,2} {1,20}\d{2}:\d{2}(?= {1,20}(?:\?|pts/\d+) )",
        "docker inspect and docker top show ids that the machine counts up, and when the process began",
        ('"Pid": {952},', "root   {952   931   0   22:12}   ?   00:00"),
    ),
    Mask(
        "job",
        r"(?<=^\[[1-9]\] )\d+$|(?<=^\[[1-9]\]\+ )\d+(?= )",
        "a shell says the process id of a job in the background",
        ("[1] {195}", "[2]+ {1952} Running"),
    ),
    Mask(
        "pointer",
        r"(?<= \()0x[0-9a-f]{12,16}(?=\)$)",
        "ldd shows where a library lies in memory this time",
        ("libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 ({0x00007f497b421000})",),
    ),
    Mask(
        "interface",
        r"(?<![\w-])(?:veth[0-9a-f]{7}|br-[0-9a-f]{12}|\d+: eth\d+@if\d+|eth\d+@if\d+)(?!\w)",
        "the kernel numbers interfaces through, and the engine names some at random",
        ("{24: eth0@if25}: <BROADCAST>", "veth1a2b3c4", "br-3f2a1b4c5d6e"),
    ),
    Mask(
        "load",
        r"\bload average: [\d., ]{4,40}\d|\bup +(?:\d+ days?, +)?(?:\d+:\d\d|\d+ min)\b",
        "what the machine does besides, and since when",
        ("load average: 0.10, 0.20, 0.30", "up 3 days,  1:02"),
    ),
    Mask(
        "name",
        r'(?:(?<= {3})|(?<="/)|(?<==/)|^)(?:[a-z]{3,14})_[a-z]{2,16}\d?(?= {3}|"|/|$)',
        "the engine names containers at random: a word in the column of a table, or in docker inspect",
        (
            '"/{focused_turing}"',
            "0.0.0.0:80->80/tcp   {focused_turing}",
            "DB_NAME=/{focused_turing}/db",
            "{determined_tu}   busybox",
        ),
    ),
)
"""All built-in masks. If two match at one place, the first wins."""

_NAMES = ("volatile", *(mask.name for mask in MASKS))

# While text is being masked, each `<name>` is represented by a single private-use character, so that no
# pattern can match part of a name.
_SIGNS = {name: chr(0x10FF00 + number) for number, name in enumerate(_NAMES)}
_WRITTEN = {sign: f"<{name}>" for name, sign in _SIGNS.items()}
_NAME = re.compile(f"<({'|'.join(_NAMES)})>")
_SIGN = re.compile(f"[{''.join(_WRITTEN)}]")

_MOST_ROUNDS = 10
"""Limit of masking rounds: text in which every round uncovers more is contrived, and left as it is."""

_HEADINGS = re.compile(r"[A-Z][A-Z /%]*")
_PADDING = re.compile(r" {2,}")
_INDENT = re.compile(f"^ +(?={_SIGN.pattern})")


@cache
def _any_mask() -> re.Pattern[str]:
    """Return all masks as one pattern, compiled on first use: it is slow, and most builds compare nothing."""
    return re.compile("|".join(f"(?P<{mask.name}>{mask.pattern})" for mask in MASKS), re.MULTILINE)


def mask(text: str, extra: Patterns = ()) -> str:
    """Return `text` with a name in angle brackets for all volatile text in it.

    Each match of an author's `extra` patterns becomes `<volatile>`; then the built-in `MASKS` are applied.
    Volatile text differs in width, too, and moves the columns of a table: so in lines with masked text, and
    in the headings of a table, several blanks become one. Masking is idempotent, except for contrived text in
    which each mask uncovers the next: that is masked up to a limit.

    Raises `ValueError` if an element of `extra` is not a regular expression, and `SlowPattern`.
    """
    authors = list(map(Pattern, extra))
    masked, before = _NAME.sub(lambda match: _SIGNS[match[1]], text), ""
    for _ in range(_MOST_ROUNDS):
        if masked == before:
            break
        # A mask can uncover a match of another, since the text before it has changed.
        before = masked
        for pattern in authors:
            masked = pattern.sub(_author_sign, masked)
        masked = _any_mask().sub(lambda match: _SIGNS[str(match.lastgroup)], masked)
        masked = "\n".join(_unpadded(line) for line in masked.split("\n"))
    return _SIGN.sub(lambda match: _WRITTEN[match[0]], masked)


def _author_sign(match: Match) -> str:
    """Return the replacement for an author's match, or the match itself if all of it is already masked."""
    matched = match[0] or ""
    return _SIGNS["volatile"] if _SIGN.sub("", matched) else matched


def _unpadded(line: str) -> str:
    if _SIGN.search(line) or _HEADINGS.fullmatch(line):
        return _INDENT.sub("", _PADDING.sub(" ", line))
    return line
