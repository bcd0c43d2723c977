"""Closing what has several parts: a part that fails stops none of the others."""

from __future__ import annotations

from collections.abc import Callable


def close_all(*closings: Callable[[], object]) -> None:
    """Call all `closings`, one after another; raise at the end what the first one raised that failed."""
    first: BaseException | None = None
    for closing in closings:
        try:
            closing()
        except BaseException as error:  # noqa: BLE001 (it is raised in the end)
            first = first or error
    if first is not None:
        raise first
