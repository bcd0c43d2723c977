"""What a build tells: why it runs a page, and its results as JUnit XML and JSON, whatever fails."""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from docker_run.errors import EngineProblem
from fake_engine import FakeEngine, FakeSession

if TYPE_CHECKING:
    from conftest import Result, Site

HEAD = "# Page\n\n"
FILES = {"junit": "out/junit.xml", "json": "out/results.json"}


def block(line: str, *options: str) -> str:
    return "\n".join([f"```{{docker-run}} {line}", *options, "```", "", ""])


def junit(site: Site) -> ET.Element:
    return ET.parse(site.folder / FILES["junit"]).getroot()  # noqa: S314 (our own)


def results(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((site.folder / FILES["json"]).read_bytes())
    return found


def cases(site: Site, suite: str = "index") -> dict[int, tuple[str, str]]:
    """Return what became of the cases of a suite: tag and type, by line."""
    (found,) = junit(site).findall(f"testsuite[@name='{suite}']")
    return {
        int(case.get("line", "0")): next(
            ((told.tag, told.get("type", "")) for told in case if told.tag != "properties"), ("", "")
        )
        for case in found.findall("testcase")
    }


def outcomes(site: Site) -> list[str]:
    """Return the outcomes of the steps of the only page."""
    (page,) = results(site)["pages"]
    return [step["outcome"] for step in page["steps"]]


def build(site: Site, engine: FakeEngine | None = None, builder: str = "html", **config: Any) -> Result:  # noqa: ANN401
    return site.build(builder, engine=engine, **FILES, **config)


def test_a_page_is_a_suite_and_a_block_a_case(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one") + block("--rm busybox sleep 0.01"))
    build(site, engine)
    root = junit(site)
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("errors")) == (
        "testsuites",
        "2",
        "0",
        "0",
    )
    (suite,) = root
    assert suite.get("name") == "index"
    first, second = suite.findall("testcase")
    assert first.get("name") == "line 3: docker run --rm busybox echo one"
    assert first.get("classname") == "index"
    assert Path(first.get("file", "")).name == "index.md"
    assert (first.get("line"), second.get("line")) == ("3", "6")
    assert float(first.get("time", "")) >= 0
    assert float(suite.get("time", "")) > 0
    told = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert told == {"runs on": "direct", "run because": "there is no recording of it"}

    (page,) = results(site)["pages"]
    assert (page["page"], page["runs_on"]) == ("index", "direct")
    assert page["run_because"] == "there is no recording of it"
    assert page["recording_changed"]
    assert [step["outcome"] for step in page["steps"]] == ["run", "run"]
    assert page["steps"][0]["commands"] == ["docker run --rm busybox echo one"]
    assert results(site)["version"] == 1
    assert results(site)["commands_run"] == 2

    build(site, engine)
    (page,) = results(site)["pages"]
    assert [step["outcome"] for step in page["steps"]] == ["replayed", "replayed"]
    assert page["run_because"] is None
    assert not page["recording_changed"]
    assert cases(site) == {3: ("", ""), 6: ("", "")}


def test_the_three_failures_stay_apart(site: Site, engine: FakeEngine) -> None:
    site.write(
        "index.md",
        HEAD
        + block("--rm busybox sh -c 'exit 3'")
        + block("--rm no-such-image true", ":optional:")
        + block("--rm no-such-image true")
        + block("--rm busybox echo never"),
    )
    site.write("bare.md", "---\norphan: true\n---\n\n# Bare\n\n" + block("--rm busybox echo x"))
    build(site)
    assert cases(site, "bare") == {7: ("skipped", "docker_run.recording-missing")}
    assert cases(site)[3] == ("skipped", "docker_run.recording-missing")
    assert cases(site)[6] == ("skipped", "")

    build(site, engine)
    assert cases(site) == {
        3: ("failure", "docker_run.exit-code"),
        6: ("skipped", ""),
        10: ("error", "docker_run.image"),
        13: ("skipped", ""),
    }
    suite = junit(site).find("testsuite[@name='index']")
    assert suite is not None
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "1", "1", "2"]
    kinds = {each["type"]: each["failure"] for each in results(site)["findings"]}
    assert kinds == {"docker_run.exit-code": "unexpected", "docker_run.image": "unavailable"}
    (page,) = [page for page in results(site)["pages"] if page["page"] == "index"]
    assert [step["outcome"] for step in page["steps"]] == ["run", "left-out", "run", "not-run"]


def test_a_check_writes_them_also_when_it_fails(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one"))
    site.build(engine=engine)
    recording = site.recording("index")
    recording.write_text(recording.read_text().replace("one\n", "two\n").replace("echo two", "echo one"))
    result = build(site, engine, "docker-check")
    assert result.status == 1
    assert cases(site) == {3: ("failure", "docker_run.drift")}
    (told,) = junit(site).iter("failure")
    assert "prints something else now" in told.get("message", "")
    assert "two\n" in (told.text or "")
    (finding,) = results(site)["findings"]
    assert (finding["page"], finding["line"], finding["failure"]) == ("index", 3, "unexpected")


def test_a_check_without_an_engine_has_an_error(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one"))
    site.build(engine=engine)
    assert build(site, builder="docker-check").status == 1
    assert cases(site) == {3: ("", "")}
    assert cases(site, "docker-run") == {0: ("error", "docker_run.engine")}
    assert results(site)["no_engine"]


def test_what_is_wrong_elsewhere_has_cases_of_its_own(site: Site, engine: FakeEngine) -> None:
    site.write(
        "index.md",
        HEAD + "It said {docker-value}`nothing`.\n\n" + block("--rm busybox echo one", ":no-such-option:"),
    )
    site.write("other.md", "---\norphan: true\n---\n\n# Other\n\n" + block("--rm busybox echo x"))
    site.build(engine=engine)
    (site.folder / "other.md").unlink()
    build(site, engine, jobs=-1)
    suites = {suite.get("name"): suite for suite in junit(site)}
    names = [case.get("name") for case in suites["index"].iter("testcase")]
    assert names == ["line 5: option", "line 3: value"]
    assert "line 1: recording-orphan" in [case.get("name") for case in suites["docker-run"].iter("testcase")]
    (config,) = [each for each in results(site)["findings"] if each["type"] == "docker_run.config"]
    assert "docker_run_jobs" in config["message"]


def test_what_is_silenced_is_left_out(site: Site) -> None:
    site.write(
        "conf.py",
        (site.folder / "conf.py").read_text() + 'suppress_warnings = ["docker_run.recording-missing"]\n',
    )
    site.write("index.md", HEAD + block("--rm busybox echo one"))
    build(site)
    assert results(site)["findings"] == []
    assert outcomes(site) == ["not-run"]


def test_a_step_is_replayed_only_if_its_output_is_shown(site: Site, engine: FakeEngine) -> None:
    one, two = block("--rm busybox echo one"), block("--rm busybox echo two")
    site.write("index.md", HEAD + one + block("--rm no-such-image true") + two)
    site.build(engine=engine)
    build(site)  # shows the failed run
    assert outcomes(site) == ["replayed", "not-run", "not-run"]
    site.write("index.md", HEAD + one + two + block("--no-such-flag busybox true"))
    site.build(engine=engine)
    build(site)
    assert outcomes(site) == ["not-run", "not-run"]
    site.write("index.md", HEAD + one)
    site.build(engine=engine)
    recording = site.recording("index")
    recording.write_text(recording.read_text().replace("recording 2", "recording 9", 1))
    build(site)
    assert outcomes(site) == ["not-run"]


def test_hostile_text_is_text(site: Site, engine: FakeEngine) -> None:
    written = "]]> <x> & \\x1b \x08 \x0b \x7f \x85 \u202e \ufffe ok"
    site.write("index.md", HEAD + block(f"--rm busybox echo '{written}'", ":match: no-such-text ]]> <y>"))
    build(site, engine)
    (case,) = junit(site).iter("testcase")
    name = case.get("name", "")
    assert "]]> <x> & \\x1b" in name
    assert name.isprintable()
    (told,) = junit(site).iter("failure")
    assert "no-such-text ]]> <y>" in (told.text or "")
    assert "]]> <x>" in results(site)["pages"][0]["steps"][0]["commands"][0]
    assert (site.folder / FILES["json"]).read_bytes().isascii()


@pytest.mark.skipif(os.name != "posix", reason="a name that is no text")
def test_halves_of_surrogate_pairs_are_shown_as_escapes(site: Site, engine: FakeEngine) -> None:
    engine_said = "an engine said \udcff\ud800"

    class Broken(FakeEngine):
        def prepare(self, sessions: object) -> None:
            pass

        def session(self, session: object) -> AbstractContextManager[FakeSession]:  # noqa: ARG002
            raise EngineProblem(engine_said)

    site.write("index.md", HEAD + block("--rm busybox echo one"))
    build(site, Broken())
    (told,) = junit(site).iter("error")
    assert "an engine said \\udcff\\ud800" in (told.text or "")
    assert any("\\udcff\\ud800" in each["message"] for each in results(site)["findings"])


def test_a_build_that_is_interrupted_leaves_no_file_of_an_earlier_one(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one"))
    build(site, engine)
    assert junit(site) is not None

    class Interrupting(FakeEngine):
        def sweep(self) -> str:
            raise KeyboardInterrupt

    site.write("index.md", HEAD + block("--rm busybox echo two"))
    with pytest.raises(KeyboardInterrupt):
        build(site, Interrupting())
    assert not (site.folder / FILES["junit"]).exists()
    assert not (site.folder / FILES["json"]).exists()


@pytest.mark.parametrize("builder", ["html", "docker-check"])
def test_a_file_that_can_not_be_written_is_a_warning(site: Site, engine: FakeEngine, builder: str) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one"))
    site.build(engine=engine)
    result = site.build(builder, engine=engine, junit="conf.py/junit.xml", json=FILES["json"])
    (warning,) = result.warnings
    assert "junit.xml: the results can't be written" in warning
    assert warning.endswith("[docker_run.report-unsaved]")
    assert result.status == (1 if builder == "docker-check" else 0)
    assert result.tally.endswith("s")
    assert "1 failed" in result.tally
    (finding,) = results(site)["findings"]
    assert finding["type"] == "docker_run.report-unsaved"


def test_a_name_that_no_file_can_have_is_a_warning(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one"))
    (warning,) = site.build(engine=engine, junit="a\0b.xml").warnings
    assert "the results can't be written" in warning


def test_the_warning_of_a_file_can_be_silenced(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one"))
    site.build(engine=engine)
    conf = (site.folder / "conf.py").read_text(encoding="utf-8")
    site.write("conf.py", conf + 'suppress_warnings = ["docker_run.report-unsaved"]\n')
    result = site.build("docker-check", engine=engine, junit="conf.py/junit.xml")
    assert (result.warnings, result.status) == ([], 0)
    assert "0 failed" in result.tally


def test_without_a_setting_there_is_no_file(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one"))
    before = {path.name for path in site.folder.iterdir()}
    site.build(engine=engine)
    assert {path.name for path in site.folder.iterdir()} - before == {"recordings"}


def running(result: Result) -> list[str]:
    return [line for line in result.log.splitlines() if ": running" in line]


def test_it_is_said_why_a_page_is_run(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one") + block("--rm busybox echo two"))
    first = site.build(engine=engine)
    assert running(first) == ["docker-run: index: running (there is no recording of it)"]
    assert running(site.build(engine=engine)) == []
    site.write("index.md", HEAD + block("--rm busybox echo one") + block("--rm busybox echo three"))
    assert running(site.build(engine=engine)) == [
        "docker-run: index: running (changed since it was recorded: the command on line 6)"
    ]
    assert running(site.build(engine=engine, mode="always")) == [
        "docker-run: index: running (everything was asked for)"
    ]
    (line,) = running(site.build(engine=engine, terminal=(100, 30)))
    assert line.endswith(
        "(changed since it was recorded: the size of its terminals (80x24 before, 100x30 now))"
    )
    site.forget()
    assert running(site.build(engine=engine, terminal=(100, 30))) == [
        "docker-run: index: running (this engine has not run it in its current form)"
    ]
