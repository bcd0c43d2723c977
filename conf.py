"""Sphinx's configuration of the course."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "docs" / "_extensions"))

project = "Containers, run for real"
author = "The maintainers"
copyright = "2026, The maintainers"
language = "en"

extensions = ["myst_parser", "sphinx_copybutton", "sphinx_design", "docker_run", "drawing"]

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3

exclude_patterns = ["images/**", "recordings/**", "files/**"]
nitpicky = True

# What runs where: docs/authors/configuration.md explains each.
docker_run_engine = os.environ.get("ENGINE", "auto")
docker_run_private_engine = True
docker_run_lab = "lab"
docker_run_images = "images"

html_theme = "furo"
html_title = project
html_show_sphinx = False
html_static_path = ["docs/_static"]
html_css_files = ["course.css"]
# A copy button copies what was typed: no prompt, no output.
copybutton_exclude = ".linenos, .gp, .go"
