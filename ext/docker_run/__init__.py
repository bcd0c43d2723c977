"""A Sphinx extension whose directive `docker-run` runs commands and embeds their real output."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

__version__ = "0.1.0"


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the extension with Sphinx."""
    # Not at the top: everything below `engine/` can be used without Sphinx.
    from docker_run.sphinx_ext.extension import register  # noqa: PLC0415

    register(app)
    return {
        "version": __version__,
        "env_version": 2,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
