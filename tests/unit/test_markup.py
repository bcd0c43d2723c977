"""Commands and output as one text, and back."""

import re

from hypothesis import given
from hypothesis import strategies as st

from docker_run.terminal import markup
from docker_run.terminal.emulation.spans import MARK
from docker_run.terminal.markup import Block
from docker_run.terminal.screen import COLOURS, Kind, Span, Style

COLOUR = st.sampled_from(("", *COLOURS))
STYLES = st.builds(Style, COLOUR, COLOUR, *[st.booleans()] * 6)
# Private characters as in marks, what ends words, and others.
PRINTABLE = st.sampled_from("ab $>\\é漢\ue000\ue001\ue0ff\u0301…[31m")
SPANS = st.builds(Span, st.text(PRINTABLE, min_size=1), st.sampled_from(Kind), STYLES)
LINES = st.lists(SPANS, max_size=4).map(tuple)
COMMANDS = st.lists(st.text(PRINTABLE, min_size=1), min_size=1, max_size=3).map("\n".join)
BLOCKS = st.builds(Block, COMMANDS, st.lists(LINES, max_size=4).map(tuple))


@given(st.lists(BLOCKS))
def test_blocks_come_back_as_they_were(blocks: list[Block]) -> None:
    assert markup.decode(markup.encode(blocks)) == tuple(blocks)


@given(st.lists(LINES, min_size=1).map(tuple))
def test_output_without_a_command_comes_back(lines: tuple[tuple[Span, ...], ...]) -> None:
    assert markup.decode(markup.encode([Block("", lines)])) == (Block("", lines),)


@given(st.lists(BLOCKS))
def test_marks_are_the_only_difference_from_plain_text(blocks: list[Block]) -> None:
    without = MARK.sub("", markup.encode(blocks))
    assert [line.rstrip(" ") for line in without.split("\n")] == [
        line.rstrip(" ") for line in markup.plain(blocks).split("\n")
    ]


@given(st.lists(BLOCKS))
def test_no_mark_is_a_part_of_a_word(blocks: list[Block]) -> None:
    # What a full text search takes for words, as Sphinx's does.
    encoded = MARK.sub(r" \g<0> ", markup.encode(blocks))
    assert re.findall(r"\w+", markup.encode(blocks)) == re.findall(r"\w+", encoded)


def test_a_block_has_as_many_lines_as_it_shows() -> None:
    blocks = [Block("docker run \\\n  busybox", ((), (Span("a"), Span("b", Kind.ERROR)), ())), Block("ls")]
    assert markup.encode(blocks).count("\n") + 1 == 6
    assert markup.plain(blocks) == "$ docker run \\\n>   busybox\n\nab\n\n$ ls"


def test_each_further_line_of_a_command_has_a_prompt_of_its_own() -> None:
    command = "cat <<END >file\n\n> quoted\nEND"
    shown = "$ cat <<END >file\n> \n> > quoted\n> END"
    assert markup.prompted(command) == shown
    assert markup.unprompted(shown) == command
    assert markup.plain([Block(command), Block("ls")]) == f"{shown}\n$ ls"
    assert markup.decode(markup.encode([Block(command), Block("ls")])) == (Block(command), Block("ls"))


def test_output_of_its_own_comes_with_the_command_before_it() -> None:
    line = (Span("out"),)
    assert markup.decode(markup.encode([Block("ls"), Block("", (line,))])) == (Block("ls", (line,)),)


def test_control_characters_of_a_command_are_not_taken_for_marks() -> None:
    assert markup.plain([Block("echo \x1b\ue000\x07")]) == "$ echo \ufffd\ue000\ufffd"
    (block,) = markup.decode(markup.encode([Block("echo \x1b\ue000\ue000\ue000\ue000!")]))
    assert block == Block("echo \ufffd\ue000\ue000\ue000\ue000!")


def test_a_text_written_by_hand() -> None:
    written = "before\n$ docker run \\\n    busybox\nout\n\n$ exit \\"
    assert markup.decode(written) == (
        Block("", ((Span("before"),),)),
        Block("docker run \\\n    busybox", ((Span("out"),), ())),
        Block("exit \\"),
    )
    assert markup.decode("$ docker run \\\n>   busybox\nout") == (
        Block("docker run \\\n  busybox", ((Span("out"),),)),
    )


def test_nothing() -> None:
    assert markup.encode([]) == ""
    assert markup.plain([]) == ""
