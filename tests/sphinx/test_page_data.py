"""What is kept of each page, from worker to worker and from build to build; and what only one build knows."""

from __future__ import annotations

import pickle
from dataclasses import MISSING, fields
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sphinx.testing.util import SphinxTestApp

from docker_run.model import Place, TerminalSize
from docker_run.sphinx_ext.domain import DockerRunDomain
from docker_run.sphinx_ext.front_matter import PagePlace
from docker_run.sphinx_ext.page_data import KnownKeys, PageData, Steps
from fake_engine import FakeEngine, use_fake_engine
from lab_sessions import step

if TYPE_CHECKING:
    from conftest import Site

EVERYTHING = """# One

It said {docker-value}`word`.

```{docker-run} --rm busybox echo one
:name: first
:capture: word = .+
```

```{docker-index}
docker run: runs
```
"""
WRONG = "---\ndocker_run_lab: nowhere\n---\n\n# Wrong\n\n```{docker-run} --rm busybox true\n```\n"


def kept(site: Site) -> dict[str, PageData]:
    """Return what the last build has left of each page."""
    env = pickle.loads((site.folder.parent / "build" / "doctrees" / "environment.pickle").read_bytes())  # noqa: S301 (our own)
    found: dict[str, PageData] = env.domaindata["docker-run"]["pages"]
    return found


def default(name: str) -> object:
    (field,) = (each for each in fields(PageData) if each.name == name)
    return field.default if field.default is not MISSING else field.default_factory()  # type: ignore[misc]


def test_parallel_readers_give_what_one_reader_gives(site: Site, engine: FakeEngine) -> None:
    names = ["one", "wrong", *(f"p{number}" for number in range(8))]
    site.write("index.md", "# Index\n\n```{toctree}\n" + "\n".join(names) + "\n```\n")
    site.write("one.md", EVERYTHING)
    site.write("wrong.md", WRONG)
    for name in names[2:]:
        site.write(f"{name}.md", f"# P\n\n```{{docker-run}} --rm busybox echo {name}\n```\n")
    site.build(engine=engine)
    one = kept(site)
    assert sorted(one) == sorted([*names, "index"])
    # Each kind of data is there, so that this test is about it.
    for field in fields(PageData):
        assert any(getattr(page, field.name) != default(field.name) for page in one.values()), field.name
    site.forget()
    site.build(engine=engine, parallel=4)
    assert kept(site) == one


def test_nothing_stays_of_a_page_that_is_gone_or_has_nothing_any_more(site: Site, engine: FakeEngine) -> None:
    site.write("index.md", "# Index\n\n```{toctree}\none\ntwo\n```\n")
    site.write("one.md", EVERYTHING)
    site.write("two.md", EVERYTHING.replace("first", "second"))
    site.build(engine=engine)
    site.build(engine=engine)
    site.write("one.md", "# One\n")
    (site.folder / "two.md").unlink()
    site.write("index.md", "# Index\n\n```{toctree}\none\n```\n")
    site.build(engine=engine)
    pages = kept(site)
    assert sorted(pages) == ["index", "one"]
    assert pages["one"] == PageData(place=pages["index"].place)


def test_two_applications_of_one_process_know_each_their_own(
    site: Site, engine: FakeEngine, tmp_path: Path
) -> None:
    site.write("index.md", "# One\n\n```{docker-run} --rm busybox echo one\n```\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / "conf.py").write_bytes((site.folder / "conf.py").read_bytes())
    (other / "index.md").write_text("# Two\n\n```{docker-run} --rm busybox echo two\n```\n")
    apps = [
        SphinxTestApp(srcdir=folder, builddir=tmp_path / f"{folder.name}-build", status=StringIO())
        for folder in (site.folder, other)
    ]
    try:
        for app in apps:
            use_fake_engine(app, engine)
            app.build()
        one, two = (DockerRunDomain.of(app.env).build for app in apps)
        assert one is not two
        assert [build.sessions["index"].steps[0].commands[0].text for build in (one, two)] == [
            "docker run --rm busybox echo one",
            "docker run --rm busybox echo two",
        ]
        assert all(build.page_states["index"].right for build in (one, two))
        # What is shown of the first is still its own, after the second was built.
        assert one.shown.page("index").commands(0) == ["docker run --rm busybox echo one"]
    finally:
        for app in reversed(apps):
            app.cleanup()


def test_a_second_build_of_an_application_knows_nothing_of_the_first(site: Site, engine: FakeEngine) -> None:
    page = "# Page\n\n```{docker-run} --rm busybox echo WORD\n```\n"
    site.write("index.md", page.replace("WORD", "one"))
    app = SphinxTestApp(srcdir=site.folder, builddir=site.folder.parent / "build", status=StringIO())
    try:
        use_fake_engine(app, engine)
        app.build()
        before = DockerRunDomain.of(app.env).build
        site.write("index.md", page.replace("WORD", "two"))
        app.build()
        after = DockerRunDomain.of(app.env).build
        assert after is not before
        assert "two" in (Path(app.outdir) / "index.html").read_text(encoding="utf-8")
        assert after.tally is not None
        assert after.tally.commands_run == 1
    finally:
        app.cleanup()


@pytest.mark.parametrize("field", [field.name for field in fields(PageData)])
def test_what_is_kept_of_a_page_is_its_own(field: str) -> None:
    one, two = PageData(), PageData()
    value = getattr(one, field)
    assert value is not getattr(two, field) or value in (None, False)


def test_steps_are_unpacked_when_one_is_asked_for() -> None:
    steps = Steps([step("docker run busybox true"), step("docker run busybox false")])
    again = pickle.loads(pickle.dumps(steps))  # noqa: S301 (our own)
    assert len(again) == 2
    # Packed once more without having been looked at, and then looked at.
    again = pickle.loads(pickle.dumps(again))  # noqa: S301 (our own)
    assert again[1] == steps[1]
    assert (list(again), hash(again)) == (list(steps), hash(steps))
    assert again == steps
    again.append(step("docker run busybox echo"))
    assert len(again) == 3
    assert pickle.loads(pickle.dumps(again)) == again  # noqa: S301 (our own)


def test_two_threads_may_unpack_the_same_steps() -> None:
    class Raced(bytes):
        """Pickled steps that another thread unpacks just after this one has seen them."""

        def __bool__(self) -> bool:
            if not overtaken:
                overtaken.append(True)
                list(steps)
            return True

    overtaken: list[bool] = []
    expected = [step("docker run busybox true")]
    steps = pickle.loads(pickle.dumps(Steps(expected)))  # noqa: S301 (our own)
    vars(steps)["_packed"] = Raced(vars(steps)["_packed"])
    assert list(steps) == expected
    assert overtaken


def test_steps_of_pages_that_have_not_changed_are_not_looked_at(
    site: Site, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write("index.md", "# Page\n\n```{docker-run} --rm busybox echo one\n:name: first\n```\n")
    site.build(engine=engine)
    site.forget()
    site.build(engine=engine)  # what it finds of the recording is kept
    looked: list[Steps] = []
    iterate = Steps.__iter__
    monkeypatch.setattr(Steps, "__iter__", lambda self: looked.append(self) or iterate(self))
    monkeypatch.setattr(Steps, "__getitem__", lambda self, index: looked.append(self) or list(self)[index])
    site.build(mode="replay")
    assert not looked
    site.recording("index").write_text(site.recording("index").read_text().replace("one\n", "two\n"))
    site.build(mode="replay")
    assert looked


def test_keys_are_made_again_when_they_are_made_of_something_else() -> None:
    page = PageData(PagePlace())
    page.note_step(step("docker run busybox true"))
    known: dict[str, KnownKeys] = {}

    def keys(place: Place = Place(), size: TerminalSize = TerminalSize(), **contexts: str) -> tuple[str, ...]:
        return page.session("page", place=place, terminal=size, contexts=contexts, known=known).keys

    first = keys()
    assert keys() is first
    others = [
        keys(Place("lab")),
        keys(Place(definition="other")),
        keys(size=TerminalSize(90, 24)),
        keys(**{"busybox:latest": "other"}),
    ]
    assert len({first, *others}) == 5
    assert keys() == first
