"""What every runner promises: the suite that the extension's own, their fakes, and those of tests pass.

A test class inherits from `RunnerContract`, `InterruptContract`, `EngineContract` or (directly on an engine)
`DirectContract`, whichever promises most of what its runner keeps, and gives the fixture `engine`, which
opens sessions. Its time limit for a command is to be 5 s, its limit for output 10,000 bytes; an engine's
images must include `busybox`.
"""

from __future__ import annotations

import re
import threading
import time
from contextlib import AbstractContextManager
from typing import Protocol

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
from docker_run.protocols import RunnerSession
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
    engine: Sessions,
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


class Sessions(Protocol):
    """What opens the sessions of a suite."""

    def session(self, session: Session) -> AbstractContextManager[RunnerSession]:
        """Open `session`."""


class Interruptible(Sessions, Protocol):
    """The same, where what runs can be ended."""

    def interrupt(self) -> None:
        """End all sessions."""


class RunnerContract:
    """The promises of every runner: of those, too, that know no Docker."""

    place = Place()
    images: tuple[str, ...] = ()
    """What the session begins with."""

    def command(self, program: str) -> str:
        """Return what an author writes to run `program`, with its arguments."""
        return program

    def step(self, program: str, *, timeout: float | None = None) -> Step:
        """Return the step that runs `program`."""
        return Step(Location("page.md", 1), (Command(self.command(program)),), timeout=timeout)

    def session(self, *steps: Step, page: str = "page") -> Session:
        """Return a session of `steps` in the place of this suite."""
        return session(*steps, page=page, place=self.place, images=self.images)

    def run_program(self, engine: Sessions, program: str, *, timeout: float | None = None) -> CommandResult:
        """Run a program in a session of its own."""
        asked = self.step(program, timeout=timeout)
        with engine.session(self.session(asked)) as running:
            (result,) = running.run(asked)
        return result

    def text(self, recording: CommandResult, stream: Stream) -> str:
        """Return what came out on one stream, where streams are apart."""
        return text(recording, stream)

    def test_output_and_status_are_those_of_the_program(self, engine: Sessions) -> None:
        recording = self.run_program(engine, "echo hello there")
        assert recording.command == self.command("echo hello there")
        assert recording.exit_code == 0
        assert recording.seconds >= 0
        assert self.text(recording, Stream.OUT) == "hello there\n"

    def test_a_failing_program_is_a_result_not_an_error(self, engine: Sessions) -> None:
        assert self.run_program(engine, "sh -c 'exit 3'").exit_code == 3

    def test_what_takes_too_long_has_no_result(self, engine: Sessions) -> None:
        with pytest.raises(TimedOut, match="sleep 1000"):
            self.run_program(engine, "sleep 1000", timeout=0.5)

    def test_what_prints_too_much_has_no_result(self, engine: Sessions) -> None:
        with pytest.raises(TooMuchOutput, match=r"10,?000"):
            self.run_program(engine, "yes")

    def test_the_machine_is_described(self, engine: Sessions) -> None:
        with engine.session(self.session(self.step("true"))) as running:
            described = running.environment()
        assert all([described.engine, described.system, described.architecture])


class InterruptContract(RunnerContract):
    """What holds besides where a command can be ended before its time is over."""

    def test_an_interrupt_ends_what_is_running(self, engine: Interruptible) -> None:
        began = time.monotonic()
        timer = threading.Timer(1.0, engine.interrupt)
        timer.start()
        try:
            with pytest.raises(Interrupted):
                self.run_program(engine, "sleep 1000", timeout=600)
        finally:
            timer.join()
        # Far below the time limit: it is the interrupt that ended it.
        assert time.monotonic() - began < 300


class EngineContract(InterruptContract):
    """The promises of the extension's own runners: `docker run`, and what an engine has."""

    def command(self, program: str) -> str:
        """Return the line that runs `program` in a container of its own."""
        return f"docker run --rm busybox {program}"

    def run(
        self,
        engine: Sessions,
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

    def test_a_missing_program_is_127(self, engine: Sessions) -> None:
        recording = self.run(engine, "--rm busybox no-such-program", expect=exits(127))
        assert recording.exit_code == 127
        assert "executable file not found" in self.text(recording, Stream.ERR)

    def test_a_detached_container_prints_its_id(self, engine: Sessions) -> None:
        recording = self.run(engine, "-d busybox sleep 100")
        assert len(self.text(recording, Stream.OUT).strip()) == 64
        assert recording.exit_code == 0

    def test_a_name_is_taken_until_the_session_ends(self, engine: Sessions) -> None:
        asked = step("--name lister busybox true")
        refused = step("--name lister busybox true", expect=exits(125))
        for _ in range(2):  # the second session finds the name free
            with engine.session(self.session(asked, refused)) as running:
                assert running.run(asked)[0].exit_code == 0
                again = running.run(refused)[0]
                assert again.exit_code == 125
                assert 'The container name "/lister" is already in use' in self.text(again, Stream.ERR)

    def test_a_name_with_rm_is_free_afterwards(self, engine: Sessions) -> None:
        asked = step("--rm --name lister busybox true")
        with engine.session(self.session(asked, asked)) as running:
            assert [running.run(asked)[0].exit_code for _ in range(2)] == [0, 0]

    def test_sessions_do_not_share_names(self, engine: Sessions) -> None:
        asked = step("--name lister busybox true")
        with (
            engine.session(self.session(asked, page="a")) as first,
            engine.session(self.session(asked, page="b")) as second,
        ):
            assert first.run(asked)[0].exit_code == 0
            assert second.run(asked)[0].exit_code == 0

    def test_an_image_that_cannot_be_had(self, engine: Sessions) -> None:
        with pytest.raises(ImageProblem, match="no-such-image"):
            self.run(engine, "--rm no-such-image true")

    def test_the_images_used_are_named(self, engine: Sessions) -> None:
        asked = step("--rm busybox true")
        with engine.session(self.session(asked)) as running:
            running.run(asked)
            (image,) = running.images()
        assert image.name == "busybox"
        assert image.id.startswith("sha256:")
        assert image.origin


class DirectContract(EngineContract):
    """What holds besides, directly on an engine: without a terminal, the streams are apart."""

    def test_standard_error_is_not_standard_output(self, engine: Sessions) -> None:
        recording = self.run(engine, "--rm busybox echo hello there")
        assert self.text(recording, Stream.ERR) == ""

    @pytest.mark.parametrize("expect", [Expectation(), ANY, exits(125)])
    def test_a_refusal_is_an_output_only_where_its_status_is_expected(
        self, engine: Sessions, expect: Expectation
    ) -> None:
        with pytest.raises(EngineRefusal, match=r"executable file not found.*say `:exit-code: 127`"):
            self.run(engine, "--rm busybox no-such-program", expect=expect)

    def test_no_image_is_used_before_the_first_command(self, engine: Sessions) -> None:
        with engine.session(self.session(step("--rm busybox true"))) as running:
            assert running.images() == ()

    def test_a_body_is_standard_input(self, engine: Sessions) -> None:
        assert (
            self.text(self.run(engine, "--rm -i busybox cat", "one", "", "three"), Stream.OUT)
            == "one\n\nthree\n"
        )
