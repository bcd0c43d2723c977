"""`docker-check` runs everything, writes nothing, and says where the world has drifted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fake_engine import FakeEngine

if TYPE_CHECKING:
    from conftest import Site

PAGE = "# Page\n\n```{docker-run} --rm busybox echo one\n```\n\n```{docker-run} -d busybox sleep 10\n```\n"


def rewrite(site: Site, old: str, new: str) -> Path:
    """Change the recording of the page, as if something else had been printed; return where it is."""
    path = site.recording("index")
    path.write_text(path.read_text().replace(old, new))
    return path


def test_nothing_has_drifted(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", PAGE)
    site.build(engine=engine)
    engine.commands.clear()
    result = site.build("docker-check", engine=engine)
    assert result.warnings == []
    assert result.status == 0
    assert len(engine.commands) == 2
    assert "2 commands run" in result.tally


def test_drift_is_a_diff_at_its_line(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", PAGE)
    site.build(engine=engine)
    path = rewrite(site, "out|one", "out|won")
    before = path.read_bytes()
    result = site.build("docker-check", engine=engine)
    (warning,) = result.warnings
    assert warning.startswith("index.md:3: WARNING: ")
    assert "-out|won\n" in warning
    assert "+out|one" in warning
    assert warning.endswith("[docker_run.drift]")
    assert result.status == 1
    assert path.read_bytes() == before


def test_what_was_never_recorded_is_reported(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", PAGE)
    result = site.build("docker-check", engine=engine)
    assert any("recording-missing" in warning for warning in result.warnings)
    assert result.status == 1
    assert not site.recording("index").exists()


def test_a_command_that_no_longer_finishes_is_reported(site: Site) -> None:
    site.write("index.md", "# Page\n\n```{docker-run} --rm busybox sleep 0.1\n```\n")
    site.build(engine=FakeEngine())
    result = site.build("docker-check", engine=FakeEngine(timeout=0.05))
    assert ["timeout" in warning for warning in result.warnings] == [True]
    assert result.status == 1


@pytest.mark.parametrize("in_workflow", ["true", "false"])
def test_findings_are_annotations_in_a_workflow_on_github(
    site: Site,
    engine: FakeEngine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    in_workflow: str,
) -> None:
    site.write("index.md", PAGE)
    site.build(engine=engine)
    rewrite(site, "out|one", "out|won")
    monkeypatch.setenv("GITHUB_ACTIONS", in_workflow)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(site.folder))
    capsys.readouterr()
    (warning,) = site.build("docker-check", engine=engine).warnings
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::")]
    place = ",".join(
        f"{name}={value}" for name, value in zip(("file", "line"), warning.split(":"), strict=False)
    )
    assert [line.partition(",title=")[0] for line in told] == (
        [f"::error {place}"] if in_workflow == "true" else []
    )


def test_nothing_printed_orders_a_workflow_on_github_about(
    site: Site, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = "::stop-commands::x\\n##[add-mask]e\\n"
    site.write("index.md", f"# P\n\n```{{docker-run}} --rm busybox printf '{orders}'\n:match: no\n```\n")
    plain = "\n".join(site.build(engine=engine).warnings)
    assert re.search(r"^ *::stop-commands::x\n *##\[add-mask\]e", plain, re.MULTILINE)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    warning = "\n".join(site.build("docker-check", engine=engine).warnings)
    assert re.search(r"^ *:\\:stop-commands::x\n *#\\#\[add-mask\]e", warning, re.MULTILINE)


def test_volatile_text_of_the_project_and_of_a_step(site: Site, engine: FakeEngine) -> None:
    text = "# P\n\n```{docker-run} --rm busybox echo blue\n:volatile: b\\w+\n```\n\n"
    text += "```{docker-run} --rm busybox echo big\n```\n"
    site.write("index.md", text)
    site.build(engine=engine)
    path = site.recording("index")
    path.write_text(path.read_text().replace("out|blue", "out|black").replace("out|big", "out|small"))
    assert len(site.build("docker-check", engine=engine).warnings) == 1
    assert site.build("docker-check", engine=engine, volatile=["big|small"]).warnings == []


def test_what_is_suppressed_is_not_counted(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", PAGE)
    site.write(
        "conf.py", (site.folder / "conf.py").read_text() + "suppress_warnings = ['docker_run.drift']\n"
    )
    site.build(engine=engine)
    rewrite(site, "out|one", "out|won")
    result = site.build("docker-check", engine=engine)
    assert result.warnings == []
    assert ", 0 failed" in result.tally
    assert result.status == 0


def test_every_exit_status_is_as_good_as_another(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", "# P\n\n```{docker-run} --rm busybox false\n:exit-code: any\n```\n")
    site.build(engine=engine)
    rewrite(site, "exit: 1", "exit: 7")
    assert site.build("docker-check", engine=engine).warnings == []
    site.write("index.md", "# P\n\n```{docker-run} --rm busybox false\n:exit-code: 1\n```\n")
    assert "drift" in " ".join(site.build("docker-check", engine=engine).warnings)


def test_expectations_are_held_against_what_was_run_now(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", "# P\n\n```{docker-run} --rm busybox echo one\n:match: one\n:volatile: .+\n```\n")
    site.build(engine=engine)
    rewrite(site, "out|one", "out|won")
    assert site.build("docker-check", engine=engine).warnings == []
    assert "[docker_run.match]" in " ".join(site.build().warnings)


def test_what_was_not_run_when_a_page_was_recorded_is_not_run(site: Site, engine: FakeEngine) -> None:
    """It would change what is printed after it; here, whether a name is taken."""
    optional = "```{docker-run} --name it ubuntu true\n:optional:\n```\n\n"
    site.write("index.md", f"# P\n\n{optional}```{{docker-run}} --name it busybox true\n```\n")
    assert site.build(engine=engine).warnings == []
    richer = FakeEngine(images=("busybox", "ubuntu"))
    result = site.build("docker-check", engine=richer)
    assert (result.warnings, result.status) == ([], 0)
    assert richer.commands == ["docker run --name it busybox true"]
    ignored = FakeEngine(images=("busybox", "ubuntu"))
    drifted = site.build("docker-check", engine=ignored, images_from="hub")
    assert "drift" in " ".join(drifted.warnings) or "exit-code" in " ".join(drifted.warnings)
    assert len(ignored.commands) == 2
