"""Values that nobody means: numbers of thousands of digits, exponents, depths. Each is read, or refused.

Python itself refuses to read, or to write, a number of more than 4,300 digits, and computes a power of ten
of any size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, fields

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from docker_run.authoring.file_directive import FILE_OPTIONS, parse_file, parse_file_presentation
from docker_run.authoring.run_directive import OPTIONS, parse_presentation, parse_step
from docker_run.docker_cli.flag import Flag
from docker_run.docker_cli.flag_table import FLAGS
from docker_run.docker_cli.run_line import parse
from docker_run.errors import DockerRunError, FlagProblem, OptionProblem, SyntaxProblem
from docker_run.model import Location, RunnerTraits
from docker_run.sphinx_ext.config.config_settings import Settings
from docker_run.sphinx_ext.config_checks import shown
from docker_run.sphinx_ext.front_matter import parse_images, parse_terminal
from docker_run.terminal import waits
from docker_run.units import LONGEST
from lab_sessions import TRAITS
from patience import patience

NINES = "9" * 5000
HERE = Location("page", 1)

BOUNDED = settings(deadline=None, max_examples=300)


def message(call: Callable[[], object]) -> str:
    """Return why a value is refused; empty where it is read. Anything else is raised, and fails."""
    try:
        with patience():
            call()
    except (DockerRunError, ValueError) as error:
        return str(error)
    return ""


def is_pythons(message: str) -> bool:
    """Tell whether these are Python's own words on a long number, which mean nothing to an author."""
    return "Exceeds the limit (" in message  # its number may be in the text itself


def read(text: str, profile: str = "{}") -> object:
    return parse(text, allow=None, read=lambda _: profile)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("--cpus 1e99999999", "failed to parse 1e99999999 as a rational number"),
        ("--cpus 1e-99999999", "failed to parse 1e-99999999 as a rational number"),
        (f"--cpus 1e{NINES}", "as a rational number"),
        ("--cpus 1e999999", "value out of range"),
        ("--cpus 1e-999999", "value is too precise"),
        (f"--cpus {NINES}", "value out of range"),
        (f"--cpus 0.{NINES}", "value is too precise"),
        (f"--cpus 1/{NINES}", "as a rational number"),
        ("-m 1e400", 'strconv.ParseFloat: parsing "1e400": value out of range'),
        ("-m 1e300", "value out of range"),
        (f"-m {NINES}", "value out of range"),
        (f"-m {NINES}m", "value out of range"),
        ("-m 8192p", "value out of range"),
        (f"--memory-swappiness {NINES}", "value out of range"),
        (f"--pids-limit {NINES}", "value out of range"),
        (f"--pids-limit -{NINES}", "value out of range"),
        (f"--pids-limit 0x{NINES}", "value out of range"),
        (f"--blkio-weight {NINES}", "value out of range"),
        (f"--blkio-weight-device /dev/sda:{NINES}", "invalid weight for device"),
        (f"--device-read-bps /dev/sda:{NINES}", "invalid rate for device"),
        (f"--device-read-iops /dev/sda:{NINES}", "invalid rate for device"),
        (f"--ulimit nofile={NINES}", "value out of range"),
        (f"--health-timeout {NINES}s", "time: invalid duration"),
        (f"--health-timeout {NINES}", "time: missing unit"),
        (f"--health-timeout {'9999h' * 5000}", "time: invalid duration"),
        (f"-p {NINES}", "invalid containerPort"),
        (f"-p {NINES}:80", "invalid hostPort"),
        (f"--expose {NINES}", "invalid range format for --expose"),
        (f"--expose 1-{NINES}", "invalid range format for --expose"),
        ("-p 1-65535:1-65535 " * 9, "more than 196,608 ports"),
        ("--expose 1-65535 " * 9, "more than 196,608 ports"),
        (f"--restart on-failure:{NINES}", "maximum retry count must be an integer"),
        (f"--gpus {NINES}", "value out of range"),
        (f"--network name=a,gw-priority={NINES}", "value out of range"),
        (f"--mount type=tmpfs,target=/a,tmpfs-size={NINES}", "invalid value for tmpfs-size"),
        (f"--mount type=tmpfs,target=/a,tmpfs-mode={'7' * 5000}", "invalid value for tmpfs-mode"),
        (f"--dns {NINES}", "not correctly formatted"),
        (f"--dns {NINES}.1.1.1", "not correctly formatted"),
    ],
)
def test_a_number_that_no_flag_can_have(flags: str, says: str) -> None:
    with pytest.raises(FlagProblem) as caught, patience():
        read(f"{flags} busybox")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (f"--cpus {'0' * 5000}1.5", "--cpus 1.5"),
        (f"--cpus 1.5{'0' * 5000}", "--cpus 1.5"),
        (f"--cpus 0e{NINES}", "--cpus 0"),
        (f"--cpus 15{'0' * 500}e-501", "--cpus 1.5"),
        (f"-m {'0' * 5000}64m", "-m 64m"),
        (f"--ulimit nofile={'0' * 5000}7", "--ulimit nofile=7"),
        (f"--health-timeout {'0' * 5000}1.5{'0' * 5000}s", "--health-timeout 1500ms"),
    ],
)
def test_zeros_that_mean_nothing(text: str, same: str) -> None:
    assert read(f"{text} busybox") == read(f"{same} busybox")


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        ("[" * 100_000, "exceeded max depth"),
        ("NaN", "NaN is no JSON"),
        ("-Infinity", "no JSON"),
        ("{", "failed"),
    ],
)
def test_a_seccomp_profile_that_is_none(profile: str, says: str) -> None:
    with pytest.raises(FlagProblem, match=says):
        read("--security-opt seccomp=a.json busybox", profile)


def test_numbers_in_a_seccomp_profile_are_the_engines_to_read() -> None:
    assert read("--security-opt seccomp=a.json busybox", f"[{NINES}, 1e{NINES}]")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("timeout", NINES),
        ("timeout", f"{NINES}h"),
        ("timeout", "1e5"),
        ("timeout", f"{LONGEST + 1}"),
        ("exit-code", NINES),
        ("lines", NINES),
        ("lines", f"1-{NINES}"),
        ("lines", f"-{NINES}"),
        ("lines", "1," * 2000 + "1"),
        ("emphasize-lines", f"{NINES}-"),
    ],
)
def test_a_number_that_no_option_can_have(option: str, value: str) -> None:
    with pytest.raises(OptionProblem, match=f":{option}:") as caught:
        step("busybox", {option: value})
    assert "Exceeds the limit" not in str(caught.value)


@pytest.mark.parametrize("text", ["<wait 1e9999s>", f"<wait {NINES}s>", f"<wait {NINES}>", "<wait 9999h>"])
def test_a_wait_that_never_ends(text: str) -> None:
    with pytest.raises(SyntaxProblem, match="wait"):
        waits.split(text)


def step(
    argument: str,
    options: Mapping[str, str],
    body: tuple[str, ...] = (),
    *,
    traits: RunnerTraits = RunnerTraits(),
) -> None:
    parse_presentation(options)
    parse_step(argument, options, body, location=HERE, allow=None, read=lambda _: "{}", traits=traits)


# What a number, and a text, can grow into.
NUMBERS = st.one_of(
    st.integers(0, 6000).map("9".__mul__),
    st.integers(0, 6000).map(lambda zeros: "0" * zeros + "1"),
    st.builds("{}e{}{}".format, st.integers(0, 99), st.sampled_from(["", "-", "+"]), st.integers(0, 10**12)),
    st.builds("{}.{}".format, st.integers(), st.integers(0, 6000).map("3".__mul__)),
    st.builds("{}/{}".format, st.integers(), st.integers()),
    st.sampled_from(["-1", "inf", "nan", "0x" + "f" * 5000, "٣", "²", "1_000", "1" + "_1" * 3000, "+", ""]),
)
BEFORE = st.sampled_from(
    ["", "-", "a=", "nofile=", "/dev/a:", "a:", "1-", "1:", "name=a,gw-priority=", "count="]
)
BEHIND = st.sampled_from(["", "m", "kib", "s", "h", "/udp", "-", ":1", ",", "%", "\u00a0"])
HOSTILE = st.builds("{}{}{}".format, BEFORE, NUMBERS, BEHIND) | st.text(
    st.characters(exclude_characters="'\n\0", exclude_categories=("Cs",)), max_size=30
)


@BOUNDED
@given(flag=st.sampled_from(list(FLAGS.values())), value=HOSTILE)
@example(flag=FLAGS["memory"], value="1e400")
@example(flag=FLAGS["cpus"], value="1e99999999")
@example(flag=FLAGS["pids-limit"], value=NINES)
def test_any_value_of_any_flag_is_read_or_refused(flag: Flag, value: str) -> None:
    assert not is_pythons(message(lambda: read(f"--{flag.name}='{value}' busybox")))


@BOUNDED
@given(name=st.sampled_from(OPTIONS), value=HOSTILE)
@example(name="timeout", value=NINES)
@example(name="lines", value=NINES)
@example(name="capture", value="4300")
def test_any_value_of_any_option_is_read_or_refused(name: str, value: str) -> None:
    assert not is_pythons(message(lambda: step("busybox", {name: value})))
    assert not is_pythons(message(lambda: step("", {name: value}, ("$ true",), traits=TRAITS)))


@BOUNDED
@given(name=st.sampled_from(FILE_OPTIONS), value=HOSTILE)
def test_any_value_of_a_files_option_is_read_or_refused(name: str, value: str) -> None:
    def missing(name: str) -> bytes:
        raise FileNotFoundError(2, "No such file", name)

    assert not is_pythons(message(lambda: parse_file_presentation({name: value})))
    assert not is_pythons(
        message(lambda: parse_file("a", {name: value}, ("x",), location=HERE, traits=TRAITS, read=missing))
    )


@BOUNDED
@given(HOSTILE | st.integers(0, 20_000).map("[".__mul__))
@example("[" * 100_000)
@example(NINES)
def test_any_field_of_front_matter_is_read_or_refused(text: str) -> None:
    assert not is_pythons(message(lambda: parse_images(text)))
    assert not is_pythons(message(lambda: parse_terminal(text)))


ANY_VALUE = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(4290, 6000).map(lambda power: 10**power),
        st.floats(),
        HOSTILE,
        st.binary(max_size=9),
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
)


@BOUNDED
@given(setting=st.sampled_from(fields(Settings)), value=ANY_VALUE)
@example(setting=next(each for each in fields(Settings) if each.name == "timeout"), value=10**400)
@example(setting=next(each for each in fields(Settings) if each.name == "timeout"), value=float("nan"))
@example(setting=next(each for each in fields(Settings) if each.name == "lab_memory"), value=10**5000)
@example(setting=next(each for each in fields(Settings) if each.name == "lab_memory"), value=NINES)
def test_any_value_in_conf_py_is_taken_or_refused(setting: Field[object], value: object) -> None:
    refusal = message(lambda: setting.metadata["check"](value))
    assert not is_pythons(refusal)
    assert shown(value)
    if not refusal:
        assert str(setting.metadata["check"](value))
