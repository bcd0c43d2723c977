"""How commands and output look in a real browser, on a page that Sphinx built with Furo."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from docker_run.model import Chunk, Stream, TerminalSize
from docker_run.terminal import markup, screen
from docker_run.terminal.markup import Block
from docker_run.terminal.screen import COLOURS, Kind, Span, Style

pytestmark = pytest.mark.browser

CONFIGURATION = """
import re

from docker_run.sphinx_ext.rendering import assets, lexer

extensions = {extensions}
html_theme = "furo"
html_title = "Sample"

def setup(app):
    assets.register(app)
    app.connect("html-page-context", line_ends)

def line_ends(app, pagename, templatename, context, doctree):
    if "body" in context:
        body = context["body"]
        context["body"] = re.sub("(?s)<pre>.*?</pre>", lambda each: lexer.for_script(each[0], fold=5), body)
"""
OpenPage = Callable[..., Page]
SIZE = TerminalSize()
TYPED = Chunk(Stream.TYPED, b"echo 'hello' | wc -c")
SESSION = screen.lines(
    [
        Chunk(Stream.ERR, b"Unable to find image 'busybox:latest' locally\n"),
        Chunk(Stream.TERMINAL, b"\x1b[1;32mroot\x1b[m / # "),
        TYPED,
        Chunk(Stream.TERMINAL, TYPED.data + b"\r\n6\r\n\r\n"),
        Chunk(Stream.TERMINAL, b"\x1b[1;34mbin\x1b[m  \x1b[30;42mtmp\x1b[m\r\n/ # "),
        Chunk(Stream.TYPED, b"exit"),
        Chunk(Stream.TERMINAL, b"exit\r\n"),
    ],
    SIZE,
)
LONG = ((Span("0123456789" * 60),), (Span("end"),))
PALETTE = tuple(
    (
        Span(f"{name:14}", style=Style(fg=name)),
        Span(" on ", style=Style()),
        Span(f"{name:14}", style=Style(bg=name)),
    )
    for name in COLOURS
)
FACES = (
    (
        Span("bold", style=Style(bold=True)),
        Span(" "),
        Span("dim", style=Style(dim=True)),
        Span(" "),
        Span("italic", style=Style(italic=True)),
        Span(" "),
        Span("underlined", style=Style(underline=True)),
        Span(" "),
        Span("reversed", style=Style(reverse=True)),
        Span(" "),
        Span("struck", style=Style(strike=True)),
    ),
    (Span("… 12 lines left out", Kind.ELLIPSIS),),
)
BLOCKS = {
    "session": [
        Block("docker run -it --rm \\\n    busybox", SESSION),
        Block("docker ps --format '{{.Names}}'"),
    ],
    "long": [Block("docker inspect a-container-with-a-rather-long-name --format '{{json .}}'", LONG)],
    "palette": [Block("palette # all colours", (*PALETTE, *FACES))],
    "many": [
        Block("seq 30", tuple((Span(f"line {number}"),) for number in range(1, 31))),
        Block("seq 6", tuple((Span(f"short {number}"),) for number in range(1, 7))),
    ],
}


def source() -> str:
    """Return the page: a block for each of `BLOCKS`, in the frame that the directive gives it."""
    parts = ["Sample\n======\n\nSome text before the terminal, as on any page.\n"]
    for name, blocks in BLOCKS.items():
        lines = markup.encode(blocks).split("\n")
        code = "\n".join(f"      {line}" if line else "" for line in lines)
        parts.append(
            f".. container:: docker-run\n   :name: {name}\n\n"
            f"   .. code-block:: docker-run\n      :emphasize-lines: 2\n\n{code}\n"
        )
        if name == "session":
            parts.append(
                "   .. container:: docker-run-notice\n\n"
                "      Recorded on 2026-11-20; not run in the build after it.\n"
            )
    return "\n".join(parts)


@pytest.fixture(scope="module", params=[["sphinx_copybutton"], []], ids=["copybutton", "alone"])
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("look")
    (root / "conf.py").write_text(CONFIGURATION.replace("{extensions}", str(request.param)))
    (root / "index.rst").write_text(source())
    with docutils_namespace():  # what Sphinx registers is for this site only
        Sphinx(root, root, root / "html", root / "doctrees", "html", status=None, warningiserror=True).build()
    return root / "html" / "index.html"


@pytest.fixture
def open_page(browser: Browser, page_file: Path) -> Iterator[OpenPage]:
    """Return a function that opens the page in a window of some width, as its reader likes it."""
    contexts = []

    def open_(*, width: int = 1280, scheme: str = "light", permissions: Sequence[str] = ()) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, permissions=permissions
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(page_file.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()


COLOURS_OF = """selector => {
    const style = getComputedStyle(document.querySelector(selector));
    return [style.color, style.backgroundColor];
}"""


def test_light_and_dark_have_their_own_colours(open_page: OpenPage) -> None:
    selectors = [
        "#session pre",
        "#session pre .gp",
        "#palette .go-FgRed",
        "#palette .go-BgBlue",
        "#session p",
    ]
    light, dark = (
        [open_page(scheme=scheme).evaluate(COLOURS_OF, selector) for selector in selectors]
        for scheme in ("light", "dark")
    )
    for one, other, selector in zip(light, dark, selectors, strict=True):
        assert one != other, selector


def test_a_reader_can_choose_against_the_system(open_page: OpenPage) -> None:
    ground = "#session .highlight"
    light = open_page(scheme="light").evaluate(COLOURS_OF, ground)
    dark = open_page(scheme="dark").evaluate(COLOURS_OF, ground)
    page = open_page(scheme="light")
    page.evaluate("document.body.dataset.theme = 'dark'")
    assert page.evaluate(COLOURS_OF, ground) == dark
    page = open_page(scheme="dark")
    page.evaluate("document.body.dataset.theme = 'light'")
    assert page.evaluate(COLOURS_OF, ground) == light


def test_a_theme_without_a_dark_side_stays_light(open_page: OpenPage) -> None:
    page = open_page(scheme="dark")
    page.evaluate("document.body.removeAttribute('data-theme')")
    assert page.evaluate(COLOURS_OF, "#session .highlight") == open_page().evaluate(
        COLOURS_OF, "#session .highlight"
    )


def test_print_is_dark_on_white(open_page: OpenPage) -> None:
    page = open_page(scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    color, _ = page.evaluate(COLOURS_OF, "#session pre")
    assert color == open_page().evaluate(COLOURS_OF, "#session pre")[0]
    assert page.evaluate("getComputedStyle(document.querySelector('#long pre')).whiteSpace") == "pre-wrap"
    assert page.evaluate("document.querySelector('#long pre').scrollWidth") <= 1280


def test_the_theme_does_not_win_over_the_colours(open_page: OpenPage) -> None:
    page = open_page()
    plain, _ = page.evaluate(COLOURS_OF, "#session pre .go")
    prompt, _ = page.evaluate(COLOURS_OF, "#session pre .gp")
    coloured, _ = page.evaluate(COLOURS_OF, "#session pre .gp-FgGreen")
    green, _ = page.evaluate(COLOURS_OF, "#palette pre .go-FgGreen")
    assert len({plain, prompt, coloured}) == 3
    assert coloured == green


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_long_lines_are_broken_at_the_end_of_the_block(open_page: OpenPage, width: int) -> None:
    page = open_page(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    long = page.locator("#long pre")
    assert long.evaluate("element => element.scrollWidth <= element.clientWidth")
    assert long.evaluate(
        "element => element.clientHeight > 4 * parseFloat(getComputedStyle(element).fontSize)"
    )
    assert long.evaluate("element => element.getBoundingClientRect().right") <= width


CLIPBOARD = ("clipboard-read", "clipboard-write")
TYPED_LINES = (
    "docker run -it --rm \\\n    busybox",
    "echo 'hello' | wc -c",
    "exit",
    "docker ps --format '{{.Names}}'",
)
COMMANDS = (TYPED_LINES[0], TYPED_LINES[-1])


def test_the_button_of_a_block_copies_commands_alone(open_page: OpenPage) -> None:
    page = open_page(permissions=CLIPBOARD)
    page.locator("#session .highlight").hover()
    button = page.locator("#session .highlight > button")
    button.click()
    page.wait_for_selector("#session .highlight > button:is(.success, [data-state=copied])")
    assert page.evaluate("navigator.clipboard.readText()") == "\n".join(COMMANDS)


def test_each_line_that_is_typed_has_a_button(open_page: OpenPage) -> None:
    page = open_page(permissions=CLIPBOARD)
    buttons = page.locator("#session .docker-run-command > button")
    assert buttons.count() == len(TYPED_LINES)
    for number, line in enumerate(TYPED_LINES):
        button = buttons.nth(number)
        assert button.get_attribute("aria-label") == f"Copy this line: {line.splitlines()[0]}"
        assert button.evaluate("element => getComputedStyle(element).opacity") == "0"
        button.locator("..").hover()
        assert button.evaluate("element => getComputedStyle(element).opacity") == "1"
        button.click()
        page.wait_for_selector("[role=status]:text-is('Copied')", state="attached")
        assert page.evaluate("navigator.clipboard.readText()") == line
        page.mouse.move(0, 0)
        page.wait_for_selector("[role=status]:text-is('')", state="attached")


def test_commands_are_copied_by_keyboard(open_page: OpenPage) -> None:
    page = open_page(permissions=CLIPBOARD)
    button = page.locator("#session .docker-run-command > button").first
    button.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert button.evaluate("element => getComputedStyle(element).opacity") == "1"
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=status]:text-is('Copied')", state="attached")
    assert page.evaluate("navigator.clipboard.readText()") == TYPED_LINES[0]


def test_a_browser_without_a_clipboard_for_pages_copies_too(open_page: OpenPage) -> None:
    page = open_page(permissions=CLIPBOARD)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true})")
    command = page.locator("#session .docker-run-command").last
    command.hover()
    command.locator("button").click()
    page.wait_for_selector("[role=status]:text-is('Copied')", state="attached")
    page.evaluate("delete navigator.clipboard")
    assert page.evaluate("navigator.clipboard.readText()") == TYPED_LINES[-1]


def test_buttons_move_nothing(open_page: OpenPage) -> None:
    """The blocks are as high as without the buttons."""
    page = open_page()
    heights = "[...document.querySelectorAll('.docker-run')].map(each => each.offsetHeight)"
    before = page.evaluate(heights)
    page.evaluate("document.querySelectorAll('.docker-run-copy').forEach(each => each.remove())")
    assert page.evaluate(heights) == before


def lines_in_sight(page: Page, block: str) -> list[str]:
    """Return the lines that a reader of `block` sees, without the commands."""
    shown = page.locator(f"#{block} .go").filter(visible=True).all_inner_texts()
    return [text.strip() for text in shown]


def test_a_long_output_is_folded_until_asked_for(open_page: OpenPage) -> None:
    page = open_page()
    short = [f"short {number}" for number in range(1, 7)]  # a button would take the room of the line it saves
    assert lines_in_sight(page, "many") == [*(f"line {number}" for number in range(1, 6)), *short]
    toggle = page.locator("#many .docker-run-fold")
    assert toggle.inner_text() == "Show 25 more lines"
    toggle.focus()
    page.keyboard.press("Enter")
    assert lines_in_sight(page, "many") == [*(f"line {number}" for number in range(1, 31)), *short]
    assert toggle.inner_text() == "Show fewer lines"
    toggle.click()
    assert len(lines_in_sight(page, "many")) == 5 + 6


@pytest.mark.parametrize("theme", ["p {}", "[hidden] { display: none !important }"])
def test_what_is_folded_is_found_by_the_browser_and_printed(open_page: OpenPage, theme: str) -> None:
    page = open_page()
    page.add_style_tag(content=theme)
    folded = page.locator("#many .docker-run-folded")
    style = "element => [getComputedStyle(element).display, getComputedStyle(element).contentVisibility]"
    assert folded.evaluate(style) == ["block", "hidden"]
    # The browser's search shows what it finds, and tells the element with this event.
    folded.dispatch_event("beforematch")
    assert len(lines_in_sight(page, "many")) == 30 + 6
    page.locator("#many .docker-run-fold").click()
    assert len(lines_in_sight(page, "many")) == 5 + 6
    page.emulate_media(media="print")
    assert len(lines_in_sight(page, "many")) == 30 + 6
    assert not page.locator("#many .docker-run-fold").is_visible()


def test_a_browser_that_can_not_search_what_is_folded_hides_it(browser: Browser, page_file: Path) -> None:
    context = browser.new_context()
    context.add_init_script("delete HTMLElement.prototype.onbeforematch")
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator("#many .docker-run-folded").get_attribute("hidden") == ""
    assert len(lines_in_sight(page, "many")) == 5 + 6
    page.locator("#many .docker-run-fold").click()
    assert len(lines_in_sight(page, "many")) == 30 + 6
    context.close()


def test_the_button_of_a_folded_block_copies_commands_alone(open_page: OpenPage) -> None:
    page = open_page(permissions=CLIPBOARD)
    for _ in range(2):
        page.locator("#many .highlight").hover()
        page.locator("#many .highlight > button").click()
        page.wait_for_selector("#many .highlight > button:is(.success, [data-state=copied])")
        assert page.evaluate("navigator.clipboard.readText()") == "seq 30\nseq 6"
        page.evaluate("navigator.clipboard.writeText('')")
        page.wait_for_selector("#many .highlight > button:not(.success, [data-state=copied])")
        page.locator("#many .docker-run-fold").click()


def test_on_a_touch_screen_the_button_of_the_block_is_in_sight(browser: Browser, page_file: Path) -> None:
    context = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(page_file.as_uri())
    button = page.locator("#session .highlight > button")
    button.wait_for()
    assert button.evaluate("element => getComputedStyle(element).opacity") == "1"
    assert not page.locator("#session .docker-run-command > button").first.is_visible()
    context.close()


def test_without_scripts_nothing_is_folded_and_nothing_is_missing(browser: Browser, page_file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert len(lines_in_sight(page, "many")) == 30 + 6
    assert page.locator(".docker-run button").count() == page.locator(".docker-run .copybtn").count() == 0
    context.close()
