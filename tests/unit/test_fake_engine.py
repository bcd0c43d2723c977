"""The fake engine keeps the promises of the real one."""

from __future__ import annotations

import pytest

from contract import MAX_OUTPUT, TIMEOUT, DirectContract, EngineContract, text
from docker_run.engine.runners import LabRunner
from docker_run.model import CommandRecording, Place, Stream
from fake_engine import FakeEngine


class TestFakeEngine(DirectContract):
    @pytest.fixture
    def engine(self) -> FakeEngine:
        return FakeEngine(timeout=TIMEOUT, max_output=MAX_OUTPUT)


class TestFakeLab(EngineContract):
    place = Place("lab", "a definition", "lab", LabRunner.traits)
    images = ("busybox",)

    @pytest.fixture
    def engine(self) -> FakeEngine:
        return FakeEngine(timeout=TIMEOUT, max_output=MAX_OUTPUT)

    def text(self, recording: CommandRecording, stream: Stream) -> str:
        """Return everything: at a terminal, both streams are one."""
        assert stream in {Stream.OUT, Stream.ERR}
        return text(recording, Stream.TERMINAL).replace("\r\n", "\n")
