"""Pages that run on labs: what front matter says, what a console body shows, files, other kinds of labs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from fake_engine import FakeEngine

if TYPE_CHECKING:
    from conftest import Site

CONSOLE = """# Page

```{docker-run}
$ echo one
$ echo two
```
"""
LAB = "---\ndocker_run_lab: lab\n---\n\n"


def block(*lines: str, name: str = "docker-run", argument: str = "") -> str:
    return "\n".join([f"```{{{name}}} {argument}".rstrip(), *lines, "```", ""])


def seen(html: str) -> str:
    """Return the text of a page of HTML."""
    return re.sub(r"<[^>]*>", "", html).replace("&gt;", ">").replace("&lt;", "<").replace("&#39;", "'")


def test_an_image_that_the_page_has_may_be_called_like_a_command(site: Site) -> None:
    front = "---\ndocker_run_lab: lab\ndocker_run_images: [exec]\n---\n\n# Page\n\n"
    built = block("$ docker build -q -t stack .") + "\n" + block("$ docker image tag stack:latest init")
    lines = "".join(f"\n{block(argument=f'--rm {name} true')}" for name in ("exec", "stack", "init"))

    def misread() -> list[str]:
        warnings = site.build(mode="replay").warnings
        return [warning.partition(", ")[0] for warning in warnings if "docker_run.syntax" in warning]

    site.write("index.md", front + built + lines)
    assert misread() == []
    site.write("index.md", front + lines + "\n" + built)
    assert misread() == [
        "index.md:12: WARNING: `stack` is a command of the CLI",
        "index.md:15: WARNING: `init` is a command of the CLI",
    ]


# Which pages run on a lab.


def test_a_page_on_a_lab_shows_several_commands(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", CONSOLE)
    result = site.build(engine=engine, lab="lab")
    assert result.warnings == []
    assert engine.commands == ["echo one", "echo two"]
    assert "$ echo one\none\n$ echo two\ntwo\n" in seen(result.text("index.html"))
    assert "place: lab" in site.recording("index").read_text()
    assert result.tally.startswith("docker-run: 1 page, 2 commands run")
    again = site.build(engine=engine, lab="lab")
    assert "0 commands run, 2 shown from recordings" in again.tally


MARKDOWN = "---\n{}\n---\n\n# Page\n\n```{{docker-run}}\n$ hostname\n```\n"
RST = ":orphan:\n:{}\n\nPage\n====\n\n.. docker-run::\n\n   $ hostname\n"
PAGES = [("index.md", MARKDOWN), ("index.rst", RST)]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("default", [None, "lab", "web"])
def test_a_page_names_its_kind_of_lab(
    site: Site, engine: FakeEngine, page: tuple[str, str], default: str | None
) -> None:
    name, text = page
    site.write("labs/web/Dockerfile", "FROM debian\n")
    site.write(name, text.format("docker_run_lab: web"))
    result = site.build(engine=engine, lab=default, labs={"web": "labs/web"})
    assert result.warnings == []
    assert "place: web" in site.recording("index").read_text()


@pytest.mark.parametrize("word", ["none", "None", "null", "false", "FALSE"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_directly_if_it_says_so(
    site: Site, engine: FakeEngine, page: tuple[str, str], word: str
) -> None:
    name, text = page
    text = text.replace("docker-run}}", "docker-run}} --rm busybox echo hi").replace("\n$ hostname", "")
    text = text.replace("docker-run::", "docker-run:: --rm busybox echo hi").replace("   $ hostname\n", "")
    site.write(name, text.format(f"docker_run_lab: {word}"))
    assert site.build(engine=engine, lab="lab").warnings == []
    assert "place: direct" in site.recording("index").read_text()


@pytest.mark.parametrize(("name", "text"), PAGES)
def test_a_kind_that_there_is_not(site: Site, engine: FakeEngine, name: str, text: str) -> None:
    value = ":docker-value:`x`" if name == "index.rst" else "{docker-value}`x`"
    site.write(name, f"{text.format('docker_run_lab: laab')}\n{value}\n")
    for _ in range(2):
        (warning,) = site.build(engine=engine).warnings
        assert warning.startswith(
            f"{name}:2: WARNING: `docker_run_lab`: there is no kind of lab or runner called `laab`"
        )
        assert "did you mean `lab`?" in warning
        assert warning.endswith("[docker_run.option]")
    assert engine.commands == []


def test_other_front_matter_does_not_disturb(site: Site, engine: FakeEngine) -> None:
    top = "---\ntitle: T\nauthor: A\nmyst:\n  html_meta:\n    description: D\ndocker_run_lab: lab\n---\n\n"
    site.write("index.md", top + CONSOLE)
    result = site.build(engine=engine)
    assert result.warnings == []
    assert "two" in result.printed("index.html")


@pytest.mark.filterwarnings("ignore:'sphinx.environment.BuildEnvironment.app'")  # MyST's `include`
def test_reparsed_pages_and_pages_in_pages_know_their_place(site: Site, engine: FakeEngine) -> None:
    inner = "```{eval-rst}\n.. docker-run::\n\n   $ hostname\n```\n\n```{include} part.txt\n```\n"
    site.write("index.md", LAB + "# Page\n\n::::{note}\n" + inner + "::::\n")
    site.write("part.txt", block("$ echo included"))
    site.write(
        "conf.py", (site.folder / "conf.py").read_text() + 'myst_enable_extensions = ["colon_fence"]\n'
    )
    assert site.build(engine=engine).warnings == []
    assert engine.commands == ["hostname", "echo included"]


def test_a_page_that_changes_its_place_runs_again(site: Site, engine: FakeEngine) -> None:
    text = "# Page\n\n" + block(argument="--rm busybox echo hi")
    site.write("index.md", text)
    site.build(engine=engine)
    site.write("index.md", LAB + text)
    assert "1 command run" in site.build(engine=engine).tally
    assert "place: lab" in site.recording("index").read_text()
    # The default for all pages counts the same.
    site.write("index.md", text)
    assert "1 command run" in site.build(engine=engine).tally
    assert "1 command run" in site.build(engine=engine, lab="lab").tally


# Images from the start.


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("index.md", "docker_run_images: [busybox, 'debian:13']"),
        ("index.md", "docker_run_images: busybox, debian:13"),
        ("index.md", "docker_run_images:\n- busybox\n- debian:13"),
        ("index.rst", "docker_run_images: busybox debian:13"),
        ("index.rst", "docker_run_images: busybox,\n   debian:13"),
    ],
)
def test_images_that_a_page_has_from_the_start(site: Site, engine: FakeEngine, name: str, line: str) -> None:
    site.write(name, dict(PAGES)[name].format(line))
    result = site.build(engine=engine, lab="lab")
    assert result.warnings == []
    recorded = site.recording("index").read_text()
    assert "busybox" in recorded
    assert "debian:13" in recorded
    engine.commands.clear()
    site.write(name, dict(PAGES)[name].format("docker_run_images: busybox"))
    site.build(engine=engine, lab="lab")
    assert engine.commands == ["hostname"]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (("index.md", "docker_run_images: [Busy Box]"), "`Busy Box` is not the name of an image"),
        (("index.md", "docker_run_images: {busybox: 1}"), "is not the name of an image"),
        (("index.md", "docker_run_images: [[busybox]]"), "is not the name of an image"),
        (("index.rst", "docker_run_images: busybox Debian"), "`Debian` is not the name of an image"),
    ],
)
def test_images_that_are_none(site: Site, engine: FakeEngine, page: tuple[str, str], said: str) -> None:
    name, line = page
    site.write(name, dict(PAGES)[name].format(line))
    (warning,) = site.build(engine=engine, lab="lab").warnings
    assert warning.startswith(f"{name}:2: WARNING: `docker_run_images`: ")
    assert said in warning
    assert warning.endswith("[docker_run.option]")
    assert engine.commands == []


def test_fields_of_a_page_that_runs_nothing(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", "---\ndocker_run_termnal: [120, 24]\n---\n\n# Page\n")
    for _ in range(2):
        (warning,) = site.build(engine=engine).warnings
        assert warning.startswith("index.md:2: WARNING: `docker_run_termnal`: ")
        assert "did you mean `docker_run_terminal`?" in warning


def test_images_of_a_page_without_a_lab(site: Site, engine: FakeEngine) -> None:
    text = "---\ndocker_run_images: [busybox]\n---\n\n# Page\n\n" + block(argument="--rm busybox true")
    site.write("index.md", text)
    (warning,) = site.build(engine=engine).warnings
    assert warning.startswith("index.md:2: WARNING: `docker_run_images`: the page runs directly")
    assert engine.commands == []


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("docker_run_labs", "did you mean `docker_run_lab`?"),
        ("docker_run_image", "did you mean `docker_run_images`?"),
        ("docker-run-lab", "did you mean `docker_run_lab`?"),
        ("Docker_Run_Lab", "did you mean `docker_run_lab`?"),
        ("docker_run_timeout", "a setting for all pages, in conf.py"),
        ("docker_run_nonsense", "can have `docker_run_lab`, `docker_run_images` and `docker_run_terminal`"),
    ],
)
def test_fields_that_there_are_not(  # noqa: PLR0917 (fixtures)
    site: Site, engine: FakeEngine, page: tuple[str, str], field: str, said: str
) -> None:
    name, text = page
    site.write(name, text.format(f"{field}: lab"))
    for _ in range(2):
        (warning,) = site.build(engine=engine, lab="lab").warnings
        assert warning.startswith(f"{name}:2: WARNING: `{field}`: ")
        assert said in warning
        assert warning.endswith("[docker_run.option]")
    assert engine.commands == []


# What a block shows.


def test_exit_codes_of_several_commands(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", LAB + "# P\n\n" + block(":exit-code: 0, 1", "", "$ true", "$ false"))
    assert site.build(engine=engine).warnings == []
    site.write("index.md", LAB + "# P\n\n" + block(":exit-code: 1, 0", "", "$ true", "$ false"))
    result = site.build(engine=engine)
    assert [warning.partition(" (")[0] for warning in result.warnings] == [
        "index.md:7: WARNING: `true` ended with exit status 0, expected 1",
        "index.md:7: WARNING: `false` ended with exit status 1, expected 0",
    ]


def test_chosen_lines_are_those_of_each_command(site: Site, engine: FakeEngine) -> None:
    body = [
        ":lines: 2",
        ":emphasize-lines: 3",
        "",
        r"$ sh -c 'exit 0'",
        "$ docker run busybox printf 'a\\nb\\n'",
    ]
    site.write("index.md", LAB + "# P\n\n" + block(*body, *body[-1:]))
    result = site.build(engine=engine)
    shown = seen(result.text("index.html"))
    command = r"$ docker run busybox printf 'a\nb\n'"
    assert f"$ sh -c 'exit 0'\n{command}\n… 1 line left out\nb\n{command}\n… 1 line left out\nb\n" in shown
    assert re.search(r'<span class="hll"><span class="go go-Ellipsis">… 1', result.text("index.html"))


def test_several_commands_are_folded_with_their_output(site: Site, engine: FakeEngine) -> None:
    text = LAB + CONSOLE.replace("$ echo one", ":collapse: Look\n\n$ echo one")
    site.write("index.md", text)
    html = site.build(engine=engine).text("index.html")
    before, _, folded = html.partition("<summary>Look</summary>")
    assert "$ echo one\n$ echo two\n" in seen(before)
    assert "$ echo one\none\n$ echo two\ntwo\n" in seen(folded)
    # What can't be folded is shown once.
    assert site.build("text", engine=engine).text("index.txt").count("$ echo one") == 1
    site.write("index.md", text.replace("echo one", "true").replace("echo two", "true"))
    assert "They print nothing." in site.build(engine=engine).text("index.html")


def test_the_name_of_another_lab_stands_above_its_blocks(site: Site, engine: FakeEngine) -> None:
    body = block("$ hostname") + "\n" + block(":lab: client", ":caption: There", "", "$ hostname")
    file = block(":lab: client", "", "x", name="docker-file", argument="/x")
    site.write("index.md", LAB + "# P\n\n" + body + "\n" + file)
    result = site.build(engine=engine)
    assert result.warnings == []
    html = result.text("index.html")
    label = '<p class="docker-run-lab">On <code class="docutils literal notranslate"><span class="pre">client'
    assert html.count(label) == 2
    assert (
        html.index(">lab\n</span>") < html.index("There") < html.index(label) < html.index(">client\n</span>")
    )
    assert 'On "client"\n' in site.build("text", engine=engine).text("index.txt")
    for builder, output in {"latex": "projectnamenotset.tex", "man": "projectnamenotset.1"}.items():
        assert re.search(r"On .*client", site.build(builder, engine=engine).text(output))


def test_a_command_of_several_lines(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", LAB + "# P\n\n" + block("$ echo one \\", "  two"))
    result = site.build(engine=engine)
    assert "$ echo one \\\n>   two\none two\n" in seen(result.text("index.html"))
    assert "$ echo one \\\n   >   two\n   one two\n" in site.build("text", engine=engine).text("index.txt")


def test_the_report_says_where(site: Site, engine: FakeEngine) -> None:
    report = "\n```{docker-report} page\n```\n"
    site.write("index.md", LAB + CONSOLE + report + "\n```{toctree}\nother\n```\n")
    site.write("other.md", "# Other\n\n" + block(argument="--rm busybox true") + report)
    result = site.build(engine=engine)
    assert re.search(r"Run on\s+a lab\s+Date", seen(result.text("index.html")))
    assert re.search(r"Run on\s+the engine itself\s+Date", seen(result.text("other.html")))


# Files.


def test_a_file_is_put_on_the_lab_and_shown(site: Site, engine: FakeEngine) -> None:
    file = block(
        ":name: recipe", "", "FROM debian", "RUN true", name="docker-file", argument="web/Dockerfile"
    )
    site.write("index.md", LAB + "# P\n\n" + file + "\n{numref}`recipe`\n\n" + block("$ cat web/Dockerfile"))
    result = site.build(engine=engine)
    assert result.warnings == []
    assert result.printed("index.html") == ["FROM debian", "RUN true"]
    html = result.text("index.html")
    assert '<div class="highlight-docker ' in html
    assert re.search(
        r'Listing 1 </span><span class="caption-text"><code[^>]*><span class="pre">web/Dock', html
    )
    assert '<span class="k">FROM</span>' in html
    assert "1 command run" in result.tally
    # It comes from the page: no recording is needed.
    site.recording("index").unlink()
    site.forget()
    result = site.build("text", mode="replay")
    assert "web/Dockerfile" in result.text("index.txt")
    assert "FROM debian\n   RUN true\n" in result.text("index.txt")


@pytest.mark.parametrize("builder", ["latex", "man", "epub", "texinfo", "xml"])
def test_files_in_other_formats(site: Site, engine: FakeEngine, builder: str) -> None:
    options = (":caption: A *recipe*", ":collapse:", ":emphasize-lines: 2", ":class: wide", "")
    site.write(
        "index.md", LAB + "# P\n\n" + block(*options, "int a;", "int b;", name="docker-file", argument="a.c")
    )
    result = site.build(builder, engine=engine)
    assert [warning for warning in result.warnings if "docker" in warning or "node" in warning] == []
    files = {"latex": "projectnamenotset.tex", "man": "projectnamenotset.1", "epub": "index.xhtml"}
    output = result.text(
        files.get(builder) or {"texinfo": "projectnamenotset.texi", "xml": "index.xml"}[builder]
    )
    assert "recipe" in output
    assert re.search(r"\bb\b", output)


def test_how_a_file_looks(site: Site, engine: FakeEngine) -> None:
    options = (":caption: A *recipe*", ":collapse: Look", ":emphasize-lines: 2", ":class: wide", "")
    site.write(
        "index.md",
        LAB
        + "# P\n\n"
        + block(*options, "int a;", "int b;", name="docker-file", argument="a.c")
        + "\n"
        + block(":hidden:", "", "secret", name="docker-file", argument="b.c")
        + "\n"
        + block(":language: yaml", "", "a: 1", name="docker-file", argument="c.c")
        + "\n"
        + block("$ cat b.c"),
    )
    result = site.build(engine=engine)
    assert result.warnings == []
    html = result.text("index.html")
    assert "<summary>Look</summary>" in html
    assert "A <em>recipe</em>" in html
    assert '<span class="hll"><span class="kt">int</span>' in html
    assert "docker-run docker-run-file wide" in html
    assert '<div class="highlight-yaml ' in html
    assert html.count("secret") == 1
    assert result.printed("index.html") == ["secret"]


def test_looks_of_a_file_do_not_run_the_page(site: Site, engine: FakeEngine) -> None:
    file = block("x", name="docker-file", argument="x")
    site.write("index.md", LAB + "# P\n\n" + file + "\n" + block("$ cat x"))
    site.build(engine=engine)
    site.write(
        "index.md", LAB + "# P\n\n" + file.replace("\nx", "\n:caption: C\n\nx") + "\n" + block("$ cat x")
    )
    assert "0 commands run" in site.build(engine=engine).tally
    site.write("index.md", LAB + "# P\n\n" + file.replace("\nx", "\ny") + "\n" + block("$ cat x"))
    result = site.build(engine=engine)
    assert "1 command run" in result.tally
    assert result.printed("index.html") == ["y"]


def test_a_source_file_is_tracked(site: Site, engine: FakeEngine) -> None:
    site.write("part/hello.c", "int one;\n")
    site.write(
        "part/page.md",
        LAB
        + "# P\n\n"
        + block(":source: hello.c", name="docker-file", argument="/src/h.c")
        + "\n"
        + block("$ cat /src/h.c"),
    )
    site.write("index.md", "# Index\n\n```{toctree}\npart/page\n```\n")
    result = site.build(engine=engine)
    assert result.warnings == []
    assert result.printed("part/page.html") == ["int one;"]
    site.write("part/hello.c", "int two;\n")
    result = site.build(engine=engine)
    assert "1 command run" in result.tally
    assert result.printed("part/page.html") == ["int two;"]
    assert '<span class="n">two</span>' in result.text("part/page.html")


@pytest.mark.parametrize(
    "source", ["../conf.py", "/etc/os-release", "nothing.c", "recordings", ".env", "link.c", ".git/config"]
)
def test_source_files_that_cannot_be_had(site: Site, engine: FakeEngine, source: str) -> None:
    site.write("recordings/README", "")
    site.write(".env", "PASSWORD=hunter2\n")
    site.write(".git/config", "[core]\n")
    (site.folder / "link.c").symlink_to(".env")
    site.write("index.md", LAB + "# P\n\n" + block(f":source: {source}", name="docker-file", argument="/x"))
    result = site.build(engine=engine)
    (warning,) = result.warnings
    assert warning.startswith("index.md:7: WARNING: ")
    assert source in warning
    assert "hunter2" not in warning + result.text("index.html")
    assert warning.endswith("[docker_run.option]")


@pytest.mark.parametrize(
    "text",
    [
        block("$ echo hi"),
        block("x", name="docker-file", argument="/x"),
        block(":lab: client", argument="busybox"),
    ],
)
def test_what_needs_a_lab_is_a_problem_without_one(site: Site, engine: FakeEngine, text: str) -> None:
    site.write("index.md", "# P\n\n" + text)
    for _ in range(2):
        (warning,) = site.build(engine=engine).warnings
        assert warning.startswith("index.md:3: WARNING: ")
        assert re.search(r"\[docker_run\.(syntax|option|body)\]$", warning)
    assert engine.commands == []


# The machines.


def test_a_lab_that_dies(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", LAB + "# P\n\n" + block("$ poweroff") + "\n```{toctree}\nother\n```\n")
    site.write("other.md", LAB + CONSOLE)
    for _ in range(2):
        result = site.build(engine=engine)
        (warning,) = result.warnings
        assert warning.startswith("index.md:7: WARNING: the lab `lab` ended while `poweroff` ran")
        assert warning.endswith("[docker_run.lab]")
        assert "two" in result.printed("other.html")


def test_another_dockerfile_of_a_lab_runs_its_pages_again(site: Site, engine: FakeEngine) -> None:
    settings = {"lab": "lab", "labs": {"web": "labs/web"}}
    site.write("labs/web/Dockerfile", "FROM debian\n")
    site.write("index.md", "---\ndocker_run_lab: web\n---\n\n" + CONSOLE + "\n```{toctree}\nother\n```\n")
    site.write("other.md", CONSOLE)
    assert site.build(engine=engine, **settings).warnings == []
    site.write("labs/web/Dockerfile", "FROM debian:13\n")
    # Also where no page is read again, and the page is written again.
    result = site.build(mode="replay", **settings)
    (warning,) = result.warnings
    assert warning.startswith("index.md:7: WARNING: ")
    assert warning.endswith("[docker_run.recording-stale]")
    assert "Not run in this build" in result.text("index.html")
    assert "Not run in this build" not in result.text("other.html")
    engine.commands.clear()
    result = site.build(engine=engine, **settings)
    assert result.warnings == []
    assert engine.commands == ["echo one", "echo two"]
    assert result.printed("index.html") == ["one", "two"]


def test_workers_that_read_know_the_places(site: Site, engine: FakeEngine) -> None:
    names = [f"p{number}" for number in range(12)]
    site.write("labs/web/Dockerfile", "FROM debian\n")
    site.write("index.md", "# Index\n\n```{toctree}\n" + "\n".join(names) + "\n```\n")
    for number, name in enumerate(names):
        top = f"---\ndocker_run_lab: {['lab', 'web', 'none'][number % 3]}\n---\n\n"
        file = block(name, name="docker-file", argument="/x") if number % 3 < 2 else ""
        site.write(f"{name}.md", f"{top}# P\n\n{file}\n" + block(argument=f"--rm busybox echo {name}"))
    trees = []
    for parallel in (0, 2):
        result = site.build(engine=engine, parallel=parallel, labs={"web": "labs/web"})
        assert result.warnings == []
        places = [site.recording(name).read_text().partition("\nplace: ")[2].split()[0] for name in names]
        assert places == ["lab", "web", "direct"] * 4
        trees.append({name: result.text(f"{name}.html") for name in names})
        site.forget()
    assert trees[0] == trees[1]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "lab",
            "laab",
            "there is no kind of lab or runner called `laab`: did you mean `lab`?",
        ),
        ("lab", 3, "should be None or the name of a kind of lab or runner"),
        ("labs", ["x"], "should be a dictionary: the name of each kind of lab, and its directory"),
        (
            "labs",
            {"Web": "x"},
            "names of lower-case letters, digits and `-` ('Web' is not one)",
        ),
        (
            "labs",
            {"direct": "x"},
            "without 'direct', which already has a meaning",
        ),
        (
            "labs",
            {"lab": "x"},
            "without 'lab', which already has a meaning",
        ),
        ("labs", {"web": "nowhere"}, "['web']: the lab 'web' has no "),
        ("lab_memory", "2 apples", "such as '2g'"),
        ("lab_memory", 0, "such as '2g'"),
        ("lab_pids", 0, "a whole number above zero"),
        ("lab_life", "1h", "a number of seconds above zero"),
        ("lab_devices", ["fuse"], "such as '/dev/fuse', or of 'all' ('fuse' is not one)"),
        ("lab_capabilities", ["CAP_SYS_TIME"], "such as 'SYS_TIME' ('CAP_SYS_TIME' is not one)"),
    ],
)
def test_bad_values_of_conf_py(site: Site, name: str, value: object, said: str) -> None:
    site.write("index.md", "# P\n")
    site.write("conf.py", f'extensions = ["myst_parser", "docker_run"]\n\ndocker_run_{name} = {value!r}\n')
    (warning,) = site.build().warnings
    assert warning.startswith(f"conf.py:3: WARNING: docker_run_{name}")
    assert said in warning
    assert warning.endswith("[docker_run.config]")


def test_a_kind_without_a_dockerfile_is_not_run(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", CONSOLE)
    result = site.build(mode="replay", lab="web", labs={"web": "nowhere"})
    assert ["docker_run.config" in each or "recording-missing" in each for each in result.warnings] == [
        True,
        True,
    ]


def test_with_a_default_kind_that_there_is_not_no_page_runs_elsewhere(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", "# P\n\n" + block(argument="--rm busybox true"))
    warning, missing = site.build(engine=engine, lab="laab").warnings
    assert warning.endswith("[docker_run.config]")
    assert missing.endswith("[docker_run.recording-missing]")
    assert engine.calls == []


MYST_BODY = """\
---
docker_run_lab: lab
---
# Page

```{docker-run}
$ echo one
```

```{docker-run}
:exit-code: 0
:match: .

$ echo one
$ echo two
<Entr>
```
"""
RST_BODY = """\
:docker_run_lab: lab

Page
====

.. docker-run::
   :match: .

   $ echo one

   <Entr>
"""


@pytest.mark.parametrize(("name", "text"), [("index.md", MYST_BODY), ("index.rst", RST_BODY)])
def test_a_problem_is_at_its_own_line(site: Site, engine: FakeEngine, name: str, text: str) -> None:
    site.write(name, text)
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "<Entr>" in each)
    (warning,) = site.build(engine=engine).warnings
    assert warning.startswith(f"{name}:{line}: WARNING: line"), warning
