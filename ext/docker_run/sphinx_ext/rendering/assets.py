"""Registration of the lexer, the style sheet and its counterpart in LaTeX, and the script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from docker_run.sphinx_ext.rendering.lexer import DockerRunLexer, latex_preamble

STYLE_SHEET = "docker_run.css"
SCRIPT = "docker_run.js"
_WORDS: dict[str, Any] = {
    "data-command": "Copy this line",
    "data-block": "Copy all commands",
    "data-copied": "Copied",
    "data-failed": "The browser doesn't allow copying",
    "data-unfold": "Show {} more lines",
    "data-fold": "Show fewer lines",
}
"""What the script says to readers."""
_NOT_COMMANDS = ("gp", "go", "g-Typed", "docker-run-copy", "docker-run-fold")
_NOT_COPIED = ", ".join(f"pre.docker-run-terminal .{name}" for name in _NOT_COMMANDS)


def register(app: Sphinx) -> None:
    """Register them with Sphinx."""
    app.add_lexer("docker-run", DockerRunLexer)
    app.add_css_file(STYLE_SHEET)
    app.add_js_file(SCRIPT, loading_method="defer", **_WORDS)
    app.connect("config-inited", _add_files)
    # Before sphinx-copybutton reads its own value.
    app.connect("config-inited", _exclude_from_copies, priority=400)


def _add_files(_app: Sphinx, config: Config) -> None:
    # Before the project's own directories, so that a project can override the style sheet.
    config["html_static_path"] = [str(Path(__file__).parent / "static"), *config["html_static_path"]]
    elements = dict(config["latex_elements"])
    elements["preamble"] = latex_preamble() + elements.get("preamble", "")
    config["latex_elements"] = elements


def _exclude_from_copies(_app: Sphinx, config: Config) -> None:
    """Have sphinx-copybutton copy the commands alone from terminals, whatever else the project excludes."""
    if "copybutton_exclude" in config and isinstance(config["copybutton_exclude"], str):
        config["copybutton_exclude"] = ", ".join(filter(None, [config["copybutton_exclude"], _NOT_COPIED]))
