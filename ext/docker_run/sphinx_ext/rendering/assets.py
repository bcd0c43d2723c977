"""Registration of the lexer, the style sheet, and its counterpart in LaTeX."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from docker_run.sphinx_ext.rendering.lexer import DockerRunLexer, latex_preamble

STYLE_SHEET = "docker_run.css"


def register(app: Sphinx) -> None:
    """Register them with Sphinx."""
    app.add_lexer("docker-run", DockerRunLexer)
    app.add_css_file(STYLE_SHEET)
    app.connect("config-inited", _add_files)


def _add_files(_app: Sphinx, config: Config) -> None:
    # Before the project's own directories, so that a project can override the style sheet.
    config["html_static_path"] = [str(Path(__file__).parent / "static"), *config["html_static_path"]]
    elements = dict(config["latex_elements"])
    elements["preamble"] = latex_preamble() + elements.get("preamble", "")
    config["latex_elements"] = elements
