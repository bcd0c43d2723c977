"""What a registry's access log tells."""

from __future__ import annotations

import pytest

from docker_run.engine.registry.access_log import ImageRequest, image_requests
from docker_run.engine.registry.registry import repository_tag
from docker_run.engine.registry.storage import RepositoryTag

DIGEST = f"sha256:{'a' * 64}"


def line(
    request: str, *, when: str = "2026-11-24T13:55:48.73", status: int = 200, address: str = "172.17.0.4"
) -> str:
    return (
        f'{when}Z {address} - - [24/Nov/2026:13:55:48 +0000] "{request} HTTP/1.1" {status} 528 "" "docker"\n'
    )


def test_manifests_that_were_there_count_once() -> None:
    log = (
        line("GET /v2/")
        + line("HEAD /v2/library/busybox/manifests/latest")
        + line(f"GET /v2/library/busybox/manifests/{DIGEST}")
        + line(f"GET /v2/library/busybox/blobs/{DIGEST}")
        + line("HEAD /v2/library/debian/manifests/trixie?ns=docker.io")
        + line("HEAD /v2/library/debian/manifests/trixie?ns=docker.io")
        + line("GET /v2/team/sub/tool/manifests/1")
        + line("GET /v2/library/alpine/manifests/latest", status=404)
        + line("PUT /v2/library/mine/manifests/latest", status=201)
        + line("PUT /v2/library/mine/manifests/latest")
        + "not a line of the kind\n"
    )
    assert image_requests(log, "172.17.0.4") == (
        ImageRequest("library/busybox", "latest"),
        ImageRequest("library/busybox", DIGEST),
        ImageRequest("library/debian", "trixie"),
        ImageRequest("team/sub/tool", "1"),
    )


def test_another_lab_is_told_apart_by_its_address() -> None:
    log = line("GET /v2/library/a/manifests/1") + line("GET /v2/library/b/manifests/1", address="172.17.0.40")
    assert image_requests(log, "172.17.0.4") == (ImageRequest("library/a", "1"),)
    assert image_requests(line("GET /v2/library/a/manifests/1", address="[fd00::4]"), "fd00::4")


@pytest.mark.parametrize(
    ("since", "counts"),
    [
        ("2026-11-24T13:55:48Z", True),
        ("2026-11-24T13:55:48.729999999Z", True),
        ("2026-11-24T13:55:48.73Z", True),
        ("2026-11-24T13:55:48.7300001Z", False),
        ("2026-11-24T13:55:48.8Z", False),
        ("2026-11-24T13:55:49Z", False),
    ],
)
def test_another_lab_is_told_apart_by_when_it_had_the_address(since: str, counts: bool) -> None:  # noqa: FBT001
    log = line("GET /v2/library/a/manifests/1")
    assert bool(image_requests(log, "172.17.0.4", since=since)) == counts


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("busybox", RepositoryTag("library/busybox", "latest")),
        ("docker.io/library/debian:trixie", RepositoryTag("library/debian", "trixie")),
        ("team/tool:1", RepositoryTag("team/tool", "1")),
        ("ghcr.io/team/tool", None),
        (f"busybox@{DIGEST}", None),
        ("Not a name", None),
    ],
)
def test_what_an_image_is_called_in_the_registry(name: str, expected: RepositoryTag | None) -> None:
    assert repository_tag(name) == expected


def test_what_a_person_calls_it() -> None:
    names = [
        RepositoryTag("library/busybox", "latest"),
        RepositoryTag("library/debian", "13"),
        RepositoryTag("team/tool", "latest"),
    ]
    assert [each.name for each in names] == ["busybox", "debian:13", "team/tool"]
