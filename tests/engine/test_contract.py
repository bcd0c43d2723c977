"""The real engine keeps the promises that the fake one makes to the unit tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contract import MAX_OUTPUT, TIMEOUT, DirectContract
from docker_run.engine.engine import DockerEngine

pytestmark = pytest.mark.engine


class TestDirectEngine(DirectContract):
    @pytest.fixture
    def engine(self, open_engine: Callable[..., DockerEngine]) -> DockerEngine:
        return open_engine(timeout=TIMEOUT, max_output=MAX_OUTPUT)
