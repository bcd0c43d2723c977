"""The words of a command line: the same as a shell's, or an error that says where the shell begins."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from docker_run.errors import SyntaxProblem
from docker_run.shell.argv import split

PATIENTLY = settings(deadline=None)  # a busy machine is no failure

PRINTABLE = st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=("Cs",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("  \t ", ()),
        ("-it --rm busybox ls /bin", ("-it", "--rm", "busybox", "ls", "/bin")),
        ("sh -c 'echo $HOME | wc'", ("sh", "-c", "echo $HOME | wc")),
        ("\"a b\"c'd e'", ("a bcd e",)),
        (r"a\ b \'", ("a b", "'")),
        (r'"a\"b" "\$x" "\\" "\n"', ('a"b', "$x", "\\", "\\n")),
        ("'' \"\"", ("", "")),
        ("a=b c={d} {} ! = @ % ^ , : ]", ("a=b", "c={d}", "{}", "!", "=", "@", "%", "^", ",", ":", "]")),
        ("100$ $ a$, \"$\" '$'", ("100$", "$", "a$,", "$", "$")),
        ("a#b -e C=#", ("a#b", "-e", "C=#")),
        ("a~ --dir=~/x '~' \\~", ("a~", "--dir=~/x", "~", "~")),
        ("[ -f x ] a[ []", ("[", "-f", "x", "]", "a[", "[]")),
        ("{a {a,b a} {a..} {1..b}", ("{a", "{a,b", "a}", "{a..}", "{1..b}")),
        ("a\\\nb \\\n c", ("ab", "c")),
        ("'a\nb'", ("a\nb",)),
        ("--format '{{.Names}}' \"{{json .}}\"", ("--format", "{{.Names}}", "{{json .}}")),
    ],
)
def test_words_without_a_shell(text: str, words: tuple[str, ...]) -> None:
    assert split(text) == words


@pytest.mark.parametrize(
    ("text", "char", "column"),
    [
        ("a | b", "|", 3),
        ("a && b", "&", 3),
        ("a;b", ";", 2),
        ("a >x", ">", 3),
        ("a <x", "<", 3),
        ("(a)", "(", 1),
        ("a )", ")", 3),
        ("a `b`", "`", 3),
        ('a "`b`"', "`", 4),
        ("a $HOME", "$", 3),
        ('a "x$HOME"', "$", 5),
        ("a $(b)", "$", 3),
        ("a ${b}", "$", 3),
        ('a "$[1]"', "$", 4),
        ("a $?", "$", 3),
        ("a $'b'", "$", 3),
        ("a *.c", "*", 3),
        ("a x?", "?", 4),
        ("a [ab]", "[", 3),
        ("a x[!a]", "[", 4),
        ("~", "~", 1),
        ("a ~/x", "~", 3),
        ("a ~root", "~", 3),
        ("HOME=~", "~", 6),
        ("P=/a:~/b", "~", 6),
        ("a {b,c}", "{", 3),
        ("a x{1..3}y", "{", 4),
        ("a {{b,c}", "{", 4),
        ("a {{b,c}}", "{", 4),
        ("a {,'x'}", "{", 3),
        ("# a", "#", 1),
        ("a #b", "#", 3),
    ],
)
def test_what_a_shell_would_do_is_refused(text: str, char: str, column: int) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        split(text)
    assert f"`{char}` at column {column} " in str(caught.value)
    assert "sh -c" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a 'b", "The quote ' at column 3"),
        ('a "b', 'The quote " at column 3'),
        ("a\nb", "breaks at column 2"),
        ("a\nb", "a body follows an empty line"),
        ("a\\", "backslash at column 2"),
        ("a \0", "NUL character at column 3"),
    ],
)
def test_other_mistakes(text: str, says: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        split(text)
    assert says in str(caught.value)


@PATIENTLY
@given(st.lists(st.text(PRINTABLE)))
def test_quoted_words_come_back(words: list[str]) -> None:
    assert split(shlex.join(words)) == tuple(words)


@PATIENTLY
@given(st.lists(st.text(PRINTABLE)))
def test_double_quoted_words_come_back(words: list[str]) -> None:
    escaped = ['"' + "".join("\\" + c if c in '\\"$`' else c for c in word) + '"' for word in words]
    assert split(" ".join(escaped)) == tuple(words)


SHELL_PIECES = st.sampled_from(
    [*"abz019 \t'\"\\$`|&;<>()*?[]~{},.#!=-+@:/%^", "\\\n", "..", "$'", "a=", "${", "{}", "{a,", "1..3"]
)


@pytest.mark.parametrize("shell", ["sh", "bash"])
@PATIENTLY
@example(line="a=~ {a,{b,{c} $")
@example(line="$\\\na")
@example(line='"$\\\n(a)"')
@given(line=st.lists(SHELL_PIECES, max_size=12).map("".join))
def test_a_shell_agrees_with_every_accepted_line(shell: str, line: str) -> None:
    try:
        words = split(line)
    except SyntaxProblem:
        return
    done = subprocess.run(
        [shell, "-c", f"printf '%s\\0' begin {line}"], capture_output=True, check=True, cwd="/bin"
    )
    assert done.stdout.decode().removesuffix("\0").split("\0") == ["begin", *words]
