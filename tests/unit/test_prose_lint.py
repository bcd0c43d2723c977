"""The check of wordings: each row finds its examples, in prose and nowhere else, and says where."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from prose_lint import (
    MYST_EXTENSIONS,
    PROSE_DIRECTIVES,
    Rule,
    find,
    find_in_python,
    main,
    passages,
    read_rules,
)

PROJECT = Path(__file__).parents[2]
RULES = read_rules()
SHALL = [each for each in RULES if each.pattern.search("shall")]


def examples(of: str) -> list[tuple[Rule, str]]:
    return [(rule, example) for rule in RULES for example in getattr(rule, of)]


@pytest.mark.parametrize(("rule", "example"), examples("wrong"), ids=str)
def test_a_row_finds_its_examples(rule: Rule, example: str) -> None:
    assert find(example, [rule])


@pytest.mark.parametrize(("rule", "example"), examples("right"), ids=str)
def test_no_row_finds_what_another_calls_right(rule: Rule, example: str) -> None:
    assert not find(example, [rule])


def test_each_row_has_an_example_a_replacement_and_a_reason() -> None:
    assert [rule.pattern.pattern for rule in RULES if not (rule.wrong and rule.better and rule.why)] == []


@pytest.mark.parametrize(
    "right",
    [
        "A container is a process, which `docker ps` tells you.",
        "It guards against accidents, not attacks.",
        "The names are in `/etc/passwd`, and root's capabilities in `/proc`.",
        "Which capabilities does it have? It has no package manager either.",
        "Recommended: containers, a shallow clone, the amended Dockerfile, renewed certificates.",
    ],
)
def test_plain_english_is_left_alone(right: str) -> None:
    assert not find(right, RULES)


@pytest.mark.parametrize(
    "text",
    [
        "Type `shall`.",
        "Type ``a ` shall``.",
        "    shall",
        "```text\nshall\n```",
        "```{docker-run} busybox\nshall\n```",
        "````{dropdown} Solution\n```{docker-run}\n$ shall\n```\n````",
        "```{drawing} shall.svg\nWhat it says.\n```",
        "```{note}\n:name: shall\n\nText.\n```",
        "[text](shall.md), [text](<shall x.md>), [text][shall]\n\n[shall]: shall.md",
        "<https://example.org/shall> and https://example.org/shall and <shall@example.org>",
        "![picture](shall.png)",
        '<a title="shall">text</a>',
        "<!-- shall -->",
        "{ref}`shall`",
        "---\ntitle: shall\n---\n\n# Page",
        'It says "it shall not pass".',
        "[Text]{.shall} `x`{.shall}",
        "(shall)=\n# Heading",
    ],
)
def test_what_is_not_prose_is_not_searched(text: str) -> None:
    assert find(text, SHALL) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("It shall.", (1, 4)),
        ("One.\n\nTwo,\nand it shall.", (4, 8)),
        ("# It shall", (1, 6)),
        ("- a\n  - it shall", (2, 8)),
        ("> it shall", (1, 6)),
        ("| a | b |\n|---|---|\n| shall not |x|\n", (3, 3)),
        ("| a | b |\n|---|---|\n| it | it shall |\n", (3, 11)),
        ("| a | b |\n|---|---|\n| it `\\|` | it shall |\n", (3, 16)),
        ("`shall` [shall](shall.md)", (1, 10)),
        ("[a](shall.md) shall", (1, 15)),
        ("[a](b.md). It shall.", (1, 15)),
        ("[a](b-shall.md)-shall", (1, 17)),
        ("`` ` `` {ref}`x` shall", (1, 18)),
        ("\\* &amp; it shall", (1, 13)),
        ("It *sh*all", (1, 5)),
        ("![it shall](picture.png)", (1, 6)),
        ("term\n: it shall", (2, 6)),
        ("```{note}\nit shall\n```", (2, 4)),
        ("```{note} It shall\ntext\n```", (1, 14)),
        (":::{tip}\nit shall\n:::", (2, 4)),
        ("````{dropdown} A\n:open:\n\n```{note}\nshall\n```\n````", (5, 1)),
        ("- ```{note}\n  it shall\n  ```", (2, 6)),
        ("```{glossary}\nshall\nshall\n```", (2, 1)),
        ("```{glossary}\nterm\n  it shall\n```", (3, 6)),
        ("```{drawing} a.svg\nIt shall.\n```", (2, 4)),
    ],
)
def test_a_finding_says_where_it_is(text: str, place: tuple[int, int]) -> None:
    found = find(text, SHALL)
    assert (found[0].line, found[0].column) == place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('"""It shall."""', (1, 1)),
        ('def f():\n    """Do.\n\n    It shall.\n    """', (4, 5)),
        ('raise ValueError("it shall")', (1, 18)),
        ('x = f"it shall, {y}"', (1, 5)),
        ('x = f"{y} shall"', (1, 5)),
        ('x = ["shall"]\ny = f"shall"', (1, 6)),
    ],
)
def test_docstrings_and_messages_in_python_are_searched(text: str, place: tuple[int, int]) -> None:
    assert (find_in_python(text, SHALL)[0].line, find_in_python(text, SHALL)[0].column) == place


@pytest.mark.parametrize("text", ["shall = 1  # shall", 'f"{shall}"', "b'shall'", '"`shall`"'])
def test_what_is_no_string_of_python_is_not_searched(text: str) -> None:
    assert find_in_python(text, SHALL) == []


def test_equal_cells_of_a_table_are_told_apart() -> None:
    found = find("| a | b |\n|---|---|\n| it shall | it shall |\n", SHALL)
    assert [each.column for each in found] == [6, 17]


def test_a_wording_is_found_across_lines_and_markup() -> None:
    (rule,) = (each for each in RULES if "It seems to be root." in each.right)
    assert [each.line for each in find("It\n\nis *not*\nto be seen.", [rule])] == [3]


def test_no_wording_spans_two_paragraphs_or_two_terms_of_a_glossary() -> None:
    rules = [each for each in RULES if each.better == "the word once"]
    assert find("It is\n\nis it?", rules) == []
    assert find("```{glossary}\nbuild context\ncontext\n  A directory.\n```", rules) == []


def test_of_wordings_that_overlap_the_first_is_found() -> None:
    assert len(find("Which rights has it?", RULES)) == 1


def test_all_prose_of_a_page_is_searched() -> None:
    text = (PROJECT / "docs" / "glossary.md").read_text(encoding="utf-8")
    searched = " ".join(each.text for each in passages(text))
    assert "To connect your terminal to process number 1" in searched


def test_it_prints_findings_with_place_and_better_wording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("It shall.\n", encoding="utf-8")
    assert main([str(page)]) == 1
    line, count = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"{re.escape(str(page))}:1:4: 'shall': .*should.* \(.+\)", line)
    assert count.split() == ["1", "in", str(page)]
    page.write_text("It should.\n", encoding="utf-8")
    assert main([str(page)]) == 0
    assert capsys.readouterr().out == ""


def test_a_row_can_be_for_some_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = tmp_path / "wording.toml"
    row = "pattern = 'x'\nbetter = 'y'\nwhy = 'z'\nwrong = ['x']\nfiles = ['*/in.md']"
    rules.write_text(f"[[rule]]\n{row}\n", encoding="utf-8")
    monkeypatch.setattr("prose_lint.read_rules", lambda: read_rules(rules))
    for name in ("in.md", "out.md"):
        (tmp_path / name).write_text("x\n", encoding="utf-8")
    assert main([str(tmp_path / "out.md")]) == 0
    assert main([str(tmp_path / "in.md")]) == 1


def test_one_word_for_one_thing_in_python_too(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""Make a folder."""\n', encoding="utf-8")
    assert main([str(module)]) == 1
    module.write_text('"""Make a directory called `folder`."""\nfolder = 1\n', encoding="utf-8")
    assert main([str(module)]) == 0


@pytest.mark.parametrize(
    "row", ["pattern = 'x'", "pattern = 'x'\nbetter = ''\nwhy = ''\nwrong = []\nfile = []"]
)
def test_a_row_with_a_key_missing_or_misspelt_is_an_error(tmp_path: Path, row: str) -> None:
    rules = tmp_path / "wording.toml"
    rules.write_text(f"[[rule]]\n{row}\n", encoding="utf-8")
    with pytest.raises(TypeError):
        read_rules(rules)


NO_PROSE = {
    *("docker-file", "docker-index", "docker-report", "docker-run"),
    *(
        "button-link",
        "button-ref",
        "code-block",
        "contents",
        "eval-rst",
        "image",
        "include",
        "literalinclude",
    ),
    *("raw", "rst-class", "toctree"),
}


def test_each_directive_of_the_site_holds_prose_or_none() -> None:
    """A new one belongs in PROSE_DIRECTIVES, or else in NO_PROSE."""
    used = {
        name
        for page in (PROJECT / "docs").rglob("*.md")
        for name in re.findall(
            r"^ *(?:`{3,}|:{3,})\{([\w-]+)\}", page.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert used - PROSE_DIRECTIVES - NO_PROSE == set()


def test_it_reads_markdown_as_the_site_does() -> None:
    tree = ast.parse((PROJECT / "conf.py").read_text(encoding="utf-8"))
    (value,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "myst_enable_extensions"
    )
    assert set(ast.literal_eval(value)) == MYST_EXTENSIONS
