"""Registration of the extension: each part registers itself."""

from __future__ import annotations

from sphinx.application import Sphinx

from docker_run.sphinx_ext import (
    build,
    check_builder,
    config_checks,
    directives,
    runner_registration,
)
from docker_run.sphinx_ext.config import config_settings
from docker_run.sphinx_ext.domain import DockerRunDomain
from docker_run.sphinx_ext.rendering import assets, nodes, unprintable
from docker_run.sphinx_ext.transforms import (
    ShowColouredRecordings,
    ShowFailures,
    ShowFoldedRecordings,
    ShowRecordings,
)


def register(app: Sphinx) -> None:
    """Register all parts with Sphinx."""
    app.add_domain(DockerRunDomain)
    for transform in (ShowFailures, ShowRecordings, ShowColouredRecordings, ShowFoldedRecordings):
        app.add_post_transform(transform)
    for part in (
        config_settings,
        config_checks,
        nodes,
        unprintable,
        directives,
        runner_registration,
        assets,
        check_builder,
        build,
    ):
        part.register(app)
