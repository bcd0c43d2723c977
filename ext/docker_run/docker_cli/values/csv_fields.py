"""Parsing a record of comma-separated values, as in `--mount`, `--gpus` and `--network`.

Source of the rules: RFC 4180, and Go's `encoding/csv`, whose messages these are.
"""

from __future__ import annotations

from docker_run.docker_cli.values.scalars import BadValue


def fields(text: str) -> tuple[str, ...]:
    """Split `text` at its commas; a field in double quotes may contain commas, and `""` for a quote.

    Raises `BadValue` for quotes that are not around a whole field, and for an empty `text`.
    """
    if not text:
        raise BadValue("EOF")
    found: list[str] = []
    at = 0
    while True:
        if text[at : at + 1] == '"':
            field, at = _quoted(text, at)
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            field = text[at:end]
            if '"' in field:
                raise _error(text, at + field.index('"'), 'bare " in non-quoted-field')
            at = end
        found.append(field)
        if at >= len(text):
            return tuple(found)
        at += 1


def _quoted(text: str, start: int) -> tuple[str, int]:
    """Read the quoted field at `start`; return it and the position after its closing quote."""
    at = start + 1
    pieces: list[str] = []
    while True:
        end = text.find('"', at)
        if end < 0:
            raise _error(text, len(text), 'extraneous or missing " in quoted-field')
        pieces.append(text[at:end])
        if text[end + 1 : end + 2] == '"':
            pieces.append('"')
            at = end + 2
        elif text[end + 1 : end + 2] in ("", ","):
            return "".join(pieces), end + 1
        else:
            raise _error(text, end, 'extraneous or missing " in quoted-field')


def _error(text: str, at: int, what: str) -> BadValue:
    return BadValue(f"parse error on line 1, column {len(text[:at].encode()) + 1}: {what}")
