"""Where a command ends: bash itself is asked whether something is open."""

from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from docker_run.shell.continuation import Reader

PIECES = [
    "'", '"', "\\", "`", "$(", ")", "$((", "))", "(", " ", "\n", "#", "<<E", "<<-E", "<<'E'", "\nE\n", "<<<",
    "a", "b", "|", "&&", "||", ";", "&", "${x", "${x:-", "${x#", "}", "$#", "$'", "\t", "{", ">",
]  # fmt: skip


SENSELESS = re.compile(r"<<-?[ \t]*\S*[(){}`$\"\\]|<<-?[ \t]*\S*'.*'.*'|\$\(\(.*[#{]", re.DOTALL)
"""What nobody writes, and bash reads in ways of its own: brackets and so on in the word of a here-document,
or a parameter cut in two within arithmetic."""


def reader(text: str) -> Reader:
    """Return a reader of all lines of `text`."""
    read = Reader()
    for line in text.split("\n"):
        read.feed(line)
    return read


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("ls /bin", ""),
        ("echo $# ${x#y} '#' a#b \"#'\"", ""),
        ("echo it's", "the quote `'`"),
        ('echo "a\nb', 'the quote `"`'),
        ("echo $'it\\'s", "the quote `$'`"),
        ("echo 'a' # it's a comment", ""),
        ("echo a;# it's", ""),
        ("echo a #\\", ""),
        ("echo $(ls", "the bracket `$(`"),
        ("echo `ls", "the backtick `"),
        ("echo ${x:-a", "the bracket `${`"),
        ('echo "${x:-it\'s}"', ""),
        ('echo "${x#\'}"', "the quote `'`"),
        ('echo "$(echo \')" \')"', ""),
        ("echo $((1 << 2)) $[1 << 2]", ""),
        ("((x = 1 << 2))", ""),
        ("echo $(ls)#it's", "the quote `'`"),
        ("(ls)# it's", ""),
        ("case a in a) ls;; esac # it's", ""),
        ("a=(1 2", "the bracket `(`"),
        ("ls \\", "the `\\` at the line's end"),
        ("ls \\\\", ""),
        ("ls \\\n# it's", ""),
        ("ls a\\\n#it's", "the quote `'`"),
        ("ls |", "the `|` at the line's end"),
        ("ls && # then", "the `&&` at the line's end"),
        ("ls ||\n\n", "the `||` at the line's end"),
        ("ls ||\nls", ""),
        ("ls &", ""),
        ("ls >| x 2>&1 &> y", ""),
        ("cat <<EOF", "the here-document `EOF`"),
        ("cat <<EOF\nit's\nEOF", ""),
        ("cat <<EOF\nEOF ", "the here-document `EOF`"),
        ("cat <<EOF\n EOF", "the here-document `EOF`"),
        ("cat <<-EOF\n\tEOF", ""),
        ("cat << 'E F'\nE F", ""),
        ('cat <<"EOF"\na\\\nEOF', ""),
        ("cat <<EOF\na\\\nEOF", "the here-document `EOF`"),
        ("cat <<EOF\na\\\\\nEOF", ""),
        ("cat <<A <<B\nA\nit's", "the here-document `B`"),
        ("cat <<A <<B\nA\nit's\nB", ""),
        ("cat <<A |\nA", "the `|` at the line's end"),
        ("cat <<A |\nA\nsort", ""),
        ("cat <<A 'b\nA\n'", "the here-document `A`"),
        ("cat <<<EOF", ""),
        ("cat <<< EOF", ""),
        ('echo "$(cat <<EOF\n")\nEOF\n)"', ""),
        ("cat <(ls", "the bracket `<(`"),
        ("echo \\'", ""),
    ],
)
def test_what_is_open(text: str, opened: str) -> None:
    assert reader(text).open()[0] == opened


def test_where_it_was_opened() -> None:
    assert reader("echo 'a\nb\nc").open()[1] == 1
    assert reader("ls |\n\n# more").open()[1] == 1
    assert reader("a\\\nb\\").open()[1] == 2


def test_comments_are_found() -> None:
    read = Reader()
    assert read.feed("ls '#' a#b # comment") == 11
    assert read.feed("cat <<EOF # comment") == 10
    assert read.feed("text # no comment") == -1
    assert read.feed("EOF") == -1
    assert read.feed("# comment") == 0
    assert read.feed("echo $(ls # of another command") == -1


@pytest.mark.parametrize("text", ["", "  ", "# comment", "\n  # comment\n"])
def test_nothing_in_it(text: str) -> None:
    assert reader(text).empty


def test_something_in_it() -> None:
    assert not reader("a").empty
    assert not reader("''").empty


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join))
@example("$<<E")
@example("$((1<<E))")
@example("<<-E\n\tE")
@example("echo $'\\''#'")
def test_bash_agrees(text: str) -> None:
    """What bash calls unfinished is open here, and what it takes as it stands is not."""
    found = subprocess.run(["bash", "-n"], input=text.encode(), capture_output=True, check=False)
    said = found.stderr.decode(errors="replace")
    # What is wrong anyway bash says first.
    assume("syntax error near" not in said and "bad substitution" not in said)
    assume(not SENSELESS.search(text))
    opened = reader(text).open()[0]
    if "unexpected EOF" in said or "here-document" in said:
        assert opened
    elif not said and not opened.startswith("the `\\`"):
        assert not opened
