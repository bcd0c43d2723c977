"""Pages directly on an engine: each has a network to itself, and limits where its lines set none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

import docker
import pytest

from contract import session, step, text
from docker_run.engine.cleanup import labels
from docker_run.engine.engine import DockerEngine
from docker_run.model import Stream

pytestmark = pytest.mark.engine

SERVER = "-d --name web busybox sh -c 'echo secret > /index.html; exec httpd -f -p 80'"


def address_of(client: docker.DockerClient, container: str) -> str:
    networks = client.api.inspect_container(container)["NetworkSettings"]["Networks"]
    return str(next(iter(networks.values()))["IPAddress"])


def networks_of(engine: DockerEngine, client: docker.DockerClient) -> list[str]:
    build = engine._host.owner.build  # noqa: SLF001 - what is the build's
    return [one.name for one in client.networks.list(filters={"label": f"{labels.BUILD}={build}"})]


@pytest.fixture
def stranger(client: docker.DockerClient, busybox: str) -> Iterator[str]:
    """Give the address of a container of the engine's user, which serves a page."""
    command = ["sh", "-c", "echo secret > /index.html; exec httpd -f -p 80"]
    container = client.containers.run(busybox, command, detach=True)
    yield address_of(client, container.id)
    container.remove(force=True)


def fetch(address: str) -> str:
    return f"--rm busybox wget -T 3 -q -O - http://{address}/"


def test_a_page_sees_its_own_containers_and_no_others(
    engine: DockerEngine, client: docker.DockerClient, stranger: str
) -> None:
    serve = step(SERVER)
    with (
        engine.session(session(serve, page="one")) as one,
        engine.session(session(serve, page="other")) as other,
    ):
        addresses = []
        for page in (one, other):
            (started,) = page.run(serve)
            addresses.append(address_of(client, text(started, Stream.OUT).strip()))
        for page, own, foreign in ((one, *addresses), (other, *reversed(addresses))):
            (seen,) = page.run(step(fetch(own)))
            assert text(seen, Stream.OUT) == "secret\n"
            for address in (stranger, foreign):
                (refused,) = page.run(step(fetch(address)))
                assert (refused.exit_code != 0, text(refused, Stream.OUT)) == (True, "")


def test_names_do_not_resolve_as_on_the_default_network(engine: DockerEngine) -> None:
    serve, look = step(SERVER), step("--rm busybox nslookup web")
    with engine.session(session(serve, look)) as page:
        page.run(serve)
        (looked,) = page.run(look)
    assert looked.exit_code != 0
    assert "Address: 1" not in text(looked, Stream.OUT).partition("\n\n")[2]


def test_a_page_with_links_is_on_the_default_network(
    engine: DockerEngine, client: docker.DockerClient
) -> None:
    serve, look = step(SERVER), step("--rm --link web:site busybox sh -c 'env; cat /etc/hosts'")
    with engine.session(session(serve, look)) as page:
        page.run(serve)
        (looked,) = page.run(look)
        assert networks_of(engine, client) == []
    assert re.search(r"^SITE_NAME=/\w+/site$", text(looked, Stream.OUT), re.MULTILINE)
    assert re.search(r"\tsite ", text(looked, Stream.OUT))


def test_a_network_serves_one_page_after_the_other_and_goes_with_the_build(
    engine: DockerEngine, client: docker.DockerClient
) -> None:
    asked = step("--rm busybox true")
    with closing(engine):
        for _ in range(3):
            with engine.session(session(asked)) as page:
                page.run(asked)
        assert len(networks_of(engine, client)) == 1
        with engine.session(session(asked)) as one, engine.session(session(asked)) as other:
            one.run(asked)
            other.run(asked)
        assert len(networks_of(engine, client)) == 2
        nothing = step("--rm --network none busybox true")
        with engine.session(session(nothing)) as page:
            page.run(nothing)
        assert len(networks_of(engine, client)) == 2
    assert networks_of(engine, client) == []


def test_limits_hold_where_the_line_sets_none(engine: DockerEngine, client: docker.DockerClient) -> None:
    plain, set_by_line = (
        step("-d busybox sleep 60"),
        step("-d -m 32m --pids-limit 7 --shm-size 1m busybox sleep 60"),
    )
    with engine.session(session(plain, set_by_line)) as page:
        inspected = [
            client.api.inspect_container(text(page.run(asked)[0], Stream.OUT).strip())["HostConfig"]
            for asked in (plain, set_by_line)
        ]
    held = [(host["Memory"], host["PidsLimit"], host["ShmSize"]) for host in inspected]
    mib = 1024**2
    assert held == [(2048 * mib, 4096, 64 * mib), (32 * mib, 7, mib)]
