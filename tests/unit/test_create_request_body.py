"""The request that creates a container. No engine is needed: docker-py is asked for JSON only."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import docker
import pytest

from docker_run.docker_cli.run_line import parse
from docker_run.engine.direct.create_request import Creation, client_warnings, creation
from docker_run.model import TerminalSize

Create = Callable[..., Creation]


@pytest.fixture
def create() -> Iterator[Create]:
    opened = []

    def create(line: str, *typed: str, version: str = "1.41", reference: str = "sha256:1234") -> Creation:
        api = docker.APIClient(base_url="unix:///nowhere.sock", version=version)
        opened.append(api)
        return creation(
            parse(line, allow=None, read=lambda name: name),
            reference=reference,
            typed=typed,
            labels={"docker-run.page": "ours"},
            terminal=TerminalSize(columns=100, rows=30),
            api=api,
        )

    yield create
    for api in opened:
        api.close()


def attached(asked: Creation) -> str:
    keys = ("AttachStdin", "AttachStdout", "AttachStderr", "OpenStdin", "StdinOnce", "Tty")
    return " ".join(key for key in keys if asked.body[key])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x", "AttachStdout AttachStderr"),
        ("-i x", "AttachStdin AttachStdout AttachStderr OpenStdin StdinOnce"),
        ("-it x", "AttachStdin AttachStdout AttachStderr OpenStdin StdinOnce Tty"),
        ("-itd x", "OpenStdin Tty"),
        ("-d x", ""),
        ("-a stdout x", "AttachStdout"),
        ("-i -a stderr x", "AttachStdin AttachStderr OpenStdin StdinOnce"),
        ("-a stdin x", "AttachStdin"),
        ("-i -a STDIN x", "AttachStdin OpenStdin StdinOnce"),
    ],
)
def test_what_is_attached(create: Create, line: str, expected: str) -> None:
    assert attached(create(line)) == expected


def test_input_that_is_closed_is_not_fed(create: Create) -> None:
    assert not create("-a stdin x").attached.stdin
    assert create("-i -a stdin x").attached.stdin


def test_the_image_is_what_the_engine_calls_it(create: Create) -> None:
    asked = create("busybox echo hello")
    assert (asked.body["Image"], asked.body["Cmd"]) == ("sha256:1234", ["echo", "hello"])


def test_without_a_command_the_image_has_its_own(create: Create) -> None:
    assert create("busybox").body["Cmd"] is None


def test_our_labels_go_on_top_of_the_authors(create: Create) -> None:
    asked = create("--label colour=green --label docker-run.page=theirs x")
    assert asked.body["Labels"] == {"colour": "green", "docker-run.page": "ours"}


def test_name_and_platform_are_not_in_the_body(create: Create) -> None:
    asked = create("--name web --platform linux/arm64 x")
    assert (asked.name, asked.platform) == ("web", "linux/arm64")
    assert (create("x").name, create("x").platform) == (None, None)


@pytest.mark.parametrize(("line", "expected"), [("-t x", [30, 100]), ("x", None)])
def test_a_terminals_size_is_told_ahead(create: Create, line: str, expected: list[int] | None) -> None:
    assert create(line, version="1.42").body["HostConfig"].get("ConsoleSize") == expected


def test_the_network_of_none_is_the_default(create: Create) -> None:
    asked = create("x")
    assert asked.body["HostConfig"]["NetworkMode"] == "default"
    assert asked.body["NetworkingConfig"] is None


def test_settings_of_a_network(create: Create) -> None:
    asked = create("--network backend --network-alias w --ip 10.1.2.3 x")
    assert asked.body["HostConfig"]["NetworkMode"] == "backend"
    endpoint = asked.body["NetworkingConfig"]["EndpointsConfig"]["backend"]
    assert endpoint["Aliases"] == ["w"]
    assert endpoint["IPAMConfig"]["IPv4Address"] == "10.1.2.3"


def test_only_a_single_network_needs_no_endpoint(create: Create) -> None:
    assert create("--network a x").body["NetworkingConfig"] is None
    asked = create("--network a --network b x")
    assert asked.body["NetworkingConfig"] == {"EndpointsConfig": {"a": {}, "b": {}}}
    assert asked.body["HostConfig"]["NetworkMode"] == "a"


def test_ports_volumes_and_what_is_said_of_a_network(create: Create) -> None:
    network = "--network name=n,driver-opt=a=b,link-local-ip=169.254.1.1 --link c:d"
    asked = create(f"{network} -p 80:81 -v /anon -v data:/d x").body
    assert asked["HostConfig"]["PortBindings"] == {"81/tcp": [{"HostIp": "", "HostPort": "80"}]}
    assert (asked["Volumes"], asked["HostConfig"]["Binds"]) == ({"/anon": {}}, ["data:/d"])
    assert asked["NetworkingConfig"]["EndpointsConfig"]["n"] == {
        "DriverOpts": {"a": "b"},
        "IPAMConfig": {"LinkLocalIPs": ["169.254.1.1"]},
        "Links": ["c:d"],
    }


def test_a_hardware_address_is_the_containers_or_the_endpoints(create: Create) -> None:
    line, address = "--mac-address 02:42:ac:11:00:02 x", "02:42:ac:11:00:02"
    for version, own in (("1.43", address), ("1.44", None)):
        asked = create(line, version=version).body
        assert asked["MacAddress"] == own
        assert asked["NetworkingConfig"]["EndpointsConfig"]["default"]["MacAddress"] == address


def test_what_the_cli_sends_anyway_gives_way_to_what_is_asked(create: Create) -> None:
    names = ("Dns", "MemorySwappiness", "PidsLimit")
    plain = create("x").body["HostConfig"]
    asked = create("--dns 10.0.0.2 --memory-swappiness 0 --pids-limit 5 x").body["HostConfig"]
    assert [plain[name] for name in names] == [[], -1, 0]
    assert [asked[name] for name in names] == [["10.0.0.2"], 0, 5]


def test_what_docker_py_has_no_argument_for(create: Create) -> None:
    line = "--annotation a=b --cidfile web.cid --gpus 1 --security-opt systempaths=unconfined"
    asked = create(f"{line} --network host -p 80:80 x", version="1.43").body["HostConfig"]
    assert (asked["MaskedPaths"], asked["ReadonlyPaths"]) == ([], [])
    assert (asked["Annotations"], asked["ContainerIDFile"]) == ({"a": "b"}, "web.cid")
    assert asked["DeviceRequests"] == [
        {"Driver": "", "Count": 1, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}}
    ]
    assert asked["PortBindings"] == {"80/tcp": [{"HostIp": "", "HostPort": "80"}]}
    assert not {"MaskedPaths", "Annotations", "DeviceRequests"} & create("x").body["HostConfig"].keys()


def test_a_health_check_is_the_clis(create: Create) -> None:
    assert create("--no-healthcheck x").body["Healthcheck"] == {"Test": ["NONE"]}
    assert create("x").body["Healthcheck"] is None
    timed = {"Test": None, "Interval": 0, "Timeout": 0, "Retries": 3, "StartPeriod": 0}
    assert create("--health-retries 3 x").body["Healthcheck"] == timed
    late = create("--health-retries 3 --health-start-interval 1s x", version="1.44")
    assert late.body["Healthcheck"] == timed | {"StartInterval": 10**9}


def test_nothing_is_shared_between_requests(create: Create) -> None:
    create("x").body["HostConfig"]["Dns"].append("10.0.0.2")
    assert create("x").body["HostConfig"]["Dns"] == []


@pytest.mark.parametrize(
    ("servers", "expected"),
    [("--dns 127.0.0.53 --dns 1.1.1.1", ["127.0.0.53"]), ("--dns ::1", ["::1"]), ("", [])],
)
def test_name_servers_out_of_reach_are_warned_of(create: Create, servers: str, expected: list[str]) -> None:
    assert client_warnings(create(f"{servers} x").body) == [
        f"Localhost DNS ({server}) may fail in containers." for server in expected
    ]


def test_the_body_and_the_keys_are_passed_on(create: Create) -> None:
    asked = create("--rm -it --detach-keys ctrl-x x", "one", "two")
    assert asked.attached.typed == ("one", "two")
    assert asked.attached.detach_keys == "ctrl-x"
    assert asked.attached.auto_remove
    assert asked.attached.size == TerminalSize(100, 30)
    assert create("-it x").attached.detach_keys == "ctrl-p,ctrl-q"
