"""What a container of a page gets besides what its line asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from contract import step
from docker_run.engine.direct.confinement import Confinement, SupportedLimits, needs_default_network
from docker_run.model import DirectLimits

NETWORK = "docker-run-0123456789abcdef"
LIMITS = DirectLimits(memory=1000, pids=10, shm_size=100)
GIVEN = {"Memory": 1000, "MemorySwap": 1000, "PidsLimit": 10, "ShmSize": 100, "NetworkMode": NETWORK}


def confined(
    host: Mapping[str, Any],
    supported: SupportedLimits = SupportedLimits(),  # noqa: B008 - a constant
    **body: object,
) -> dict[str, Any]:
    return Confinement(LIMITS, supported, lambda: NETWORK).confined({"HostConfig": host, **body})


def test_a_line_that_says_nothing_gets_all() -> None:
    assert confined({})["HostConfig"] == GIVEN
    assert confined({"Memory": 0, "PidsLimit": None, "ShmSize": 0, "NetworkMode": "default"}) == {
        "HostConfig": GIVEN
    }


@pytest.mark.parametrize(
    ("host", "instead"),
    [
        ({"Memory": 5}, {"MemorySwap": None}),
        ({"MemorySwap": 5}, {"Memory": None}),
        ({"MemoryReservation": 5000}, {"Memory": None, "MemorySwap": None}),
        ({"PidsLimit": 3}, {}),
        ({"PidsLimit": -1}, {}),
        ({"ShmSize": 7}, {}),
        ({"IpcMode": "host"}, {"ShmSize": None}),
        ({"IpcMode": "container:x"}, {"ShmSize": None}),
        ({"IpcMode": "shareable"}, {}),
        ({"NetworkMode": "bridge"}, {}),
        ({"NetworkMode": "host"}, {}),
        ({"NetworkMode": "none"}, {}),
        ({"NetworkMode": "container:x"}, {}),
        ({"NetworkMode": "x-mine"}, {}),
    ],
)
def test_the_line_wins(host: dict[str, Any], instead: dict[str, Any]) -> None:
    expected = GIVEN | host | instead
    assert confined(host)["HostConfig"] == {
        key: value for key, value in expected.items() if value is not None
    }


def test_what_an_engine_cannot_limit_is_not_asked_for() -> None:
    """It would warn of it, and the reader wonder of what."""
    nothing = SupportedLimits.of({"MemoryLimit": False, "SwapLimit": False})
    assert confined({}, nothing)["HostConfig"] == {"ShmSize": 100, "NetworkMode": NETWORK}
    no_swap = SupportedLimits.of({"MemoryLimit": True, "SwapLimit": False, "PidsLimit": True})
    assert confined({}, no_swap)["HostConfig"] == GIVEN | {"MemorySwap": -1}


def test_a_hardware_address_goes_along() -> None:
    settings = {"MacAddress": "02:42:ac:11:00:99"}
    body = confined({}, NetworkingConfig={"EndpointsConfig": {"default": settings}})
    assert body["NetworkingConfig"] == {"EndpointsConfig": {NETWORK: settings}}


@pytest.mark.parametrize("settings", [{"IPAMConfig": {"IPv4Address": "10.0.0.1"}}, {"Aliases": ["web"]}])
def test_what_the_default_network_refuses_is_refused_there(settings: dict[str, Any]) -> None:
    body = confined({}, NetworkingConfig={"EndpointsConfig": {"default": settings}})
    assert "NetworkMode" not in body["HostConfig"]
    assert body["NetworkingConfig"] == {"EndpointsConfig": {"default": settings}}


def test_a_network_is_taken_once_and_only_when_needed() -> None:
    taken: list[str] = []

    def take() -> str:
        taken.append(NETWORK)
        return NETWORK

    confinement = Confinement(LIMITS, SupportedLimits(), take)
    confinement.confined({"HostConfig": {"NetworkMode": "none"}})
    assert (taken, confinement.network) == ([], "")
    for _ in range(2):
        confinement.confined({})
    assert (taken, confinement.network) == ([NETWORK], NETWORK)
    assert confinement.as_written(f"endpoint x on network {NETWORK}") == "endpoint x on network bridge"


def test_an_engine_without_the_usual_network() -> None:
    confinement = Confinement(LIMITS, SupportedLimits(), lambda: "")
    assert "NetworkMode" not in confinement.confined({})["HostConfig"]
    assert confinement.as_written("text") == "text"


@pytest.mark.parametrize(
    ("line", "needs"),
    [
        ("--link db busybox", True),
        ("--link=db:sql busybox", True),
        ("--dns 10.0.0.2 busybox", True),
        ("--dns-search example.com busybox", True),
        ("--network-alias x --network y busybox", False),
        ("--link-local-ip 169.254.1.1 busybox", False),
        ("busybox echo no--link", False),
    ],
)
def test_pages_that_need_the_default_network(line: str, needs: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert needs_default_network([step("busybox true"), step(line)]) is needs
