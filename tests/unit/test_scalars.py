"""Values of flags: numbers, sizes, ports, mounts, networks, devices, files of variables."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docker_run.docker_cli.values import (
    choices,
    csv_fields,
    devices,
    mounts,
    networks,
    ports,
    rates,
    restart,
    scalars,
)
from docker_run.docker_cli.values.devices import Device, DeviceRequest
from docker_run.docker_cli.values.mounts import (
    BindOptions,
    ImageOptions,
    Mount,
    TmpfsOptions,
    VolumeOptions,
)
from docker_run.docker_cli.values.networks import Attachment
from docker_run.docker_cli.values.ports import Binding
from docker_run.docker_cli.values.restart import RestartPolicy
from docker_run.docker_cli.values.scalars import BadValue

PATIENTLY = settings(deadline=None)  # a busy machine is no failure


@pytest.mark.parametrize(
    ("convert", "text", "value"),
    [
        (scalars.boolean, "T", True),
        (scalars.boolean, "0", False),
        (scalars.integer, "-0x1F", -31),
        (scalars.integer, "017", 15),
        (scalars.integer, "0b11", 3),
        (scalars.integer, "1_000", 1000),
        (scalars.integer, "9223372036854775807", 2**63 - 1),
        (scalars.weight, "65535", 65535),
        (scalars.size, "64m", 64 << 20),
        (scalars.size, "64MiB", 64 << 20),
        (scalars.size, "64 MB", 64 << 20),
        (scalars.size, "1t", 1 << 40),
        (scalars.size, "1.5g", 3 << 29),
        (scalars.size, "7b", 7),
        (scalars.size, ".5k", 512),
        (scalars.size_or_unlimited, "-1", -1),
        (scalars.nano_cpus, "1.5", 1_500_000_000),
        (scalars.nano_cpus, ".5", 500_000_000),
        (scalars.nano_cpus, "3/2", 1_500_000_000),
        (scalars.nano_cpus, "010/1", 8_000_000_000),
        (scalars.nano_cpus, "1_0/0x10", 625_000_000),
        (scalars.nano_cpus, "010", 10_000_000_000),
        (scalars.nano_cpus, "1e-9", 1),
        (scalars.duration, "1m30s", 90 * 10**9),
        (scalars.duration, "1.5h", 5400 * 10**9),
        (scalars.duration, "-100us", -100_000),
        (scalars.duration, "0", 0),
        (scalars.duration, "2h3m4s5ms6µs7ns", 7384005006007),
        (choices.stream, "STDIN", "stdin"),
        (scalars.sysctl, "net.ipv4.x=1=2", ("net.ipv4.x", "1=2")),
        (restart.restart, "on-failure:3", RestartPolicy("on-failure", 3)),
        (restart.restart, "always", RestartPolicy("always")),
        (restart.restart, "", RestartPolicy("")),
        (scalars.label, " a=b c", " a=b c"),
        (scalars.address, " 0:0:0:0:0:0:0:1 ", "::1"),
        (scalars.search_domain, "example.com.", "example.com"),
        (scalars.search_domain, ".", "."),
        (scalars.extra_host, "db=[::1]", "db:::1"),
        (scalars.extra_host, "db:host-gateway", "db:host-gateway"),
        (scalars.link, "db:database", ("db", "database")),
        (scalars.link, "db", ("db", "")),
        (scalars.capability, "net_raw", "CAP_NET_RAW"),
        (scalars.capability, "all", "ALL"),
        (scalars.mac_address, "02:42:ac:11:00:02", "02:42:ac:11:00:02"),
        (scalars.mac_address, "0242.ac11.0002", "0242.ac11.0002"),
        (rates.ulimit, "nofile=3:4", rates.Ulimit("nofile", soft=3, hard=4)),
        (rates.ulimit, "core=-1", rates.Ulimit("core", soft=-1, hard=-1)),
        (rates.device_weight, "/dev/sda:200", rates.DeviceWeight("/dev/sda", 200)),
        (rates.device_bytes, "/dev/sda:1mb", rates.DeviceRate("/dev/sda", 1 << 20)),
        (rates.device_operations, "/dev/sda:7", rates.DeviceRate("/dev/sda", 7)),
        (mounts.tmpfs, "/run", ("/run", "")),
        (mounts.tmpfs, "/run:size=3m,exec", ("/run", "size=3m,exec")),
        (ports.expose, "9", ("9/tcp",)),
        (ports.expose, "9-11/udp", ("9/udp", "10/udp", "11/udp")),
        (ports.publish, "80", (Binding("80/tcp", "", ""),)),
        (ports.publish, "8080:80/UDP", (Binding("80/udp", "", "8080"),)),
        (ports.publish, "127.0.0.1::80", (Binding("80/tcp", "127.0.0.1", ""),)),
        (ports.publish, "[::1]:81:80", (Binding("80/tcp", "::1", "81"),)),
        (ports.publish, "8000-8009:80", (Binding("80/tcp", "", "8000-8009"),)),
        (ports.publish, "1-2:3-4", (Binding("3/tcp", "", "1"), Binding("4/tcp", "", "2"))),
        (ports.publish, "published=1,target=2,protocol=udp", (Binding("2/udp", "", "1"),)),
    ],
)
def test_values(convert: Callable[[str], object], text: str, value: object) -> None:
    assert convert(text) == value


@pytest.mark.parametrize(
    ("convert", "text", "message"),
    [
        (scalars.boolean, "yes", 'strconv.ParseBool: parsing "yes": invalid syntax'),
        (scalars.integer, "08", 'strconv.ParseInt: parsing "08": invalid syntax'),
        (scalars.integer, "1__0", 'strconv.ParseInt: parsing "1__0": invalid syntax'),
        (scalars.integer, "9223372036854775808", "value out of range"),
        (scalars.weight, "-1", 'strconv.ParseUint: parsing "-1": invalid syntax'),
        (scalars.weight, "65536", "value out of range"),
        (scalars.size, "x", "invalid size: 'x'"),
        (scalars.size, "-1", "invalid size: '-1'"),
        (scalars.size, "1q", "invalid suffix: 'q'"),
        (scalars.size, "1kbb", "invalid suffix: 'kbb'"),
        (scalars.size, "1.2.3", "strconv.ParseFloat"),
        (scalars.nano_cpus, "0/08", "failed to parse 0/08 as a rational number"),
        (scalars.nano_cpus, "1/0", "failed to parse 1/0 as a rational number"),
        (scalars.nano_cpus, "0.0000000001", "value is too precise"),
        (scalars.duration, "5", 'time: missing unit in duration "5"'),
        (scalars.duration, "5y", 'time: unknown unit "y" in duration "5y"'),
        (scalars.duration, "", 'time: invalid duration ""'),
        (scalars.duration, "-", 'time: invalid duration "-"'),
        (choices.stream, "x", "valid streams are STDIN, STDOUT and STDERR"),
        (scalars.sysctl, "vm.x=1", "sysctl 'vm.x=1' is not allowed"),
        (restart.restart, ":3", "no policy provided before colon"),
        (scalars.label, "=x", "empty name"),
        (scalars.label, "a b", "contains whitespaces"),
        (scalars.variable, "=x", "invalid environment variable: =x"),
        (scalars.address, "fe80::1%eth0", "not correctly formatted"),
        (scalars.search_domain, "-x", "-x is not a valid domain"),
        (scalars.extra_host, "a:b=1.1.1.1", "bad format for add-host"),
        (scalars.link, "a:b:c", "bad format for links: a:b:c"),
        (scalars.mac_address, "02:42", "02:42 is not a valid mac address"),
        (rates.ulimit, "core=2:1", "2 > 1"),
        (rates.ulimit, "core=-1:1", "soft: -1 (unlimited), hard: 1"),
        (rates.device_weight, "/dev/a:5", "invalid weight for device: /dev/a:5"),
        (ports.publish, "", "no port specified: <empty>"),
        (ports.publish, "1-3:1-2", "invalid ranges specified"),
        (ports.publish, "[::1:80", "invalid IP address"),
        (ports.expose, "1:2", "invalid port format for --expose: 1:2"),
        (mounts.volume, "", "invalid empty volume spec"),
        (mounts.volume, "/a:/b:ro:x/", "too many colons"),
        (mounts.volume, "/a::ro", "empty section between colons"),
    ],
)
def test_bad_values(convert: Callable[[str], object], text: str, message: str) -> None:
    with pytest.raises(BadValue) as caught:
        convert(text)
    assert message in str(caught.value)


@PATIENTLY
@given(st.integers(0, 8191), st.sampled_from(["", "b", "k", "KB", "kib", "M", "mb", "MiB", "g", "T", "PiB"]))
def test_sizes(number: int, unit: str) -> None:
    factor = 1024 ** (" kmgtp".index(unit[0].lower()) if unit.strip("b") else 0)
    # Like the CLI's, the product goes through a floating-point number.
    assert scalars.size(f"{number}{unit}") == int(float(number) * factor)


@PATIENTLY
@given(st.integers(0, 10**9), st.integers(0, 59), st.integers(0, 10**9 - 1))
def test_durations(hours: int, minutes: int, nanoseconds: int) -> None:
    total = (hours % 10**5 * 60 + minutes) * 60 * 10**9 + nanoseconds
    assert scalars.duration(f"{hours % 10**5}h{minutes}m{nanoseconds}ns") == total
    assert scalars.duration(f"{hours % 10**5}h{minutes}m0.{nanoseconds:09}s") == total


@PATIENTLY
@given(st.integers(1, 10**6), st.integers(0, 10**9 - 1))
def test_cpus(whole: int, billionths: int) -> None:
    assert scalars.nano_cpus(f"{whole}.{billionths:09}") == whole * 10**9 + billionths
    assert Fraction(scalars.nano_cpus(f"{whole}/1"), 10**9) == whole


@PATIENTLY
@given(st.lists(st.text(st.characters(exclude_characters='\n\r"', codec="utf-8"), min_size=1), min_size=1))
def test_records(wanted: list[str]) -> None:
    assert csv_fields.fields(",".join(f'"{field}"' for field in wanted)) == tuple(wanted)


def test_quotes_in_records() -> None:
    assert csv_fields.fields('a,"b,""c""",') == ("a", 'b,"c"', "")


@pytest.mark.parametrize(
    ("text", "source", "target", "bind"),
    [
        ("/anon", "", "/anon", False),
        ("a", "", "a", False),
        ("data:/d", "data", "/d", False),
        ("data:/d:ro", "data", "/d:ro", False),
        ("/h:/d:ro,z", "/h", "/d:ro,z", True),
        ("./h:/d", "./h", "/d", True),
        ("~/h:/d", "~/h", "/d", True),
        ("c:/d", "", "c:/d", False),
        ("c:/d:/e", "c:/d", "/e", True),
    ],
)
def test_volumes(text: str, source: str, target: str, *, bind: bool) -> None:
    volume = mounts.volume(text)
    assert (volume.source, volume.target, bool(volume.source) and volume.is_bind) == (source, target, bind)


def test_relative_paths_are_seen_from_a_directory() -> None:
    assert mounts.resolve("./a", "/docs") == "/docs/a"
    assert mounts.resolve("../a/", "/docs/x") == "/docs/a"
    assert mounts.resolve("/a/../b", "/docs") == "/a/../b"
    assert mounts.resolve("name", "/docs") == "name"


@pytest.mark.parametrize(
    ("text", "mount", "reaches"),
    [
        ("dst=/x", Mount("volume", target="/x"), False),
        ("TYPE=Bind,src=/a,dst=/b,readonly", Mount("bind", "/a", "/b", read_only=True), True),
        (
            "type=bind,src=/a,dst=/b,bind-propagation=RSlave,bind-recursive=disabled",
            Mount("bind", "/a", "/b", bind=BindOptions("rslave", non_recursive=True)),
            True,
        ),
        (
            "type=bind,src=/a,dst=/b,ro,bind-recursive=writable,consistency=Cached",
            Mount(
                "bind",
                "/a",
                "/b",
                read_only=True,
                consistency="cached",
                bind=BindOptions(read_only_non_recursive=True),
            ),
            True,
        ),
        (
            "src=v,dst=/b,volume-nocopy,volume-label=a=b,volume-label==,volume-label=a=c,volume-subpath=d",
            Mount(
                source="v",
                target="/b",
                volume=VolumeOptions(subpath="d", no_copy=True, labels=(("a", "c"),)),
            ),
            False,
        ),
        ("src=v,dst=/b,volume-label==", Mount(source="v", target="/b", volume=VolumeOptions()), False),
        (
            "src=v,dst=/b,volume-driver=local,volume-opt=type=none",
            Mount(
                source="v",
                target="/b",
                volume=VolumeOptions(driver="local", driver_options=(("type", "none"),)),
            ),
            True,
        ),
        (
            "type=tmpfs,dst=/t,tmpfs-size=64m,tmpfs-mode=1770",
            Mount("tmpfs", target="/t", tmpfs=TmpfsOptions(size=64 << 20, mode=0o1770)),
            False,
        ),
        (
            "type=image,src=busybox,dst=/i,image-subpath=bin,ro=false",
            Mount("image", "busybox", "/i", image=ImageOptions("bin")),
            False,
        ),
        ("type=npipe,src=x,dst=y", Mount("npipe", "x", "y"), True),
    ],
)
def test_mounts(text: str, mount: Mount, *, reaches: bool) -> None:
    assert mounts.mount(text) == mount
    assert mount.reaches_host is reaches


@pytest.mark.parametrize(
    ("text", "attachment"),
    [
        ("host", Attachment("host")),
        ("Back", Attachment("Back")),
        ("container:web", Attachment("container:web")),
        (
            "name=Back,alias=Q,ip=172.30.0.9,ip6=::1,link-local-ip=169.254.1.1,driver-opt=a=B",
            Attachment(
                "back",
                aliases=("q",),
                ipv4="172.30.0.9",
                ipv6="::1",
                link_local=("169.254.1.1",),
                driver_options=(("a", "b"),),
            ),
        ),
    ],
)
def test_networks(text: str, attachment: Attachment) -> None:
    assert networks.network(text) == attachment


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("/dev/null", Device("/dev/null", "/dev/null")),
        ("/dev/a:r", Device("/dev/a", "/dev/a", "r")),
        ("/dev/a:/dev/b:wm", Device("/dev/a", "/dev/b", "wm")),
        ("vendor.com/class=name", "vendor.com/class=name"),
    ],
)
def test_devices(text: str, device: Device | str) -> None:
    assert devices.device_or_name(text) == device


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("all", DeviceRequest(count=-1, capabilities=("gpu",), options=())),
        ("2", DeviceRequest(count=2, capabilities=("gpu",), options=())),
        ("driver=nvidia", DeviceRequest("nvidia", count=1, capabilities=("gpu",), options=())),
        (
            '"device=1,2",capabilities=utility,"options=a=b"',
            DeviceRequest(ids=("1", "2"), capabilities=("utility", "gpu"), options=(("a", "b"),)),
        ),
    ],
)
def test_gpus(text: str, request_: DeviceRequest) -> None:
    assert devices.gpus(text) == request_
