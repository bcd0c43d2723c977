"""The table of flags: whole, consistent, and careful about the host."""

from __future__ import annotations

import pytest
from docker import APIClient

from docker_run.docker_cli.container_options import RunLine
from docker_run.docker_cli.flag import Combine, Flag
from docker_run.docker_cli.flag_table import FLAGS, SHORT
from docker_run.docker_cli.run_line import parse
from docker_run.engine.direct.container_config import to_body
from docker_run.engine.direct.name_prefix import Json
from docker_run.errors import FlagProblem, RefusedFlag

ROWS = list(FLAGS.values())


def read(name: str) -> str:
    return {"web.env": "A=1\n", "web.labels": "a=1\n", "bare.env": "# why\nHOME\n"}[name]


def line(text: str, *allow: str) -> RunLine:
    return parse(f"{text} busybox", allow=allow, read=read)


@pytest.mark.parametrize("flag", ROWS, ids=lambda flag: flag.name)
def test_a_row_is_whole(flag: Flag) -> None:
    assert (flag.reaches is None) == (not flag.why)
    assert flag.is_switch or flag.example or flag.refused or flag.spelling_of


def test_names_and_letters_are_unique() -> None:
    assert list(FLAGS) == sorted(FLAGS)
    assert len(FLAGS) == 107
    assert "".join(sorted(SHORT)) == "Pacdehilmpqtuvw"


def test_other_spellings_behave_alike() -> None:
    for flag in ROWS:
        if flag.spelling_of:
            usual = FLAGS[flag.spelling_of]
            assert (flag.convert, flag.combine, flag.type) == (usual.convert, usual.combine, usual.type)


APART = {
    **dict.fromkeys(("network-alias", "net-alias", "ip"), "--network back"),
    "health-start-interval": "--health-cmd true",
}
"""What a flag needs beside it to be read, or to make sense."""
WITHOUT_EFFECT = {"pull": "always", "sig-proxy": "false"}
"""Flags whose example, or whose presence, is what happens anyway: another value."""


def with_example(flag: Flag) -> str:
    usual = FLAGS[flag.spelling_of or flag.name]
    value = WITHOUT_EFFECT.get(flag.name, "true" if flag.is_switch else usual.example)
    return f"--{flag.name} {value}" if not flag.is_switch else f"--{flag.name}={value}"


@pytest.mark.parametrize("flag", [flag for flag in ROWS if not flag.refused], ids=lambda flag: flag.name)
def test_every_flag_says_something_in_the_line(flag: Flag) -> None:
    apart = APART.get(flag.name, "")
    given = parse(f"{apart} {with_example(flag)} busybox", allow=None, read=read)
    assert given != parse(f"{apart} busybox", allow=None, read=read)
    assert hash(given)


CLIENT = {"cidfile", "detach-keys", "name", "platform", "pull", "quiet", "sig-proxy"}
"""Flags that are no part of the request's body, or only as what it says of the client."""


def body(text: str) -> Json:
    api = APIClient(base_url="unix:///nowhere.sock", version="1.47")
    try:
        return to_body(parse(text, allow=None, read=read), api, reference="sha256:1")
    finally:
        api.close()


@pytest.mark.parametrize(
    "flag",
    [flag for flag in ROWS if not flag.refused and flag.name not in CLIENT],
    ids=lambda flag: flag.name,
)
def test_every_flag_says_something_to_the_engine(flag: Flag) -> None:
    apart = APART.get(flag.name, "")
    assert body(f"{apart} {with_example(flag)} busybox") != body(f"{apart} busybox")


@pytest.mark.parametrize("flag", [flag for flag in ROWS if flag.refused], ids=lambda flag: flag.name)
def test_flags_without_a_counterpart_are_refused_by_name(flag: Flag) -> None:
    with pytest.raises(FlagProblem) as caught:
        parse(f"--{flag.name}{'' if flag.is_switch else '=1'} busybox", allow=None, read=read)
    assert f"--{flag.name}" in str(caught.value)


REACHING = {
    "annotation": "--annotation a=b",
    "cap-add": "--cap-add SYS_ADMIN",
    "cgroup-parent": "--cgroup-parent /x",
    "cgroupns": "--cgroupns host",
    "cidfile": "--cidfile x",
    "cpu-rt-period": "--cpu-rt-period 1",
    "cpu-rt-runtime": "--cpu-rt-runtime 1",
    "device": "--device /dev/sda",
    "device-cgroup-rule": "--device-cgroup-rule 'a *:* rwm'",
    "env": "-e HOME",
    "env-file": "--env-file bare.env",
    "gpus": "--gpus all",
    "ipc": "--ipc host",
    "log-driver": "--log-driver syslog",
    "mount": "--mount type=bind,src=/,dst=/host",
    "network": "--net name=host",
    "oom-kill-disable": "--oom-kill-disable",
    "oom-score-adj": "--oom-score-adj -1",
    "pid": "--pid host",
    "privileged": "--privileged",
    "publish": "-p 80:80",
    "publish-all": "-P",
    "runtime": "--runtime x",
    "security-opt": "--security-opt seccomp=unconfined",
    "userns": "--userns host",
    "uts": "--uts host",
    "volume": "-v /:/host",
    "volume-driver": "--volume-driver x",
}


def test_every_reaching_flag_is_tested() -> None:
    assert sorted(REACHING) == sorted(flag.name for flag in ROWS if flag.reaches)


@pytest.mark.parametrize("name", REACHING)
def test_what_reaches_into_the_host_has_to_be_allowed(name: str) -> None:
    with pytest.raises(RefusedFlag) as caught:
        line(REACHING[name], *(other for other in REACHING if other != name))
    assert f"--{name} {FLAGS[name].why}" in str(caught.value)
    assert f'add "{name}" to `docker_run_allow`' in str(caught.value)
    assert line(REACHING[name], name) == parse(f"{REACHING[name]} busybox", allow=None, read=read)


@pytest.mark.parametrize(
    "text",
    [
        "--network host --network x",
        "--security-opt no-new-privileges --security-opt apparmor=unconfined",
        "--security-opt systempaths=unconfined",
        "--security-opt label:disable",
        "-v data:/d -v ./x:/y",
        "-v '~/x:/y'",
        "--mount src=v,dst=/x,volume-opt=o=bind",
        "-e A=1 -e HOME",
        "--env-file web.env --env-file bare.env",
    ],
)
def test_one_of_several_values_reaches(text: str) -> None:
    with pytest.raises(RefusedFlag):
        line(text)


@pytest.mark.parametrize(
    "text",
    [
        "--network none",
        "--network back",
        "--network container:web",
        "--pid container:web --ipc shareable --cgroupns private",
        "--privileged=false -P=false --oom-kill-disable=false",
        "--privileged --privileged=false",
        "--pid host --pid container:web",
        "--security-opt no-new-privileges --security-opt seccomp=builtin",
        "--security-opt no-new-privileges:true",
        "--log-driver none",
        "--log-driver json-file --log-opt max-size=1m",
        "-v data:/d -v /anon",
        "--mount type=tmpfs,dst=/x --mount src=v,dst=/y",
        "-e A=1 -e B= --env-file web.env",
        "--oom-score-adj 1",
        "--expose 80 --link web --volumes-from web",
        "--cidfile ''",
    ],
)
def test_what_stays_inside_needs_no_leave(text: str) -> None:
    assert line(text).image == "busybox"


def test_each_value_has_its_way_to_be_repeated() -> None:
    assert {flag.name for flag in ROWS if flag.combine is Combine.PAIRS} == {
        "annotation",
        "storage-opt",
        "sysctl",
        "tmpfs",
    }
    for flag in ROWS:
        assert (flag.type in ("list", "map", "mount", "network", "ulimit", "gpu-request")) == (
            flag.combine is not Combine.LAST
        )
