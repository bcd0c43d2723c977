"""Finds wordings that the project avoids, in the prose of its Markdown files and the strings of its Python.

    python tools/prose_lint.py FILE.md … FILE.py …

The wordings are the rows of wording.toml, beside this file. Each finding is a line of the shape
`FILE:LINE:COLUMN: 'what is written': what to write (why)`, and the exit status is 1 if there is any.

Prose is what Sphinx and GitHub show as running text: paragraphs, headings, lists, tables, and the
directives that hold such text. Code, the bodies of other directives, the targets of links, and text in
double quotes, which is somebody else's, are not searched. In Python, the docstrings and messages are prose;
what an f-string fills in counts as code.

Vale would do this, but its packages download a program when they are first run, from a site that is not
a package registry; proselint reads no Markdown, and takes no phrases from a file. So this asks MyST's parser.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from textwrap import dedent

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

WORDING = Path(__file__).with_name("wording.toml")

MYST_EXTENSIONS = frozenset({"attrs_block", "attrs_inline", "colon_fence", "deflist"})
"""Those of conf.py: they decide what is prose."""

ADMONITIONS = frozenset(
    {
        "admonition",
        "attention",
        "caution",
        "danger",
        "error",
        "hint",
        "important",
        "note",
        "seealso",
        "tip",
        "warning",
    }
)
TITLED = ADMONITIONS | {"card", "dropdown", "grid-item-card", "sidebar", "tab-item", "topic"}
"""Directives that hold prose, and whose argument is prose too."""

PROSE_DIRECTIVES = TITLED | {"drawing", "glossary", "grid", "grid-item", "rubric", "tab-set"}
"""All that hold prose."""

CODE = "``"
"""Stands for a code span or a role: a pattern can ask for one, and never finds anything in it."""

_DIRECTIVE = re.compile(r"\{([\w-]+)\}\s*(.*)")
_OPTIONS = re.compile(r"\A(?:[ \t]*:[\w-]+:.*\n)+")
_LINK_END = re.compile(r'\](?:\((?:<[^>]*>|(?:[^\s()]|\([^()]*\))*)(?:\s+"[^"]*")?\)|\[[^\]]*\])?')
_NOT_OURS = re.compile(r'"[^"]*"|https?://\S+')


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A wording to avoid: a row of wording.toml."""

    pattern: re.Pattern[str]
    better: str
    why: str
    files: tuple[str, ...]
    """Where it holds: shell patterns of paths, as git prints them."""
    wrong: tuple[str, ...]
    """Examples in which it is found."""
    right: tuple[str, ...]
    """Examples in which it is not."""


@dataclass(frozen=True, kw_only=True)
class Passage:
    """Running text, and where each character of it stands in its file."""

    text: str
    places: tuple[tuple[int, int], ...]
    """Line and column of each character, both from 1."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A wording that was found."""

    line: int
    column: int
    written: str
    rule: Rule


def read_rules(path: Path = WORDING) -> list[Rule]:
    """Return the rows of `path`.

    Raises TypeError where a key is missing or unknown, re.error where a pattern is invalid.
    """
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["rule"]
    return [_rule(**row) for row in rows]


def _rule(
    *,
    pattern: str,
    better: str,
    why: str,
    wrong: Sequence[str],
    right: Sequence[str] = (),
    files: Sequence[str] = ("*.md",),
) -> Rule:
    return Rule(
        pattern=re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE),
        better=better,
        why=why,
        files=tuple(files),
        wrong=tuple(wrong),
        right=tuple(right),
    )


def find(text: str, rules: Sequence[Rule]) -> list[Finding]:
    """Return what `rules` find in Markdown, in the order of the text; of findings that overlap, the first."""
    found = [each for passage in passages(text) for each in _find(passage, rules)]
    return sorted(found, key=lambda each: (each.line, each.column))


def find_in_python(text: str, rules: Sequence[Rule]) -> list[Finding]:
    """Return what `rules` find in the strings of a Python module, in the order of the module.

    The column is that of the string; where strings are written one after the other, so is the line.
    """
    found = [
        replace(each, line=node.lineno + each.line - 1, column=node.col_offset + 1)
        for node in _strings(ast.parse(text))
        for each in find(_dedented(_value(node)), rules)
    ]
    return sorted(found, key=lambda each: (each.line, each.column))


def _strings(tree: ast.AST) -> Iterator[ast.JoinedStr | ast.Constant]:
    """Yield f-strings and strings, but not the parts of an f-string once more."""
    if isinstance(tree, ast.JoinedStr) or (isinstance(tree, ast.Constant) and isinstance(tree.value, str)):
        yield tree
    else:
        for node in ast.iter_child_nodes(tree):
            yield from _strings(node)


def _value(node: ast.expr) -> str:
    match node:
        case ast.JoinedStr(values=parts):
            return "".join(map(_value, parts))
        case ast.Constant(value=value):
            return str(value)
    return CODE


def _dedented(text: str) -> str:
    """Take the indentation from all lines but the first, which in Markdown would make code of them."""
    first, newline, rest = text.partition("\n")
    return first.lstrip(" ") + newline + dedent(rest)


def _find(passage: Passage, rules: Sequence[Rule]) -> Iterator[Finding]:
    matches = [(match, rule) for rule in rules for match in rule.pattern.finditer(passage.text)]
    end = 0
    for match, rule in sorted(matches, key=lambda each: (each[0].start(), -each[0].end())):
        if match.start() >= end:
            end = match.end()
            line, column = passage.places[match.start()]
            yield Finding(line=line, column=column, written=match[0], rule=rule)


def passages(text: str) -> Iterator[Passage]:
    """Yield the prose of Markdown: a passage for each paragraph, heading or cell of a table."""
    yield from _passages(text, _Source(text), 0)


class _Source:
    """The lines of a file, in which the text that the parser took from them is found again."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._searched = [0] * len(self._lines)

    def column(self, line: int, part: str) -> int:
        """Return where `part` begins, to the right of the previous part of the line: all from 0."""
        if line >= len(self._lines):
            return 0
        begin = self._searched[line]
        found = self._lines[line].find(part, begin)
        if found < 0:  # the parser has changed it, as `\|` in a table
            return begin
        self._searched[line] = found + len(part)
        return found


@cache
def _parser() -> MarkdownIt:
    parser = create_md_parser(MdParserConfig(enable_extensions=set(MYST_EXTENSIONS)), RendererHTML)
    return parser.disable("text_join")  # which would hide how entities and escapes are written


def _passages(text: str, source: _Source, above: int) -> Iterator[Passage]:
    """Yield the passages of `text`, before which the file has `above` lines."""
    begin = above
    for token in _parser().parse(text):
        if token.map:
            begin = above + token.map[0]
        if token.type == "inline":
            yield _passage(token, source, begin)
        elif token.type in ("fence", "colon_fence") and (directive := _DIRECTIVE.match(token.info)):
            name, argument = directive.groups()
            if name in TITLED and argument:
                yield from _passages(argument, source, begin)
            if name in PROSE_DIRECTIVES:
                options = _OPTIONS.match(token.content)
                body = token.content[options.end() :] if options else token.content
                skipped = options[0].count("\n") if options else 0
                first = begin + 1 + skipped
                if name == "glossary":  # a term is a line of its own, and so is each explanation here
                    for number, row in enumerate(body.split("\n"), first):
                        yield from _passages(row.strip(), source, number)
                else:
                    yield from _passages(body, source, first)


def _passage(token: Token, source: _Source, line: int) -> Passage:
    flat = _Flattened(token.children or [], token.content)
    text = _NOT_OURS.sub(lambda match: "\N{OBJECT REPLACEMENT CHARACTER}" * len(match[0]), flat.text)
    places: list[tuple[int, int]] = []
    for number, part in enumerate(token.content.split("\n"), line):
        begin = source.column(number, part.strip()) - (len(part) - len(part.lstrip()))
        places.extend((number + 1, begin + each + 1) for each in range(len(part) + 1))
    return Passage(text=text, places=tuple(places[each] for each in flat.offsets))


class _Flattened:
    """Inline tokens as text, and the offset of each of its characters in their source."""

    def __init__(self, tokens: Sequence[Token], source: str) -> None:
        self.text = ""
        self.offsets: list[int] = []
        self._source = source
        self._at = 0
        address = False
        for token in _leaves(tokens):
            if token.info == "auto":  # <https://…>: what is shown is the address
                address = token.type == "link_open"
            elif not address:
                self._take(token)

    def _take(self, token: Token) -> None:
        match token.type:
            case "text":
                self._add(token.content, token.content)
            case "text_special":
                self._add(token.content, token.markup)
            case "softbreak" | "hardbreak":
                self._add(" ", "\n")
            case "html_inline":
                self._add("", token.content)
            case "code_inline":
                self._add(CODE, self._between(token.markup))
            case "myst_role":
                self._add(CODE, self._between("`"))
            case "link_close":
                if end := _LINK_END.search(self._source, self._at):
                    self._at = end.end()

    def _between(self, fence: str) -> str:
        begin = self._source.find(fence, self._at)
        end = self._source.find(fence, begin + len(fence))
        return self._source[begin : end + len(fence)]

    def _add(self, shown: str, written: str) -> None:
        begin = max(self._source.find(written, self._at), self._at)
        last = max(len(written) - 1, 0)
        self.text += shown
        self.offsets += [min(begin + min(each, last), len(self._source)) for each in range(len(shown))]
        self._at = begin + len(written)


def _leaves(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield inline tokens; for a picture, those of its alternative text."""
    for token in tokens:
        if token.type == "image":
            yield from _leaves(token.children or [])
        else:
            yield token


def main(paths: Sequence[str]) -> int:
    """Print the findings of each file, and how many a file has. Return the exit status."""
    rules = read_rules()
    counts: Counter[str] = Counter()
    for path in paths:
        here = [rule for rule in rules if any(fnmatch(path, pattern) for pattern in rule.files)]
        search = find_in_python if path.endswith(".py") else find
        for each in search(Path(path).read_text(encoding="utf-8"), here):
            counts[path] += 1
            print(f"{path}:{each.line}:{each.column}: {each.written!r}: {each.rule.better} ({each.rule.why})")
    for path, count in counts.items():
        print(f"{count:4} in {path}")
    return 1 if counts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
