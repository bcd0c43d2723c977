"""What is fuzzed: functions that take any bytes, and raise only where something is wrong with ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

from docker_run.authoring.console import parse_console
from docker_run.authoring.run_directive import parse_step
from docker_run.docker_cli import run_line as docker_cli
from docker_run.engine.frames import Frames
from docker_run.errors import DockerRunError, RecordingProblem
from docker_run.model import Chunk, Location, RunnerTraits, Stream, TerminalSize
from docker_run.recordings.masks import mask
from docker_run.recordings.reader import load
from docker_run.recordings.writer import dumps
from docker_run.sphinx_ext.rendering.lexer import DockerRunLexer
from docker_run.terminal import markup, screen, segments
from docker_run.terminal.osc133 import Kind, MarkReader
from lab_sessions import TRAITS

Target = Callable[[bytes], None]

_STREAMS = (Stream.OUT, Stream.ERR, Stream.TERMINAL)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def _no_file(name: str) -> str:
    raise FileNotFoundError(name)


def _by_line(text: str) -> list[str]:
    """Return the lines; an empty one may be shown as a blank, and those at the end don't count."""
    return [line.rstrip(" ") for line in text.rstrip(" \n").split("\n")]


def run_line(data: bytes) -> None:
    """Take a `docker run` command line."""
    with suppress(DockerRunError):
        docker_cli.parse(_text(data), allow=None, read=_no_file)


def env_file(data: bytes) -> None:
    """Take a file that a flag names."""
    with suppress(DockerRunError):
        docker_cli.parse("--env-file f busybox", allow=None, read=lambda _: _text(data))


def console(data: bytes) -> None:
    """Take the body of a console session."""
    with suppress(DockerRunError):
        parse_console(_text(data).split("\n"))


def directive(data: bytes) -> None:
    """Take a directive: a line of argument, lines of options, an empty line, the body."""
    argument, _, rest = _text(data).partition("\n")
    head, _, body = rest.partition("\n\n")
    options = dict(line.partition(":")[::2] for line in head.split("\n"))
    for traits in (RunnerTraits(), TRAITS):
        with suppress(DockerRunError):
            parse_step(
                argument,
                options,
                body.split("\n"),
                location=Location("page.md", 1),
                allow=None,
                read=_no_file,
                traits=traits,
            )


def output(data: bytes) -> None:
    """Take what a command printed: no control character is left of it, and the lexer loses no text."""
    size = TerminalSize(20, 5)
    cut = data[:1] or b"\0"
    at = cut[0] * len(data) // 256
    for stream in _STREAMS:
        chunks = [Chunk(stream, data[:at]), Chunk(stream, data[at:])]
        lines = screen.lines(chunks, size)
        plain = screen.text(lines)
        if found := _CONTROL.search(plain):
            raise AssertionError(f"a page would hold {found[0]!r}")
        blocks = [markup.Block("command", lines)]
        coloured = markup.encode(blocks)
        if markup.plain(markup.decode(coloured)) != markup.plain(blocks):
            raise AssertionError("the markup loses text")
        shown = "".join(value for _, value in DockerRunLexer().get_tokens(coloured))
        if _by_line(shown) != _by_line(markup.plain(blocks)):
            raise AssertionError("the lexer loses text")
        made = segments.segments(chunks, size)
        if not all(segments.is_shown(line) for _, text in made for line in text.split("\n")):
            raise AssertionError("a recording would hold what no screen shows")
        if segments.plain_text(made) != screen.shown(chunks, size, joined=True):
            raise AssertionError("a recording loses text")


def marks(data: bytes) -> None:
    """Take what comes out of a lab's shell: how it is cut into pieces makes no difference."""

    def read(*pieces: bytes) -> tuple[bytes, list[Kind]]:
        reader = MarkReader()
        found = [piece for each in pieces for piece in reader.feed(each)]
        printed = b"".join(piece.data for piece in found if piece.kind is Kind.OUTPUT)
        return printed, [piece.kind for piece in found if piece.kind is not Kind.OUTPUT]

    if read(data) != read(*(data[at : at + 1] for at in range(len(data)))):
        raise AssertionError("it depends on how the output is cut")


def frames(data: bytes) -> None:
    """Take what an engine sends of a container without a terminal."""
    with suppress(DockerRunError, ValueError):
        reader = Frames()
        for at in range(0, len(data), 7):
            reader.feed(data[at : at + 7])


def recording(data: bytes) -> None:
    """Take the file of a recording: one that is read is what is written for it."""
    try:
        found = load(iter(data.splitlines(keepends=True)), source="fuzz")
    except RecordingProblem:
        return
    written = dumps(found).encode()
    if data.startswith(b"docker-run recording 1"):
        if load(iter(written.splitlines(keepends=True)), source="fuzz") != found:
            raise AssertionError("it is another recording once it is converted")
    elif written != data.replace(b"\r\n", b"\n"):
        raise AssertionError("another file would be written for it")


def masks(data: bytes) -> None:
    """Take text that is compared: masking what is masked changes nothing."""
    text = data.decode(errors="replace")
    once = mask(text)
    if mask(once) != once:
        raise AssertionError("masking is not idempotent")


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (run_line, env_file, console, directive, output, marks, frames, recording, masks)
}
