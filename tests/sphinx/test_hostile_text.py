"""Text from pages, recordings and engines is data: on the builder's terminal, and in every format."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, NoReturn

import pytest

from docker_run.errors import EngineProblem
from docker_run.model import Session
from fake_engine import FakeEngine

if TYPE_CHECKING:
    from conftest import Result, Site

HOSTILE = "\x1b]0;title\x07\x9b2J\u202eevil"
SHOWN = r"\x1b]0;title\x07\x9b2J\u202eevil"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def block(argument: str, *lines: str) -> str:
    return "\n".join([f"```{{docker-run}} {argument}", *lines, "```", ""])


def said(result: Result) -> str:
    """Return all that the build said; Sphinx's own colours are gone already."""
    return "\n".join([result.log, *result.warnings])


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        (block(f"--rm busybox '{HOSTILE}'"), "is refused"),
        (block(f"--rm '{HOSTILE}' true"), "there is no image"),
        (block("--rm busybox echo x", f":match: {HOSTILE}"), "does not match"),
        (block("--rm busybox true", f":{HOSTILE}: x"), ""),
        (block(f"'--{HOSTILE}' busybox true"), ""),
        (block(f"--env-file '{HOSTILE}' busybox true"), ""),
    ],
)
def test_what_a_page_says_stays_text(site: Site, engine: FakeEngine, text: str, quoted: str) -> None:
    site.write("index.md", f"# Page\n\n{text}")
    result = site.build(engine=engine)
    told = said(result)
    assert SHOWN in told
    assert quoted in told
    assert not CONTROL.search(told)


def test_what_an_engine_says_stays_text(site: Site) -> None:
    class Chatty(FakeEngine):
        def sweep(self) -> str:
            return f"removed {HOSTILE}"

        def session(self, _session: Session) -> NoReturn:
            raise EngineProblem(f"the engine says {HOSTILE}\nand more")

    site.write("index.md", f"# Page\n\n{block('--rm busybox true')}")
    result = site.build(engine=Chatty())
    told = said(result)
    assert f"removed {SHOWN}" in told
    assert f"the engine says {SHOWN}\nand more" in told
    assert not CONTROL.search(told)


def test_why_there_is_no_engine_stays_text(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_arguments: object) -> None:
        raise EngineProblem(f"the engine says {HOSTILE}")

    monkeypatch.setattr("docker_run.engine.runners.DockerSource.open", refuses)
    site.write("index.md", f"# Page\n\n{block('--rm busybox true')}")
    assert SHOWN in said(site.build())
    told = "\n".join(site.build(mode="always").warnings)
    assert SHOWN in told
    assert not CONTROL.search(told)


def test_what_a_recording_says_stays_text(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", f"# Page\n\n{block('--rm busybox echo x')}")
    site.build(engine=engine)
    path = site.recording("index")
    path.write_text(path.read_text(encoding="utf-8").replace("out|x", f"out|x{HOSTILE}"), encoding="utf-8")
    told = said(site.build())
    assert "recording-unreadable" in told
    assert not CONTROL.search(told)
    site.recording(f"gone{HOSTILE}").write_text("docker-run recording 1\n", encoding="utf-8")
    told = said(site.build())
    assert f"gone{SHOWN}.txt" in told
    assert not CONTROL.search(told)


def test_a_recording_may_call_a_step_not_run_of_which_it_has_all_commands(
    site: Site, engine: FakeEngine
) -> None:
    site.write("index.md", f"# Page\n\n{block('--rm busybox echo x', ':optional:')}")
    site.build(engine=engine)
    path = site.recording("index")
    edited = path.read_text(encoding="utf-8").replace("\n$ ", "\nnot run: no image\n$ ")
    path.write_text(edited, encoding="utf-8")
    assert "Not run in this build: no image." in site.build("text").text("index.txt")


def test_settings_and_names_of_pages_stay_text(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", "# Page\n\n```{toctree}\n:glob:\n*\n```\n")
    site.write(f"p{HOSTILE}.md", f"# Page\n\n{block('--rm busybox false')}")
    lines = [line for line in site.build(engine=engine).log.split("\n") if line.startswith("docker-run: ")]
    assert f"docker-run: p{SHOWN}: running (there is no recording of it)" in lines
    assert not CONTROL.search("\n".join(lines))
    result = site.build(engine=engine, images=HOSTILE, volatile=[f"({HOSTILE}"])
    ours = [warning for warning in result.warnings if "docker_run" in warning or "exit status" in warning]
    assert f"p{SHOWN}.md:3: WARNING" in "\n".join(ours)
    assert f"docker_run_images = '{SHOWN}'" in "\n".join(ours).replace("\\\\", "\\")
    assert not CONTROL.search("\n".join(ours))


# What the builders make of it.

NAMES = "a_b #1 %20 & ~x ^y {z} é漢 $HOME"
UNPRINTABLE = "fffe\ufffe ffff\uffff fdd0\ufdd0"
ODD_PAGE = f"""# Odd

```{{docker-file}} /root/{NAMES}\\x.txt
text {UNPRINTABLE} end
```

```{{docker-file}} /root/y
:caption: "Caption {NAMES} \ufffe"
:collapse: Reveal \ufffe
text
```

```{{docker-run}}
:caption: "Another {NAMES} \ufffe"
:collapse: Reveal \x01
$ printf 'shown\\ufffe\\xef\\xbf\\xbf\\x1b[31mred\\x1b[m\\x00'
```

```{{docker-index}}
printf: prints
```
"""
BUILDERS = {
    "html": "*.html",
    "dirhtml": "*.html",
    "singlehtml": "*.html",
    "epub": "*.xhtml",
    "xml": "*.xml",
    "pseudoxml": "*.pseudoxml",
    "latex": "*.tex",
    "text": "*.txt",
    "man": "*.1",
    "texinfo": "*.texi",
}
INVALID = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@pytest.mark.parametrize("builder", BUILDERS)
def test_every_format_can_hold_what_is_shown(site: Site, engine: FakeEngine, builder: str) -> None:
    docname = "a_b %20 {z}"
    site.write("index.md", f"# Contents\n\n```{{toctree}}\n{docname}\n```\n")
    site.write(f"{docname}.md", ODD_PAGE)
    result = site.build(builder, engine=engine, lab="lab")
    pages = [
        path for path in result.out.rglob(BUILDERS[builder]) if path.name != "projectnamenotset-sphinx.tex"
    ]
    texts = [path.read_bytes().decode("utf-8") for path in pages]
    assert any("fdd0\ufffd" in text.replace("\n", " ") for text in texts), result.warnings
    assert any("shown" in text for text in texts)
    for text in texts:
        assert not INVALID.search(text)
    if builder in {"epub", "xml"}:
        for path in pages:
            ET.parse(path)  # noqa: S314 (made here)
    if builder == "latex":
        (tex,) = [text for text in texts if "fdd0" in text]
        check_tex(tex, docname)


def check_tex(tex: str, docname: str) -> None:
    """Check that names are text to TeX, and that labels are spelt as the links to them."""
    name = r"a\_b \#1 \%20 \& \textasciitilde{}x \textasciicircum{}y \{z\} é漢 \$HOME"
    assert rf"/root/{name}\textbackslash{{}}x.txt" in tex
    assert f"Caption {name}" in tex
    assert f"Another {name}" in tex
    labels = set(re.findall(r"\\label\{(\\detokenize\{[^}]*\})\}", tex))
    links = set(re.findall(r"\\hyperref\[(\\detokenize\{[^}]*\})\]", tex))
    assert any("docker-run" in link for link in links)
    assert links <= labels
    assert not any(re.search(r"[%#]", label) for label in labels)
    assert docname not in "".join(labels)
