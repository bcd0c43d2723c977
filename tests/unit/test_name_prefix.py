from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_run.engine.direct.name_prefix import Names, joined, named_volumes
from docker_run.model import Chunk, Stream

PREFIX = "0123456789abcdef-"
NAMES = Names(PREFIX)


def private_host(**host: object) -> dict[str, Any]:
    found: dict[str, Any] = NAMES.private_config({"HostConfig": host}, name=None)["HostConfig"]
    return found


def test_a_name_gets_the_prefix() -> None:
    assert NAMES.private("web") == f"{PREFIX}web"
    assert NAMES.private("/web") == f"{PREFIX}web"


@pytest.mark.parametrize("name", ["a", "-a", ".x", "a b", "ä1", ""])
def test_a_name_that_the_engine_refuses_stays_so_that_it_is_refused(name: str) -> None:
    assert NAMES.private(name) == name


def test_names_of_other_containers() -> None:
    host = private_host(
        VolumesFrom=["data:ro", "other"],
        Links=["db:mysql", "db", "/db"],
        NetworkMode="container:web",
        PidMode="container:web",
        IpcMode="container:web",
    )
    assert host["VolumesFrom"] == [f"{PREFIX}data:ro", f"{PREFIX}other"]
    assert host["Links"] == [f"{PREFIX}db:mysql", f"{PREFIX}db:db", f"{PREFIX}db:db"]
    assert {host["NetworkMode"], host["PidMode"], host["IpcMode"]} == {f"container:{PREFIX}web"}


@pytest.mark.parametrize("mode", ["default", "bridge", "host", "none"])
def test_the_engines_own_networks_and_modes_stay(mode: str) -> None:
    assert private_host(NetworkMode=mode, PidMode="host", IpcMode="shareable") == {
        "NetworkMode": mode,
        "PidMode": "host",
        "IpcMode": "shareable",
    }


def test_named_volumes_get_the_prefix_and_paths_stay() -> None:
    host = private_host(
        Binds=["data:/x:ro", "/srv:/y", "/anonymous"],
        Mounts=[
            {"Type": "volume", "Source": "more", "Target": "/z"},
            {"Type": "volume", "Target": "/anonymous"},
            {"Type": "bind", "Source": "/etc", "Target": "/e"},
            {"Type": "tmpfs", "Target": "/t"},
        ],
    )
    assert host["Binds"] == [f"{PREFIX}data:/x:ro", "/srv:/y", "/anonymous"]
    assert [mount.get("Source") for mount in host["Mounts"]] == [f"{PREFIX}more", None, "/etc", None]


def test_a_users_network_gets_the_prefix_and_knows_the_container_by_its_plain_name() -> None:
    config = NAMES.private_config(
        {
            "HostConfig": {"NetworkMode": "backend"},
            "NetworkingConfig": {
                "EndpointsConfig": {"backend": {"Links": ["db:mysql"], "Aliases": ["w"]}, "bridge": None}
            },
        },
        name="web",
    )
    assert config["HostConfig"]["NetworkMode"] == f"{PREFIX}backend"
    assert config["NetworkingConfig"]["EndpointsConfig"] == {
        f"{PREFIX}backend": {"Links": [f"{PREFIX}db:mysql"], "Aliases": ["w", "web"]},
        "bridge": {},
    }


def test_a_users_network_without_settings_knows_the_plain_name_too() -> None:
    config = NAMES.private_config({"HostConfig": {"NetworkMode": "backend"}}, name="web")
    assert config["NetworkingConfig"]["EndpointsConfig"] == {f"{PREFIX}backend": {"Aliases": ["web"]}}


@pytest.mark.parametrize("mode", ["default", "container:db"])
def test_elsewhere_a_container_has_no_alias(mode: str) -> None:
    config = NAMES.private_config({"HostConfig": {"NetworkMode": mode}}, name="web")
    assert "NetworkingConfig" not in config


def test_the_authors_settings_are_not_changed_in_place() -> None:
    host = {"Binds": ["data:/x"]}
    NAMES.private_config({"HostConfig": host}, name=None)
    assert host == {"Binds": ["data:/x"]}


def test_volumes_to_be_made_ahead() -> None:
    config = NAMES.private_config(
        {
            "HostConfig": {
                "VolumeDriver": "local",
                "Binds": ["data:/x", "/srv:/y", "a:/short"],
                "Mounts": [
                    {
                        "Type": "volume",
                        "Source": "cache",
                        "VolumeOptions": {
                            "Labels": {"k": "v"},
                            "DriverConfig": {"Name": "local", "Options": {"type": "tmpfs"}},
                        },
                    },
                    {"Type": "volume", "Target": "/anonymous"},
                ],
            }
        },
        name=None,
    )
    assert named_volumes(config) == [
        {"Name": f"{PREFIX}cache", "Driver": "local", "DriverOpts": {"type": "tmpfs"}, "Labels": {"k": "v"}},
        {"Name": f"{PREFIX}data", "Driver": "local"},
    ]


def test_messages_show_the_names_as_written() -> None:
    assert NAMES.public(f'The container name "/{PREFIX}web" is in use') == (
        'The container name "/web" is in use'
    )


def test_a_name_is_found_across_pieces_of_its_stream() -> None:
    half = len(PREFIX) // 2
    chunks = [
        Chunk(Stream.OUT, b"a " + PREFIX[:half].encode()),
        Chunk(Stream.ERR, b"between"),
        Chunk(Stream.OUT, PREFIX[half:].encode() + b"web"),
    ]
    assert NAMES.public_chunks(chunks) == (
        Chunk(Stream.OUT, b"a "),
        Chunk(Stream.ERR, b"between"),
        Chunk(Stream.OUT, b"web"),
    )


def test_what_was_typed_is_left_alone() -> None:
    typed = Chunk(Stream.TYPED, PREFIX.encode())
    assert NAMES.public_chunks([typed]) == (typed,)


def test_neighbours_of_one_stream_are_joined_but_typed_lines_are_not() -> None:
    chunks = [
        Chunk(Stream.TERMINAL, b"a"),
        Chunk(Stream.TERMINAL, b""),
        Chunk(Stream.TERMINAL, b"b"),
        Chunk(Stream.TYPED, b"one"),
        Chunk(Stream.TYPED, b""),
    ]
    assert joined(chunks) == (Chunk(Stream.TERMINAL, b"ab"), *chunks[3:])


PIECES = st.lists(
    st.tuples(
        st.sampled_from([Stream.OUT, Stream.ERR]),
        st.lists(st.sampled_from([PREFIX.encode(), PREFIX[:5].encode(), b"x", b"\xff\n"]), max_size=4).map(
            b"".join
        ),
    )
)


@given(PIECES, st.integers(min_value=1, max_value=7))
def test_however_an_output_is_cut_the_same_is_shown(parts: list[tuple[Stream, bytes]], size: int) -> None:
    chunks = [
        Chunk(stream, data[at : at + size]) for stream, data in parts for at in range(0, len(data), size)
    ]
    shown = NAMES.public_chunks(chunks)
    for stream in (Stream.OUT, Stream.ERR):
        whole = b"".join(data for kind, data in parts if kind is stream)
        assert b"".join(chunk.data for chunk in shown if chunk.stream is stream) == whole.replace(
            PREFIX.encode(), b""
        )


@pytest.mark.parametrize("reference", ["9", "a", "0f", "6b", "-", "web"])
def test_no_reference_can_mean_what_is_not_the_sessions(reference: str) -> None:
    # An engine takes the beginning of an id for a name, down to one character.
    config = {
        "HostConfig": {
            "VolumesFrom": [f"{reference}:ro"],
            "Links": [f"{reference}:alias"],
            "NetworkMode": f"container:{reference}",
            "PidMode": f"container:{reference}",
            "IpcMode": f"container:{reference}",
        }
    }
    host = Names(PREFIX).private_config(config, name=None)["HostConfig"]
    assert host["VolumesFrom"] == [f"{PREFIX}{reference}:ro"]
    assert host["Links"] == [f"{PREFIX}{reference}:alias"]
    for mode in ("NetworkMode", "PidMode", "IpcMode"):
        assert host[mode] == f"container:{PREFIX}{reference}"
    network = Names(PREFIX).private_config({"HostConfig": {"NetworkMode": reference}}, name=None)
    assert network["HostConfig"]["NetworkMode"] == f"{PREFIX}{reference}"
