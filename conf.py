"""Sphinx's configuration of the course."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent / "docs" / "_extensions"))

project = "Containers, run for real"
author = "The maintainers"
copyright = "2026, The maintainers"
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxext.opengraph",
    "notfound.extension",
    "sphinx_reredirects",
    "docker_run",
    "drawing",
    "inline_code",
]

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3

exclude_patterns = ["images/**", "labs/**", "publish/**", "files/**"]
nitpicky = True

# docs/reference/api.md is made from docstrings, in which `this` is code.
default_role = "code"
autodoc_default_options = {"members": True, "undoc-members": True, "member-order": "bysource"}
nitpick_ignore = [
    ("py:class", "Sphinx"),
    ("py:class", "ExtensionMetadata"),
    ("py:class", "docker_run.protocols.E"),
    ("py:class", "docker_run.protocols.E_co"),
]
nitpick_ignore_regex = [(r"py:.*", r"(collections|contextlib|datetime|enum|threading|typing)\..*")]

# Where pages were before they got other numbers.
redirects = {
    "07-hello-world": "08-hello-world.html",
    "08-detached": "09-detached.html",
    "09-images": "10-images.html",
    "10-your-own": "11-your-own.html",
    "11-attach": "12-attach.html",
    "12-mounts": "13-mounts.html",
    "13-ports": "14-ports.html",
    "14-dockerfile": "15-dockerfile.html",
    "15-layers": "16-layers.html",
    "16-registry": "18-registry.html",
    "17-limits": "21-limits.html",
    "18-next": "22-next.html",
}

# What runs where: docs/authors/configuration.md explains each.
docker_run_engine = os.environ.get("ENGINE", "auto")
docker_run_private_engine = True
docker_run_lab = "lab"
docker_run_labs = {"classic": "labs/classic"}
docker_run_images = "images"
docker_run_footer = True

html_theme = "furo"
html_title = project
# Where the site is published; without an address it works from any directory.
html_baseurl = os.environ.get("SITE_URL") or os.environ.get("READTHEDOCS_CANONICAL_URL", "")
if html_baseurl:
    html_baseurl = html_baseurl.rstrip("/") + "/"
html_favicon = "docs/_static/favicon.svg"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["docs/_static"]
html_css_files = ["course.css"]

# `make links` asks other sites. Addresses of the reader's own machine are examples, and GitHub makes
# its anchors with a script.
linkcheck_ignore = [r"https?://(localhost|127\.0\.0\.1|lab)\b"]
linkcheck_anchors_ignore_for_url = [r"https://github\.com/"]
linkcheck_timeout = 30
linkcheck_retries = 2

# What other sites show of a page that somebody shares.
ogp_site_url = html_baseurl
ogp_site_name = project
ogp_image = "_static/readme.png" if html_baseurl else None  # it has to be a whole address
ogp_image_alt = "A page of the course: commands, and what they printed"
ogp_use_first_image = False
ogp_enable_meta_description = True
ogp_social_cards = {"enable": False}

# 404.html can be shown for any address, so its own links are absolute.
notfound_urls_prefix = urlsplit(html_baseurl).path or "/"
notfound_context = {
    "title": "There is no such page",
    "body": "<h1>There is no such page</h1>"
    "<p>It may have another name now. The navigation lists all pages; the search knows their text.</p>",
}
