"""The names of images."""

from __future__ import annotations

import re

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
"""An image's name: the grammar of https://github.com/distribution/reference (`reference.go`)."""
