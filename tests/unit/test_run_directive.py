"""The text of a directive becomes a step, or a message that says what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from docker_run.authoring.line_problem import LineProblem
from docker_run.authoring.presentation import LineRange
from docker_run.authoring.run_directive import DEFAULT_SUMMARY, END_OF_INPUT, parse_presentation, parse_step
from docker_run.errors import BodyProblem, FlagProblem, OptionProblem, RefusedFlag, SyntaxProblem
from docker_run.model import Capture, Command, Input, Location, Step
from lab_sessions import TRAITS

WHERE = Location("page.md", 7)


def parse(
    argument: str, options: dict[str, str] | None = None, body: Sequence[str] = (), **files: str
) -> Step:
    return parse_step(
        argument, options or {}, body, location=WHERE, allow=("publish",), read=lambda name: files[name]
    )


def on_lab(argument: str, *body: str, **options: str) -> Step:
    given = {name.replace("_", "-"): value for name, value in options.items()}
    return parse_step(argument, given, body, location=WHERE, allow=(), read=pytest.fail, traits=TRAITS)


def test_the_argument_is_the_command() -> None:
    step = parse("  --rm busybox ls '/bin' ")
    assert step.commands == (Command("docker run --rm busybox ls '/bin'"),)
    assert step.location == WHERE
    assert step.expect.exit_codes == (0,)
    assert step.timeout is None
    assert not step.optional


def test_the_body_is_typed() -> None:
    assert parse("-it busybox", body=["ls", "", "exit"]).commands[0].typed == ("ls", "", "exit")


def test_all_options() -> None:
    step = parse(
        "busybox",
        {
            "exit-code": "3",
            "match": "one\n  \ntwo.*",
            "timeout": "2m",
            "optional": "",
            "volatile": r"\d+ applets",
            "capture": r"count = ^(\d+)$" + "\n" + "all = .+ = .+",
        },
    )
    assert step.expect.exit_codes == (3,)
    assert step.expect.match == ("one", "two.*")
    assert step.timeout == 120
    assert step.optional
    assert step.volatile == (r"\d+ applets",)
    assert step.captures == (Capture("count", r"^(\d+)$"), Capture("all", ".+ = .+"))


def test_files_that_flags_name_are_part_of_the_step() -> None:
    step = parse("--env-file box.env busybox env", **{"box.env": "A=1\n"})
    assert step.files == (("box.env", "A=1\n"),)


@pytest.mark.parametrize("argument", ["", "   "])
@pytest.mark.parametrize("body", [(), ("", " ")])
def test_nothing_to_run(argument: str, body: Sequence[str]) -> None:
    with pytest.raises(SyntaxProblem, match="nothing to run"):
        parse(argument, body=body)
    with pytest.raises(SyntaxProblem, match=r"nothing to run.* before each command"):
        on_lab(argument, *body)


def test_a_console_session_needs_a_lab() -> None:
    with pytest.raises(SyntaxProblem, match="docker_run_lab"):
        parse("", body=["$ docker ps"])


@pytest.mark.parametrize(
    ("argument", "words"), [("-d busybox", "-d"), ("-t busybox", "-i"), ("busybox cat", "-i")]
)
def test_a_body_that_nobody_reads(argument: str, words: str) -> None:
    with pytest.raises(BodyProblem, match=words):
        parse(argument, body=["ls"])


def test_a_mistyped_key() -> None:
    with pytest.raises(SyntaxProblem, match="<C-pp>"):
        parse("-it busybox", body=["<C-pp>"])
    assert parse("-i busybox cat", body=["<C-pp>"]).commands[0].typed == ("<C-pp>",)


def test_flags_are_checked_while_reading() -> None:
    with pytest.raises(FlagProblem, match="--nmae"):
        parse("--nmae x busybox")
    with pytest.raises(RefusedFlag, match="privileged"):
        parse("--privileged busybox")
    assert parse("-p 80:80 busybox")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("exit-code", ""),
        ("exit-code", "x"),
        ("exit-code", "-1"),
        ("exit-code", "256"),
        ("exit-code", "0, 1"),
        ("match", ""),
        ("match", "("),
        ("volatile", "["),
        ("timeout", "0"),
        ("timeout", "soon"),
        ("timeout", "-5"),
        ("timeout", ""),
        ("optional", "yes"),
        ("capture", ""),
        ("capture", "count"),
        ("capture", "count ="),
        ("capture", "a b = x"),
        ("capture", "count = ("),
    ],
)
def test_bad_values_name_the_option(option: str, value: str) -> None:
    with pytest.raises(OptionProblem, match=f":{option}:"):
        parse("busybox", {option: value})


def test_presentation() -> None:
    shown = parse_presentation(
        {
            "caption": " A run ",
            "name": "a-run",
            "class": "wide tall",
            "lines": "2-",
            "emphasize-lines": "1",
            "collapse": "",
            "hidden": "",
        }
    )
    assert shown.caption == "A run"
    assert shown.name == "a-run"
    assert shown.classes == ("wide", "tall")
    assert shown.lines == (LineRange(2),)
    assert shown.emphasize == (LineRange(1, 1),)
    assert shown.collapse == DEFAULT_SUMMARY
    assert shown.hidden
    assert parse_presentation({"collapse": "Now look"}).collapse == "Now look"
    assert parse_presentation({}).collapse == ""
    with pytest.raises(OptionProblem, match=":hidden:"):
        parse_presentation({"hidden": "true"})


def test_waits_are_typed_at_a_terminal_only() -> None:
    assert parse("-it busybox", body=["<wait 2s>ls"]).commands[0].typed == ("<wait 2s>", "ls")
    assert parse("-i busybox", body=["<wait 2s>ls"]).commands[0].typed == ("<wait 2s>ls",)


def test_a_console_session() -> None:
    step = on_lab("", "$ docker run -it busybox", "ls", "", "$ docker ps |", "  wc -l", lab="client")
    assert step.commands == (
        Command("docker run -it busybox", ("ls",), Input.TERMINAL),
        Command("docker ps |\n  wc -l"),
    )
    assert step.lab == "client"
    assert step.location == WHERE
    assert step.expect.exit_codes == (0,)


@pytest.mark.parametrize(
    ("option", "comments", "codes"),
    [
        (None, ("", "", ""), (0,)),
        ("3", ("", "", ""), (3,)),
        ("any", ("", "", ""), None),
        ("0 1 any", ("", "", ""), (0, 1, None)),
        (None, ("", " # exit-code: 2", ""), (0, 2, 0)),
        ("3", (" # exit-code: any", "", ""), (None, 3, 3)),
        ("any", ("", "", " # exit-code: 0"), (None, None, 0)),
        ("0 1 2", ("", " # exit-code: any", ""), (0, None, 2)),
    ],
)
def test_statuses_of_several_commands(
    option: str | None, comments: tuple[str, str, str], codes: tuple[int | None, ...] | None
) -> None:
    options = {} if option is None else {"exit_code": option}
    step = on_lab("", *(f"$ ls{comment}" for comment in comments), **options)
    assert step.expect.exit_codes == codes
    assert [command.text for command in step.commands] == ["ls"] * 3


def test_a_list_of_statuses_has_one_for_each() -> None:
    with pytest.raises(OptionProblem, match=r"2 statuses for 3 commands: give one for all, or one for each$"):
        on_lab("", "$ a", "$ b", "$ c", exit_code="0 1")


def test_an_option_among_the_commands_is_not_typed() -> None:
    with pytest.raises(BodyProblem, match="options belong at the top of the block"):
        on_lab("", "$ false", ":exit-code: 1")
    assert on_lab("", "$ vi", ":wq").commands[0].typed == (":wq",)


@pytest.mark.parametrize(
    "argument",
    ["--rm busybox ls", "--no-such-flag x", "busybox | wc -l", "-v /:/host busybox ls $HOME", "-d x &"],
)
def test_the_argument_is_typed_at_the_shell(argument: str) -> None:
    assert on_lab(f" {argument} ").commands == (Command(f"docker run {argument}"),)


def test_the_argument_may_hold_its_status_and_go_on() -> None:
    step = on_lab("busybox \\\n  false # exit-code: 1")
    assert step.commands == (Command("docker run busybox \\\n  false"),)
    assert step.expect.exit_codes == (1,)


@pytest.mark.parametrize(
    ("argument", "words"),
    [("busybox echo 'a", "quote"), ("busybox \\", "nothing after"), ("busybox |", "nothing after")],
)
def test_an_argument_that_the_shell_would_ask_more_of(argument: str, words: str) -> None:
    with pytest.raises(SyntaxProblem, match=words):
        on_lab(argument)


@pytest.mark.parametrize("argument", ["busybox\nls", "busybox\n$ ls"])
def test_an_argument_is_one_command(argument: str) -> None:
    with pytest.raises(SyntaxProblem, match="another command"):
        on_lab(argument)


def test_the_body_is_typed_into_the_argument() -> None:
    (command,) = on_lab("-it busybox", "ls", "", "<wait 1s><C-d>", "\\$ x").commands
    assert command.typed == ("ls", "", "<wait 1s>", "<C-d>", "$ x")
    # What the grammar can't read is the shell's affair.
    assert on_lab("$OPTIONS busybox", "ls").commands[0].typed == ("ls",)


@pytest.mark.parametrize(("argument", "words"), [("-d busybox", "-d"), ("busybox cat", "-i")])
def test_a_body_that_nobody_reads_on_a_lab(argument: str, words: str) -> None:
    with pytest.raises(BodyProblem, match=words):
        on_lab(argument, "ls")


def test_without_a_terminal_of_its_own_the_input_has_an_end() -> None:
    assert on_lab("-i busybox cat", "a", "b").commands[0].typed == ("a", "b", END_OF_INPUT)
    assert on_lab("-i busybox cat", "a", "<C-d>").commands[0].typed == ("a", END_OF_INPUT)
    assert on_lab("-i busybox cat", "a", "<wait 1s>b").commands[0].typed[:3] == ("a", "<wait 1s>", "b")
    assert on_lab("-i busybox cat").commands[0].typed == (END_OF_INPUT,)
    assert on_lab("-di busybox cat").commands[0].typed == ()
    assert on_lab("-it busybox cat").commands[0].typed == ()


@pytest.mark.parametrize(
    ("argument", "fed"),
    [
        ("-i --rm busybox sort | tr a-z A-Z", True),
        ("-i --rm busybox sort |& wc", True),
        ("-i --rm busybox sort || true", True),
        ("-i --rm busybox sort && echo done", True),
        ("-i --rm busybox sort; echo done", True),
        ("-i --rm busybox sort > sorted", True),
        ("-i --rm busybox sort >sorted 2>&1 | cat", True),
        ("-i --rm busybox sh -c 'sort | uniq'", True),
        ("-i --rm busybox sh -c 'cat; exit' \\| \"&\" | wc", True),
        ("-it --rm busybox sh | cat", False),
        ("-t --rm busybox sh -c 'ls -i' | cat -i", False),
        ("--rm busybox ls '| -i' | sort -i", False),
        # These read something else than the terminal: a <C-d> would end the lab's own shell.
        ("-i --rm busybox sort < words", False),
        ("-i --rm busybox sort > sorted < words", False),
        ("-i --rm busybox cat <<< x", False),
        ("-i --rm busybox cat &", False),
        ("-di --rm busybox cat | cat", False),
    ],
)
def test_the_input_of_a_command_before_an_operator_has_an_end(argument: str, fed: object) -> None:
    assert on_lab(argument, "a").commands[0].typed == (("a", END_OF_INPUT) if fed else ("a",))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("docker run -i --rm busybox sort | tr a-z A-Z", True),
        ("docker run --interactive busybox sh -c 'cat'", True),
        ("docker run -it busybox sh", False),
        ("docker run -di busybox cat", False),
        ("docker run -i busybox cat < words", False),
        ("docker run -i $OPTIONS --no-such-flag busybox cat", False),
        ("cat > words", False),
    ],
)
def test_what_is_typed_may_be_the_input_of_a_program_without_a_terminal(line: str, *, expected: bool) -> None:
    (command,) = on_lab("", f"$ {line}", "a", "<C-d>").commands
    assert command == Command(line, ("a", "<C-d>"), Input.PIPE if expected else Input.TERMINAL)


def test_the_input_of_an_argument_is_that() -> None:
    assert on_lab("-i --rm busybox sort", "a").commands[0].input is Input.PIPE
    assert on_lab("-it --rm busybox sort", "a").commands[0].input is Input.TERMINAL
    assert parse("-i --rm busybox sort", body=["a"]).commands[0].input is Input.PIPE
    assert parse("-it --rm busybox sort", body=["a"]).commands[0].input is Input.TERMINAL
    assert parse("--rm busybox true").commands[0].input is Input.NONE


def test_a_body_may_be_for_the_command_behind_an_operator() -> None:
    assert on_lab("--rm busybox true; cat", "a", "<C-d>").commands[0].typed == ("a", "<C-d>")


@pytest.mark.parametrize("read", [parse, on_lab])
@pytest.mark.parametrize("argument", ["docker run --rm busybox true", " docker  run", "docker run"])
def test_docker_run_twice(read: Callable[[str], Step], argument: str) -> None:
    with pytest.raises(SyntaxProblem, match="`docker run` is already there"):
        read(argument)


def test_an_image_may_be_called_docker() -> None:
    assert on_lab("--rm docker run").commands == (Command("docker run --rm docker run"),)


@pytest.mark.parametrize("read", [parse, on_lab])
@pytest.mark.parametrize("argument", ["$ docker ps", "$ docker ps\n$ docker images", " $"])
def test_a_session_on_the_directives_own_line(read: Callable[[str], Step], argument: str) -> None:
    with pytest.raises(
        SyntaxProblem, match=r"empty line is missing between `\.\. docker-run::` and the session"
    ):
        read(argument)


def test_a_prompt_below_an_argument() -> None:
    with pytest.raises(LineProblem, match=r"line 2 .*console session"):
        on_lab("-it busybox", "ls", "$ docker ps")


@pytest.mark.parametrize("name", ["", "Client", "1", "a_b", "-a", "a-", "a.b", "x" * 64])
def test_a_lab_has_a_host_name(name: str) -> None:
    with pytest.raises(OptionProblem, match=":lab:"):
        on_lab("", "$ ls", lab=name)


def test_there_are_no_labs_directly_on_the_engine() -> None:
    assert on_lab("", "$ ls").lab == "lab"
    with pytest.raises(OptionProblem, match="no labs"):
        parse("busybox", {"lab": "client"})


MANUAL = (Path(__file__).parents[2] / "docs" / "authors" / "console.md").read_text()
EXAMPLES = re.findall(r"^```\{docker-run\}(.*)\n((?::.*\n)*)((?:.*\n)*?)```$", MANUAL, re.MULTILINE)


@pytest.mark.parametrize(("argument", "options", "body"), EXAMPLES)
def test_the_examples_of_the_manual(argument: str, options: str, body: str) -> None:
    given = dict(re.findall(r"^:([a-z-]+): ?(.*)$", options, re.MULTILINE))
    assert on_lab(argument, *body.splitlines(), **given).commands


def test_the_manual_has_examples() -> None:
    assert len(EXAMPLES) == MANUAL.count("```{docker-run}") > 8
