"""The fake engine keeps the promises of the real one."""

from __future__ import annotations

import pytest

from contract import MAX_OUTPUT, TIMEOUT, DirectContract
from fake_engine import FakeEngine


class TestFakeEngine(DirectContract):
    @pytest.fixture
    def engine(self) -> FakeEngine:
        return FakeEngine(timeout=TIMEOUT, max_output=MAX_OUTPUT)
