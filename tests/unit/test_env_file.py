"""Files of variables and labels are read as the CLI reads them, and told from files of other kinds."""

from __future__ import annotations

import json

import pytest

from docker_run.docker_cli import run_line
from docker_run.docker_cli.values import env_file
from docker_run.docker_cli.values.scalars import BadValue
from docker_run.errors import FlagProblem, RefusedFlag

HIDDEN = "hunter2"
"""What no message may have in it."""

OTHERS = {
    "PNG": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + HIDDEN.encode(), 1, "utf8"),
    "program": (b"\x7fELF\x02\x01\x01\0" + HIDDEN.encode(), 1, "NUL"),
    "binary after text": (f"A=1\nB={HIDDEN}\0\n".encode(), 2, "NUL"),
    "UTF-16": (f"A={HIDDEN}\n".encode("utf-16"), 1, "utf8"),
    "UTF-16 without a mark": (f"A={HIDDEN}\n".encode("utf-16-le"), 1, "NUL"),
    "Latin-1": (f"A=1\n\nB={HIDDEN}\u00e9\n".encode("latin-1"), 3, "utf8"),
    "YAML": (f"# c\npassword: {HIDDEN}\n".encode(), 2, "YAML"),
    "YAML list": (f"- {HIDDEN}\n".encode(), 1, "YAML"),
    "YAML without values": (f"{HIDDEN}:\n  more:\n".encode(), 1, "NAME=value"),
    "JSON": (json.dumps({"password": HIDDEN}, indent=1).encode(), 0, "JSON"),
    "JSON on a line": (json.dumps({"a": f"b={HIDDEN}"}, separators=(",", ":")).encode(), 0, "JSON"),
    "JSON list": (f'["{HIDDEN}"]'.encode(), 0, "JSON"),
    "deep JSON": (b"[" * 100_000, 0, "JSON"),
    "JSON with a long number": (b'{"' + HIDDEN.encode() + b'":' + b"1" * 10_000 + b"}", 0, "JSON"),
    "shell script": (f"#!/bin/sh\nexport PASSWORD={HIDDEN}\n".encode(), 2, "leave out `export`"),
    "shell script of another kind": (f"#!/bin/sh\nset -e\necho {HIDDEN}\n".encode(), 2, "No shell"),
    "Dockerfile": (f"FROM debian\nENV PASSWORD={HIDDEN}\n".encode(), 1, "Dockerfile"),
    "Dockerfile with a parser directive": (f"# syntax=x\n\nARG A={HIDDEN}\n".encode(), 3, "Dockerfile"),
    "Python": (f"import os\nPASSWORD = '{HIDDEN}'\n".encode(), 1, "NAME=value"),
    "INI": (f"[db]\npassword = {HIDDEN}\n".encode(), 2, "spaces before the `=`"),
    "private key": (f"-----BEGIN OPENSSH PRIVATE KEY-----\n{HIDDEN}\n".encode(), 1, "NAME=value"),
    "shadow": (f"root:${HIDDEN}:19000:0:99999:7:::\nbin:*:1::::::\n".encode(), 1, "NAME=value"),
    "git config": (f"[remote]\n\turl = https://u:{HIDDEN}@h/\n".encode(), 2, "spaces before the `=`"),
    "prose": (f"\n\nThe password is {HIDDEN}.\n".encode(), 3, "NAME=value"),
    "no name": (f"A=1\n={HIDDEN}\n".encode(), 2, "Write the name before"),
    "line that never ends": (b"A=1\nB=" + HIDDEN.encode() * 10_000, 2, "65,535 bytes"),
}


def parse(data: bytes, *, flag: str = "--env-file", allow: tuple[str, ...] | None = None) -> object:
    line = run_line.parse(
        f"{flag} some.file busybox", allow=allow, read=lambda _: data.decode(), environ={"HERE": "h"}
    )
    return list(line.process.environment) if flag == "--env-file" else dict(line.labels)


@pytest.mark.parametrize("flag", ["--env-file", "--label-file"])
@pytest.mark.parametrize("kind", OTHERS)
def test_other_files_are_told_by_name_and_line_and_not_quoted(kind: str, flag: str) -> None:
    data, number, says = OTHERS[kind]
    for allow in (None, ()):
        with pytest.raises(FlagProblem) as caught:
            parse(data, flag=flag, allow=allow)
        message = str(caught.value)
        assert "some.file" in message
        assert f"line {number}" in message if number else "line" not in message.replace("lines", "")
        assert says in message
        assert HIDDEN not in message
        assert "password" not in message.lower()


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff# comment\r\nA=1\r\n \t B=x = y \n\n  #D=1\n E=\n",
        "a-b.c/d=1\n1=2\n\u00e9=3\n{=4\n[x]=5\nkey:=6\n'=7",
        "\xa0\u3000A=1\n\x0b\x0cB=2",
        "A=\"quoted\"\nB='1'\nC=a#b\nD=$X\\n",
        "[section]\nA=1\n",
        "{\nA=1\n}\n",
        "A=" + "x" * 65_533,
        "",
        "\n\n# nothing\n",
    ],
)
def test_what_the_cli_takes_is_taken(text: str) -> None:
    wanted = [
        line.removesuffix("\r").lstrip()
        for line in text.removeprefix("\ufeff").split("\n")
        if "=" in line and not line.lstrip().startswith("#")
    ]
    assert [entry.text for entry in env_file.parse(text) if "=" in entry.text] == wanted


def test_a_bare_name_takes_its_value_from_the_environment_in_files_of_variables_only() -> None:
    data = b"HERE\nGONE\nA=1\n"
    assert parse(data) == ["HERE=h", "A=1"]
    assert parse(data, allow=("env-file",)) == ["HERE=h", "A=1"]
    assert parse(data, flag="--label-file") == {"A": "1"}
    assert parse(data, flag="--label-file", allow=()) == {"A": "1"}
    with pytest.raises(RefusedFlag, match=r"build.*\(line 1 of some\.file\).*`?docker_run_allow") as caught:
        parse(data, allow=())
    assert "HERE" not in str(caught.value)


def test_entries_know_their_lines() -> None:
    assert env_file.parse("\n# c\nA=1\r\n\nB\n") == ((3, "A=1"), (5, "B"))


def test_nothing_but_bare_names_is_a_file_of_variables() -> None:
    assert [entry.text for entry in env_file.parse("HOME\n{odd}\n")] == ["HOME", "{odd}"]
    with pytest.raises(BadValue, match="no NAME=value"):
        env_file.parse("{odd}\n")
