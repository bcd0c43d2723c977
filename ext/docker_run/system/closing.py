"""Closing several resources, even if closing some of them fails."""

from __future__ import annotations

from collections.abc import Callable


def close_all(*closings: Callable[[], object]) -> None:
    """Call all `closings`, in order; at the end, raise the first exception, if there was one."""
    first: BaseException | None = None
    for closing in closings:
        try:
            closing()
        except BaseException as error:  # noqa: BLE001 (raised below)
            first = first or error
    if first is not None:
        raise first
