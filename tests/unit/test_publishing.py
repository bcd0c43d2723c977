"""What publishes the site: files for Read the Docs and GitHub, which nothing here runs."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docker_run.catalogue.build_context import base_arguments, find_entry
from docker_run.catalogue.dockerfile import copy_sources, instructions

PROJECT = Path(__file__).parents[2]
READ_THE_DOCS = PROJECT / ".readthedocs.yaml"
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
DOCKERFILE = PROJECT / "docs" / "publish" / "Dockerfile"

needs_make = pytest.mark.skipif(not shutil.which("make"), reason="no make")


def load(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    # In YAML 1.1, `on` is a truth value.
    return {"on" if key is True else key: value for key, value in content.items()}


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in load(path)["jobs"].values():
        yield from job["steps"]


def words(command: str) -> list[str]:
    return shlex.split(command, comments=True)


def dry_run(*arguments: str) -> str:
    # These tests may themselves be run by a `make`, whose options are not to count.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "-n", *arguments], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.replace("\\\n", " ")


def test_there_are_two_workflows() -> None:
    assert [path.name for path in WORKFLOWS] == ["check.yml", "pages.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_what_workflows_make_can_be_made(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    made = [
        target
        for step in steps(path)
        for target in re.findall(r"\bmake ([a-z]+)", step.get("run", "").replace("mkdir", ""))
    ]
    assert made
    assert set(made) <= targets


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_official_and_of_one_commit(path: Path) -> None:
    """A tag can be moved to other code; the tag stands behind the commit, for people and for Dependabot."""
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    text = path.read_text(encoding="utf-8")
    for action in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action), action
        assert re.search(rf"uses: {action}  # v\d+\.\d+\.\d+$", text, re.MULTILINE), action


def test_every_requirement_has_a_version_and_hashes() -> None:
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    wanted = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert wanted
    for line in wanted:
        assert re.match(r"[\w.-]+==\S+ ", line), line
        assert "--hash=sha256:" in line, line
    asked = (PROJECT / "requirements.in").read_text(encoding="utf-8").splitlines()
    for line in asked:
        if line and not line.startswith("#"):
            assert any(have.lower().startswith(f"{line.lower().replace('_', '-')} ") for have in wanted), line


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_step_does_one_thing(path: Path) -> None:
    for step in steps(path):
        assert ("run" in step) != ("uses" in step), step


def test_only_the_job_that_publishes_may_write() -> None:
    pages = load(PROJECT / ".github" / "workflows" / "pages.yml")
    assert pages["permissions"] == {}
    assert pages["jobs"]["build"]["permissions"] == {"contents": "read", "pages": "read"}
    assert pages["jobs"]["deploy"]["permissions"] == {"pages": "write", "id-token": "write"}
    (deploy,) = pages["jobs"]["deploy"]["steps"]
    assert deploy["uses"].startswith("actions/deploy-pages@")


def test_pages_of_strangers_meet_machines_that_are_thrown_away_and_a_token_that_reads() -> None:
    path = PROJECT / ".github" / "workflows" / "check.yml"
    check = load(path)
    assert check["permissions"] == {"contents": "read"}
    assert set(check["on"]) == {"pull_request", "schedule", "workflow_dispatch"}
    assert "${{ secrets" not in path.read_text(encoding="utf-8")
    for job in check["jobs"].values():
        assert job["runs-on"] == "ubuntu-latest"
        assert "permissions" not in job


def test_the_files_that_are_kept_are_those_that_are_written() -> None:
    job = load(PROJECT / ".github" / "workflows" / "check.yml")["jobs"]["recordings"]
    (run,) = [step for step in job["steps"] if "make check" in step.get("run", "")]
    (upload,) = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert run["shell"] == "bash"
    assert upload["if"] == "${{ !cancelled() }}"
    log, junit, results = upload["with"]["path"].split()
    assert f"| tee {log}" in run["run"]
    # From the folder of conf.py, which is where `make` is run.
    assert f"docker_run_junit={junit}" in run["run"]
    assert f"docker_run_json={results}" in run["run"]
    assert (PROJECT / "conf.py").is_file()


@needs_make
def test_what_github_pages_shows_is_what_is_built() -> None:
    job = load(PROJECT / ".github" / "workflows" / "pages.yml")["jobs"]["build"]
    (upload,) = [step for step in job["steps"] if "upload-pages-artifact" in step.get("uses", "")]
    (run,) = [step for step in job["steps"] if "run" in step]
    assert run["run"] == 'ENGINE=none make html SPHINXOPTS="-W --keep-going"'
    assert run["env"]["SITE_URL"].endswith("/")
    source, out = re.findall(r"sphinx-build -M html (\S+) (\S+)", dry_run("html"))[0]
    assert (PROJECT / source / "index.md").is_file()
    assert upload["with"]["path"] == f"{out}/html"


def test_read_the_docs_builds_the_course_from_its_recordings() -> None:
    content = load(READ_THE_DOCS)
    assert content["version"] == 2
    (command,) = content["build"]["jobs"]["build"]["html"]
    given = words(command)
    assert given[:3] == ["python", "-m", "sphinx"]
    assert {"-W", "docker_run_mode=replay"} <= set(given)
    assert given[given.index("-c") + 1] == "."
    source, out = given[-2:]
    assert (PROJECT / source / "index.md").is_file()
    assert out == "$READTHEDOCS_OUTPUT/html"


def test_read_the_docs_finds_its_files() -> None:
    content = load(READ_THE_DOCS)
    assert (PROJECT / content["sphinx"]["configuration"]).is_file()
    requirements, extension = content["python"]["install"]
    assert (PROJECT / requirements["requirements"]).is_file()
    assert extension["method"] == "pip"
    assert (PROJECT / extension["path"] / "pyproject.toml").is_file()


@pytest.mark.parametrize(
    ("environment", "address", "prefix"),
    [
        ({}, "", "/"),
        ({"SITE_URL": "https://o.example/course/"}, "https://o.example/course/", "/course/"),
        ({"READTHEDOCS_CANONICAL_URL": "https://c.example/en/1/"}, "https://c.example/en/1/", "/en/1/"),
    ],
)
def test_the_site_knows_its_address(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], address: str, prefix: str
) -> None:
    for name in ("SITE_URL", "READTHEDOCS_CANONICAL_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.path", [*sys.path])
    settings = runpy.run_path(str(PROJECT / "conf.py"))
    assert settings["html_baseurl"] == address
    assert settings["notfound_urls_prefix"] == prefix


def test_the_image_begins_from_one_of_the_catalogue_and_copies_what_there_is() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    bases = list(base_arguments(text))
    assert bases == [("BASE", "nginx")]
    assert find_entry(PROJECT / "docs" / "images", "nginx")
    files = [source for instruction in instructions(text) for source in copy_sources(instruction)]
    assert files == ["docs/publish/nginx.conf", "build/html"]
    assert (PROJECT / files[0]).is_file()
    kept = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{name}" for name in files} <= set(kept)


@needs_make
def test_making_the_image_makes_the_site_first() -> None:
    commands = dry_run("image", "ENGINE=unix:///run/x.sock", "OUTPUT=site.tar")
    html, build = commands.index("sphinx-build -M html docs build"), commands.index("-m docker_run build")
    assert html < build
    given = words(commands[build:])
    assert given[:3] == ["-m", "docker_run", "build"]
    options = dict(zip(given[3:-1:2], given[4:-1:2], strict=True))
    assert options == {
        "--engine": "unix:///run/x.sock",
        "--catalogue": "docs/images",
        "--file": str(DOCKERFILE.relative_to(PROJECT)),
        "--tag": "containers-course",
        "--output": "site.tar",
    }
    assert given[-1] == "."
