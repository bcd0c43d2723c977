"""How a check runs a page as it was recorded, and what it says where it can't."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest

from contract import session, step
from docker_run.catalogue.recorded_images import recorded_images
from docker_run.engine.labs.mirrors import Mirror, Mirrors
from docker_run.model import Environment, Image, Recording, Session, StepRecording, TerminalSize
from docker_run.workflow.reproduction import LEFT_OUT, Deviations, reproducing
from docker_run.workflow.run import run_session

ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")
PULLED = Image("busybox", "sha256:0", "pulled", ONE)
BUILT = Image("busybox", "sha256:0", "built from docs/images/busybox", TWO)


def recording(asked: Session, *steps: StepRecording, images: tuple[Image, ...] = ()) -> Recording:
    somewhere = Environment("Engine", "System", "x86_64")
    return Recording(asked.page, "direct", TerminalSize(), "2026-11-23T00:00:00Z", somewhere, images, steps)


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (PULLED, "busybox:latest"),
        (replace(PULLED, name="docker.io/library/busybox:1"), "busybox:1"),
        (replace(BUILT, digest=""), "busybox:latest"),
        (replace(PULLED, name=f"busybox@{ONE}"), ""),
        (replace(PULLED, origin="found on the engine"), ""),
        # What somebody may have written into a recording.
        (replace(PULLED, digest=""), ""),
        (replace(PULLED, digest=f"{ONE} --all"), ""),
        (replace(PULLED, digest="latest"), ""),
        (replace(PULLED, name="../etc"), ""),
        (replace(PULLED, name="--privileged"), ""),
        (replace(BUILT, origin="built from"), ""),
    ],
)
def test_which_images_of_a_recording_can_be_had_again(image: Image, name: str) -> None:
    assert recorded_images([image]) == ({name: image} if name else {})


def test_optional_steps_that_were_not_run_are_left_out() -> None:
    optional = replace(step("ubuntu"), optional=True)
    asked = session(optional, optional, step("busybox true"), optional)
    keys = asked.keys
    now = reproducing(
        asked,
        recording(
            asked,
            StepRecording(keys[0], not_run="there was none"),
            StepRecording(keys[1]),
            StepRecording(keys[2], not_run="its page has changed its mind"),
            StepRecording("another key", not_run="there was none"),
            images=(PULLED,),
        ),
    )
    assert now.left_out == {0}
    assert now.reproduces == (PULLED,)
    assert reproducing(asked, None) == asked


def test_a_step_that_is_left_out_is_not_run() -> None:
    ran = []

    class Running:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def environment(self) -> Environment:
            return Environment("Engine", "System", "x86_64")

        def images(self) -> tuple[Image, ...]:
            return ()

        def run(self, asked: object) -> tuple[()]:
            ran.append(asked)
            raise AssertionError

    clock = SimpleNamespace(monotonic=float, now=lambda: SimpleNamespace(strftime=str))
    runners = SimpleNamespace(session=lambda _: Running(), progress=None)
    asked = replace(session(replace(step("ubuntu"), optional=True)), left_out=frozenset({0}))
    outcome = run_session(asked, runners=cast("Any", runners), clock=cast("Any", clock))
    assert outcome.problem is None
    assert outcome.recording
    assert outcome.recording.steps == (StepRecording(asked.keys[0], not_run=LEFT_OUT),)
    assert not ran


def test_an_image_that_could_not_be_had_is_told_once_at_the_first_page_that_names_it() -> None:
    found = Deviations()
    other = Image("busybox", "sha256:0", "built from docs/images/busybox", TWO, deviation="no network")
    for page in ("c", "a", "b", "d", "e", "f", "g"):
        asked = session(
            replace(step("debian true"), location=SimpleNamespace(line=3)),  # type: ignore[arg-type]
            replace(step("busybox true"), location=SimpleNamespace(line=7)),  # type: ignore[arg-type]
            page=page,
        )
        asked = replace(asked, reproduces=(PULLED,))
        found.note(asked, recording(asked, images=(other,)))
        found.note(asked, recording(asked, images=(PULLED, Image("debian", "", "pulled", TWO))))
        found.note(asked, None)
    ((page, finding),) = found.findings()
    assert page == "a"
    assert finding.location
    assert finding.location.line == 7
    assert finding.message == (
        f"this page was recorded with the image `busybox` pulled ({ONE}), which isn't available now: no "
        "network. The check took one built from docs/images/busybox: what is printed differently here and on "
        "b, c, d, e and 2 more may come from that"
    )


class Started:
    """A mirror that only counts."""

    mirror = "http://mirror"

    def __init__(self) -> None:
        self.calls: list[str] = []

    def start(self) -> None:
        self.calls.append("start")

    def stock(self) -> None:
        self.calls.append("stock")

    def close(self) -> None:
        self.calls.append("close")


def test_labs_have_as_many_registries_as_recordings_need() -> None:
    made: list[tuple[dict[str, Image], Started]] = []

    def make(images: Any) -> Mirror:  # noqa: ANN401 (a mapping)
        made.append((images, Started()))
        return cast("Mirror", made[-1][1])

    def page(*images: Image) -> Session:
        return replace(session(step("busybox true")), reproduces=images)

    debian = Image("debian", "", "pulled", TWO)
    with ThreadPoolExecutor() as pool:
        mirrors = Mirrors(make, pool)
        pages = [page(), page(PULLED), page(debian), page(BUILT, debian), page(replace(BUILT, digest=ONE))]
        mirrors.prepare(pages)
        assert [sorted(images) for images, _ in made] == [["busybox:latest", "debian:latest"]] * 2
        of = [mirrors.of(each) for each in pages]
        assert of[0] is of[1] is of[2]
        assert of[3] is of[4]
        assert of[1].images["busybox:latest"] == PULLED
        assert of[3].images["busybox:latest"].origin == BUILT.origin
        mirrors.prepare(pages)
        assert len(made) == 2
        for running in of:
            assert running.url.result() == "http://mirror"
            running.stocked.result()
        mirrors.close()
    assert [started.calls for _, started in made] == [["start", "stock", "close"]] * 2


def test_an_ordinary_build_has_one_registry() -> None:
    made = []

    def make(images: Any) -> Mirror:  # noqa: ANN401 (a mapping)
        made.append(images)
        return cast("Mirror", Started())

    with ThreadPoolExecutor() as pool:
        mirrors = Mirrors(make, pool)
        mirrors.prepare([session(step("busybox true"))] * 3)
        mirrors.prepare([session(step("debian true"))])
    assert made == [{}]
