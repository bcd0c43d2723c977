"""The files that `--env-file` and `--label-file` name: a `KEY=VALUE` a line.

Source of the rules: docker/cli, `pkg/kvfile`. There are no quotes and no escapes in such a file:
everything after the first `=` is the value, spaces included.
"""

from __future__ import annotations

from docker_run.grammar.values import BadValue

# Unicode's White_Space, which is what Go trims; Python's `str.strip` also takes U+001C to U+001F.
_SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)


def parse(text: str) -> tuple[str, ...]:
    """Return the entries of `text` in order: `KEY=VALUE`, or a bare `KEY` where a line has no `=`.

    Lines that are empty or begin with `#` are skipped, white space before the key goes, and so does
    a byte order mark. Raises `BadValue` for a line without a key, or with white space in it.
    """
    entries = []
    for line in text.removeprefix("\ufeff").split("\n"):
        entry = line.removesuffix("\r").lstrip(_SPACES)
        if not entry or entry.startswith("#"):
            continue
        key = entry.partition("=")[0]
        if not key:
            raise BadValue(f"no variable name on line '{entry}'")
        if " " in key or "\t" in key:
            raise BadValue(f"variable '{key}' contains whitespaces")
        entries.append(entry)
    return tuple(entries)
