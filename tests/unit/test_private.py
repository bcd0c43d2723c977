"""What a private engine finds out about the machine before it starts."""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_run.engine.private import private_engine
from docker_run.engine.private.private_engine import (
    PrivateEngine,
    enable_cgroup_controllers,
    free_pool,
    is_debian,
    lacking_capabilities,
    last_error,
    routes,
    rules,
)
from docker_run.errors import EngineProblem
from docker_run.system.locks import FileLock, is_held

Network = ipaddress.IPv4Network


class Notes:
    def note(self, message: str) -> None: ...
    def image(self, name: str, status: str) -> None: ...
    def command(self, page: str, text: str) -> None: ...


def line(network: Network, interface: str = "eth0") -> str:
    address, mask = (
        f"{int.from_bytes(part.packed, sys.byteorder):08X}"
        for part in (network.network_address, network.netmask)
    )
    return f"{interface}\t{address}\t00000000\t0001\t0\t0\t0\t{mask}\t0\t0\t0\n"


NETWORKS = st.integers(0, 2**32 - 1).flatmap(
    lambda address: st.integers(1, 32).map(lambda bits: Network((address, bits), strict=False))
)


@given(st.lists(NETWORKS))
def test_routes_are_read(networks: list[Network]) -> None:
    table = "Iface\tDestination\tGateway \n" + line(Network("0.0.0.0/0")) + "".join(map(line, networks))
    assert routes(table) == tuple(networks)


@given(st.lists(st.integers(190, 255).map(lambda second: Network(f"10.{second}.0.0/20")), max_size=20))
def test_the_pool_is_free(taken: list[Network]) -> None:
    assert not any(free_pool(taken).overlaps(network) for network in taken)


def test_what_a_crashed_engine_had_counts_as_free() -> None:
    own = free_pool([])
    left = list(own.subnets(new_prefix=24))[128]
    assert free_pool([left], but=own) == own
    assert free_pool([left]) != own


def test_no_pool_is_free() -> None:
    with pytest.raises(EngineProblem, match="in use"):
        free_pool([Network("10.0.0.0/8")])


def test_capabilities() -> None:
    assert lacking_capabilities("Name:\tx\nCapEff:\t000001fffeffffff\n") == ()
    assert lacking_capabilities("CapEff:\t00000000a80425fb\n") == ("CAP_NET_ADMIN", "CAP_SYS_ADMIN")
    assert lacking_capabilities(f"CapEff:\t{1 << 21:016x}\n") == ("CAP_NET_ADMIN",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('NAME="Debian GNU/Linux"\nID=debian\n', True),
        ("ID=ubuntu\nID_LIKE=debian\n", True),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', True),
        ('ID=fedora\nNAME="not debian"\n', False),
    ],
)
def test_debian_and_its_kin(text: str, expected: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    (tmp_path / "os-release").write_text(text)
    assert is_debian(tmp_path / "os-release") is expected
    assert not is_debian(tmp_path / "missing")


def test_only_root_has_a_private_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(EngineProblem, match="not root"):
        PrivateEngine(tmp_path / "data", tmp_path / "run").start(Notes())
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="what comes before needs root")
def test_a_machine_without_docker_that_may_not_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(private_engine, "_check_machine", lambda _: None)
    monkeypatch.setattr(private_engine, "_environment", lambda: {"PATH": str(tmp_path)})
    engine = PrivateEngine(tmp_path / "data", tmp_path / "run", may_install=False)
    with pytest.raises(EngineProblem, match="there is no dockerd"):
        engine.start(Notes())


@pytest.mark.skipif(os.geteuid() != 0, reason="installing needs root")
@pytest.mark.parametrize("works", [True, False])
def test_docker_is_installed_with_apt(works: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    install = "echo > dockerd; chmod +x dockerd" if works else "echo E: no such package; echo later; exit 100"
    apt = tmp_path / "apt-get"
    apt.write_text(
        '#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >> asked\n'
        f"case $1 in install) PATH=/usr/bin:/bin; {install};; esac\n"
    )
    apt.chmod(0o755)
    notes: list[str] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(private_engine, "_check_machine", lambda _: None)
    monkeypatch.setattr(private_engine, "_environment", lambda: {"PATH": str(tmp_path)})
    monkeypatch.setattr(private_engine, "is_debian", lambda _: True)
    monkeypatch.setattr(Notes, "note", lambda _, message: notes.append(message))
    # The fake dockerd does not run, which comes after what is shown here.
    expected = (
        "did not start" if works else r"apt-get did not install it: E: no such package \(log: .*apt.log\)"
    )
    with pytest.raises(EngineProblem, match=expected):
        PrivateEngine(tmp_path / "data", tmp_path / "run").start(Notes())
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[0] == "noninteractive update"
    assert asked[1].startswith("noninteractive install -y --no-install-recommends")
    assert asked[1].endswith(" docker.io iptables ca-certificates")
    assert [note for note in notes if "installing docker.io iptables ca-certificates with apt" in note]


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("", "dockerd ended without a word"),
        ("one\ntwo\n\n", "two"),
        (
            'level=info msg="a"\nfailed to start daemon: no disk\nlevel=info msg="b"\n',
            "failed to start daemon: no disk",
        ),
        (
            'time="x" level=fatal msg="can\'t" error="a \\"b\\"" more=1\nlevel=warning msg="later"\n',
            'can\'t: a \\"b\\"',
        ),
        ('time="x" level=error msg="alone"\n', "alone"),
    ],
)
def test_the_last_error_of_a_log(log: str, expected: str) -> None:
    assert last_error(log) == expected


def test_rules_keep_networks_apart_and_pass_bridged_traffic_first() -> None:
    plain = rules(Network("10.1.0.0/16"), bridges_are_filtered=False)
    filtered = rules(Network("10.1.0.0/16"), bridges_are_filtered=True)
    assert filtered[1:] == plain
    assert "--physdev-is-bridged" in filtered[0]
    forward = [rule[-1] for rule in plain if rule[0] == "FORWARD"]
    assert forward == ["DROP", "ACCEPT", "ACCEPT", "DROP"]


def cgroup(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text)
    return folder


def test_room_is_made_in_the_cgroup_of_a_container(tmp_path: Path) -> None:
    files = {"cgroup_type": "domain\n", "cgroup_procs": "7\n", "cgroup_controllers": "cpu memory\n"}
    root = cgroup(tmp_path, cgroup_subtree_control="\n", **files)
    enable_cgroup_controllers(root)
    assert (root / "init/cgroup.procs").read_text() == "7"
    assert (root / "cgroup.subtree_control").read_text() == "+cpu +memory"


@pytest.mark.parametrize(
    "files",
    [{}, {"cgroup_subtree_control": ""}, {"cgroup_type": "domain\n", "cgroup_subtree_control": "cpu\n"}],
)
def test_other_cgroups_are_left_alone(files: dict[str, str], tmp_path: Path) -> None:
    before = sorted(cgroup(tmp_path, **files).iterdir())
    enable_cgroup_controllers(tmp_path)
    assert sorted(tmp_path.iterdir()) == before


def test_who_waits_for_its_turn_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    held = FileLock(tmp_path / "start")
    assert held.try_acquire()

    def say(message: str) -> None:
        said.append(message)
        held.release()

    with private_engine.start_lock(tmp_path / "start", say=say):
        assert is_held(tmp_path / "start")
    assert not is_held(tmp_path / "start")
    assert len(said) == 1
    assert said[0].startswith("waiting for its turn to start the private engine, held by process")
