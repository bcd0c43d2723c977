"""The values that travel through a build: Step → Session → Recording or Problem → Finding.

All are frozen and hashable, can be pickled (Sphinx keeps them in its environment and sends them
between processes), and know nothing of Docker, Sphinx or the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import NamedTuple

from docker_run.warning_types import WarningType

DIRECT = "direct"
"""The name of the runner that runs sessions directly on an engine."""

LAB = "lab"
"""The name of the runner of labs."""

DEFAULT_LAB = LAB
"""The name, on its page and as its host name, of the lab on which a step runs that names none."""


class Location(NamedTuple):
    """A place in a source file."""

    path: str
    """The file, as Sphinx names it in warnings (an absolute path)."""
    line: int
    """The line, counted from 1."""


class TerminalSize(NamedTuple):
    """The size of a terminal, in character cells."""

    columns: int = 80
    """Cells in a line."""
    rows: int = 24
    """Lines."""


class Input(Enum):
    """How a command gets what is typed."""

    NONE = "none"
    """Nothing is typed."""
    PIPE = "pipe"
    """As the standard input of a program without a terminal (`docker run -i`)."""
    TERMINAL = "terminal"
    """At the terminal of the program, or of the lab's shell."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command line, and what is typed into the program that it starts."""

    text: str
    """The command as the author wrote it and the reader sees it, without a prompt."""
    typed: tuple[str, ...] = ()
    """What is typed, a line an entry, in the notation of `docker_run.terminal.keys`; on a lab also
    `<wait …>`, which types nothing (`docker_run.terminal.waits`)."""
    input: Input = Input.NONE


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an author says of a step's outcome; checked on every build."""

    exit_codes: tuple[int | None, ...] | None = (0,)
    """One status for all commands of the step, or one for each; None, for one or for all, accepts any."""
    match: tuple[str, ...] = ()
    """Regular expressions (multi-line mode), each to be found in the step's plain text."""

    def statuses(self, commands: int) -> tuple[int | None, ...]:
        """Return the exit status to expect of each of a step's `commands`; None accepts any."""
        if self.exit_codes is None:
            return (None,) * commands
        return self.exit_codes if len(self.exit_codes) == commands else self.exit_codes[:1] * commands


@dataclass(frozen=True, slots=True)
class Capture:
    """A value to be taken from a step's plain text."""

    name: str
    pattern: str
    """A regular expression: its first group, or the whole match where it has none."""


@dataclass(frozen=True, slots=True)
class LabFile:
    """A file to be put on a lab."""

    path: str
    """Where, as the author wrote it: absolute, or seen from the directory that the shell is in."""
    data: bytes
    mode: int = 0o644
    """The permission bits."""
    owner: str = "root:root"
    """User and group, names or numbers of the lab, as `chown` takes them."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one directive asks to be run, and what is expected of it."""

    location: Location
    commands: tuple[Command, ...]
    """Empty for a step that only puts a file on a lab."""
    files: tuple[tuple[str, str], ...] = ()
    """The text of each file that a command line names (`--env-file`): (name as written, text)."""
    expect: Expectation = Expectation()
    captures: tuple[Capture, ...] = ()
    timeout: float | None = None
    """Seconds for each command; None takes `docker_run_timeout`."""
    optional: bool = False
    """Whether the step may go without being run where its image can't be had."""
    volatile: tuple[str, ...] = ()
    """Regular expressions for text that may differ from run to run without meaning anything."""
    lab: str = DEFAULT_LAB
    """On which lab of the page, by its name there; of no meaning directly on the engine."""
    file: LabFile | None = None
    """What is put on the lab before the commands run."""


@dataclass(frozen=True, slots=True)
class RunnerTraits:
    """What a runner can do, as far as it decides what an author may write."""

    console: bool = False
    """Whether it takes what can be typed at a shell, and console sessions; else only `docker run` lines."""
    machines: bool = False
    """Whether a page can have several machines, by name (the option `lab`)."""
    files: bool = False
    """Whether a page can put files there (`docker-file`)."""
    images: bool = False
    """Whether a page can say which images are there from the start (`docker_run_images`)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session runs."""

    name: str = DIRECT
    """As `docker_run_lab` names it: a runner, or a kind of lab (a key of `docker_run_labs`)."""
    definition: str = ""
    """What identifies the machine, as its runner tells it; it is part of the session's key."""
    runner: str = DIRECT
    """The name of the runner that serves it."""
    traits: RunnerTraits = RunnerTraits()
    """What that runner can do."""


@dataclass(frozen=True, slots=True)
class DirectLimits:
    """What a container directly on an engine may take, where its line sets no limit."""

    memory: int = 2 * 1024**3
    """Bytes of memory."""
    pids: int = 4096
    """Processes and threads."""
    shm_size: int = 64 * 1024**2
    """Bytes of its `/dev/shm`."""


@dataclass(frozen=True, slots=True)
class LabSettings:
    """What there is to know of labs before one is started: their kinds, and how much each may take."""

    kinds: tuple[tuple[str, str], ...] = ()
    """The build context of each kind of a project's own: (name, absolute folder), by name."""
    memory: int = 2 * 1024**3
    """Bytes of memory that a lab may use."""
    pids: int = 4096
    """How many processes and threads may run on a lab."""
    life: float = 3600.0
    """Seconds after which a lab ends, whatever it does."""
    devices: tuple[str, ...] = ()
    """The devices of the machine that labs have (`/dev/fuse`), or `all`."""
    capabilities: tuple[str, ...] = ()
    """The capabilities that labs have besides those that they need (`SYS_TIME`)."""


@dataclass(frozen=True, slots=True)
class Session:
    """The steps of one page, in order; they share state, and share it with no other session."""

    page: str
    """The name of the document (Sphinx's docname, with `/` between folders)."""
    steps: Sequence[Step]
    keys: tuple[str, ...]
    """One for each step; each covers the step and all before it (see `docker_run.recordings.key`)."""
    place: Place = Place()
    terminal: TerminalSize = TerminalSize()
    images: tuple[str, ...] = ()
    """The images that its labs have before the first command."""

    @property
    def labs(self) -> tuple[str, ...]:
        """The names of its labs, sorted; of no meaning directly on the engine."""
        return tuple(sorted({step.lab for step in self.steps}))

    @property
    def key(self) -> str:
        """The key of the whole session: that of its last step."""
        return self.keys[-1]


class Stream(Enum):
    """Where a piece of text came from, or went."""

    OUT = "out"
    """Standard output of a program without a terminal."""
    ERR = "err"
    """Standard error of a program without a terminal, or of the Docker client itself."""
    TERMINAL = "tty"
    """What a program wrote to its terminal."""
    TYPED = "key"
    """What was typed at the terminal. In a `Chunk`: one line of `Command.typed`, in its own notation.
    In a `Segment`: its echo on the screen."""
    PROMPT = "ask"
    """What stood on the line before the cursor when that was typed. Only in a `Segment`."""


class Chunk(NamedTuple):
    """A piece of output as it was read, in the order in which the pieces came."""

    stream: Stream
    data: bytes
    """The bytes that were read, or what was typed."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a runner returns for one command: all bytes that it printed, and how it ended."""

    command: str
    """Equal to `Command.text` of the command that ran."""
    exit_code: int
    seconds: float
    output: tuple[Chunk, ...] = ()
    typed: int | None = None
    """How many lines of `Command.typed` were sent, waits not counted; None where nothing was to be."""


class Segment(NamedTuple):
    """A piece of recorded output, as a reader sees it on the screen in the end."""

    stream: Stream
    text: str
    """Logical lines, each with a line feed at its end; a segment without one is continued on the same
    line by the next. Colours and weights are SGR sequences (ECMA-48, 8.3.117), each in force up to the
    next or to the end of its line. There are no other control characters."""


@dataclass(frozen=True, slots=True)
class CommandRecording:
    """What a reader sees of one command, and how it ended."""

    command: str
    """Equal to `Command.text` of the command that ran."""
    exit_code: int
    seconds: float
    output: tuple[Segment, ...] = ()
    typed: int | None = None
    """As `CommandResult.typed`; None also where it is not known."""
    not_text: str = ""
    """Which bytes of the output can't be shown as text; empty where all can."""


@dataclass(frozen=True, slots=True)
class StepRecording:
    """What one step printed; or why it was not run, after what printed the commands of it that were."""

    key: str
    commands: tuple[CommandRecording, ...] = ()
    not_run: str = ""
    """Why an optional step was not run; empty for one that was."""
    date: str = ""
    """When this step was run, where that is not the date of its recording (`Recording.date`)."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that a session used."""

    name: str
    """As the author wrote it, e.g. `busybox`."""
    id: str
    """The engine's id for it: `sha256:` and 64 hexadecimal digits."""
    origin: str
    """Where it came from, e.g. `pulled` or `built from docs/images/busybox`."""
    digest: str = ""
    """The registry's digest, where it came from one."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The machine on which a session ran."""

    engine: str
    """Name, version and API version, e.g. `Docker Engine 20.10.24, API 1.41`."""
    system: str
    """Operating system and kernel, e.g. `Debian GNU/Linux 12 (bookworm), Linux 6.1.0`."""
    architecture: str
    """As the engine names it, e.g. `x86_64`."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What a session really printed, with exit codes, durations and where it ran."""

    page: str
    place: str
    terminal: TerminalSize
    date: str
    """When the session began: UTC, `2026-11-23T22:10:04Z`."""
    environment: Environment
    images: tuple[Image, ...] = ()
    steps: tuple[StepRecording, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be reported to the author at a place in a source file."""

    location: Location | None
    subtype: WarningType
    message: str


class Cause(StrEnum):
    """Whose failure it was that ended a session before its last step."""

    PAGE = "page"
    """That of one of its commands, or of its text."""
    ENGINE = "engine"
    """That of the engine, which could then not be told to remove anything either."""
    LAB = "lab"
    """That of a lab; its engine goes on."""
    IMAGE = "image"
    """That of an image, which could not be had."""
    DEFECT = "defect"
    """That of the extension, or of a library that it uses."""
    INTERRUPTION = "interruption"
    """Nobody's: who builds has interrupted the build."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What ended a session before its last step."""

    step: int
    """The index of the step that did not finish."""
    subtype: WarningType
    message: str
    cause: Cause = Cause.PAGE

    @property
    def transient(self) -> bool:
        """Whether it says nothing of the page, so that another try may get further."""
        return self.cause in {Cause.ENGINE, Cause.LAB, Cause.IMAGE, Cause.DEFECT}

    def finding(self, session: Session) -> Finding:
        """Return what to tell the author of `session`, at the step's present line."""
        step = min(self.step, len(session.steps) - 1)
        after = len(session.steps) - step - 1
        steps = "the step" if after == 1 else f"the {after} steps"
        tail = f"\nNot run because of it: {steps} after it on this page." if after else ""
        return Finding(session.steps[step].location, self.subtype, self.message + tail)
