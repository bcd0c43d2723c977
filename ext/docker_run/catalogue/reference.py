"""Image references."""

from __future__ import annotations

import re
import unicodedata

REFERENCE = re.compile(
    r"""
    (?P<repository>
      (?: (?: [A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])? (?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*
            | \[[0-9a-fA-F:]+\] ) (?::[0-9]+)? / )?
      [a-z0-9]+ (?: (?:\.|_|__|-+) [a-z0-9]+ )*
      (?: / [a-z0-9]+ (?: (?:\.|_|__|-+) [a-z0-9]+ )* )*
    )
    (?: : (?P<tag>[\w][\w.-]{0,127}) )?
    (?: @ (?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}) )?
    """,
    re.VERBOSE | re.ASCII,
)
"""An image reference, by the grammar of https://github.com/distribution/reference (`reference.go`)."""


def advice(name: str) -> str:
    """Return what to write instead of `name`, which is not a valid reference."""
    if name and unicodedata.category(name[0]) == "Pd" and name[0] != "-":
        # Word processors and web pages turn hyphens into dashes.
        return f"flags begin with `-`, and this begins with another dash, `{name[0]}`: type it again"
    return "write REPOSITORY[:TAG], the repository in lower case"
