"""Runners that a project registers: how pages choose them, and what decides that they run again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sphinx.errors import ExtensionError

from contract import MAX_OUTPUT, TIMEOUT, InterruptContract
from docker_run import Place
from docker_run.workflow.open_runners import OpenRunners
from fake_engine import FakeEngine
from shell_runner import ShellRunner
from told import Quiet

if TYPE_CHECKING:
    from conftest import Site

CONF = """
import docker_run
from shell_runner import ShellRunner

extensions = ["myst_parser"]
html_theme = "basic"
root_doc = "index"
docker_run_engine = "none"
{settings}

def setup(app):
    docker_run.add_runner(app, "shell", ShellRunner({greeting!r}))
"""
PAGE = """---
docker_run_lab: shell
---

# Page

```{docker-file} greeting.txt
From a file.
```

```{docker-run}
$ echo $GREETING; cat greeting.txt
$ ls /nowhere # exit-code: any
```

```{docker-report} page
```
"""


def write(site: Site, page: str = PAGE, *, greeting: str = "hello", settings: str = "") -> None:
    site.write("conf.py", CONF.format(greeting=greeting, settings=settings))
    site.write("index.md", page)


class TestShellRunner(InterruptContract):
    """The protocol asks for nothing of Docker's."""

    place = Place("shell", "", "shell", ShellRunner.traits)

    @pytest.fixture
    def engine(self) -> Iterator[OpenRunners]:
        runners = {"shell": ShellRunner()}
        opened = OpenRunners(runners, progress=Quiet(), timeout=TIMEOUT, max_output=MAX_OUTPUT)
        with closing(opened):
            yield opened


def test_a_page_is_run_recorded_and_replayed(site: Site) -> None:
    write(site)
    result = site.build()
    assert result.warnings == []
    assert "1 page, 2 commands run" in result.tally
    assert result.printed("index.html")[:2] == ["hello", "From a file."]
    assert "place: shell" in site.recording("index").read_text()
    assert "this machine" in result.text("index.html")
    recorded = site.recording("index").read_bytes()

    assert "0 commands run" in site.build().tally
    site.forget()
    result = site.build(mode="replay")
    assert result.warnings == []
    assert "0 commands run, 2 shown from recordings" in result.tally
    assert result.printed("index.html")[:2] == ["hello", "From a file."]
    assert site.recording("index").read_bytes() == recorded


def test_a_wrong_exit_status_is_a_finding(site: Site) -> None:
    write(site, PAGE.replace(" # exit-code: any", ""))
    (warning,) = site.build().warnings
    assert warning.startswith("index.md:11: WARNING: `ls /nowhere` ended with exit status")
    assert warning.endswith("[docker_run.exit-code]")
    assert not site.recording("index").exists()


def test_it_needs_no_engine_and_costs_no_page_that_does(site: Site, engine: FakeEngine) -> None:
    write(site)
    site.write("other.md", "---\norphan: true\n---\n\n# Other\n\n```{docker-run} --rm busybox echo hi\n```\n")
    result = site.build()
    assert "From a file." in result.printed("index.html")
    assert len(result.warnings) == 1  # the other page has no recording
    assert "recording-missing" in result.warnings[0]
    result = site.build(engine=engine)
    assert result.warnings == []
    assert "hi" in result.printed("other.html")


def test_all_pages_may_run_on_it(site: Site) -> None:
    write(site, PAGE.partition("---\n\n")[2], settings='docker_run_lab = "shell"')
    result = site.build()
    assert result.warnings == []
    assert "hello" in result.printed("index.html")


def test_a_page_runs_again_when_its_machine_is_another(site: Site) -> None:
    write(site)
    site.build()
    write(site, greeting="good evening")
    result = site.build()
    assert "2 commands run" in result.tally
    assert result.printed("index.html")[0] == "good evening"
    write(site, greeting="good night")
    (warning,) = site.build(mode="replay").warnings
    assert "recording-stale" in warning


def test_a_page_is_read_again_when_its_runner_can_do_something_else(site: Site) -> None:
    write(site)
    assert site.build().warnings == []
    site.write(
        "conf.py",
        (site.folder / "conf.py").read_text()
        + """
import dataclasses
ShellRunner = type("Less", (ShellRunner,), {"traits": dataclasses.replace(ShellRunner.traits, files=False)})
""",
    )
    (warning,) = site.build().warnings
    assert "a file needs a lab to be put on" in warning


def test_a_machine_that_can_not_be_told_from_others_is_a_finding(site: Site) -> None:
    write(site)
    conf, setup, call = (site.folder / "conf.py").read_text().partition("def setup")
    failing = """
class ShellRunner(ShellRunner):
    def definition(self, place):
        raise OSError("it does not answer")

"""
    site.write("conf.py", conf + failing + setup + call)
    for _ in range(2):
        result = site.build()
        assert result.warnings == [
            "WARNING: the runner 'shell' can't be identified: it does not answer [docker_run.config]"
        ]
        assert "From a file." in result.printed("index.html")


def test_pages_are_read_by_several_processes(site: Site) -> None:
    names = [f"p{number}" for number in range(12)]
    write(site, PAGE + "\n```{toctree}\n" + "\n".join(names) + "\n```\n")
    for name in names:
        site.write(f"{name}.md", PAGE.replace("# Page", f"# {name}"))
    result = site.build(parallel=2)
    assert result.warnings == []
    assert result.tally.startswith("docker-run: 13 pages, 26 commands run")
    assert "this machine" in result.text("p3.html")


def test_an_unknown_name_is_told_with_the_one_that_was_meant(site: Site) -> None:
    write(site, PAGE.replace("shell", "shall"))
    (warning,) = site.build().warnings
    assert "there is no kind of lab or runner called `shall`: did you mean `shell`?" in warning
    write(site, PAGE.replace("shell", "xyz"))
    (warning,) = site.build().warnings
    assert "known: `direct`, `lab`, `shell`" in warning
    write(site, settings='docker_run_lab = "shall"')
    warning, *_ = site.build().warnings
    assert warning.startswith("conf.py:9: WARNING: docker_run_lab = 'shall': there is no kind of lab or ")
    assert "did you mean `shell`?" in warning


def test_what_a_page_can_not_have_there_is_refused(site: Site) -> None:
    write(site, PAGE.replace("lab: shell", "lab: shell\ndocker_run_images: [busybox]"))
    (warning,) = site.build().warnings
    assert "`docker_run_images`: the page runs on this machine, which has the images" in warning
    write(site, PAGE.replace("```{docker-run}\n", "```{docker-run}\n:lab: client\n\n", 1))
    (warning,) = site.build().warnings
    assert "`:lab: client`: this page runs on one machine, and has no labs" in warning


def test_a_kind_of_lab_can_not_have_its_name(site: Site) -> None:
    write(site, settings='docker_run_labs = {"shell": "."}')
    warnings = [each for each in site.build().warnings if "is the name of a runner" in each]
    assert len(warnings) == 1
    assert "docker_run_labs" in warnings[0]


def test_another_extension_can_register_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    write(site)
    conf, setup, call = (site.folder / "conf.py").read_text().partition("def setup")
    site.write("conf.py", conf.replace('"myst_parser"', '"myst_parser", "extension_with_a_runner"'))
    module = f"import docker_run\nfrom shell_runner import ShellRunner\n\n{setup}{call}"
    site.write("extension_with_a_runner.py", module)
    monkeypatch.syspath_prepend(site.folder)
    assert "hello" in site.build().printed("index.html")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("'Shell', ShellRunner()", "'Shell' is not a name for a runner: use lower-case letters"),
        ("'direct', ShellRunner()", "'direct' can't be the name of a runner: it already has a meaning"),
        ("'lab', ShellRunner()", "'lab' can't be the name of a runner: it already has a meaning"),
        ("'none', ShellRunner()", "'none' can't be the name of a runner: it already has a meaning"),
        ("'shell', ShellRunner()", "'shell' can't be the name of a runner: it is the name of another runner"),
        ("'other', ShellRunner", "has to be an object of a subclass of docker_run.Runner"),
        ("'other', object()", "has to be an object of a subclass of docker_run.Runner"),
    ],
)
def test_what_can_not_be_registered(site: Site, call: str, said: str) -> None:
    write(site)
    text = (site.folder / "conf.py").read_text()
    site.write("conf.py", f"{text}    docker_run.add_runner(app, {call})\n")
    with pytest.raises(ExtensionError, match=said):
        site.build()


def test_a_runner_can_take_the_place_of_another(site: Site) -> None:
    write(site, PAGE.replace("docker_run_lab: shell", "docker_run_lab: none"))
    text = (site.folder / "conf.py").read_text()
    text = text.replace('"shell"', '"direct"').replace("'hello')", "'hi'), override=True")
    site.write("conf.py", text)
    result = site.build()
    assert result.warnings == []
    assert result.printed("index.html")[0] == "hi"
