"""What a build remembers of itself when it ends; with an engine made up by the test."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import MagicMock

import pytest
import requests

from docker_run.engine.cleanup.build_directory import BuildDirectories
from docker_run.engine.direct.page_network import PageNetworks
from docker_run.engine.host import Host
from docker_run.engine.registry.server import RegistryServer


@pytest.fixture
def directories(tmp_path: Path) -> BuildDirectories:
    return BuildDirectories(tmp_path / "builds")


@pytest.fixture
def clients() -> MagicMock:
    """Give what returns a client of an engine that does all it is asked for."""
    clients = MagicMock()
    api = clients.return_value.api
    api.info.return_value = {"ID": "an engine"}
    api.inspect_network.return_value = {"Driver": "bridge"}
    return clients


@pytest.fixture
def host(clients: MagicMock, directories: BuildDirectories) -> Host:
    return Host("unix:///engine", clients=clients, timeout=1, max_output=1, directories=directories)


def test_a_build_that_leaves_nothing_has_no_folder(host: Host, directories: BuildDirectories) -> None:
    networks = PageNetworks(host)
    networks.take()
    networks.close()
    RegistryServer("a container", "10.0.0.2", network="a network").close(host)
    host.close()
    assert directories.dead() == frozenset()


@pytest.mark.parametrize("request_", ["remove_network", "remove_container", "remove_volume"])
def test_what_an_engine_does_not_remove_at_the_end_the_next_build_finds(
    request_: str, host: Host, clients: MagicMock, directories: BuildDirectories
) -> None:
    networks = PageNetworks(host)
    networks.take()
    getattr(clients.return_value.api, request_).side_effect = requests.ConnectionError("it is gone")
    networks.close()
    RegistryServer("a container", "10.0.0.2").close(host)
    host.close()
    assert directories.dead() == {host.owner.build}
    assert directories.has_dead(["unix:///engine"])
