"""Masks: what is volatile goes, everything else stays, and no text is too long for them."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from docker_run.recordings.masks import MASKS, Mask, mask

PATIENTLY = settings(deadline=None)  # a busy machine is no failure

EXAMPLES = [(row, example) for row in MASKS for example in row.examples]
PIECES = [re.sub(r"[{}]", "", example) for _, example in EXAMPLES] + [
    "<id>", "<volatile>", "<", ">", " ", "  ", "   ", "\n", ":", ".", "-", "/", '"/', "in ", "Up ", "x",
    "7", "a1", "IMAGE", "0.0.0.0:", "Nov", "\U0010ff00",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=10).map("".join)
HEX = "0123456789abcdef"
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds the zone
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(("row", "text"), EXAMPLES, ids=[f"{row.name}-{text[:20]}" for row, text in EXAMPLES])
def test_each_row_masks_its_examples(row: Mask, text: str) -> None:
    marked = text if "{" in text else f"{{{text}}}"
    plain = re.sub(r"[{}]", "", marked)
    assert mask(plain) == re.sub(r"\{[^{}]*\}", f"<{row.name}>", re.sub(" {2,}", " ", marked))


@pytest.mark.parametrize("row", MASKS, ids=[row.name for row in MASKS])
def test_rows_say_what_they_are(row: Mask) -> None:
    assert re.fullmatch("[a-z]+", row.name)
    assert re.compile(row.pattern).groups == 0
    assert row.why
    assert row.examples


def test_names_of_rows_are_their_own() -> None:
    assert len({row.name for row in MASKS}) == len(MASKS)


@pytest.mark.parametrize(
    "text",
    [
        "hello world",
        "v1.2.3 1.36.1 BusyBox v1.37.0 nginx/1.26.3 redis_version:8.0.2 python3.11 6.1.0-40-amd64",
        "/usr/local/bin /var/lib/docker/overlay2 /etc/resolv.conf hello_world busybox_static",
        "127 exit code 0 404 396 applets 65535 8080 32768",
        "0.0.0.0:8080->80/tcp, [::]:443->443/tcp 0.0.0.0:32767 0.0.0.0:61000",
        "127.0.0.1 0.0.0.0 8.8.8.8 172.15.0.1 172.32.0.1 192.167.1.1 11.0.0.1 10.0.0.256 1.10.0.0.1",
        "sleep 12s --time 10s the 1990s 5 seconds 2 days About an hour",
        "deadbeef defacedfaced 123456789012 0x3f2a1b4c5d6e 3f2a1b4 d41d8cd98f00b204e9800998ecf8427e",
        "Exited (137) Created Paused",
        "debian:2024-01-15 debian:trixie-20260101 1234-56-78",
        "10.5 10.1.2 10% 4.3MB 1.2GB 512MiB",
        "12:30 80:80 22:22/tcp 1:2:3",
        "I may go on May 5 in March",
        "total 48",
        "  -rw-r--r--    1 root     root          1220 hosts",
        '"Pid": 0, "HostPort": "8080"',
        "    7 root      0:00 ps\nroot         1  0.0  0.0   2484  1234 pts/0    Ss   1",
        "a:b:c aa:bb:cc ::1 fe80 fd",
        "HTTP/1.1 200 OK   Content-Length: 615",
        "uid=0(root) gid=0(root) groups=0(root),10(wheel)",
        "    1 root      0:00 sh",
        "Up and running, two minutes ago it was not",
        "shut up 3 times",
        "cat: can't open '/nothing': No such file or directory",
        "my_volume",
        "a <b> c <identity>",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert mask(text) == text


def test_the_documentation_names_every_row() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "recordings.md"
    documented = re.findall(r"^\| `<(\w+)>` \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert documented == [*(row.name for row in MASKS), "volatile"]


@PATIENTLY
@given(TEXTS)
@example("12ms Nov   23 22:10")  # less padding uncovers a time
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask(text)
    assert mask(once) == once


@PATIENTLY
@given(
    TEXTS,
    st.sampled_from([r"\w+", r"\d", ".", r"\W", "<.*?>", "x*", r"(?<=<)\w+", r"[^ ]+ ", "id", r"(?s).*"]),
)
def test_masking_twice_is_masking_once_with_an_authors_pattern(text: str, pattern: str) -> None:
    once = mask(text, (pattern,))
    assert mask(once, (pattern,)) == once


@PATIENTLY
@given(st.text(HEX, min_size=64, max_size=64))
def test_every_id_is_one(text: str) -> None:
    assert mask(f"sha256:{text}") == "<digest>"
    assume(re.search("[a-f]", text[:12]) and re.search("[0-9]", text[:12]))
    assert mask(f"{text}\n{text[:12]}\n[root@{text[:12]} /]#") == "<id>\n<id>\n[root@<id> /]#"


@PATIENTLY
@given(st.text(HEX, min_size=13, max_size=63))
def test_hexadecimal_text_of_another_length_is_no_id(text: str) -> None:
    assert mask(text) == text


@PATIENTLY
@given(MOMENTS, ZONES)
def test_every_time_is_one(moment: datetime, zone: timezone) -> None:
    local = moment.astimezone(zone)
    for text in (
        moment.isoformat().replace("+00:00", "Z"),
        local.isoformat(),
        local.isoformat(sep=" ", timespec="seconds"),
        moment.strftime("%Y-%m-%d %H:%M:%S +0000 UTC"),
        local.strftime("%Y-%m-%d %H:%M:%S.%f %z"),
        moment.strftime("%Y-%m-%d"),
        moment.strftime("%Y-%m-%d %H:%M"),
        format_datetime(moment, usegmt=True),
        format_datetime(local),
        moment.strftime("%a %b %d %H:%M:%S UTC %Y"),
        moment.strftime("%a %b %d %I:%M:%S %p UTC %Y"),
        moment.strftime("%a %b %e %H:%M:%S %Y"),
        moment.strftime("%b %e %H:%M"),
        moment.strftime("%b %e  %Y"),
        moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        moment.strftime("%d %b %Y %H:%M:%S.000"),
        moment.strftime("%H:%M:%S"),
    ):
        assert mask(f"[{text}]") == "[<time>]", text
        assert mask(f"at {text}, x") == "at <time>, x", text


AGES = st.one_of(
    st.sampled_from(["Less than a second", "1 second", "About a minute", "About an hour"]),
    st.builds(
        "{} {}".format, st.integers(2, 59), st.sampled_from(["seconds", "minutes", "hours", "days", "weeks"])
    ),
)


@PATIENTLY
@given(
    st.tuples(AGES, AGES),
    st.text(HEX, min_size=10, max_size=10),
    st.integers(32768, 60999),
    st.integers(0, 9),
)
def test_a_row_of_docker_ps_is_the_same_every_time(
    ages: tuple[str, str], digits: str, port: int, wider: int
) -> None:
    created, up = ages
    columns = [
        ("CONTAINER ID", f"a1{digits}"),
        ("IMAGE", "busybox"),
        ("COMMAND", '"sleep 60"'),
        ("CREATED", f"{created} ago"),
        ("STATUS", f"Up {up}"),
        ("PORTS", f"0.0.0.0:{port}->80/tcp, [::]:{port}->80/tcp"),
        ("NAMES", "quirky_mcc" + "x" * wider),
    ]
    widths = [max(map(len, column)) + 3 for column in columns]
    lines = [
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in zip(*columns, strict=True)
    ]
    assert mask("\n".join(line.rstrip() for line in lines)) == (
        "CONTAINER ID IMAGE COMMAND CREATED STATUS PORTS NAMES\n"
        '<id> busybox "sleep 60" <age> Up <age> 0.0.0.0:<port>->80/tcp, [::]:<port>->80/tcp <name>'
    )


@PATIENTLY
@given(
    st.sampled_from(["10.0", "10.255", "172.16", "172.31", "192.168", "169.254"]),
    st.integers(0, 255),
    st.integers(0, 255),
)
def test_every_private_address_is_one(network: str, one: int, two: int) -> None:
    address = f"{network}.{one}.{two}"
    assert mask(f"inet {address}/16 and {address}.") == "inet <address>/16 and <address>."
    assert mask(f"{address}:80 {address}:32768") == "<address>:80 <address>"


@PATIENTLY
@given(st.binary(min_size=6, max_size=6))
def test_every_mac_address_is_one(data: bytes) -> None:
    assert mask(f"link/ether {data.hex(':')} brd {data.hex(':').upper()}") == "link/ether <mac> brd <mac>"


@PATIENTLY
@given(st.integers(0, 65535))
def test_ports_that_an_engine_assigns_are_masked_and_no_others(port: int) -> None:
    expected = "<port>" if 32768 <= port <= 60999 else str(port)
    assert mask(f"0.0.0.0:{port}->80/tcp") == f"0.0.0.0:{expected}->80/tcp"


def test_padding_counts_only_where_nothing_is_masked() -> None:
    assert (
        mask("busybox   latest   2 days ago   4MB\nnot   this   line")
        == "busybox latest <age> 4MB\nnot   this   line"
    )
    assert mask("   12ms fast\n  112ms fast") == "<duration> fast\n<duration> fast"
    assert mask("NAME      CPU %\nName      CPU") == "NAME CPU %\nName      CPU"


def test_an_authors_pattern_goes_first_and_takes_its_whole_match() -> None:
    assert mask("seen 12ms, 7 of 9", (r"seen \d+",)) == "<volatile>ms, 7 of 9"
    assert mask("7 of 9\n8 of 9", (r"^7", r"of 9$")) == "<volatile> <volatile>\n8 <volatile>"


def test_an_authors_pattern_may_span_lines() -> None:
    assert mask("begin\n1\n2\nend\nx", (r"begin[\s\S]*?end",)) == "<volatile>\nx"


def test_an_empty_match_masks_nothing() -> None:
    assert mask("abc", ("x*", "^", "$")) == "abc"


def test_a_bad_pattern_is_an_error() -> None:
    with pytest.raises(ValueError, match="missing"):
        mask("x", ("(",))


@pytest.mark.parametrize("unit", ["a", "1", "0a", "3f2a1b4c5d6e"])
def test_a_megabyte_without_blanks_takes_seconds(unit: str) -> None:
    assert _seconds(unit, 1_000_000) < 45


@pytest.mark.parametrize(
    "unit",
    [
        "  1 1 ", "1  ", " ", "=", "1 ", "1.", "1,", "1,111", "1:", "1/", "1m", "1h", "10.", "::", "fe80:",
        "ff:", "1-", "aaa_", "   aaa_bbb", "<", "<id", "[=", "1B/", "Nov ", "Nov 1 ", "Nov  ", "up ",
        "up 1 days, ", "x\n", " \n", "load average: 1", "2026-11-23", "2026-11-23 ", "A  ", "1 second ",
        "Up ", "[ ", "1e1",
    ],
)  # fmt: skip
def test_nothing_takes_more_than_in_proportion(unit: str) -> None:
    """A quadratic pattern takes minutes for what takes half a second."""
    assert _seconds(unit, 200_000) < 30


def _seconds(unit: str, length: int) -> float:
    text = (unit * (length // len(unit) + 1))[:length]
    began = time.monotonic()
    mask(text)
    return time.monotonic() - began
