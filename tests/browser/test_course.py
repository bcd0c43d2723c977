"""The course in a real browser: on a phone and a desk, on paper, and without scripts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [*sorted(path.stem for path in DOCS.glob("*.md")), "authors/console"]
DRAWN = [name for name in PAGES if "{drawing}" in (DOCS / f"{name}.md").read_text()]

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, course: Path) -> Iterator[OpenPage]:
    """Return a function that opens a page of the course."""
    contexts = []

    def open_(name: str, *, width: int = 1280, scripts: bool = True) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
        contexts.append(context)
        page = context.new_page()
        page.goto((course / f"{name}.html").as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()


OPEN_ALL = "document.querySelectorAll('details').forEach(each => each.open = true)"


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_the_window(open_page: OpenPage, name: str) -> None:
    for width in (360, 1280):
        page = open_page(name, width=width)
        page.evaluate(OPEN_ALL)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


BROKEN_WORDS = """() => {
    const elements = document.querySelectorAll('article :is(h1, code .pre, pre .-Flag)');
    return [...elements].flatMap(element => {
        const range = document.createRange(), text = element.firstChild;
        if (!text || text.nodeType !== Node.TEXT_NODE) return [];
        return [...text.data.matchAll(/[^ ]+/g)].filter(word => {
            range.setStart(text, word.index);
            range.setEnd(text, word.index + word[0].length);
            return word[0].length <= 25 && range.getClientRects().length > 1;
        }).map(word => word[0]);
    });
}"""


@pytest.mark.parametrize("name", [*PAGES, "authors/podman"])
def test_words_of_code_and_titles_are_whole(open_page: OpenPage, name: str) -> None:
    for width in (360, 1280):
        page = open_page(name, width=width)
        page.evaluate(OPEN_ALL)
        assert page.evaluate(BROKEN_WORDS) == []


def test_a_table_of_tests_has_room_on_a_phone(open_page: OpenPage) -> None:
    page = open_page("authors/promises", width=390)
    widths = page.locator("table.long-names").first.evaluate(
        "table => [...table.rows[1].cells].map(cell => cell.getBoundingClientRect().width)"
    )
    assert min(widths[:3]) > 120


def test_the_report_fits_on_a_desk(open_page: OpenPage) -> None:
    wrapper = open_page("report").locator(".docker-run-site-report").first
    assert wrapper.evaluate("element => element.scrollWidth <= element.clientWidth")


OVERLAPS = """figure => {
    const svg = figure.querySelector('svg'), frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].map(
        each => [each.textContent, each.getBoundingClientRect()]);
    const found = [];
    texts.forEach(([text, box], number) => {
        if (box.left < frame.left - 1 || box.right > frame.right + 1
            || box.top < frame.top - 2 || box.bottom > frame.bottom + 2) found.push([text, 'is outside']);
        for (const [other, its] of texts.slice(number + 1))
            if (Math.min(box.right, its.right) - Math.max(box.left, its.left) > 1
                && Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top) > 4)
                found.push([text, other]);
    });
    return found;
}"""


@pytest.mark.parametrize("name", DRAWN)
def test_texts_of_drawings_keep_apart(open_page: OpenPage, name: str) -> None:
    page = open_page(name)
    page.evaluate(OPEN_ALL)
    drawings = page.locator("figure.drawing")
    assert drawings.count() > 0
    for number in range(drawings.count()):
        assert drawings.nth(number).evaluate(OVERLAPS) == []


SMALLEST_TEXT = """() => Math.min(...[...document.querySelectorAll('figure.drawing svg')].flatMap(svg =>
    [...svg.querySelectorAll('text, tspan')].map(
        each => parseFloat(getComputedStyle(each).fontSize) * svg.getScreenCTM().a)))"""


@pytest.mark.parametrize("name", DRAWN)
def test_drawings_can_be_read_on_a_phone(open_page: OpenPage, name: str) -> None:
    page = open_page(name, width=390)
    page.evaluate(OPEN_ALL)
    assert page.evaluate(SMALLEST_TEXT) >= 9.5


def test_the_map_leads_where_it_says(open_page: OpenPage) -> None:
    page = open_page("index")
    links = page.locator("figure.drawing svg a")
    names = [str(link.text_content()) for link in links.all()]
    assert len(names) > 25
    page.locator("h2", has_text="The map").evaluate("heading => { heading.tabIndex = -1; heading.focus(); }")
    focused = "document.activeElement.closest('svg') ? document.activeElement.textContent : ''"
    page.keyboard.press("Tab")
    while not page.evaluate(focused):  # the heading's own link comes first
        page.keyboard.press("Tab")
    for name in names:
        assert page.evaluate(focused) == name
        decoration = "getComputedStyle(document.activeElement.querySelector('text')).textDecorationLine"
        assert page.evaluate(decoration) == "underline"
        page.keyboard.press("Tab")
    for number, name in enumerate(names):
        links.nth(number).focus()
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "index" not in url)
        title = str(page.locator("h1").first.text_content())
        if (digits := name.split()[0]).isdigit():
            assert title.startswith(f"{digits} · ")
        elif name not in ("Use containers", "See inside them"):
            assert title.startswith(name)
        page.go_back()


def test_a_copy_button_can_be_seen_with_the_keyboard(open_page: OpenPage) -> None:
    page = open_page("08-hello-world")
    page.locator("article a").first.focus()
    focused = "document.activeElement.matches('button.copybtn')"
    while not page.evaluate(focused):
        page.keyboard.press("Tab")
    page.wait_for_function("getComputedStyle(document.activeElement).opacity === '1'", timeout=5000)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_drawings_follow_the_reader(open_page: OpenPage) -> None:
    page = open_page("08-hello-world")
    colour = "getComputedStyle(document.querySelector('figure.drawing text')).fill"
    light = page.evaluate(colour)
    page.evaluate("document.body.dataset.theme = 'dark'")
    assert page.evaluate(colour) != light


def test_it_works_without_scripts(open_page: OpenPage) -> None:
    page = open_page("08-hello-world", scripts=False)
    solution = page.locator("details.sd-dropdown", has_text="Solution").first
    output = solution.locator(".docker-run pre").first
    assert not output.is_visible()
    solution.locator("summary").first.click()
    assert output.is_visible()
    answer = page.locator("details.docker-run-collapse:not(.docker-run-footer)").first
    answer.locator("summary").click()
    assert answer.locator("pre").is_visible()
    page.locator(".sidebar-drawer a", has_text="Images without").first.click()
    page.wait_for_url("**/10-images.html")


def test_tabs_work_without_scripts(open_page: OpenPage) -> None:
    page = open_page("00-set-up", scripts=False)
    tabs = page.locator(".sd-tab-set").first
    first, second = tabs.locator(".sd-tab-content").nth(0), tabs.locator(".sd-tab-content").nth(1)
    assert first.is_visible()
    assert not second.is_visible()
    tabs.locator("label").nth(1).click()
    assert second.is_visible()
    assert not first.is_visible()


def test_on_paper_everything_is_unfolded(open_page: OpenPage) -> None:
    page = open_page("08-hello-world")
    solution = page.locator("details.sd-dropdown", has_text="Solution").first.locator(".docker-run pre").first
    answer = page.locator("details.docker-run-collapse pre").first
    assert not solution.is_visible()
    page.emulate_media(media="print")
    assert solution.is_visible()
    assert answer.is_visible()
    assert not page.locator(".sidebar-drawer").is_visible()
    page.emulate_media(media="screen")
    assert not solution.is_visible()


def test_the_search_finds_words_of_the_pages(browser: Browser, course: Path) -> None:
    # Opened as files, pages may not fetch: furo's search needs no more than scripts.
    context = browser.new_context()
    page = context.new_page()
    page.goto((course / "search.html").as_uri() + "?q=whiteout")
    page.wait_for_selector("#search-results li a")
    assert "05-overlay.html" in " ".join(
        str(link.get_attribute("href")) for link in page.locator("#search-results li a").all()
    )
    context.close()
