"""Parsing directives: text → `Step`. Pure.

The modules are imported on first use: with `docker_cli` they take half as long to import as all the rest of
the extension, and a build that reads no page needs none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from docker_run.authoring import (
        file_directive,
        line_problem,
        options,
        presentation,
        run_directive,
    )

__all__ = ["file_directive", "line_problem", "options", "presentation", "run_directive"]

if not TYPE_CHECKING:  # a type checker would accept any name

    def __getattr__(name: str) -> ModuleType:
        """Import a module on first use."""
        if name in __all__:
            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
