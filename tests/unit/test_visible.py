"""What a person's terminal is told holds nothing that it would act on."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import docker_run
from docker_run import __main__ as command_line
from docker_run.errors import EngineProblem
from docker_run.terminal.visible import visible

HOSTILE = "\x1b]0;title\x07\x9b31m\x1b[2J\r\u202eevil\u2066\ud800\x00"
SHOWN = r"\x1b]0;title\x07\x9b31m\x1b[2J\r\u202eevil\u2066\ud800\x00"
TEXT = st.text(st.sampled_from(HOSTILE + "\n\té漢👍\u200d\ufeff\U000e0041") | st.characters(codec=None))


def test_control_characters_are_escaped_and_lines_stay() -> None:
    assert visible(f"a\n\tb {HOSTILE} é漢") == f"a\n\tb {SHOWN} é漢"
    assert visible("plain") == "plain"


@given(TEXT)
def test_nothing_is_left_that_a_terminal_acts_on(text: str) -> None:
    shown = visible(text)
    shown.encode()
    bidirectional = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    for character in shown.replace("\n", "").replace("\t", ""):
        assert unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}
        assert unicodedata.bidirectional(character) not in bidirectional
    assert visible(shown) == shown
    assert shown.count("\n") == text.count("\n")


def test_the_command_line_shows_what_it_quotes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command_line.main(["images", f"/nowhere/{HOSTILE}"], {}) == 1
    assert capsys.readouterr().err == f"docker_run: there is no directory /nowhere/{SHOWN}\n"

    def fails(*_arguments: object, **_options: object) -> str:
        raise EngineProblem(f"the engine says {HOSTILE}")

    monkeypatch.setattr(command_line, "find", fails)
    assert command_line.main(["engine", "true"], {}) == 1
    assert capsys.readouterr().err == f"docker_run: the engine says {SHOWN}\n"


def test_there_is_no_way_around() -> None:
    """Every logger is one that makes messages visible, and every `print` says that it does."""
    package = Path(docker_run.__file__).parent
    logs, prints = [], []
    for path in sorted(package.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        name = str(path.relative_to(package))
        logs += [name] if re.search(r"logging\.getLogger|import getLogger", text) else []
        prints += [
            name for found in re.findall(r"^ *print\((.*)", text, re.MULTILINE) if "visible(" not in found
        ]
    assert logs == ["sphinx_ext/reporting/log.py"]
    # What the process that watches over an engine says goes to the process that started it.
    assert prints == ["engine/private/supervisor.py"]
