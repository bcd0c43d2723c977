"""The values that pass through a build: Step → Session → Recording or Problem → Finding.

All are frozen, hashable, and can be pickled; none depends on Docker, Sphinx or the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import NamedTuple, overload

from docker_run.warning_types import WarningType

DIRECT = "direct"
"""The name of the runner that runs sessions directly on an engine."""
LAB = "lab"
"""The name of the runner of labs."""
DEFAULT_LAB = LAB
"""The name, on its page and as host name, of the default lab of a step."""


class Location(NamedTuple):
    """A place in a source file."""

    path: str
    """The absolute path of the file, as in Sphinx's warnings."""
    line: int
    """The line, counted from 1."""


class TerminalSize(NamedTuple):
    """The size of a terminal, in character cells."""

    columns: int = 80
    """Characters per line."""
    rows: int = 24
    """Lines."""


class Input(Enum):
    """How a command gets its input."""

    NONE = "none"
    """There is no input."""
    PIPE = "pipe"
    """On the standard input of a program without a terminal (`docker run -i`)."""
    TERMINAL = "terminal"
    """Typed at the terminal of the program, or of the lab's shell."""


class Command(NamedTuple):
    """One command line, and the input for the program that it starts."""

    text: str
    """The command as the author wrote it and the reader sees it, without a prompt."""
    typed: tuple[str, ...] = ()
    """The input, one line per entry, in the notation of `docker_run.terminal.keys`; on a lab also
    `<wait …>`, which types nothing (`docker_run.terminal.waits`)."""
    input: Input = Input.NONE
    """How the program gets `typed`."""


class Expectation(NamedTuple):
    """The author's expectations of a step's outcome, verified on every build."""

    exit_codes: tuple[int | None, ...] | None = (0,)
    """One exit status for all commands of the step, or one for each; None, for one or all, accepts any."""
    match: tuple[str, ...] = ()
    """Regular expressions (multi-line mode) that all have to match in the step's plain text."""

    def statuses(self, commands: int) -> tuple[int | None, ...]:
        """Return the expected exit status of each of a step's `commands` commands; None accepts any."""
        if self.exit_codes is None:
            return (None,) * commands
        return self.exit_codes if len(self.exit_codes) == commands else self.exit_codes[:1] * commands


class Capture(NamedTuple):
    """A value to capture from a step's plain text."""

    name: str
    """The name that `{docker-value}` refers to."""
    pattern: str
    """A regular expression; the value is its first group, or the whole match without one."""


class LabFile(NamedTuple):
    """A file to put on a lab."""

    path: str
    """The path as the author wrote it: absolute, or relative to the shell's working directory."""
    data: bytes
    """The content."""
    mode: int = 0o644
    """The permission bits."""
    owner: str = "root:root"
    """User and group on the lab, names or numbers, as for `chown`."""


@dataclass(frozen=True, slots=True)
class Step:
    """The commands of one directive, and the expectations of their outcome."""

    location: Location
    commands: tuple[Command, ...]
    """Empty for a step that only puts a file on a lab."""
    files: tuple[tuple[str, str], ...] = ()
    """The files that a command line names (`--env-file`): (name as written, text)."""
    expect: Expectation = Expectation()
    captures: tuple[Capture, ...] = ()
    timeout: float | None = None
    """The time limit of each command, in seconds; None for `docker_run_timeout`."""
    optional: bool = False
    """Whether the step may be skipped if its image is unavailable."""
    volatile: tuple[str, ...] = ()
    """Regular expressions for text that may differ from run to run without meaning anything."""
    lab: str = DEFAULT_LAB
    """The name of its lab on the page; ignored directly on the engine."""
    file: LabFile | None = None
    """The file that is put on the lab before the commands run."""


@dataclass(frozen=True, slots=True)
class RunnerTraits:
    """The features of a runner on which it depends what an author may write."""

    console: bool = False
    """Whether it runs any shell command, and console sessions; otherwise only `docker run` lines."""
    machines: bool = False
    """Whether a page can have several machines, by name (the option `lab`)."""
    files: bool = False
    """Whether a page can put files on its machines (`docker-file`)."""
    images: bool = False
    """Whether a page can set the images that its machines have from the start (`docker_run_images`)."""


class Place(NamedTuple):
    """Where a session runs."""

    name: str = DIRECT
    """The value of `docker_run_lab`: a runner, or a kind of lab (a key of `docker_run_labs`)."""
    definition: str = ""
    """An identifier of the machine's definition, from its runner; part of the session's key."""
    runner: str = DIRECT
    """The name of its runner."""
    traits: RunnerTraits = RunnerTraits()
    """The features of that runner."""


class DirectLimits(NamedTuple):
    """The limits of a container that runs directly on an engine, unless its line sets them."""

    memory: int = 2 * 1024**3
    """Memory, in bytes."""
    pids: int = 4096
    """Processes and threads."""
    shm_size: int = 64 * 1024**2
    """The size of its `/dev/shm`, in bytes."""


class LabSettings(NamedTuple):
    """The settings of labs: their kinds, limits and privileges."""

    kinds: tuple[tuple[str, str], ...] = ()
    """The build contexts of the project's own kinds: (name, absolute path of the directory), sorted."""
    memory: int = 2 * 1024**3
    """The limit of a lab's memory, in bytes."""
    pids: int = 4096
    """The limit of processes and threads on a lab."""
    life: float = 3600.0
    """The maximum lifetime of a lab, in seconds."""
    devices: tuple[str, ...] = ()
    """The machine's devices that labs have (`/dev/fuse`), or `all`."""
    capabilities: tuple[str, ...] = ()
    """Additional capabilities of labs, besides those that they need (`SYS_TIME`)."""


@dataclass(frozen=True, slots=True)
class Session:
    """The steps of one page, in order; they share state, which no other session shares."""

    page: str
    """The name of the document (Sphinx's docname, with `/` between directories)."""
    steps: Sequence[Step]
    keys: tuple[str, ...]
    """One key for each step, which covers it and all steps before it (see `docker_run.recordings.key`)."""
    place: Place = Place()
    terminal: TerminalSize = TerminalSize()
    images: tuple[str, ...] = ()
    """The images that its labs have from the start."""
    reproduces: tuple[Image, ...] = ()
    """The images of the recording with which its output will be compared: it should run with the same."""
    left_out: frozenset[int] = frozenset()
    """The indexes of the optional steps that were not run for that recording: they are not run."""

    @property
    def labs(self) -> tuple[str, ...]:
        """The names of its labs, sorted; ignored directly on the engine."""
        return tuple(sorted({step.lab for step in self.steps}))

    @property
    def key(self) -> str:
        """The key of the whole session: that of its last step."""
        return self.keys[-1]


class Stream(Enum):
    """The source of a piece of text."""

    OUT = "out"
    """Standard output of a program without a terminal."""
    ERR = "err"
    """Standard error of a program without a terminal, or of the Docker client itself."""
    TERMINAL = "tty"
    """Output of a program to its terminal."""
    TYPED = "key"
    """Input typed at the terminal. In a `Chunk`: one line of `Command.typed`, in its own notation. In a
    `Segment`: its echo on the screen."""
    PROMPT = "ask"
    """The text on the line before typed input. Only in a `Segment`."""


class Chunk(NamedTuple):
    """A piece of output as it was read, or of typed input."""

    stream: Stream
    """Where the data comes from."""
    data: bytes
    """The bytes of the output, or one line of the input."""


class CommandResult(NamedTuple):
    """The result of one command that a runner returns: all bytes of its output, and how it ended."""

    command: str
    """Equal to `Command.text` of the command that ran."""
    exit_code: int
    """The exit status, as a shell would report it: 0 to 255."""
    seconds: float
    """The time from its start to its end."""
    output: tuple[Chunk, ...] = ()
    """The output and the typed input, in order of arrival."""
    typed: int | None = None
    """The number of lines of `Command.typed` that were sent, without waits; None if it has none."""


@dataclass(frozen=True, slots=True)
class StepOutput(Sequence[CommandResult]):
    """The result of a step that a runner returns: one for each command that was run, in order."""

    results: tuple[CommandResult, ...] = ()
    not_run: str = ""
    """Why an optional step was not run, or only in part: an image for one of its commands is unavailable."""

    @overload
    def __getitem__(self, index: int) -> CommandResult: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[CommandResult]: ...
    def __getitem__(self, index: int | slice) -> CommandResult | Sequence[CommandResult]:
        return self.results[index]

    def __len__(self) -> int:
        return len(self.results)


class Segment(NamedTuple):
    """A piece of recorded output, as a reader sees it on the final screen."""

    stream: Stream
    """Where its text comes from."""
    text: str
    """Logical lines, each with a line feed at its end; a segment without one is continued on the same line by
    the next segment. Colours and weights are SGR sequences (ECMA-48, 8.3.117), each in effect up to the next
    or to the end of its line. There are no other control characters."""


class CommandRecording(NamedTuple):
    """What a reader sees of one command, and how it ended."""

    command: str
    """Equal to `Command.text` of the command that ran."""
    exit_code: int
    """As `CommandResult.exit_code`."""
    seconds: float
    """As `CommandResult.seconds`."""
    output: tuple[Segment, ...] = ()
    """What a reader sees, from top to bottom."""
    typed: int | None = None
    """As `CommandResult.typed`; also None if it is unknown."""
    not_text: str = ""
    """A description of the first bytes that can't be shown as text; empty if there are none."""


class StepRecording(NamedTuple):
    """The recordings of a step's commands; or, after those that were run, why the step was not run."""

    key: str
    """The hash of all that the step's outcome depends on (`docker_run.recordings.key`)."""
    commands: tuple[CommandRecording, ...] = ()
    """One for each command that was run, in order."""
    not_run: str = ""
    """Why an optional step was not run; empty if it was."""
    date: str = ""
    """When this step was run, if not on the date of its recording (`Recording.date`)."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that a session used."""

    name: str
    """The author's name for it, e.g. `busybox`."""
    id: str
    """The engine's ID for it: `sha256:` and 64 hexadecimal digits."""
    origin: str
    """Where it comes from, e.g. `pulled` or `built from docs/images/busybox`."""
    digest: str = ""
    """The registry's digest, if it comes from one."""
    deviation: str = field(default="", compare=False)
    """Why it is not the image of `Session.reproduces`; not recorded."""


class Environment(NamedTuple):
    """The machine on which a session ran."""

    engine: str
    """Name, version and API version, e.g. `Docker Engine 20.10.24, API 1.41`."""
    system: str
    """Operating system and kernel, e.g. `Debian GNU/Linux 12 (bookworm), Linux 6.1.0`."""
    architecture: str
    """The engine's name for it, e.g. `x86_64`."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The real output of a session, with exit statuses, durations and where it ran."""

    page: str
    place: str
    terminal: TerminalSize
    date: str
    """When the session began: UTC, `2026-11-23T22:10:04Z`."""
    environment: Environment
    images: tuple[Image, ...] = ()
    steps: tuple[StepRecording, ...] = ()


class Finding(NamedTuple):
    """A report for the author at a place in a source file."""

    location: Location | None
    """The place; None if it concerns the whole build."""
    subtype: WarningType
    """The type of the warning that reports it."""
    message: str
    """What is wrong, and what to try."""


class Cause(StrEnum):
    """What caused a session to end before its last step."""

    PAGE = "page"
    """One of its commands, or its text."""
    ENGINE = "engine"
    """The engine; nothing could be removed from it, either."""
    LAB = "lab"
    """A lab; its engine still runs."""
    IMAGE = "image"
    """An unavailable image."""
    DEFECT = "defect"
    """A defect of the extension, or of a library that it uses."""
    INTERRUPTION = "interruption"
    """The user interrupted the build."""


class Problem(NamedTuple):
    """The reason why a session ended before its last step."""

    step: int
    """The index of the step that did not finish."""
    subtype: WarningType
    """The type of the warning that reports it."""
    message: str
    """What happened, and what to try."""
    cause: Cause = Cause.PAGE
    """Whose fault it is."""

    @property
    def transient(self) -> bool:
        """Whether it is not the page's fault, so that another attempt may get further."""
        return self.cause in {Cause.ENGINE, Cause.LAB, Cause.IMAGE, Cause.DEFECT}

    def finding(self, session: Session) -> Finding:
        """Return the finding for the author of `session`, at the step's current line."""
        step = min(self.step, len(session.steps) - 1)
        after = len(session.steps) - step - 1
        steps = "the step" if after == 1 else f"the {after} steps"
        tail = f"\nNot run because of it: {steps} after it on this page." if after else ""
        return Finding(session.steps[step].location, self.subtype, self.message + tail)
