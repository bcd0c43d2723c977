"""The body of a console session becomes commands, or a message with the line at fault."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_run.authoring.console import AnyStatus, ConsoleCommand, parse_console
from docker_run.authoring.line_problem import LineProblem


def parse(text: str) -> tuple[ConsoleCommand, ...]:
    return parse_console(text.split("\n"))


def problem(text: str) -> LineProblem:
    with pytest.raises(LineProblem) as caught:
        parse(text)
    return caught.value


def test_commands_and_what_is_typed() -> None:
    assert parse(
        "$ docker run -d --name web nginx\n"
        "\n"
        "$ docker run -it busybox\n"
        "ls | wc -l\n"
        "  indented\n"
        "\n"
        "<Enter>\n"
        "exit\n"
        "$\tdocker ps  \n"
    ) == (
        ConsoleCommand("docker run -d --name web nginx"),
        ConsoleCommand("docker run -it busybox", ("ls | wc -l", "  indented", "<Enter>", "exit")),
        ConsoleCommand("docker ps"),
    )


def test_an_empty_body() -> None:
    assert parse("") == ()
    assert parse("\n  \n") == ()


@pytest.mark.parametrize(
    "text",
    [
        "docker run \\\n  --rm busybox",
        "ls |\nwc -l",
        "ls |\n\nwc -l",
        "true &&\nfalse ||\n# or\ntrue",
        "echo 'a\n\n$ b\n> c' d",
        'echo "a\n# b"',
        "cat <<EOF\n$ text\n> text\n\ttab # exit-code: 3\n\nEOF",
        "cat <<-EOF\n\ttext\n\tEOF",
        "cat <<'A' <<B\n$x\nB\nA\nA\nB",
        "cat <<EOF |\ntext\nEOF\nsort",
        "a=(1\n2)",
        "echo $(ls\n)",
        "echo é ✓ 漢字 'it''s' $# ${x#y} a#b",
        "x" * 100_000,
    ],
)
def test_a_command_of_several_lines(text: str) -> None:
    assert parse(f"$ {text}\ntyped") == (ConsoleCommand(text, ("typed",)),)


def test_lines_with_the_mark_of_a_terminal() -> None:
    assert parse("$ for i in 1 2; do\n>   echo $i\n>\n> done\ntyped") == (
        ConsoleCommand("for i in 1 2; do\n  echo $i\n\ndone", ("typed",)),
    )
    assert parse("$ docker run \\\n>   --rm busybox") == (ConsoleCommand("docker run \\\n  --rm busybox"),)
    assert parse("$ ls |\n> wc") == (ConsoleCommand("ls |\nwc"),)
    assert parse("$ (cd /\n> ls)\n$ f() {\n> ls; }") == (
        ConsoleCommand("(cd /\nls)"),
        ConsoleCommand("f() {\nls; }"),
    )
    # A redirection that is indented is one.
    assert parse("$ ls \\\n  > x") == (ConsoleCommand("ls \\\n  > x"),)


def test_what_looks_like_a_prompt_can_be_typed() -> None:
    (command,) = parse("$ cat\n\\$ ls\n\\> a\n\\# b\n\\$HOME\n\\\\$ c\n#!/bin/sh\n\\d")
    assert command.typed == ("$ ls", "> a", "# b", "$HOME", "\\$ c", "#!/bin/sh", "\\d")


def test_blanks_behind_a_line_are_nothing() -> None:
    (command,) = parse("$ docker run -it busybox \t\n<C-c>  \nls \n  <C-d>\n<wait 2s> ls")
    assert command == ConsoleCommand("docker run -it busybox", ("<C-c>", "ls", "<C-d>", "<wait 2s>", "ls"))
    assert parse("$ echo 'a \nb'") == (ConsoleCommand("echo 'a \nb'"),)
    assert parse("$ cat <<E\na \nE") == (ConsoleCommand("cat <<E\na \nE"),)


def test_line_ends_of_windows() -> None:
    assert parse("$ cat <<EOF\r\na\r\nEOF\r\n\r\ntyped\r") == (
        ConsoleCommand("cat <<EOF\na\nEOF", ("typed",)),
    )


def test_waits() -> None:
    (command,) = parse("$ docker logs -f web\n<wait /Ready/><C-c>\n<wait 2s>")
    assert command.typed == ("<wait /Ready/>", "<C-c>", "<wait 2s>")


@pytest.mark.parametrize(
    ("text", "command", "code"),
    [
        ("false # exit-code: 1", "false", 1),
        ("false  #exit-code:1 ", "false", 1),
        ("false # exit-code: any", "false", AnyStatus.ANY),
        ("ls /x # list # exit-code: 2", "ls /x # list", 2),
        ("ls # list", "ls # list", None),
        ("ls # in C:\\ ", "ls # in C:\\", None),
        ("ls # exit code of grep", "ls # exit code of grep", None),
        ("echo '# exit-code: 1'", "echo '# exit-code: 1'", None),
        ("echo a# exit-code: 1", "echo a# exit-code: 1", None),
        ("ls \\\n  /x # exit-code: 2", "ls \\\n  /x", 2),
        ("cat <<E # exit-code: 3\n# exit-code: 4\nE", "cat <<E\n# exit-code: 4\nE", 3),
        ("cat 'a\nb' # exit-code: 1", "cat 'a\nb'", 1),
        ("if true; then\n> false; fi # exit-code: 1", "if true; then\nfalse; fi", 1),
    ],
)
def test_the_status_in_a_comment(text: str, command: str, code: object) -> None:
    assert parse(f"$ {text}\n$ ls") == (ConsoleCommand(command, (), code), ConsoleCommand("ls"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("ls", 1, "no command yet"),
        ("\n\nuser@host:~$ ls", 3, "no command yet"),
        ("$ ls\n$", 2, "no command"),
        ("$   ", 1, "no command"),
        ("$ # a remark", 1, "a remark and no command"),
        ("$ # exit-code: 1", 1, "no command"),
        ("$ls", 1, "`$` and a space"),
        ("$ ls\n$HOME", 2, r"`\$`"),
        ("$\u00a0ls", 1, "only looks like one"),
        ("  $ ls", 1, "remove the spaces"),
        ("$ $ ls", 1, "two prompts"),
        ("# ls", 1, "for root too"),
        ("$ ls\n# ls", 2, "for root too"),
        ("> ls", 1, "no command yet"),
        ("$ cat\ntyped\n> ls", 3, "directly below"),
        ("$ ls\n> wc", 2, "at its end"),
        ("$ ls\n$ echo 'a\n$ ls", 2, "quote `'` is never closed"),
        ("$ ls\n$ echo $(ls", 2, "bracket `$(` is never closed"),
        ("$ cat <<EOF\na\n$ ls", 1, "a line that is `EOF`"),
        ("$ cat <<EOF\na\n  EOF", 1, "line 3 has spaces"),
        ("$ ls \\", 1, "nothing after it"),
        ("$ ls \\\n", 1, "nothing after it"),
        ("$ ls \\\n\n$ ls", 1, "nothing after it"),
        ("$ ls \\ ", 1, "remove the space"),
        ("$ ls |", 1, "`|` at the line's end has nothing after it"),
        ("$ ls |\n$ ls", 2, "is incomplete"),
        ("$ ls \\\n$ ls", 2, "is incomplete"),
        ("$ echo \x07", 1, "U+0007"),
        ("$ cat <<E\n\x1b[m\nE", 2, "U+001B"),
        ("$ cat\n\x03", 2, "U+0003"),
        ("$ cat\n<Entr>", 2, "<Enter>"),
        ("$ cat\n<wait>", 2, "<wait 2s>"),
        ("$ cat\n<wait /(/>", 2, "regular expression"),
        ("$ false\n# exit-code: 1", 2, "own line"),
        ("$ cat\nfalse # exit-code: 1", 2, "for the lines with"),
        ("$ false # exit-code: x", 1, "from 0 to 255"),
        ("$ false # exit-code: 256", 1, "from 0 to 255"),
        ("$ false # exit-code:", 1, "from 0 to 255"),
        ("$ false # exit code 1", 1, "# exit-code: 1"),
        ("$ false # Exit-Code: 1", 1, "# exit-code: 1"),
        ("$ a | # exit-code: 1\nb # exit-code: 1", 2, "already"),
    ],
)
def test_mistakes_have_a_place(text: str, line: int, words: str) -> None:
    found = problem(text)
    assert found.line == line
    assert f"line {line} of the body" in str(found)
    assert words in str(found)
    assert not any(ord(char) < 32 for char in str(found))


def test_a_long_line_is_not_quoted_whole() -> None:
    assert len(str(problem("$ " + "x" * 1000 + " 'a"))) < 200


TEXT = st.text(alphabet=st.sampled_from("$>#\\ '\"`()<E|&\n\tax:-wit/2s*é\r\x07"), max_size=40)


@given(TEXT)
def test_any_body_is_understood_or_refused(text: str) -> None:
    try:
        commands = parse(text)
    except LineProblem as problem:
        at = problem.line
    else:
        at = 1
        for command in commands:
            assert not re.search("[\x00-\x08\x0b-\x1f]", command.text)
            if "\n" not in command.text:
                assert parse(f"$ {command.text}") == (ConsoleCommand(command.text),)
    assert 1 <= at <= text.count("\n") + 1


@given(st.lists(st.sampled_from(["a", "<C-c>", "<wait 2s>", "\\$ x", "b  ", ""]), max_size=6))
def test_nothing_that_is_typed_gets_lost(lines: list[str]) -> None:
    (command,) = parse("\n".join(["$ cat", *lines]))
    wanted = [line.strip().removeprefix("\\") for line in lines if line]
    assert list(command.typed) == wanted
