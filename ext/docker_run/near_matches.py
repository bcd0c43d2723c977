"""Which name was meant by one that there isn't."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def near_match(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the one of the `known` names that is most like `name`; None where none is.

    `cutoff`, from 0 to 1, says how much alike they have to be.
    """
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=cutoff)), None)
