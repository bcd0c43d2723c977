"""The course's pages: each follows the template, leads somewhere, and says what it shows."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("[0-2][0-9]-*.md"))

SOLUTION = re.compile(r"^(`{3,}|:{3,})\{dropdown\} Solution(.*?)^\1$", re.DOTALL | re.MULTILINE)
OBJECTS = "image|container|network|volume|system|buildx|compose|builder"
DOCKER = re.compile(rf"(?:^|[|;&(] ?)docker ((?:(?:{OBJECTS}) )?[a-z]+)\b")
"""A command of Docker's, at the start of a command."""

PARTS = ["Checkpoint", "Exercises", "Clean up", "Key points", "What this page ran on"]


def test_all_pages_are_there() -> None:
    assert len(PAGES) >= 19
    assert [int(page.name[:2]) for page in PAGES] == list(range(len(PAGES)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_follows_the_template(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.search(rf"^# {int(page.name[:2])} · ", text, re.MULTILINE)
    assert re.search(r"^- \*\*Time:\*\* \d+ minutes to read, \d+ to do$", text, re.MULTILINE)
    assert "\n- **You will be able to** " in text
    assert "\n- **You need** " in text
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    places = [
        next((number for number, heading in enumerate(headings) if heading.startswith(part)), None)
        for part in PARTS
    ]
    assert None not in places, dict(zip(PARTS, places, strict=True))
    assert places[1:] == sorted(places[1:]), headings  # type: ignore[type-var]
    assert text.rstrip().endswith("```{docker-report} page\n```")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_exercises_have_hints_and_solutions_that_are_run(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    section = re.split(r"^## ", text.partition("\n## Exercises\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    exercises = re.split(r"^### ", section, flags=re.MULTILINE)[1:]
    assert 2 <= len(exercises) <= 4
    for exercise in exercises:
        title = exercise.splitlines()[0]
        assert re.search(r"\{dropdown\} Hint", exercise), title
        solution = SOLUTION.search(exercise)
        assert solution, title
        assert "{docker-run}" in solution[2], title


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_checkpoint_hides_the_answer(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    checkpoint = re.split(r"^## ", text.partition("\n## Checkpoint")[2], maxsplit=1, flags=re.MULTILINE)[0]
    assert ":collapse:" in checkpoint


def test_each_drawing_is_used() -> None:
    used = set()
    for page in DOCS.rglob("*.md"):
        used |= set(re.findall(r"\{drawing\} (\S+)", page.read_text(encoding="utf-8")))
    assert {path.name for path in (DOCS / "drawings").glob("*.svg")} == used


def test_the_index_lists_every_command_of_docker_that_the_course_runs() -> None:
    index = (DOCS / "commands.md").read_text(encoding="utf-8")
    run = set()
    for recording in (DOCS / "recordings").glob("[0-2]*.txt"):
        for line in re.findall(r"^[$>] (.*)$", recording.read_text(encoding="utf-8"), re.MULTILINE):
            run |= set(DOCKER.findall(line))
    assert run
    missing = sorted(name for name in run if not re.search(rf"^docker {name}: ", index, re.MULTILINE))
    assert missing == []


def test_each_error_message_names_the_page_that_it_is_from() -> None:
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    entries = re.findall(
        r"^\{docker-value\}`(\d+)-[\w-]+:[\w-]+`\n: .* Page \[(\d+)\]\(#", text, re.MULTILINE
    )
    assert len(entries) == text.count("{docker-value}")
    assert [(page, named) for page, named in entries if int(page) != int(named)] == []


def test_links_to_pages_have_their_numbers() -> None:
    for path in DOCS.rglob("*.md"):
        links = re.findall(r"\[(?:[Pp]ages? )?(\d+)\]\((?:\.\./)?(\d\d)-", path.read_text(encoding="utf-8"))
        assert [(shown, page) for shown, page in links if int(shown) != int(page)] == [], path


def test_the_front_page_has_each_page_in_its_navigation_cards_and_map() -> None:
    front = (DOCS / "index.md").read_text(encoding="utf-8")
    navigation = re.findall(r"^(\d\d-[\w-]+)$", front, re.MULTILINE)
    cards = re.findall(r"^:link: (\d\d-[\w-]+)\n:link-type: doc\n\n", front, re.MULTILINE)
    drawn = re.findall(
        r'^  <a href="(\d\d-[\w-]+)\.html"', (DOCS / "drawings" / "course-map.svg").read_text(), re.MULTILINE
    )
    assert navigation == [page.stem for page in PAGES]
    assert sorted(cards) == navigation
    assert sorted(set(drawn)) == navigation


def test_plans_for_teachers_add_up() -> None:
    text = (DOCS / "teachers.md").read_text(encoding="utf-8")
    sums = re.findall(r"\| ([\d +]+) = (\d+) \|", text)
    assert len(sums) >= 6
    for terms, result in sums:
        assert sum(map(int, terms.split("+"))) == int(result), terms
    minutes = {}
    for page in PAGES:
        (line,) = re.findall(r"^- \*\*Time:\*\* (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        minutes[int(page.name[:2])] = sum(map(int, re.findall(r"\d+", line)))
    assert sum(minutes.values()) - minutes[0] == max(int(result) for _, result in sums)


def pages_of(site: Path) -> list[Path]:
    """Return the pages that Sphinx wrote."""
    return sorted(path for path in site.rglob("*.html") if "_static" not in path.parts)


@cache
def parsed(path: Path) -> BeautifulSoup:
    """Return a page of HTML, taken apart."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def targets(path: Path) -> frozenset[str]:
    """Return the ids of a page."""
    return frozenset(str(element["id"]) for element in parsed(path).find_all(id=True))


def test_every_link_within_the_site_leads_somewhere(course: Path) -> None:
    wrong = []
    for page in pages_of(course):
        if page.name == "404.html":
            continue  # its links begin at the site's root
        for link in parsed(page).find_all("a", href=True):
            parts = urlsplit(str(link["href"]))
            if parts.scheme or parts.netloc:
                continue
            path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not path.is_file():
                wrong.append((page.name, link["href"], "no such file"))
            elif parts.fragment and path.suffix == ".html" and unquote(parts.fragment) not in targets(path):
                wrong.append((page.name, link["href"], "no such anchor"))
    assert wrong == []


def test_ids_are_unique(course: Path) -> None:
    for page in pages_of(course):
        ids = [str(element["id"]) for element in parsed(page).find_all(id=True)]
        assert sorted(ids) == sorted(set(ids)), page


def test_links_to_other_sites_are_encrypted(course: Path) -> None:
    for page in pages_of(course):
        for link in parsed(page).select("article a[href^='http:']"):
            assert str(link["href"]).startswith(("http://127.0.0.1", "http://localhost")), (
                page,
                link["href"],
            )


def test_drawings_have_a_text_alternative(course: Path) -> None:
    drawings = [figure for page in pages_of(course) for figure in parsed(page).select("figure.drawing")]
    assert len(drawings) >= 7
    for figure in drawings:
        assert figure.svg is not None
        assert len(str(figure.svg["aria-label"])) > 40


def test_pages_can_be_shared(course: Path) -> None:
    for path in (course / f"{page.stem}.html" for page in PAGES):
        page = parsed(path)
        for name in ("og:title", "og:description", "og:image", "og:site_name"):
            (meta,) = page.select(f"meta[property='{name}']")
            assert meta["content"], (path, name)
        (image,) = page.select("meta[property='og:image']")
        assert str(image["content"]).startswith("https://course.example.org/guide/_static/"), path
        (address,) = page.select("link[rel='canonical']")
        assert address["href"] == f"https://course.example.org/guide/{path.name}"
        assert page.select("link[rel*='icon']"), path
        (description,) = page.select("meta[name='description']")
        assert not str(description["content"]).startswith("Time"), path


def test_there_is_a_page_for_addresses_that_there_are_not(course: Path) -> None:
    page = parsed(course / "404.html")
    assert "There is no such page" in page.get_text()
    for style in page.select("link[rel='stylesheet']"):
        assert str(style["href"]).startswith("/guide/"), style


def test_pages_lead_to_the_next(course: Path) -> None:
    order = ["index", "why", *(page.stem for page in PAGES)]
    for before, after in pairwise(order):
        assert parsed(course / f"{before}.html").select(f"a.next-page[href='{after}.html']"), before
        assert parsed(course / f"{after}.html").select(f"a.prev-page[href='{before}.html']"), after
