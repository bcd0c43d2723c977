"""What every engine promises: the suite that the real one and the fake one both pass.

A test class inherits from `EngineContract` (directly on an engine: from `DirectContract`) and gives the
fixture `engine`; its images must include `busybox`, and its time limit for a command be 5 s, its limit
for output 10,000 bytes.
"""

from __future__ import annotations

import re
import threading
import time

import pytest

from docker_run.errors import EngineRefusal, ImageProblem, Interrupted, TimedOut, TooMuchOutput
from docker_run.model import (
    Command,
    CommandResult,
    Expectation,
    Input,
    Location,
    Place,
    Session,
    Step,
    Stream,
    TerminalSize,
)
from docker_run.protocols import Engine
from docker_run.recordings.key import session_keys

TIMEOUT = 5.0
MAX_OUTPUT = 10_000


ANY = Expectation(exit_codes=None)
"""`:exit-code: any`."""


def exits(status: int) -> Expectation:
    """Return `:exit-code: STATUS`."""
    return Expectation(exit_codes=(status,))


def step(line: str, *typed: str, timeout: float | None = None, expect: Expectation = Expectation()) -> Step:
    """Return the step `docker run LINE`."""
    kind = Input.TERMINAL if re.match("-[a-z]*t", line) else Input.PIPE
    command = Command(f"docker run {line}", typed, kind if typed else Input.NONE)
    return Step(Location("page.md", 1), (command,), timeout=timeout, expect=expect)


def session(
    *steps: Step, page: str = "page", place: Place = Place(), images: tuple[str, ...] = ()
) -> Session:
    """Return a session of `steps`."""
    terminal = TerminalSize()
    keys = session_keys(steps, place=place, terminal=terminal, images=images)
    return Session(page, steps, keys, place, terminal, images)


def run(
    engine: Engine,
    line: str,
    *typed: str,
    timeout: float | None = None,
    expect: Expectation = Expectation(),
) -> CommandResult:
    """Run one line in a session of its own."""
    asked = step(line, *typed, timeout=timeout, expect=expect)
    with engine.session(session(asked)) as running:
        (recording,) = running.run(asked)
    return recording


def text(recording: CommandResult, stream: Stream) -> str:
    """Return what came out on one stream."""
    return b"".join(chunk.data for chunk in recording.output if chunk.stream is stream).decode()


class EngineContract:
    """The promises that hold wherever a session runs."""

    place = Place()
    images: tuple[str, ...] = ()
    """What the session begins with."""

    def session(self, *steps: Step, page: str = "page") -> Session:
        """Return a session of `steps` in the place of this suite."""
        return session(*steps, page=page, place=self.place, images=self.images)

    def run(
        self,
        engine: Engine,
        line: str,
        *typed: str,
        timeout: float | None = None,
        expect: Expectation = Expectation(),
    ) -> CommandResult:
        """Run one line in a session of its own."""
        asked = step(line, *typed, timeout=timeout, expect=expect)
        with engine.session(self.session(asked)) as running:
            (recording,) = running.run(asked)
        return recording

    def text(self, recording: CommandResult, stream: Stream) -> str:
        """Return what came out on one stream, where streams are apart."""
        return text(recording, stream)

    def test_output_and_status_are_those_of_the_program(self, engine: Engine) -> None:
        recording = self.run(engine, "--rm busybox echo hello there")
        assert recording.command == "docker run --rm busybox echo hello there"
        assert recording.exit_code == 0
        assert recording.seconds >= 0
        assert self.text(recording, Stream.OUT) == "hello there\n"

    def test_a_failing_program_is_a_result_not_an_error(self, engine: Engine) -> None:
        assert self.run(engine, "--rm busybox sh -c 'exit 3'").exit_code == 3

    def test_a_missing_program_is_127(self, engine: Engine) -> None:
        recording = self.run(engine, "--rm busybox no-such-program", expect=exits(127))
        assert recording.exit_code == 127
        assert "executable file not found" in self.text(recording, Stream.ERR)

    def test_a_detached_container_prints_its_id(self, engine: Engine) -> None:
        recording = self.run(engine, "-d busybox sleep 100")
        assert len(self.text(recording, Stream.OUT).strip()) == 64
        assert recording.exit_code == 0

    def test_a_name_is_taken_until_the_session_ends(self, engine: Engine) -> None:
        asked = step("--name lister busybox true")
        refused = step("--name lister busybox true", expect=exits(125))
        for _ in range(2):  # the second session finds the name free
            with engine.session(self.session(asked, refused)) as running:
                assert running.run(asked)[0].exit_code == 0
                again = running.run(refused)[0]
                assert again.exit_code == 125
                assert 'The container name "/lister" is already in use' in self.text(again, Stream.ERR)

    def test_a_name_with_rm_is_free_afterwards(self, engine: Engine) -> None:
        asked = step("--rm --name lister busybox true")
        with engine.session(self.session(asked, asked)) as running:
            assert [running.run(asked)[0].exit_code for _ in range(2)] == [0, 0]

    def test_sessions_do_not_share_names(self, engine: Engine) -> None:
        asked = step("--name lister busybox true")
        with (
            engine.session(self.session(asked, page="a")) as first,
            engine.session(self.session(asked, page="b")) as second,
        ):
            assert first.run(asked)[0].exit_code == 0
            assert second.run(asked)[0].exit_code == 0

    def test_an_image_that_cannot_be_had(self, engine: Engine) -> None:
        with pytest.raises(ImageProblem, match="no-such-image"):
            self.run(engine, "--rm no-such-image true")

    def test_what_takes_too_long_has_no_result(self, engine: Engine) -> None:
        with pytest.raises(TimedOut, match="sleep 1000"):
            self.run(engine, "--rm busybox sleep 1000", timeout=0.5)

    def test_what_prints_too_much_has_no_result(self, engine: Engine) -> None:
        with pytest.raises(TooMuchOutput, match=r"10,?000"):
            self.run(engine, "--rm busybox yes")

    def test_an_interrupt_ends_what_is_running(self, engine: Engine) -> None:
        began = time.monotonic()
        timer = threading.Timer(1.0, engine.interrupt)
        timer.start()
        try:
            with pytest.raises(Interrupted):
                self.run(engine, "--rm busybox sleep 1000", timeout=600)
        finally:
            timer.join()
        # Far below the time limit: it is the interrupt that ended it.
        assert time.monotonic() - began < 300

    def test_the_images_used_are_named(self, engine: Engine) -> None:
        asked = step("--rm busybox true")
        with engine.session(self.session(asked)) as running:
            running.run(asked)
            (image,) = running.images()
        assert image.name == "busybox"
        assert image.id.startswith("sha256:")
        assert image.origin


class DirectContract(EngineContract):
    """What holds besides, directly on an engine: without a terminal, the streams are apart."""

    def test_standard_error_is_not_standard_output(self, engine: Engine) -> None:
        recording = self.run(engine, "--rm busybox echo hello there")
        assert self.text(recording, Stream.ERR) == ""

    @pytest.mark.parametrize("expect", [Expectation(), ANY, exits(125)])
    def test_a_refusal_is_an_output_only_where_its_status_is_expected(
        self, engine: Engine, expect: Expectation
    ) -> None:
        with pytest.raises(EngineRefusal, match=r"executable file not found.*say `:exit-code: 127`"):
            self.run(engine, "--rm busybox no-such-program", expect=expect)

    def test_no_image_is_used_before_the_first_command(self, engine: Engine) -> None:
        with engine.session(self.session(step("--rm busybox true"))) as running:
            assert running.images() == ()

    def test_a_body_is_standard_input(self, engine: Engine) -> None:
        assert (
            self.text(self.run(engine, "--rm -i busybox cat", "one", "", "three"), Stream.OUT)
            == "one\n\nthree\n"
        )
