"""From markup to Pygments' tokens, and to what HTML and LaTeX make of them."""

import re
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pygments import highlight
from pygments.formatters import HtmlFormatter, LatexFormatter
from pygments.lexers import BashLexer
from pygments.token import Error, Generic, Name, String, Text

from docker_run.sphinx_ext.rendering import lexer
from docker_run.sphinx_ext.rendering.lexer import DockerRunLexer, style_names
from docker_run.terminal import markup
from docker_run.terminal.emulation.spans import MARK
from docker_run.terminal.markup import Block
from docker_run.terminal.screen import COLOURS, Kind, Span, Style

COLOUR = st.sampled_from(("", *COLOURS))
STYLES = st.builds(Style, COLOUR, COLOUR, *[st.booleans()] * 6)
# What Bash, HTML and TeX read in a way of their own, private characters as in marks, and others.
PRINTABLE = st.sampled_from("""ab $#'"`\\{}()[]<>&|;!=~^_%-é漢\ue000\ue001\u0301…""")
SPANS = st.builds(Span, st.text(PRINTABLE, min_size=1), st.sampled_from(Kind), STYLES)
LINES = st.lists(SPANS, max_size=3).map(tuple)
COMMANDS = st.lists(st.text(PRINTABLE, min_size=1), min_size=1, max_size=3).map("\n".join)
BLOCKS = st.builds(Block, COMMANDS, st.lists(LINES, max_size=3).map(tuple))

SESSION = Block(
    "docker run -it 'busy box'",
    (
        (Span("Pulling", Kind.ERROR),),
        (),
        (Span("/ # ", Kind.PROMPT), Span("exit", Kind.TYPED)),
        (Span("bin", style=Style(fg="blue", bold=True)), Span(" tmp")),
        (Span("… 3 lines left out", Kind.ELLIPSIS),),
    ),
)


def tokens(*blocks: Block) -> list[tuple[object, str]]:
    return list(DockerRunLexer().get_tokens(markup.encode(blocks)))


def html(*blocks: Block) -> str:
    return lexer.for_script(highlight(markup.encode(blocks), DockerRunLexer(), HtmlFormatter()))


def copied(page: str) -> str:
    """Return what is left when a copy button leaves out the elements of class `gp` and `go`."""
    return unescape(re.sub("<[^>]*>", "", re.sub(r'<span class="g[po][^>]*>[^<]*</span>', "", page))).strip(
        "\n"
    )


def test_what_each_part_is() -> None:
    found = tokens(SESSION, Block("ls"))
    assert found[0] == (Generic.Prompt, "$ ")
    assert (String.Single, "'busy box'") in found
    assert (Generic.Output, "Pulling\n") in found
    assert (Generic.Prompt, "/ # ") in found
    assert (Generic.Typed, "exit\n") in found
    assert (Generic.Output.FgBlue.Bold, "bin") in found
    assert (Generic.Output.Ellipsis, "… 3 lines left out\n") in found
    assert found[-3:-1] == [(Generic.Prompt, "$ "), (Text, "ls")]


def test_flags_can_be_kept_on_one_line() -> None:
    command = "docker run --rm -it --detach-keys=ctrl-x busy-box - -- 'a -b' --a-flag-of-more-than-a-line"
    assert [text for kind, text in tokens(Block(command)) if kind is Text.Flag] == [
        "--rm", "-it", "--detach-keys",
    ]  # fmt: skip


def test_a_builtin_at_the_end_of_a_command_is_one() -> None:
    assert (Name.Builtin, "exit") in tokens(Block("exit"))


@settings(max_examples=1000, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [*"ab19_é漢./:@%+,~^*?!- \t\n\u3000", "if", "done", "exit", "cd", "8080:80", "--rm", "in", "\n  "]
        ),
        min_size=1,
        max_size=20,
    ).map("".join)
)
def test_plain_words_have_the_tokens_of_the_bash_lexer(command: str) -> None:
    found = [(kind, value) for _, kind, value in BashLexer().get_tokens_unprocessed(command)]
    assert list(lexer.bash_tokens(command)) == found


@pytest.mark.parametrize(
    "command",
    ["ls #cd \n", "a 'b if'", "A=1 if", "a = 1", 'a "$(if b)"', "cat <<E\nif\nE", "a & if", "a\\\nif"],
)
def test_other_commands_are_tokenised_as_a_whole(command: str) -> None:
    found = [(kind, value) for _, kind, value in BashLexer().get_tokens_unprocessed(command)]
    assert list(lexer.bash_tokens(command)) == found


@given(st.lists(BLOCKS))
def test_no_character_is_lost_but_marks(blocks: list[Block]) -> None:
    found = tokens(*blocks)
    text = "".join(value for _, value in found).removesuffix("\n")
    # An empty line of output is given a blank.
    assert [line.rstrip(" ") for line in text.split("\n")] == [
        line.rstrip(" ") for line in MARK.sub("", markup.encode(blocks)).split("\n")
    ]
    assert all(kind is not Error for kind, _ in found)


@given(st.lists(LINES, min_size=1).map(tuple))
def test_output_is_left_out_of_copies(lines: tuple[tuple[Span, ...], ...]) -> None:
    shown = tuple(tuple(span for span in line if span.kind is not Kind.TYPED) for line in lines)
    blocks = [Block("first"), Block("second", shown), Block("third")]
    assert [line for line in copied(html(*blocks)).split("\n") if line != ""] == ["first", "second", "third"]


def test_a_copy_has_no_empty_lines() -> None:
    assert copied(html(SESSION, Block("docker ps"))) == "docker run -it 'busy box'\nexit\ndocker ps"


def test_a_command_of_several_lines_is_copied_without_its_prompts() -> None:
    command = "cat <<'END' >file\n\nFROM debian\n  > quoted\nEND"
    page = html(Block(command, ((Span("out"),),)), Block("docker run \\\n  busybox"))
    shown = unescape(re.sub("<[^>]*>", "", page))
    assert shown.startswith("$ cat <<'END' >file\n> \n> FROM debian\n>   > quoted\n> END\nout\n$ docker")
    assert shown.count("\n> ") == 5
    assert copied(page) == f"{command}\ndocker run \\\n  busybox"


def test_empty_lines_at_both_ends_are_kept() -> None:
    block = Block("", ((), (Span("a"),), ()))
    assert html(block).count("\n") == 4
    assert tokens(block) == [(Generic.Output, " \n"), (Generic.Output, "a\n"), (Generic.Output, " \n")]


def test_line_ends_are_inside_however_long_the_output_is() -> None:
    page = html(Block("seq 9999", tuple((Span(str(number)),) for number in range(9999))))
    assert page.count('<span class="go">') == page.count("\n</span>") == 9999
    assert copied(page) == "seq 9999"


def test_a_block_written_by_hand() -> None:
    page = lexer.for_script(highlight("$ ls -l\nout\n", DockerRunLexer(), HtmlFormatter()))
    assert '<span class="gp">$ </span>ls' in page
    assert '<span class="go">out\n</span>' in page


@pytest.mark.parametrize(
    ("style", "names"),
    [
        (Style(), ()),
        (Style(fg="brightred", bg="black", bold=True), ("FgBrightRed", "BgBlack", "Bold")),
        (Style(fg="red", reverse=True), ("BgRed",)),
        (Style(fg="red", bg="blue", reverse=True), ("FgBlue", "BgRed")),
        (Style(reverse=True, underline=True), ("Reverse", "Underline")),
        (Style(dim=True, italic=True, strike=True), ("Dim", "Italic", "Strike")),
        (Style(fg="red", dim=True), ("FgRed",)),
    ],
)
def test_names_of_styles(style: Style, names: tuple[str, ...]) -> None:
    assert style_names(style) == names


# LaTeX.


def let(preamble: str) -> dict[str, str]:
    """Return what the preamble defines, as TeX would: the name of a type → the name of what it does."""
    macros = dict(
        re.findall(r"\\def\\dockerrun@(faces|backgrounds|colours)#1\{(.*?)\n\}", preamble, re.DOTALL)
    )
    found: dict[str, str] = {}

    def call(text: str) -> None:
        for name, first, second in re.findall(r"\\dockerrun@(\w+)\{([^{}]*)\}(?:\{([^{}]*)\})?", text):
            if name == "let":
                found[first + second] = second
            elif name in macros:
                call(macros[name].replace("#1", first))

    call(preamble[preamble.rindex("\n}\n") :])
    return found


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(SPANS, min_size=1).map(tuple))
def test_latex_knows_every_style(line: tuple[Span, ...]) -> None:
    preamble = lexer.latex_preamble()
    known = let(preamble)
    written = highlight(
        markup.encode([Block("", (line,))]), DockerRunLexer(), LatexFormatter(commandprefix="PYG")
    )
    for types in re.findall(r"\\PYG\{([^}]*)\}", written):
        names = [name for name in types.split("+") if len(name) > 2 and "Strike" not in name]
        assert all(name in known or rf"PYG@tok@{name}}}" in preamble for name in names)


def test_latex_does_what_the_last_part_of_a_name_says() -> None:
    preamble = lexer.latex_preamble()
    known = let(preamble)
    assert known["goFgRedBgBrightBlueBoldItalicUnderline"] == "Underline"
    assert known["gpFgRedBgBlue"] == "BgBlue"
    assert known["gTypedDim"] == "Dim"
    defined = set(re.findall(r"\\def\\dockerrun@do@(\w+)\{", preamble))
    assert set(known.values()) == defined


# The style sheet.

SHEET = (Path(lexer.__file__).parent / "static" / "docker_run.css").read_text()
COLOUR_PAIRS = {
    name: pair
    for name, *pair in re.findall(
        r"--docker-run-([a-z-]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\);", SHEET
    )
}
READABLE = 4.5
"""The contrast that WCAG 2.2 asks for, level AA, text of ordinary size."""


def luminance(colour: str) -> float:
    """Return the relative luminance that WCAG 2.2 defines."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_wcag_says() -> None:
    assert contrast("000000", "ffffff") == pytest.approx(21)
    assert contrast("777777", "ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_all_text_is_readable_on_all_backgrounds(theme: int) -> None:
    texts = {name: COLOUR_PAIRS[name][theme] for name in ("text", "dim", *COLOURS)}
    grounds = {
        name: COLOUR_PAIRS[name][theme]
        for name in ("page", "marked", "notice", *(f"on-{colour}" for colour in COLOURS))
    }
    poor = {
        (text, ground): contrast(texts[text], grounds[ground])
        for text in texts
        for ground in grounds
        if contrast(texts[text], grounds[ground]) < READABLE
    }
    assert poor == {}


def test_no_colour_is_set_but_by_its_name() -> None:
    rules = SHEET[SHEET.index("/* The frame */") :]
    assert not re.search(r"#[0-9a-f]{3,6}\b", rules)
    assert set(re.findall(r"var\(--docker-run-([a-z-]+)\)", rules)) <= set(COLOUR_PAIRS)


@given(STYLES)
def test_the_style_sheet_knows_every_style(style: Style) -> None:
    for name in style_names(style):
        assert f'[class*="-{name}"]' in SHEET


def test_print_has_the_colours_of_light_pages() -> None:
    preamble = lexer.latex_preamble()
    for colour in COLOURS:
        name = colour.replace("bright", "bright ").title().replace(" ", "")
        light, ground = COLOUR_PAIRS[colour][0].upper(), COLOUR_PAIRS[f"on-{colour}"][0].upper()
        assert rf"\def\dockerrun@do@Fg{name}{{\def\PYG@tc##1{{\textcolor[HTML]{{{light}}}" in preamble
        assert f"\\colorbox[HTML]{{{ground}}}" in preamble
