"""Recorded bytes → lines: what a person at the terminal would have seen, and what it was."""

import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from docker_run.model import Chunk, Stream, TerminalSize
from docker_run.terminal import screen
from docker_run.terminal.screen import Kind, Line, Span, Style

SIZE = TerminalSize()
SMALL = TerminalSize(10, 3)
ALL_FACES = Style(bold=True, dim=True, italic=True, underline=True, reverse=True, strike=True)


STREAMS = st.sampled_from([Stream.OUT, Stream.ERR])
SIMPLE = st.text(st.sampled_from("ab \n")).map(str.encode) | st.just(b"x" * 30)
ANY = st.lists(
    st.binary(max_size=12)
    | st.text(max_size=12).map(str.encode)
    | st.from_regex(rb"\x1b[\[\]PM78c(][0-9;?>:]{0,6}[ -~]?", fullmatch=True)
).map(b"".join)


def terminal(data: bytes | str) -> Chunk:
    return Chunk(Stream.TERMINAL, data if isinstance(data, bytes) else data.encode())


def typed(line: str) -> Chunk:
    return Chunk(Stream.TYPED, line.encode())


def out(data: bytes | str) -> Chunk:
    return Chunk(Stream.OUT, data if isinstance(data, bytes) else data.encode())


def err(data: bytes | str) -> Chunk:
    return Chunk(Stream.ERR, data if isinstance(data, bytes) else data.encode())


def shown(*chunks: Chunk, size: TerminalSize = SIZE) -> str:
    return screen.text(screen.lines(chunks, size))


def kinds(*chunks: Chunk, size: TerminalSize = SIZE) -> list[list[tuple[str, Kind]]]:
    return [[(span.text, span.kind) for span in line] for line in screen.lines(chunks, size)]


def only_style(data: str) -> Style:
    """Return the style of the one span that `data` makes."""
    ((span,),) = screen.lines([terminal(data)], SIZE)
    return span.style


# Without a terminal.


def test_lines_are_never_broken_without_a_terminal() -> None:
    assert shown(out("x" * 500 + "\ny\n")) == "x" * 500 + "\ny"
    assert shown(out("\x1b[m" + "x" * 500 + "\ny\n")) == "x" * 500 + "\ny"


def test_both_streams_in_the_order_in_which_they_came() -> None:
    assert kinds(out("one\n"), err("two\nthr"), out("ee\n"), err("four")) == [
        [("one", Kind.OUTPUT)],
        [("two", Kind.ERROR)],
        [("thr", Kind.ERROR), ("ee", Kind.OUTPUT)],
        [("four", Kind.ERROR)],
    ]


def test_a_character_spread_over_chunks_of_its_stream() -> None:
    assert shown(out(b"caf\xc3"), err(b"!"), out(b"\xa9")) == "caf!é"


def test_what_is_not_utf_8_becomes_the_replacement_character() -> None:
    assert shown(out(b"a\xff\xfeb\n"), out(b"c\xe2\x82")) == "a\ufffd\ufffdb\nc\ufffd"


def test_a_carriage_return_overwrites() -> None:
    assert shown(out("10%\r20%\r100%\nab\rX\n")) == "100%\nXb"


def test_tabs_reach_every_eighth_column() -> None:
    assert shown(out("a\tb\n" + "x" * 100 + "\ty\n")) == "a       b\n" + "x" * 100 + "    y"


def test_cursor_movements_cant_widen_a_page() -> None:
    assert shown(out("\x1b[9999Cx\n")) == " " * 79 + "x"


def test_repetition_ends_with_the_line() -> None:
    assert shown(out("x\x1b[9999b\n")) == "x" * 80
    assert shown(terminal("x\x1b[9999b\r\n")) == "x" * 80


def test_blank_ends_are_left_out() -> None:
    assert screen.lines([out("a  \n   \n\n")], SIZE) == ((Span("a"),),)
    assert screen.lines([out("\x1b[31ma\x1b[m  \n   \n\n")], SIZE) == ((Span("a", style=Style("red")),),)


def test_blanks_that_can_be_seen_stay() -> None:
    assert screen.lines([out("\x1b[41m  \x1b[m  \n")], SIZE) == ((Span("  ", style=Style("", "red")),),)
    assert screen.text(screen.lines([out("\x1b[41m  \x1b[m  \n")], SIZE)) == ""


def test_nothing_is_shown_of_nothing() -> None:
    assert screen.lines([], SIZE) == ()
    assert screen.lines([out(""), err("\n\n")], SIZE) == ()


# On a terminal; what tmux can tell is in test_screen_tmux.py.


def test_a_terminal_breaks_long_lines() -> None:
    assert shown(terminal("x" * 25 + "\r\n"), size=SMALL) == "x" * 10 + "\n" + "x" * 10 + "\n" + "x" * 5
    assert shown(terminal("\x1b[m" + "漢" * 6), size=TerminalSize(9, 3)) == "漢" * 4 + "\n" + "漢" * 2


def test_what_scrolls_off_is_kept() -> None:
    lines = [str(number) for number in range(1000)]
    assert shown(terminal("\x1b[m" + "\r\n".join(lines)), size=SMALL).split("\n") == lines


def test_a_message_of_the_client_before_the_terminal_is_there() -> None:
    assert kinds(err("Unable to find image\n"), terminal("/ # ")) == [
        [("Unable to find image", Kind.ERROR)],
        [("/ #", Kind.OUTPUT)],
    ]


def test_what_is_not_utf_8_on_a_terminal() -> None:
    assert shown(terminal(b"\x1b[mcaf\xe9 \xe2\x82"), terminal(b"\xac \xff")) == "caf\ufffd € \ufffd"


def test_the_command_stands_above() -> None:
    assert shown(terminal("\x1b[1A\x1b[1Bone\r\ntwo")) == "one\ntwo"
    assert shown(terminal("\r\none")) == "\none"
    assert shown(terminal("one\r\n\x1b[2Atwo")) == "two\none"
    assert shown(terminal("before\r\n\x1b[H\x1b[2Jafter")) == "after"


def test_line_drawing_characters() -> None:
    assert shown(terminal("\x1b(0lqk\x1b(B lqk")) == "┌─┐ lqk"
    assert shown(terminal("\x1b)0\x0elqk\x0f lqk")) == "┌─┐ lqk"


def test_lines_of_a_region_that_is_not_at_the_top_are_gone() -> None:
    assert shown(terminal("head\r\n\x1b[3;4r\x1b[3;1Ha\r\nb\r\nc\r\nd")) == "head\nc\nd"


def test_a_composed_emoji_is_one_character() -> None:
    (line,) = screen.lines([terminal("👩\u200d🚀👍🏽|\x1b[5G!")], SIZE)
    assert line == (Span("👩\u200d🚀👍🏽!"),)


def test_half_of_a_wide_character_is_none() -> None:
    assert shown(terminal("漢字\x1b[2GX")) == " X字"
    assert shown(terminal("漢字\x1b[1GX")) == "X 字"
    assert shown(terminal("漢字\x1b[2G\x1b[K")) == ""


def test_marks_of_writing_direction_and_line_separators_are_left_out() -> None:
    assert shown(terminal("a\u202eb\u2028c\u2066d\ufeffe\u200bf")) == "abcdef"
    assert shown(terminal("a\ufffeb")) == "a\ufffdb"


def test_the_alternate_screen_leaves_nothing() -> None:
    assert shown(terminal("one\x1b[?1049h\x1b[Heditor" + "\r\n" * 50 + "\x1b[?1049l two")) == "one two"


def test_a_program_that_dies_in_the_alternate_screen_is_seen_there() -> None:
    assert shown(terminal("one\r\n\x1b[?1049h\x1b[Heditor")) == "one\neditor"


def test_clearing_the_screen() -> None:
    lines = "\r\n".join("abcde")
    assert shown(terminal(lines + "\x1b[H\x1b[2Jnew"), size=SMALL) == "a\nb\nnew"
    assert shown(terminal(lines + "\x1b[H\x1b[2J\x1b[3Jnew"), size=SMALL) == "new"
    assert shown(terminal(lines + "\x1bcnew"), size=SMALL) == "a\nb\nnew"


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[?2004h", "\x1b[?25l", "\x1b[6n", "\x1b[c", "\x1b[>4;2m", "\x1b[?4m", "\x1b[=1u", "\x1b[22;0;0t",
        "\x1b]0;title\x07", "\x1b]8;;http://host/\x1b\\", "\x1b]133;A\x1b\\", "\x1bP+q\x1b\\", "\x1b_x\x1b\\",
        "\x1bkname\x1b\\", "\x1b=", "\x1b>", "\x1b%G", "\x1b(B", "\x1b[0 q", "\x00", "\x01", "\x7f", "\x07",
        "\x1b[!p", "\x1b[1;2;3X", "\x1b[999;999;999z", "\x1b[3?h", "\x1b[:m", "\x1b[38m", "\x1b[38;5m",
        "\x1b[38;5;999m", "\x1b[48;2;1m", "\x1b[99999999999999m",
    ],
)  # fmt: skip
def test_sequences_without_a_visible_effect(sequence: str) -> None:
    assert screen.lines([terminal(f"ab{sequence}cd")], SIZE) == ((Span("abcd"),),)


def test_an_unfinished_string_ends_with_the_next_sequence() -> None:
    assert shown(terminal("a\x1b]0;never ended\x1b[32mb")) == "ab"
    assert shown(terminal("a\x1bPnever ended\x18b")) == "ab"


# Styles.


@pytest.mark.parametrize(
    ("codes", "style"),
    [
        ("31", Style(fg="red")),
        ("91", Style(fg="brightred")),
        ("33;44", Style(fg="yellow", bg="blue")),
        ("103", Style(bg="brightyellow")),
        ("1;2;3;4;7;9", ALL_FACES),
        ("1;4:3", Style(bold=True, underline=True)),
        ("4:9", Style(underline=True)),
        ("4:3;4:0;1", Style(bold=True)),
        ("1;2;4;22;24;35", Style(fg="magenta")),
        ("31;41;1;39;49", Style(bold=True)),
        ("31;1;0;32", Style(fg="green")),
        ("31;;1", Style(bold=True)),
        ("38;5;1", Style(fg="red")),
        ("38;5;12;1", Style(fg="brightblue", bold=True)),
        ("38;5;196", Style(fg="#ff0000")),
        ("38;5;232", Style(fg="#080808")),
        ("48;5;250", Style(bg="#bcbcbc")),
        ("38;2;250;5;5;1", Style(fg="#fa0505", bold=True)),
        ("38:2::0:0:230", Style(fg="#0000e6")),
        ("38:2:0:0:230", Style(fg="#0000e6")),
        ("38:5:2", Style(fg="green")),
        ("48;2;0;0;0;32", Style(fg="green", bg="#000000")),
    ],
)
def test_styles(codes: str, style: Style) -> None:
    assert only_style(f"\x1b[{codes}mx\x1b[m") == style


def test_a_line_is_cut_where_its_look_changes() -> None:
    assert screen.lines([terminal("a \x1b[1mb\x1b[m c\x1b[32md\r\ne")], SIZE) == (
        (Span("a "), Span("b", style=Style(bold=True)), Span(" c"), Span("d", style=Style(fg="green"))),
        (Span("e", style=Style(fg="green")),),
    )


def test_a_saved_cursor_has_its_style() -> None:
    (line,) = screen.lines([terminal("a\x1b7\x1b[31mred\x1b8b\x1b[K")], SIZE)
    assert line == (Span("ab"),)


def test_erased_cells_take_the_background() -> None:
    (line,) = screen.lines([terminal("\x1b[41ma\x1b[K\x1b[m")], SMALL)
    assert line == (Span("a" + " " * 9, style=Style(bg="red")),)


# What is typed.


def test_prompt_and_echo() -> None:
    first, second = terminal("ls /bin\r\nash\r\n/ # "), terminal("exit\r\n")
    assert kinds(terminal("/ # \x1b[6n"), typed("ls /bin"), first, typed("exit"), second) == [
        [("/ # ", Kind.PROMPT), ("ls /bin", Kind.TYPED)],
        [("ash", Kind.OUTPUT)],
        [("/ # ", Kind.PROMPT), ("exit", Kind.TYPED)],
    ]


def test_an_echo_letter_by_letter_with_corrections() -> None:
    assert kinds(terminal("> "), typed("abc"), terminal("a\x1b[Jx\bb\x1b[K"), terminal("c\r\ndone")) == [
        [("> ", Kind.PROMPT), ("abc", Kind.TYPED)],
        [("done", Kind.OUTPUT)],
    ]


def test_an_echo_longer_than_its_line() -> None:
    assert kinds(terminal("$ "), typed("echo 123456"), terminal("echo 123456\r\n123456\r\n"), size=SMALL) == [
        [("$ ", Kind.PROMPT), ("echo 123", Kind.TYPED)],
        [("456", Kind.TYPED)],
        [("123456", Kind.OUTPUT)],
    ]


def test_an_echo_that_scrolls_its_prompt_off() -> None:
    echo = "x" * 45
    assert kinds(terminal("$ "), typed(echo), terminal(echo + "\r\nout\r\n"), size=SMALL)[0] == [
        ("$ ", Kind.PROMPT),
        ("x" * 8, Kind.TYPED),
    ]


def test_a_line_broken_by_the_program_itself() -> None:
    assert kinds(terminal("$ "), typed("echo 123456"), terminal("echo 123\r\n456\r\n123456\r\n"), size=SMALL)[
        :2
    ] == [
        [("$ ", Kind.PROMPT), ("echo 123", Kind.TYPED)],
        [("456", Kind.TYPED)],
    ]


def test_a_password_is_not_echoed() -> None:
    assert kinds(terminal("Password: "), typed("secret"), terminal("\r\nWelcome\r\n")) == [
        [("Password:", Kind.OUTPUT)],
        [("Welcome", Kind.OUTPUT)],
    ]


def test_output_that_only_begins_like_what_was_typed() -> None:
    assert kinds(terminal("? "), typed("y"), terminal("yes, really\r\n")) == [
        [("? yes, really", Kind.OUTPUT)]
    ]


def test_enter_alone() -> None:
    assert kinds(terminal("Continue? "), typed(""), terminal("\r\nok\r\n")) == [
        [("Continue?", Kind.PROMPT)],
        [("ok", Kind.OUTPUT)],
    ]


@pytest.mark.parametrize("echo", ["", "^P^Q"])
def test_keys_echo_nothing_or_their_names(echo: str) -> None:
    assert kinds(terminal("/ # "), typed("<C-p><C-q>"), terminal(echo + "read escape sequence\r\n")) == [
        [
            ("/ # ", Kind.PROMPT),
            *([(echo, Kind.TYPED)] if echo else []),
            ("read escape sequence", Kind.OUTPUT),
        ]
    ]


def test_a_key_at_the_end_of_a_line() -> None:
    assert kinds(
        terminal("$ "), typed("sleep 9"), terminal("sleep 9\r\n"), typed("<C-c>"), terminal("^C\r\n$ ")
    ) == [
        [("$ ", Kind.PROMPT), ("sleep 9", Kind.TYPED)],
        [("^C", Kind.TYPED)],
        [("$", Kind.OUTPUT)],
    ]


def test_a_word_completed_by_the_shell() -> None:
    assert kinds(terminal("$ "), typed("cat /etc/host<Tab>s"), terminal("cat /etc/hosts\r\n"))[0] == [
        ("$ ", Kind.PROMPT),
        ("cat /etc/hosts", Kind.TYPED),
    ]


def test_an_escaped_bracket_is_echoed_as_one() -> None:
    assert kinds(terminal("$ "), typed(r"echo \<Tab>"), terminal("echo <Tab>\r\n"))[0] == [
        ("$ ", Kind.PROMPT),
        ("echo <Tab>", Kind.TYPED),
    ]


def test_a_coloured_prompt_keeps_its_colours() -> None:
    (line,) = screen.lines([terminal("\x1b[1;32mme\x1b[m$ "), typed("ls"), terminal("ls\r\n")], SIZE)
    assert line == (
        Span("me", Kind.PROMPT, Style(fg="green", bold=True)),
        Span("$ ", Kind.PROMPT),
        Span("ls", Kind.TYPED),
    )


def test_a_line_edited_with_keys() -> None:
    # As busybox's shell and bash write it.
    for echo in ("echo x\by" + "x\bx", "echo x\by" + "x\b"):
        assert kinds(terminal("$ "), typed("echo x<Left>y"), terminal(f"{echo}\r\nyx\r\n")) == [
            [("$ ", Kind.PROMPT), ("echo yx", Kind.TYPED)],
            [("yx", Kind.OUTPUT)],
        ]


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("ab<Home>x<End>y", "xaby"), ("abc<C-b><C-b><C-k>z", "az"), ("abc<Left><C-u>", "c"),
        ("abc<Left><Left><Delete><C-f>d", "acd"), ("ab<Backspace><Backspace>c", "c"),
    ],
)  # fmt: skip
def test_keys_of_line_editors(keys: str, line: str) -> None:
    assert kinds(terminal("$ "), typed(keys), terminal(f"{line}\r\n")) == [
        [("$ ", Kind.PROMPT), (line, Kind.TYPED)]
    ]


@pytest.mark.parametrize("keys", [["<Up><Up><Enter>"], ["<Up><Up>", "<Enter>"], ["<C-p>", "<C-p><Enter>"]])
def test_a_recalled_line(keys: list[str]) -> None:
    recall = [typed(keys[0]), terminal("echo two\b\b\bone"), *map(typed, keys[1:]), terminal("\r\none\r\n")]
    first = [typed("echo one"), terminal("echo one\r\none\r\n$ ")]
    second = [typed("echo two"), terminal("echo two\r\ntwo\r\n$ ")]
    assert kinds(terminal("$ "), *first, *second, *recall)[4:] == [
        [("$ ", Kind.PROMPT), ("echo one", Kind.TYPED)],
        [("one", Kind.OUTPUT)],
    ]


def test_a_line_recalled_from_nowhere_is_no_prompt() -> None:
    chunks = [terminal("$ "), typed("<Up>"), terminal("echo one"), typed("<Enter>"), terminal("\r\none\r\n")]
    assert kinds(*chunks) == [[("$ echo one", Kind.OUTPUT)], [("one", Kind.OUTPUT)]]


def test_output_after_keys_is_not_taken_for_typed() -> None:
    chunks = [terminal("? "), typed("a<Left>b"), terminal("\r\n? a menu\r\n")]
    assert kinds(*chunks) == [[("?", Kind.OUTPUT)], [("? a menu", Kind.OUTPUT)]]


def test_a_prompt_on_the_line_on_which_the_input_ended() -> None:
    chunks = [typed("<C-d>"), terminal("$ "), typed("exit"), terminal("exit\r\n")]
    assert kinds(*chunks) == [[("$ ", Kind.PROMPT), ("exit", Kind.TYPED)]]


# Lines that the terminal broke.


def joined(*chunks: Chunk, size: TerminalSize = SMALL) -> str:
    return screen.text(screen.lines(chunks, size, joined=True))


def test_lines_broken_at_the_right_edge_are_joined() -> None:
    assert joined(terminal("\x1b[m" + "x" * 25 + "\r\ny")) == "x" * 25 + "\ny"
    assert joined(terminal("\x1b[m" + "漢" * 6), size=TerminalSize(9, 3)) == "漢" * 6


def test_lines_that_the_program_broke_are_not() -> None:
    assert joined(terminal("\x1b[m" + "x" * 10 + "\r\n" + "y" * 10)) == "x" * 10 + "\n" + "y" * 10


def test_a_line_is_not_joined_to_one_that_took_the_place_of_its_end() -> None:
    assert joined(terminal("x" * 12 + "\x1b[3;1H\x1b[1Lnew")) == "x" * 10 + "\nnew"
    assert joined(terminal("x" * 12 + "\x1b[2;5H\x1b[K")) == "xxxx\nxx"


def test_what_readline_writes_at_the_right_edge() -> None:
    # It makes the terminal break the line with a character that it then writes again.
    assert joined(terminal("$ echo 123" + "4\r4567\r\n")) == "$ echo 1234567"


@given(st.lists(st.text("ab ", max_size=40), max_size=8))
def test_joined_lines_are_those_that_were_written(written: list[str]) -> None:
    data = "".join(f"{line}\r\n" for line in written)
    assert joined(terminal("\x1b[m" + data)) == joined(terminal(data)) == shown(out(data.replace("\r", "")))


@given(ANY)
def test_joining_changes_no_character_but_line_ends(data: bytes) -> None:
    one, other = joined(terminal(data)), shown(terminal(data), size=SMALL)
    assert re.sub(r"[ \n]", "", one) == re.sub(r"[ \n]", "", other)
    assert one.count("\n") <= other.count("\n")


# What hostile output may cost.


@pytest.mark.parametrize(
    "unit",
    [
        "x\x1b[9999b",
        "x\x1b[9999b\n",
        "\x1b[41m\x1b[2J\x1b[9999S",
        "x\x1b[9999S",
        "x\x1bD",
        "\x1b[9999Cx\n",
        "\n",
    ],
)
@pytest.mark.parametrize("stream", [Stream.OUT, Stream.TERMINAL])
def test_little_output_takes_no_large_memory(unit: str, stream: Stream) -> None:
    data = (unit * (100_000 // len(unit))).encode()
    tracemalloc.start()
    try:
        screen.text(
            screen.lines([Chunk(Stream.TERMINAL, b"\x1b[m"), typed("<Left>a"), Chunk(stream, data)], SIZE)
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 90_000_000


# What holds for any input.


@given(st.lists(st.tuples(STREAMS, SIMPLE)))
def test_the_short_way_shows_what_the_emulator_shows(pieces: list[tuple[Stream, bytes]]) -> None:
    chunks = [Chunk(*piece) for piece in pieces]
    assert screen.lines(chunks, SMALL) == emulated(chunks)


@given(SIMPLE, st.lists(SIMPLE), st.lists(STREAMS))
def test_the_short_way_on_a_terminal(first: bytes, rest: list[bytes], others: list[Stream]) -> None:
    streams = [Stream.TERMINAL, *others, *[Stream.TERMINAL] * len(rest)]
    pieces = zip(streams, [first, *rest], strict=False)
    chunks = [
        Chunk(each, data.replace(b"\n", b"\r\r\n") if each is Stream.TERMINAL else data)
        for each, data in pieces
    ]
    assert screen.lines(chunks, SMALL) == emulated(chunks)


def emulated(chunks: list[Chunk]) -> tuple[Line, ...]:
    """Return the lines that the emulator makes: a sequence without an effect keeps off the short way."""
    stream = chunks[0].stream if chunks else Stream.OUT
    return screen.lines([Chunk(stream, b"\x1b[m"), *chunks], SMALL)


@given(ANY, st.data())
def test_where_the_bytes_are_cut_does_not_matter(data: bytes, draw: st.DataObject) -> None:
    cut = draw.draw(st.integers(0, len(data)))
    whole = screen.lines([terminal(data)], SMALL)
    assert screen.lines([terminal(data[:cut]), terminal(data[cut:])], SMALL) == whole


@given(ANY, st.sampled_from([Stream.OUT, Stream.TERMINAL]))
def test_any_bytes_make_lines_that_a_page_can_show(data: bytes, stream: Stream) -> None:
    text = screen.text(screen.lines([Chunk(stream, data)], SMALL))
    lines = text.split("\n")
    assert text.isprintable() or all(line.splitlines() in ([line], []) for line in lines)
    assert not any(character < " " or "\x7f" <= character < "\xa0" for line in lines for character in line)
    if stream is Stream.TERMINAL:
        # A terminal draws a spacing mark, or a tone of skin, over a blank before it; as text it would stand
        # beside it.
        drawn = [re.sub("[\u0300-\u0fff\U0001f3fb-\U0001f3ff]", "", line) for line in lines]
        assert all(wcswidth(line) <= SMALL.columns for line in drawn)


@given(st.lists(st.tuples(st.sampled_from([Stream.TERMINAL, Stream.TYPED]), ANY)))
def test_what_is_typed_changes_no_character(pieces: list[tuple[Stream, bytes]]) -> None:
    chunks = [Chunk(*piece) for piece in pieces]
    written = [chunk for chunk in chunks if chunk.stream is Stream.TERMINAL]
    assert shown(*chunks, size=SMALL) == shown(*written, size=SMALL)
