"""Each thing that can be wrong is one warning, with its place and its subtype, on every build."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docker_run.errors import EngineProblem
from docker_run.model import Location, Session
from docker_run.sphinx_ext.config.config_settings import Settings
from docker_run.sphinx_ext.page_data import PageData
from fake_engine import FakeEngine, FakeSession
from work import grows_linearly, instructions

if TYPE_CHECKING:
    from conftest import Site

HEAD = "# Page\n\nText.\n\n"
LINE = 5


def block(argument: str, *lines: str) -> str:
    return "\n".join([f"```{{docker-run}} {argument}", *lines, "```", ""])


CASES = {
    "syntax: quote": (block("--rm busybox echo 'oops"), "syntax"),
    "syntax: pipe": (block("--rm busybox ls | wc"), "syntax"),
    "syntax: nothing": (block(""), "syntax"),
    "another command of the CLI": (block("exec web ls"), "syntax"),
    "a plugin of the CLI": (block("compose up"), "syntax"),
    "an option of the CLI itself": (block("--context far ps"), "syntax"),
    "docker run twice": (block("docker run --rm busybox true"), "syntax"),
    "no braces": (block("--rm busybox true").replace("{docker-run}", "docker-run"), "syntax"),
    "unknown flag": (block("--nmae x busybox"), "flag"),
    "missing image": (block("--rm"), "flag"),
    "flag without value": (block("--name"), "flag"),
    "refused flag": (block("--privileged busybox"), "refused"),
    "missing file": (block("--env-file nothing.env busybox env"), "flag"),
    "file elsewhere": (block("--env-file ../conf.py busybox env"), "refused"),
    "file anywhere": (block("--env-file /etc/os-release busybox env"), "refused"),
    "file behind links in a circle": (block("--env-file circle busybox env"), "flag"),
    "number of thousands of digits": (block(f"--cpus {'9' * 5000} busybox true"), "flag"),
    "file that is a directory": (block("--env-file recordings busybox env"), "flag"),
    "file that is a pipe": (block("--env-file pipe busybox env"), "flag"),
    "file that is too large": (block("--label-file huge busybox env"), "flag"),
    "hidden file": (block("--env-file .env busybox env"), "refused"),
    "file in a hidden directory": (block("--label-file .git/config busybox env"), "refused"),
    "link to a hidden file": (block("--env-file link.env busybox env"), "refused"),
    "link that leads out": (block("--env-file out.env busybox env"), "refused"),
    "picture": (block("--env-file icon.png busybox env"), "flag"),
    "unknown option": (block("--rm busybox true", ":mach: y"), "option"),
    "option that stands twice": (block("--rm busybox true", ":match: x", ":match: y"), "option"),
    "bad option": (block("--rm busybox true", ":exit-code: many"), "option"),
    "body of a detached run": (block("-d busybox", "ls"), "body"),
    "options below an empty line": (block("busybox true", "", ":match: x"), "body"),
    "body without -i": (block("busybox cat", "ls"), "body"),
    "mistyped key": (block("-it busybox", "<C-pp>"), "syntax"),
    "status": (block("--rm busybox false"), "exit-code"),
    "no such command": (block("--rm busybox nothing-like-it"), "exit-code"),
    "match": (block("--rm busybox echo one", ":match: two"), "match"),
    "slow match": (block(f"--rm busybox echo {'a' * 50}b", ":match: (a|a)*$"), "pattern"),
    "slow capture": (block(f"--rm busybox echo {'a' * 50}b", ":capture: n = (a|a)*$"), "pattern"),
    "capture": (block("--rm busybox echo one", ":capture: n = (two)"), "capture"),
    "image": (block("--rm nothing-like-it true"), "image"),
    "timeout": (block("--rm busybox sleep 100"), "timeout"),
    "too much output": (block("--rm busybox yes"), "output-limit"),
    "not UTF-8": (block(r"--rm busybox printf 'a\xff'"), "output-encoding"),
    "NUL": (block(r"--rm busybox printf 'a\x00b'"), "output-encoding"),
}


def odd_files(folder: Path) -> None:
    """Put files into the site that no page should show."""
    (folder / "circle").symlink_to("circle")
    (folder / ".git").mkdir()
    for name in (".env", ".git/config", "../secrets.env"):
        (folder / name).write_text("PASSWORD=hunter2\n")
    (folder / "link.env").symlink_to(".env")
    (folder / "out.env").symlink_to("../secrets.env")
    (folder / "icon.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    with (folder / "huge").open("wb") as file:
        file.truncate(1 << 40)
    os.mkfifo(folder / "pipe")


@pytest.mark.parametrize("case", CASES)
def test_place_and_subtype_on_every_build(site: Site, engine: FakeEngine, case: str) -> None:
    text, subtype = CASES[case]
    site.write("index.md", HEAD + text)
    site.write("recordings/README", "")
    odd_files(site.folder)
    for _ in range(2):
        (warning,) = site.build(engine=engine).warnings
        assert warning.startswith(f"index.md:{LINE}: WARNING: ")
        assert warning.endswith(f"[docker_run.{subtype}]")
        assert "hunter2" not in warning


@pytest.mark.parametrize("case", CASES)
def test_the_other_pages_go_on(site: Site, engine: FakeEngine, case: str) -> None:
    site.write("index.md", HEAD + CASES[case][0] + "\n```{toctree}\nother\n```\n")
    site.write("other.md", HEAD + block("--rm busybox echo fine"))
    assert "fine" in site.build(engine=engine).text("other.html")
    assert site.recording("other").exists()


@pytest.mark.parametrize("case", ["timeout", "too much output", "image", "unknown flag", "syntax: pipe"])
def test_what_did_not_finish_is_not_recorded(site: Site, engine: FakeEngine, case: str) -> None:
    site.write("index.md", HEAD + CASES[case][0])
    site.build(engine=engine)
    assert not site.recording("index").exists()


@pytest.mark.parametrize("case", ["timeout", "unknown flag"])
def test_a_recording_survives_a_bad_edit(site: Site, engine: FakeEngine, case: str) -> None:
    good = HEAD + block("--rm busybox echo one")
    site.write("index.md", good)
    site.build(engine=engine)
    before = site.recording("index").read_bytes()
    site.write("index.md", good + "\n" + CASES[case][0])
    result = site.build(engine=engine)
    assert len(result.warnings) == 1
    assert site.recording("index").read_bytes() == before
    assert result.printed("index.html") == ["one"]


def test_a_recording_that_breaks_an_expectation_is_found_without_an_engine(
    site: Site, engine: FakeEngine
) -> None:
    site.write("index.md", HEAD + block("--rm busybox false", ":exit-code: 1"))
    site.build(engine=engine)
    site.write("index.md", HEAD + block("--rm busybox false"))
    site.forget()
    (warning,) = site.build(mode="replay").warnings
    assert warning.startswith(
        f"index.md:{LINE}: WARNING: `docker run --rm busybox false` ended with exit status 1"
    )


def test_an_expected_failure_is_none(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox false", ":exit-code: 1"))
    assert site.build(engine=engine).warnings == []
    site.write("index.md", HEAD + block("--rm busybox false", ":exit-code: any"))
    assert site.build(engine=engine).warnings == []


def test_an_image_of_the_catalogue_may_be_called_like_a_command(site: Site, engine: FakeEngine) -> None:
    site.write("images/exec/Dockerfile", "FROM scratch\n")
    site.write("index.md", HEAD + block("--rm exec true", ":optional:"))
    assert site.build(engine=engine, images="images").warnings == []
    site.write("index.md", HEAD + block("--rm build true", ":optional:"))
    (warning,) = site.build(engine=engine, images="images").warnings
    assert warning.startswith(f"index.md:{LINE}: WARNING: `build` is a command of the CLI, not an image")


def test_a_file_of_another_kind_is_named_with_its_line(site: Site, engine: FakeEngine) -> None:
    site.write("script", "#!/bin/sh\nexport PASSWORD=hunter2\n")
    site.write("index.md", HEAD + block("--env-file script busybox env"))
    result = site.build(engine=engine)
    (warning,) = result.warnings
    assert warning == (
        f"index.md:{LINE}: WARNING: invalid env file (script): the name on line 2 contains whitespaces. "
        "No shell reads the file: leave out `export`, and write plain NAME=value lines [docker_run.flag]"
    )
    assert "hunter2" not in result.text("index.html")


def test_a_file_beside_the_page_may_be_a_link_to_another(site: Site, engine: FakeEngine) -> None:
    site.write("settings/web.env", "COLOUR=red\n")
    (site.folder / "web.env").symlink_to("settings/web.env")
    site.write("index.md", HEAD + block("--rm --env-file web.env busybox echo one"))
    assert site.build(engine=engine).warnings == []
    site.write("settings/web.env", "COLOUR=blue\n")
    assert "1 command run" in site.build(engine=engine).tally


@pytest.mark.parametrize("name", ["out.env", "link.env", "circle", "huge", "icon.png", "gone.env"])
def test_a_file_in_place_of_a_refused_one_is_taken(site: Site, engine: FakeEngine, name: str) -> None:
    odd_files(site.folder)
    site.write("index.md", HEAD + block(f"--rm --env-file {name} busybox echo one"))
    assert len(site.build(engine=engine).warnings) == 1
    (site.folder / name).unlink(missing_ok=True)
    site.write(name, "COLOUR=red\n")
    result = site.build(engine=engine)
    assert result.warnings == []
    assert "1 command run" in result.tally


def test_a_site_may_be_in_a_hidden_folder(site: Site, tmp_path: Path, engine: FakeEngine) -> None:
    (tmp_path / ".cache").mkdir()
    hidden = type(site)(tmp_path / ".cache" / "site")
    hidden.write("web.env", "COLOUR=red\n")
    hidden.write("index.md", HEAD + block("--rm --env-file web.env busybox echo one"))
    assert hidden.build(engine=engine).warnings == []


def test_missing_recordings(site: Site) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one") + block("--rm busybox echo two"))
    result = site.build()
    (warning,) = result.warnings
    assert warning.startswith(
        f"index.md:{LINE}: WARNING: there is no recording of this command and 1 after it"
    )
    assert warning.endswith("[docker_run.recording-missing]")
    html = result.text("index.html")
    assert "Not run in this build" in html


def test_stale_recordings(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one") + block("--rm busybox echo two"))
    site.build(engine=engine)
    site.write("index.md", HEAD + block("--rm busybox echo one") + block("--rm busybox echo three"))
    result = site.build()
    (warning,) = result.warnings
    assert warning.startswith("index.md:7: WARNING: ")
    assert warning.endswith("[docker_run.recording-stale]")
    assert result.printed("index.html") == ["one"]


def test_another_build_context_makes_the_pages_stale_that_name_its_image(
    site: Site, engine: FakeEngine
) -> None:
    site.write("images/busybox/Dockerfile", "FROM scratch\n")
    site.write("images/other/Dockerfile", "FROM scratch\n")
    site.write("index.md", HEAD + block("--rm busybox echo one"))
    assert site.build(engine=engine, images="images").warnings == []
    site.write("images/other/Dockerfile", "FROM scratch\nCMD true\n")
    assert site.build(mode="replay", images="images").warnings == []
    site.write("images/busybox/tools/more", "1")
    (warning,) = site.build(mode="replay", images="images").warnings
    assert warning.endswith("[docker_run.recording-stale]")
    engine.commands.clear()
    assert site.build(engine=engine, images="images").warnings == []
    assert engine.commands == ["docker run --rm busybox echo one"]


def undated(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT\S+", "DATE", text)


@pytest.mark.parametrize(
    ("damage", "subtype"),
    [
        (lambda text: text.replace("seconds", "<<<<<<< HEAD\nseconds", 1), "recording-unreadable"),
        (lambda _text: "\0\1\2", "recording-unreadable"),
        (lambda _text: "", "recording-unreadable"),
        (lambda text: text.replace("recording 2", "recording 99", 1), "recording-newer"),
    ],
)
def test_unreadable_recordings(site: Site, engine: FakeEngine, damage: object, subtype: str) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one"))
    site.build(engine=engine)
    path = site.recording("index")
    text = path.read_text()
    path.write_text(damage(text))  # type: ignore[operator]
    damaged = path.read_bytes()
    first = site.build().warnings
    assert any(each.startswith("recordings/index.txt:") and f"docker_run.{subtype}" in each for each in first)
    assert path.read_bytes() == damaged
    site.build(engine=engine)
    if subtype == "recording-newer":
        assert path.read_bytes() == damaged
    else:
        assert undated(path.read_text()) == undated(text)
        assert site.build(engine=engine).warnings == []


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_a_recording_that_is_no_file(site: Site, engine: FakeEngine, make: Callable[[Path], None]) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one") + "\n```{toctree}\nother\n```\n")
    site.write("other.md", HEAD + block("--rm busybox echo fine"))
    path = site.recording("index")
    path.parent.mkdir()
    make(path)
    for _ in range(2):
        result = site.build(engine=engine)
        assert any("docker_run.recording-un" in warning for warning in result.warnings)
        assert "fine" in result.text("other.html")


def test_orphans(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + "```{toctree}\nother\n```\n")
    site.write("other.md", HEAD + block("--rm busybox true"))
    site.build(engine=engine)
    (site.folder / "other.md").unlink()
    site.write("index.md", HEAD)
    (warning,) = site.build(engine=engine).warnings
    assert warning.startswith("recordings/other.txt:1: WARNING: ")
    assert warning.endswith("[docker_run.recording-orphan]")
    assert site.recording("other").exists()


def test_texts_of_the_user_are_no_recordings(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + block("--rm busybox true"))
    site.write("requirements.txt", "Sphinx\n")
    result = site.build(engine=engine, recordings=".")
    assert result.warnings == []
    assert (site.folder / "index.txt").exists()


def test_names_of_blocks(site: Site, engine: FakeEngine) -> None:
    site.write(
        "index.md",
        HEAD
        + block("--rm busybox true", ":name: one", ":caption: First")
        + block("--rm busybox true", ":name: one"),
    )
    (warning,) = site.build(engine=engine).warnings
    assert warning.startswith("index.md:9: WARNING: there is a block with the name `one` already, at ")
    assert warning.endswith("[docker_run.duplicate-name]")


@pytest.mark.filterwarnings("ignore:'myst_parser")  # its own affair, with Sphinx 9
def test_links_of_other_kinds_are_none_of_our_business(site: Site, engine: FakeEngine) -> None:
    named = block("--rm busybox true", ":name: one", ":caption: First")
    site.write("index.md", HEAD + "(lab)=\n\n## Sub\n\n[a](lab) [b](#one) [c](other.md)\n\n" + named)
    site.write("other.md", "---\norphan: true\n---\n\n# Other\n\n[d](#one) [e](lab)\n")
    assert site.build(engine=engine).warnings == []


def test_many_names_on_a_page_are_looked_up_in_linear_time() -> None:
    def work(size: int) -> int:
        page = PageData()
        names = [f"block-{number}" for number in range(size)]
        where = Location("page.md", 1)
        return instructions(lambda: [page.note_name(name, where) for name in names])

    assert grows_linearly(work, 100)


def test_names_of_values(site: Site, engine: FakeEngine) -> None:
    one = block("--rm busybox echo 1", ":capture: n = (.)")
    site.write("index.md", HEAD + one + one)
    (warning,) = site.build(engine=engine).warnings
    assert warning.startswith("index.md:8: WARNING: there is a value with the name `n` already")


def test_values_that_nobody_captures(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", HEAD + "There are {docker-value}`many`.\n\n" + block("--rm busybox true"))
    (warning,) = site.build(engine=engine).warnings
    assert warning.startswith(f"index.md:{LINE}: WARNING: no step of this page captures a value `many`")
    assert warning.endswith("[docker_run.value]")


def test_an_engine_that_goes_away(site: Site) -> None:
    site.write("index.md", HEAD + "```{toctree}\nother\n```\n" + block("--rm busybox echo one"))
    site.write("other.md", HEAD + block("--rm busybox echo two"))
    result = site.build(engine=FakeEngine(gone_after=1), jobs=1)
    (warning,) = result.warnings
    assert warning.startswith(f"other.md:{LINE}: WARNING: the engine went away")
    assert warning.endswith("[docker_run.engine]")
    assert "one" in result.text("index.html")


def test_an_engine_that_goes_away_before_the_first_command(site: Site) -> None:
    class Gone(FakeEngine):
        """Answers when it is opened, and never again."""

        def sweep(self) -> str:
            raise EngineProblem("it can't be swept")

        @contextmanager
        def session(self, session: Session) -> Iterator[FakeSession]:
            raise EngineProblem("it is gone")
            yield FakeSession(self, session)

    site.write("index.md", HEAD + block("--rm busybox echo one"))
    # What could not be swept belongs to no page, and is told as what it is.
    swept, gone = site.build(engine=Gone()).warnings
    assert swept == "WARNING: it can't be swept [docker_run.engine]"
    assert gone.startswith(f"index.md:{LINE}: WARNING: it is gone")
    assert gone.endswith("[docker_run.engine]")


@pytest.mark.parametrize("arguments", [{"mode": "always"}, {"builder": "docker-check"}])
def test_no_engine_is_an_error_where_everything_must_run(
    site: Site, engine: FakeEngine, arguments: dict[str, str]
) -> None:
    site.write("index.md", HEAD + block("--rm busybox true"))
    site.build(engine=engine)
    result = site.build(**arguments)
    (error,) = result.warnings
    assert error.startswith("ERROR: docker-run: everything should be run, but there is no engine: ")
    assert "\n" not in error
    assert result.status != 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "sometimes"),
        ("jobs", 0),
        ("jobs", "many"),
        ("timeout", -1),
        ("max_output", 1.5),
        ("terminal", (80,)),
        ("allow", "publish"),
        ("allow", ["--publish"]),
        ("allow", ["publish-al"]),
        ("volatile", ["("]),
        ("engine", ""),
        ("private_engine", "yes"),
        ("recordings", None),
        ("images", 3),
        ("images", ["busybox"]),
        ("images_from", "Hub"),
        ("images_from", None),
    ],
)
def test_bad_values_of_conf_py(site: Site, name: str, value: object) -> None:
    site.write("index.md", HEAD)
    site.write("conf.py", f'extensions = ["myst_parser", "docker_run"]\n\ndocker_run_{name} = {value!r}\n')
    (warning,) = site.build().warnings
    assert warning.startswith(f"conf.py:3: WARNING: docker_run_{name} = {value!r}: should be ")
    assert warning.endswith("[docker_run.config]")


BAD = {
    "engine": "unix:/var/run/docker.sock",
    "private_engine": "yes",
    "mode": "Replay",
    "jobs": "1",
    "timeout": "5 s",
    "max_output": "1k",
    "fold_lines": 0,
    "footer": "yes",
    "terminal": (80, 0),
    "allow": ["publish-al"],
    "volatile": ["("],
    "recordings": "",
    "images": "nowhere",
    "images_from": "dockerhub",
    "junit": 3,
    "json": "",
    "lab": "laab",
    "labs": {"Web": "labs/web"},
    "memory": "2 apples",
    "pids": 0,
    "shm_size": "-1",
    "lab_memory": "2 apples",
    "lab_pids": 0,
    "lab_life": "1h",
    "lab_devices": ["fuse"],
    "lab_capabilities": ["CAP_SYS_TIME"],
}
"""A wrong value for each setting."""


@pytest.mark.parametrize("name", [setting.name for setting in fields(Settings)])
def test_with_a_wrong_value_nothing_is_run_and_recordings_stay(site: Site, name: str) -> None:
    site.write("index.md", HEAD + block("--rm busybox echo one"))
    site.build(engine=FakeEngine())
    before = site.recording("index").read_bytes()
    site.write("index.md", HEAD + block("--rm busybox echo two"))
    conf = (site.folder / "conf.py").read_text()
    site.write("conf.py", f"{conf}docker_run_{name} = {BAD[name]!r}\n")
    engine = FakeEngine()
    result = site.build(engine=engine)
    assert engine.calls == []
    assert site.recording("index").read_bytes() == before
    assert result.warnings[0].endswith("; nothing is run until it is fixed [docker_run.config]")
    if name != "mode":
        assert f"nothing is run until this is fixed in conf.py: docker_run_{name})" in result.log
        refused = site.build(engine=engine, mode="always")
        assert any(
            warning.startswith("ERROR: ") and f"docker_run_{name}" in warning for warning in refused.warnings
        )
        assert refused.status != 0
    refused = site.build("docker-check", engine=engine)
    assert any(
        warning.startswith("ERROR: ") and f"docker_run_{name}" in warning for warning in refused.warnings
    )
    assert refused.status != 0
    assert engine.calls == []


def test_a_misspelt_name_on_the_command_line_runs_nothing(site: Site) -> None:
    site.write("index.md", HEAD + block("--rm busybox true"))
    engine = FakeEngine()
    result = site.build(engine=engine, mod="replay")
    assert any(
        "docker_run_mod is not a setting: did you mean `docker_run_mode`?" in said for said in result.warnings
    )
    assert engine.calls == []


@pytest.mark.parametrize(
    "line",
    [
        "docker_run_lab: laab",
        "docker_run_lbs: lab",
        "docker_run_images: [Busy Box]",
        "docker_run_images: [busybox]",
        "docker_run_terminal: [0, 24]",
        "docker_run_mode: replay",
        "docker_run_lab: lab\ntitle: [open",
        "docker_run_lab: [lab",
    ],
)
def test_a_page_with_a_wrong_field_is_not_run(site: Site, line: str) -> None:
    site.write("index.md", HEAD + "```{toctree}\nother\n```\n" + block("--rm busybox echo one"))
    site.write("other.md", f"---\n{line}\n---\n" + HEAD + block("--rm busybox echo two"))
    engine = FakeEngine()
    result = site.build(engine=engine)
    assert engine.commands == ["docker run --rm busybox echo one"]
    assert any(each.startswith("other.md:2: WARNING: `docker_run_") for each in result.warnings)


def test_a_catalogue_that_there_is_not(site: Site) -> None:
    site.write("index.md", HEAD)
    site.write("conf.py", 'extensions = ["myst_parser", "docker_run"]\ndocker_run_images = "images"\n')
    (warning,) = site.build().warnings
    assert warning.startswith("conf.py:2: WARNING: docker_run_images = 'images': there is no directory ")
    assert warning.endswith("[docker_run.config]")
    site.write("images/busybox/Dockerfile", "FROM scratch\n")
    assert site.build().warnings == []


def test_a_list_of_images_is_told_where_it_belongs(site: Site) -> None:
    site.write("index.md", HEAD)
    (warning,) = site.build(images=["busybox"]).warnings
    assert "in the page's front matter" in warning


NAMES = """
extensions = ["myst_parser", "docker_run"]
'''
docker_run_in_a_text = 1
'''
# docker_run_in_a_remark = 1
if True:
    docker_run_labb = "lab"
docker_run_pace: int = 3
docker_run_mode = "auto"
def setup(app):
    docker_run_local = 1
"""


def test_settings_that_there_are_not(site: Site) -> None:
    site.write("index.md", HEAD)
    site.write("conf.py", NAMES)
    first, second = sorted(site.build().warnings)
    assert first.startswith(
        "conf.py:8: WARNING: docker_run_labb is not a setting: did you mean `docker_run_lab`?"
    )
    assert first.endswith("[docker_run.config]")
    assert second.startswith("conf.py:9: WARNING: docker_run_pace is not a setting; nothing is run")


def test_settings_of_another_extension(site: Site) -> None:
    site.write("index.md", HEAD)
    conf = 'extensions = ["myst_parser", "docker_run"]\ndocker_run_theme = "x"\n'
    site.write("conf.py", conf + 'def setup(app):\n    app.add_config_value("docker_run_theme", "", "")\n')
    assert site.build().warnings == []
