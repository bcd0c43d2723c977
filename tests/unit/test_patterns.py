"""Authors' regular expressions: they mean what they mean to Python, and come to an end."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from docker_run import patterns
from docker_run.errors import SlowPattern
from docker_run.patterns import Pattern, problem
from patience import patience

PATIENTLY = settings(deadline=None, max_examples=500)

TRAPS = [
    ("(a|a)*$", "a" * 50 + "b"),
    ("(a|aa)+$", "a" * 100 + "b"),
    (r"\s+$", " " * 300_000 + "x"),
    ("(.*?,){25}P", "1,2,3,4,5,6,7,8,9," * 20),
]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.05)


@pytest.mark.parametrize(("pattern", "text"), TRAPS)
def test_a_pattern_that_tries_all_ways_is_ended(short: None, pattern: str, text: str) -> None:
    with patience():
        for use in (lambda: Pattern(pattern).search(text), lambda: Pattern(pattern).sub(lambda _: "", text)):
            with pytest.raises(SlowPattern) as caught:
                use()
            assert f"`{pattern}`" in str(caught.value)
            assert caught.value.pattern == pattern


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(", "missing )"),
        ("a{2}{3}", "multiple repeat"),
        (r"\h", "bad escape"),
        ("(a)(?R)", "unknown extension"),
        ("(" * 4000 + ")" * 4000, "nested too deeply"),
        ("(?:" * 2000 + ")" * 2000, "nested too deeply"),
        (f"a{{{'9' * 5000}}}", "too large"),
        ("a{4294967296}", "too large"),
        ("((a{1000}){1000}){1000}", "more than 20,000 pieces"),
        ("a{1000000000}", "more than 20,000 pieces"),
        ("(?:[ab]{300}){300}", "more than 20,000 pieces"),
        ("a" * 10_001, "10,001 characters"),
    ],
)
def test_what_is_no_pattern_says_why(pattern: str, says: str) -> None:
    with patience():
        assert says in problem(pattern)


# fmt: off
AS_IN_PYTHON = [
    "a{e}", "(?:ab){e<=1}", "a{", "a{}", "a{,}", "a{,2}", "a{2}", "{e}", "{}", "a{1,2}b{e}", r"\{e}",
    "[[:alpha:]]", "[[]", "[]a]", "[^]a]", "[^[]", "[a[b]", "[{e}]", "[\\]a]", "[a&b]", "[a|b]", "[~]",
    "[a-]", r"\N{DIGIT ONE}{e}", r"[\N{DIGIT ONE}]", "(?#{e}[)a", "(?x)a # [ {e}\n [ab]", "(?x: a [ab])",
    "#{e}", "(?i)A",
    "(?i:A)b", "(?-i:a)", "(?s).", "(?m)^b$", "^b$", r"\Ab", r"b\Z", "(?P<n>a)(?P=n)", r"(a)\1",
    "(a)?(?(1)b|e)", "(?<=a)b", "(?<!a)b", "a(?=b)", "a(?!b)", "a++b", "(?>a+)b", "a+?", "a{1,2}?",
    r"\x61", r"\u0061", r"\141", r"\bb\b", r"\Bb", r"\d+", r"\D", r"\w+", r"\W", r"\s", r"\S+", ".", "",
    "(|a)", "(a*)*", "(a|b)*e", "(a|ab)(e|be)", "(?:a?)*?b",
]
# fmt: on
TEXTS = [
    "",
    "a",
    "ab",
    "aab",
    "b\nab\nb",
    "a{e}",
    "abe",
    "e",
    "{e}",
    "[:alpha]",
    "]",
    "a]",
    "[",
    "1{e}",
    "A ab",
]


def meaning(pattern: str, text: str) -> tuple[object, object]:
    """Return what Python's pattern finds first, with its groups, and what is left where all is replaced."""
    compiled = re.compile(pattern, re.MULTILINE)
    found = compiled.search(text)
    return found and (found[0], *found.groups()), compiled.sub(lambda match: f"<{match[0]}>", text)


def ours(pattern: str, text: str) -> tuple[object, object]:
    """Return the same, as `patterns` has it."""
    compiled = Pattern(pattern)
    found = compiled.search(text)
    groups = re.compile(pattern).groups if found else 0
    return (
        found and tuple(found[group] for group in range(groups + 1)),
        compiled.sub(lambda match: f"<{match[0]}>", text),
    )


@pytest.mark.parametrize("pattern", AS_IN_PYTHON)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_it_means_what_it_means_to_python(pattern: str) -> None:
    for text in TEXTS:
        assert ours(pattern, text) == meaning(pattern, text)


PIECES = st.sampled_from([
    *("a", "b", "e", "{e}", "{", "}", "{2}", "{1,}", "*", "+", "?", "*?", "(", "(?:", "(?=", "(?!", ")", "|"),
    *("[", "[^", "]", "-", ":", ".", "^", "$", r"\w", r"\s", r"\b", r"\d", r"\[", r"\{", " ", "\n", ",", "1"),
])  # fmt: skip
WORDS = st.sampled_from(["a", "b", "e", "{e}", "[", "]", ":", " ", "\n", "1"])


@PATIENTLY
@given(
    pattern=st.lists(PIECES, max_size=8).map("".join),
    text=st.lists(st.sampled_from(["a", "b", "e", "{e}", "[", "]", ":", " ", "\n", "1"]), max_size=8).map(
        "".join
    ),
)
@example(pattern="[[:a:]", text="[:a")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_any_pattern_means_what_it_means_to_python(pattern: str, text: str) -> None:
    try:
        wanted = meaning(pattern, text)
    except re.error:
        assert problem(pattern)
        return
    assume(not problem(pattern))
    assert ours(pattern, text) == wanted


@PATIENTLY
@given(st.text(max_size=30))
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_any_text_is_a_pattern_exactly_where_it_is_one_to_python(text: str) -> None:
    try:
        re.compile(text, re.MULTILINE)
    except re.error:
        assert problem(text)
    else:
        assert not problem(text)
