"""The progress of a pull, names of images, and what an engine's refusal means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_run.catalogue.reference import REFERENCE, advice
from docker_run.engine.images.pull import PullStatus, Refusal, refusal


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('Get "https://r/v2/": dial tcp: lookup r on 10.0.0.1:53: no such host', Refusal.UNREACHABLE),
        (
            'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
            Refusal.UNREACHABLE,
        ),
        ('Get "https://r/v2/": net/http: request canceled while waiting for connection', Refusal.UNREACHABLE),
        ("toomanyrequests: You have reached your pull rate limit.", Refusal.LIMITED),
        ("unexpected status from GET request to https://r/v2/a: 429 Too Many Requests", Refusal.LIMITED),
        ("manifest for a:429 not found: manifest unknown: manifest unknown", Refusal.NOT_FOUND),
        ("proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: connection refused", Refusal.UNREACHABLE),
        ('Get "https://r/v2/": Proxy Authentication Required', Refusal.UNREACHABLE),
        ('Get "https://r/v2/": unauthorized: incorrect username or password', Refusal.CREDENTIALS),
        ("manifest for busybox:nope not found: manifest unknown: manifest unknown", Refusal.NOT_FOUND),
        ('failed to resolve reference "r.io/a:2": r.io/a:2: not found', Refusal.NOT_FOUND),
        ('failed to resolve reference "r.io/a:2": failed to do request: not found', Refusal.UNREACHABLE),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", Refusal.PLATFORM),
        ("no match for platform in manifest: not found", Refusal.PLATFORM),
        (
            "pull access denied for nope, repository does not exist: denied: requested access is denied",
            Refusal.DENIED,
        ),
        ("unauthorized: authentication required", Refusal.DENIED),
    ],
)
def test_refusals(message: str, expected: Refusal) -> None:
    assert refusal(message) is expected


def test_progress_is_the_sum_of_the_layers() -> None:
    status = PullStatus()

    def download(layer: str, current: int, total: int) -> str:
        detail = {"current": current, "total": total}
        return status.add({"id": layer, "status": "Downloading", "progressDetail": detail})

    assert status.add({"id": "latest", "status": "Pulling from library/busybox"}) == "pulling"
    assert download("a", 1_000_000, 3_000_000) == "pulling 1.0 of 3.0 MB"
    assert download("b", 500_000, 1_000_000) == "pulling 1.5 of 4.0 MB"
    assert status.add({"id": "a", "status": "Download complete"}) == "pulling 3.5 of 4.0 MB"
    assert status.add({"id": "b", "status": "Download complete"}) == "unpacking"
    assert status.add({"status": "Digest: sha256:00"}) == "unpacking"


WORD = st.from_regex(r"[a-z0-9]+((\.|_|__|-)[a-z0-9]+)*", fullmatch=True)


@given(
    path=st.lists(WORD, min_size=1, max_size=3),
    tag=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True),
)
def test_names_of_images_are_taken_apart(path: list[str], tag: str) -> None:
    repository = "/".join(path)
    found = REFERENCE.fullmatch(f"{repository}:{tag}")
    assert found
    assert (found["repository"], found["tag"]) == (repository, tag)


@pytest.mark.parametrize(
    "name", ["localhost:5000/a/b", "r.example:1/x@sha256:" + "0" * 64, "[::1]:5000/a", "sha256:" + "a" * 64]
)
def test_names_with_a_registry_or_a_digest(name: str) -> None:
    assert REFERENCE.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["", "Busybox", "a b", "../etc", "a//b", "a:", ":x", "a/../b", "-a", "a@sha256:12", "a\n"]
)
def test_what_is_no_name_of_an_image(name: str) -> None:
    assert not REFERENCE.fullmatch(name)


def test_a_dash_of_a_word_processor_is_told() -> None:
    for dash in "\u2010\u2013\u2014":
        assert (
            advice(f"{dash}rm")
            == f"flags begin with `-`, and this begins with another dash, `{dash}`: type it again"
        )
    for name in ("", "Busybox", "-a", "a:"):
        assert advice(name).startswith("write REPOSITORY[:TAG]")
