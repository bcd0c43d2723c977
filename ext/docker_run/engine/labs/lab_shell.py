"""The shell on a lab's terminal: commands are typed at its prompt, one after another."""

from __future__ import annotations

import queue
import re
import time
from collections.abc import Callable

from docker import APIClient

from docker_run.engine import streams
from docker_run.engine.cleanup.sweep import engine_errors
from docker_run.engine.labs import canonical_input, lab_exec
from docker_run.engine.labs.shell_output import Console, State
from docker_run.engine.settings import Limits
from docker_run.engine.terminal_size import set_terminal_size
from docker_run.errors import (
    BodyProblem,
    DockerRunError,
    EngineProblem,
    Interrupted,
    LabProblem,
    TimedOut,
    TooMuchOutput,
)
from docker_run.model import Chunk, Command, CommandResult, Input, Stream, TerminalSize
from docker_run.terminal import keys, osc133, waits
from docker_run.terminal.typist import Typist

COMMAND = ("bash", "--rcfile", "/etc/docker-run/bashrc", "-o", "ignoreeof", "-i")
"""The shell, which prints the marks of `docker_run.terminal.osc133` around its prompts. The end of an input
that reaches it doesn't end it: a program may have ended before."""
_REFUSED_END = b'Use "exit" to leave the shell.\r\n'
"""What it prints then."""
_CHECK_SECONDS = 0.05
"""Interval of checks, in seconds."""
_INPUT_CHECK_SECONDS = 0.01
"""The same, while input is typed."""
_SHOWN_SECONDS = 5.0
"""How long the shell may take to show its prompt again."""
_STARTS_TERMINAL = tuple(map(re.compile, (r"\bdocker\b", r"\b(?:run|exec)\b", r"\s(?:-\w*t\w*|--tty)\b")))
"""What a command contains, in this order, that starts a terminal in a container."""
_STARTING_SECONDS = 15.0
"""How long to wait for the prompt of a container with a terminal; earlier input would be echoed twice."""
_INVISIBLE = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x1f\x7f]")
_ENTER, _INTERRUPT = b"\r", b"\x03"


class Shell:
    """The shell of one lab. `api` belongs to the calling thread; `name` is the lab's name in messages.

    Raises `EngineProblem` if the container is gone.
    """

    def __init__(self, api: APIClient, container: str, *, name: str, size: TerminalSize) -> None:
        self.name = name
        self.size = size
        self.console = Console()
        with engine_errors("while it started the shell of a lab"):
            self._execution = lab_exec.create(api, container, COMMAND, tty=True)
            self._connection = streams.open_exec(api, self._execution, tty=True)
        console, connection = self.console, self._connection
        self._typed: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._threads = [
            streams.start_thread(f"shell {name}", lambda: console.read(connection)),
            # A thread of its own: a terminal that is not read accepts only some kilobytes.
            streams.start_thread(f"keys {name}", self._send_all),
        ]
        try:
            with engine_errors("while it set the size of a lab's terminal"):
                self._resize(api)
        except EngineProblem:
            self.close()
            raise

    def run(self, command: Command, limits: Limits, *, is_canonical: Callable[[], bool]) -> CommandResult:
        """Type `command` and its input; wait for its end and the next prompt.

        `is_canonical` returns whether the terminal is currently in canonical mode; it is called before a long
        line is typed.
        Waits after the last input are observed after the command's end, too: a background job may print.
        Raises `TimedOut`, `TooMuchOutput`, `Interrupted`, `BodyProblem` if the command is incomplete or its
        input reached the shell, and `LabProblem` if the shell has ended, or can't be followed any more.
        After any of them the shell can't be used.
        """
        return _Run(self, command, limits, is_canonical).recording()

    def send(self, data: bytes) -> None:
        """Send typed bytes."""
        self._typed.put(data)

    def close(self) -> None:
        """Close the connection; the shell ends with its lab."""
        self._typed.put(None)
        self._connection.abort()
        for thread in self._threads:
            thread.join()
        self._connection.close()

    def _send_all(self) -> None:
        try:
            while (data := self._typed.get()) is not None:
                self._connection.send(data)
        except OSError:
            return  # the shell has just ended, which the reader of its output notices

    def _resize(self, api: APIClient) -> None:
        set_terminal_size(
            lambda: api.exec_resize(self._execution, self.size.rows, self.size.columns),
            terminal_of=self.name,
            is_over=lambda: self.console.lost is not None,
            problem=LabProblem,
        )


def starts_terminal(command: str) -> bool:
    """Return whether `command` seems to start a container, or a program in one, with a terminal."""
    at = 0
    for pattern in _STARTS_TERMINAL:
        found = pattern.search(command, at)
        if found is None:
            return False
        at = found.end()
    return True


class _Run:
    """A running command."""

    def __init__(
        self, shell: Shell, command: Command, limits: Limits, is_canonical: Callable[[], bool]
    ) -> None:
        self._shell = shell
        self._console = shell.console
        self._command = command
        self._limits = limits
        self._is_canonical = is_canonical
        self._transcript = streams.Transcript(max_output=limits.max_output, has_output=True)
        self._typist: Typist | None = None
        self._last = ""
        self._sent = 0
        self._began = time.monotonic()
        self._lingers = bool(command.typed) and waits.is_wait(command.typed[-1])

    def recording(self) -> CommandResult:
        """Run it. Raises what `Shell.run` says."""
        self._check_idle()
        self._console.begin(self._transcript, lingers=self._lingers)
        self._shell.send(osc133.PASTE_BEGIN + self._command.text.encode() + osc133.PASTE_END + _ENTER)
        while not self._transcript.complete:
            self._follow(self._transcript.wait(self._tick()), now=time.monotonic())
            self._check()
        self._check()
        seconds = time.monotonic() - self._began
        if self._last:
            self._check_typed()
        return CommandResult(
            command=self._command.text,
            exit_code=self._transcript.exit_code or 0,
            seconds=seconds,
            output=self._transcript.chunks(),
            typed=self._sent if self._command.typed else None,
        )

    def _follow(self, output: bytes, *, now: float) -> None:
        """Process `output`, and type the next line if it is time."""
        state, ended = self._console.state, self._transcript.exit_code is not None
        if self._typist is None:
            if not ended and state is not State.RUNNING:
                return
            self._typist = self._new_typist(now)
        self._typist.saw(output, now=now)
        line = None if ended else self._typist.next_line(now=now)
        if line is not None:
            self._last = line
            self._sent += 1
            self._transcript.add(Chunk(Stream.TYPED, line.encode()))
            self._type(keys.to_bytes(line))
        if self._lingers and state is State.PROMPT and not self._typist.only_waits:
            self._console.finish()

    def _new_typist(self, now: float) -> Typist:
        command = self._command
        if command.input is Input.PIPE:
            return canonical_input.InputTypist(command.typed, began=now)
        starting = {"starting": _STARTING_SECONDS} if starts_terminal(command.text) else {}
        return Typist(command.typed, began=now, **starting)

    def _tick(self) -> float:
        is_typing = self._typist is not None and not self._typist.done
        return _INPUT_CHECK_SECONDS if self._command.input is Input.PIPE and is_typing else _CHECK_SECONDS

    def _type(self, typed: bytes) -> None:
        """Type a line; if the program reads in canonical mode, so that it gets all of a long one."""
        if len(typed) > canonical_input.LONGEST and self._is_canonical():
            typed = canonical_input.in_pieces(typed)
        self._shell.send(typed)

    def _has_refused_end(self, shown: int) -> bool:
        """Return whether the shell got the end of the input, as its program had ended; forget it then.

        To the shell, that is a line which it refuses. It shows its prompt twice: after that, and when asked;
        `shown` times so far.
        """
        console, give_up = self._console, time.monotonic() + _SHOWN_SECONDS
        while not console.forget_refusal(_REFUSED_END):
            if time.monotonic() > give_up or console.lost is not None:
                return False
            time.sleep(_CHECK_SECONDS)
        while shown < 2 and time.monotonic() < give_up:
            shown += console.wait_prompt(_CHECK_SECONDS)
        if not _INVISIBLE.sub(b"", console.aside().encode()).strip():
            console.forget_aside()
        return shown >= 2

    def _check_typed(self) -> None:
        """Raise if the last line of input reached the shell, because the command had ended before.

        The shell is made to show its prompt again: by then it has read everything before that.
        """
        console = self._console
        self._shell.send(osc133.EMPTY_LINE)
        self._shell.send(osc133.SHOW_PROMPT)
        shown = console.wait_prompt(_SHOWN_SECONDS)
        if self._command.input is Input.PIPE and console.unexpected and self._has_refused_end(shown):
            return
        left = _INVISIBLE.sub(b"", console.aside().encode())
        if not left:
            console.forget_aside()
        if console.lost is not None:
            raise self._lost(console.lost)
        is_left = left == _INVISIBLE.sub(b"", keys.to_bytes(self._last)) != b""
        if not shown or console.unexpected or is_left:
            raise BodyProblem(
                f"`{self._command.text}` had ended when `{self._last}` was typed, so the shell received it; "
                "remove what comes after its end, put a `<wait …>` before it, or leave its Enter out (`q\\c`)"
            )

    def _check_idle(self) -> None:
        console, text = self._console, self._command.text
        if console.aside_overflown:
            raise TooMuchOutput(
                f"jobs in the background printed too much before `{text}`; let them print to a file"
            )
        self._check_unexpected()
        if console.lost is None and console.state is not State.PROMPT:
            raise LabProblem(
                f"the shell of the lab `{self._shell.name}` is not at its prompt: {console.state.value}"
            )

    def _check_unexpected(self) -> None:
        if self._console.unexpected:
            raise LabProblem(
                f"the shell of the lab `{self._shell.name}` can't be followed any more, "
                f"at `{self._command.text}`: {self._console.unexpected}"
            )

    def _check(self) -> None:
        """Raise if the command has to be ended early."""
        text, transcript = self._command.text, self._transcript
        if transcript.lost is not None:
            raise self._lost(transcript.lost)
        if transcript.overflown:
            raise TooMuchOutput(
                f"`{text}` printed more than {self._limits.max_output:,} bytes and was stopped; "
                "let it print less, e.g. with `head`, or raise `docker_run_max_output`"
            )
        if transcript.complete:
            return
        self._check_unexpected()
        if self._limits.interrupted.is_set():
            raise Interrupted(f"the build was interrupted while `{text}` ran")
        if self._console.state is State.UNFINISHED:
            self._shell.send(_INTERRUPT)
            raise BodyProblem(
                f"the shell waits for the rest of `{text}`: begin each continuation line with `> `, and "
                "close what is open (`done`, `fi`, `}`)"
            )
        if time.monotonic() - self._began > self._limits.seconds:
            raise TimedOut(self._overdue())

    def _lost(self, cause: BaseException) -> DockerRunError:
        last = self._transcript.last_lines(self._shell.size)
        problem = LabProblem(
            f"the shell of the lab `{self._shell.name}` ended while `{self._command.text}` ran"
            + (f":\n{last}" if last else "")
        )
        problem.__cause__ = cause
        return problem

    def _overdue(self) -> str:
        last = self._transcript.last_lines(self._shell.size)
        seen = f"The last it printed:\n{last}" if last else "It printed nothing."
        doing = f", {self._typist.waiting}," if self._typist is not None and self._typist.waiting else ""
        advice = (
            "end what is typed into it with `exit`, `<C-c>` or `<C-d>`, or raise `:timeout:` if it needs "
            "longer"
            if self._command.typed
            else "raise `:timeout:` if it needs longer, end it on the line below (`exit`, `<C-c>`, `<C-d>`), "
            "run it in the background with `&`, or leave the shell's prompt (`PS1`) as it is"
        )
        return (
            f"`{self._command.text}` was still running{doing} after {self._limits.seconds:g} s and was "
            f"stopped; {advice}. {seen}"
        )
