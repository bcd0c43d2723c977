"""Suggestions for misspelled names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def near_match(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the name among `known` that is most similar to `name`; None if none is similar enough.

    `cutoff`, from 0 to 1, is the least similarity.
    """
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=cutoff)), None)
