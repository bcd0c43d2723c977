"""The grammar against the real CLI: the same line asks an engine for the same container.

The oracle is the `docker` on the path, if it is of version 28, the one whose grammar this is; the list
of flags is held against that of any version. Bodies are compared as Go reads them: what is empty is
the same as what isn't there, except in fields where Go keeps the two apart (`KEEPS_EMPTY`).
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from docker_cli import Cli, Sent, cli
from docker_run.docker_cli.container_options import RunLine
from docker_run.docker_cli.flag_table import FLAGS, SHORT
from docker_run.docker_cli.run_line import parse
from docker_run.docker_cli.subcommands import COMMANDS, PLUGINS
from docker_run.engine.direct.container_config import to_body
from docker_run.errors import FlagProblem

pytestmark = pytest.mark.engine

VERSION = 28
API = "1.47"
KEEPS_EMPTY = {
    *("MaskedPaths", "ReadonlyPaths", "Entrypoint", "Dns", "DnsOptions", "DnsSearch"),
    *("Init", "StopTimeout", "PidsLimit", "MemorySwappiness", "OomKillDisable"),
}
FILES = {
    "web.env": "# comment\nA=1\n  B= 2\nC=x y \n\nD=\n",
    "bare.env": "HERE\nNOT_HERE\n",
    "web.labels": "a=1\nbare\nb=c=d\r\n",
    "seccomp.json": '{\n  "defaultAction": "SCMP_ACT_ALLOW",\n  "x": "a \\" b"\n}\n',
    "not.json": "{",
    "bad.env": "A B=1\n",
    "nameless.env": "=1\n",
    "odd.env": "\ufeffa-b=1\n\n{=4\n[x]=5\nkey:=6\n'=7\n"
    '\u00a0\u3000B=2\nC="q" # no\nD=\'\n[x]\nE=1\u2028F=2\r\n',
    "long.env": f"A={'x' * 65_533}\nB={'y' * 65_532}\r\nC=1\n",
    "longer.env": f"A=1\nB={'x' * 65_534}\nC=1\n",
    "long-end.env": f"A={'x' * 65_533}",
    "longer-end.env": f"A={'x' * 65_534}",
    "script.env": "#!/bin/sh\nexport A=1\n",
    "settings.yaml": "a: 1\n",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    with cli(tmp_path_factory.mktemp("cli")) as found:
        if found is None:
            pytest.fail("no docker CLI on the path: install Debian's docker-cli, or docker.io")
        yield found


@pytest.fixture(scope="module")
def oracle(installed: Cli) -> Cli:
    if installed.major != VERSION:
        pytest.skip(f"the grammar is that of docker {VERSION}; this is docker {installed.major}")
    return installed


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("files")
    for name, text in FILES.items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory


def line_of(words: list[str], directory: Path) -> RunLine:
    return parse(
        shlex.join(words),
        allow=None,
        read=lambda name: (directory / name).read_bytes().decode(),
        environ=os.environ,
        directory=str(directory),
    )


def body_of(line: RunLine) -> dict[str, Any]:
    """Return the request as it is made for an engine; none is needed."""
    api = docker.APIClient(base_url="unix:///nowhere", version=API)
    try:
        return to_body(line, api, reference=line.image)
    finally:
        api.close()


def comparable(value: Any, name: str = "") -> Any:  # noqa: ANN401 - JSON
    """Return JSON as Go reads it, without what no flag decides."""
    if isinstance(value, dict):
        # docker-py spells two names with capitals, and Go reads either.
        pairs = (
            (key.replace("CPURealtime", "CpuRealtime"), comparable(item, key)) for key, item in value.items()
        )
        dropped = {"ConsoleSize"}  # the size of the terminal of whoever asks
        if name == "HostConfig":
            dropped |= {"KernelMemory"}  # given up with API 1.42: the CLI reads the flag, and sends nothing
        return {
            key: item
            for key, item in pairs
            if key not in dropped
            and (item not in (None, "", 0, [], {}) or (key in KEEPS_EMPTY and item is not None))
        }
    if isinstance(value, list | tuple):
        items = [comparable(item) for item in value]
        # Variables and binds the CLI keeps in maps, and sends in whatever order Go goes through those;
        # links docker-py sorts. The order means nothing to the engine.
        return sorted(items) if name in ("Env", "Binds", "Links") else items
    return value


LINES = """
busybox
-t busybox sh
-i --rm busybox cat
-d busybox sleep 9
--rm -d busybox
-a stdin busybox
-a stdout -i busybox
-a STDERR -a stdin -i busybox
-dit=false busybox
busybox -it --rm -- x
-- busybox -d
--name web -h web --domainname example.com -u 1:1 -w /x busybox
--name=web -hweb -u=1 --workdir=/x busybox
--entrypoint sh busybox -c 'echo $HOME'
--entrypoint= busybox
--entrypoint '' busybox
--init=false --stop-timeout 0 --stop-signal INT busybox
--init --read-only --privileged -P --oom-kill-disable --oom-score-adj 5 busybox
--platform linux/amd64 --pull never -q --sig-proxy=false --detach-keys ctrl-x busybox
-m 64m --memory-swap -1 --memory-reservation 32MiB --memory-swappiness 0 --shm-size 1t busybox
-m 1.5g -m '2 GiB' --kernel-memory 4m busybox
--cpus 1.5 -c 512 --cpuset-cpus 0-1 --cpuset-mems 0 --cpu-period 100000 --cpu-quota 5_0000 busybox
--cpus 1/4 -c 0x10 --cpu-rt-period 017 --cpu-rt-runtime 0b11 busybox
--cpus 1e1 --pids-limit 0 busybox
--pids-limit -1 busybox
--blkio-weight 300 --blkio-weight-device /dev/sda:200 --blkio-weight-device /dev/sdb:0 busybox
--device-read-bps /dev/sda:1mb --device-write-bps /dev/sda:3 busybox
--device-read-iops /dev/sda:7 --device-write-iops /dev/sdb:8 busybox
--ulimit nofile=3:4 --ulimit core=0 --ulimit core=1 --ulimit memlock=-1:-1 busybox
-p 80 -p 81:81 -p 127.0.0.1:8082:82 -p '[::1]:83:83' -p ::1::84 -p 127.0.0.1::85/udp busybox
-p 8000-8002:9000-9002/udp -p 8003-8010:93 -p 9-10 -p 80:80/TCP -p 80:80/sctp busybox
-p published=8,target=9,protocol=udp -p target=7 busybox
--expose 9 --expose 10-12/udp --expose 13/ -p 13:13 busybox
--network host -p 80:80 busybox
--network none busybox
--network bridge busybox
--network container:web busybox
--network back --network-alias a --network-alias b --ip 172.30.0.9 --ip6 2001:db8::33 busybox
--net back --net-alias a --link-local-ip 169.254.34.68 --link a:b --link c busybox
--network name=Back,alias=Q,alias=r,ip=172.30.0.9,ip6=2001:db8::33,driver-opt=a=B,driver-opt=c=d busybox
--network name=back busybox
--network a --network b --network-alias x busybox
--network name=back,mac-address=02:42:ac:11:00:02,link-local-ip=169.254.1.1 busybox
--mac-address 02-42-ac-11-00-02 busybox
--network back --mac-address 0242.ac11.0002 busybox
--link web:db --link other busybox
--add-host a:10.0.0.1 --add-host b=::1 --add-host 'c:[::1]' --add-host d:host-gateway --add-host e:::2 busybox
--dns 10.0.0.2 --dns ' ::1 ' --dns-opt ndots:2 --dns-option x --dns-search example.com. --dns-search . busybox
-v data:/d -v /h:/h:ro,z -v /anon -v x:/drive -v data:/d busybox
-v ./here:/h -v ..:/up:ro -v .:/dot busybox
-v ab -v a -v '~/x:/y' busybox
--volume-driver local --volumes-from a --volumes-from b:ro busybox
--tmpfs /run --tmpfs /x:size=3m,exec busybox
--mount type=bind,src=./here,dst=/y,readonly busybox
--mount type=bind,source=/a,target=/b,bind-propagation=RSHARED busybox
--mount type=bind,src=/a,dst=/b,ro,bind-recursive=readonly,bind-propagation=rprivate busybox
--mount type=bind,src=/a,dst=/b,ro=true,bind-recursive=writable,consistency=cached busybox
--mount type=bind,src=/a,dst=/b,bind-recursive=disabled busybox
--mount type=bind,src=/a,dst=/c,bind-recursive=enabled busybox
--mount src=v,dst=/z,volume-label=a=b,volume-label=c,volume-nocopy --mount dst=/anon busybox
--mount 'type=volume,src=v,dst=/z,volume-driver=local,"volume-opt=o=addr=1,rw",volume-opt=type=nfs' busybox
--mount src=v,dst=/z,volume-driver=local --mount src=v,dst=/y,volume-opt=a=b busybox
--mount src=v,destination=/z,volume-subpath=a/b,volume-nocopy=false,ro=0 busybox
--mount type=tmpfs,dst=/t,tmpfs-size=64m,tmpfs-mode=1770 --mount TYPE=tmpfs,dst=/u busybox
--mount type=image,src=busybox,dst=/i,image-subpath=bin busybox
--device /dev/null --device /dev/zero:/dev/x:rw --device /dev/full:r --device /dev//a/../b:/dev//c/ busybox
--device vendor.com/class=name-1 --device v1/cc=all --device a:/b:m busybox
--gpus all --gpus 2 busybox
--gpus device=0 busybox
--gpus '"device=1,2","capabilities=utility,compute",driver=nvidia' busybox
--gpus 'count=all,"options=a=b,c"' busybox
--device-cgroup-rule 'c 1:3 rwm' --device-cgroup-rule 'b *:* r' busybox
--cap-add CAP_NET_ADMIN --cap-add CAP_CHOWN --cap-add CAP_NET_ADMIN --cap-drop ALL busybox
--security-opt no-new-privileges --security-opt label:disable --security-opt apparmor=unconfined busybox
--security-opt systempaths=unconfined --security-opt seccomp=unconfined busybox
--security-opt seccomp=seccomp.json busybox
--security-opt no-new-privileges:true --security-opt seccomp=builtin busybox
--group-add 1 --group-add audio --isolation default --runtime runc --cgroup-parent /x busybox
--pid host --uts host --userns host --ipc host --cgroupns host busybox
--pid container:web --ipc container:web --cgroupns private busybox
--ipc shareable --pid= --uts= busybox
--restart always busybox
--restart on-failure:3 busybox
--restart= busybox
--rm --restart no busybox
--log-driver json-file --log-opt max-size=10m --log-opt bare busybox
--log-opt max-file=3 busybox
--log-driver none busybox
--storage-opt size=1G --storage-opt a=b=c --sysctl net.ipv4.ip_forward=1 --sysctl kernel.sem=a=b busybox
-e A=1 -e B= -e A=2 -e 'C=x y' -e HOME -e NOT_SET_ANYWHERE busybox
--env-file web.env -e A=3 busybox
--env-file bare.env busybox
-l a=b -l bare -l c=d=e -l ' x=y' -l a=c busybox
--env-file odd.env busybox
--env-file long.env busybox
--env-file long-end.env busybox
--label-file web.labels -l a=2 busybox
--label-file odd.env busybox
--health-cmd 'test -f /x' --health-interval 1m30s --health-timeout .5s --health-retries 3 busybox
--health-start-period 1h2m3.5s --health-retries 0 busybox
--health-interval 100us busybox
--health-interval 0 --health-cmd '' busybox
--no-healthcheck busybox
--no-healthcheck=false --health-cmd x busybox
--rm=1 -t=T --init=False busybox
-id=0 -p80:80 -p=81:81 -e=X=Y -eZ=1 busybox
--annotation org.x=y --annotation bare busybox
--health-start-interval 2s --health-cmd x busybox
--cap-add net_admin --cap-add cap_chown --cap-drop all --cap-drop x busybox
"""


@pytest.mark.parametrize("line", [line for line in LINES.splitlines() if line])
def test_the_request_is_the_clis(line: str, oracle: Cli, files: Path) -> None:
    words = shlex.split(line)
    sent = oracle.run(words, cwd=files)
    assert sent.body is not None, sent.stderr
    ours = line_of(words, files)
    assert comparable(body_of(ours)) == comparable(sent.body)
    assert ours.name == "".join(sent.query.get("name", []))
    assert ours.platform == "".join(sent.query.get("platform", []))


BAD_LINES = """
--rmm busybox
-x busybox
-itxq busybox
-rm busybox
-p
--name
-itp
--rm=x busybox
---x busybox
--=x busybox
-m 3q busybox
-m x busybox
-m -5 busybox
-m 5xxxx busybox
-m 1.2.3 busybox
-m ' 5m' busybox
--memory-swap -2 busybox
--memory-swappiness 101 busybox
--cpus x busybox
--cpus 1/0 busybox
--cpus 0.1234567891 busybox
-c x busybox
-c 08 busybox
-c 99999999999999999999 busybox
--blkio-weight 99999 busybox
--blkio-weight -1 busybox
--blkio-weight-device /dev/a:5 busybox
--blkio-weight-device a:50 busybox
--blkio-weight-device a busybox
--device-read-bps /dev/a:x busybox
--device-read-iops /dev/a:-1 busybox
--ulimit x busybox
--ulimit x=3 busybox
--ulimit core=a busybox
--ulimit core=3:2 busybox
--ulimit core=-1:2 busybox
--ulimit core=1:2:3 busybox
-p '' busybox
-p a busybox
-p 1:2:3:4 busybox
-p 70000:1 busybox
-p 1-3:1-2 busybox
-p 1:1/foo busybox
-p 5-3 busybox
-p a=b busybox
-p a=b,c busybox
--expose 3:4 busybox
--expose x busybox
--expose 5-3 busybox
-v '' busybox
-v /a:/b:c:d:e busybox
-v ax: busybox
-v :/x busybox
--mount '' busybox
--mount x busybox
--mount x=y busybox
--mount type=bind busybox
--mount type=,dst=/x busybox
--mount type=bind,volume-nocopy,dst=/x busybox
--mount type=bind,volume-driver=local,dst=/x busybox
--mount type=bind,volume-label=a,dst=/x busybox
--mount type=tmpfs,bind-propagation=private,dst=/x busybox
--mount image-subpath=a,dst=/x busybox
--mount tmpfs-size=1m,dst=/x busybox
--mount dst=/x,ro=q busybox
--mount dst=/x,volume-nocopy=q busybox
--mount dst=/x,tmpfs-size=q busybox
--mount dst=/x,tmpfs-mode=9 busybox
--mount type=bind,dst=/x,src=/y,bind-recursive=x busybox
--mount type=bind,dst=/x,src=/y,bind-recursive=readonly busybox
--mount type=bind,dst=/x,src=/y,bind-recursive=readonly,ro busybox
--mount type=bind,dst=/x,src=/y,bind-recursive=writable busybox
--mount 'a"b' busybox
--mount '"a' busybox
--mount '"a"b' busybox
--network '' busybox
--network name=x,foo=y busybox
--network alias=x busybox
--network name=x,y busybox
--network name=x,driver-opt=y busybox
--network name=x,alias=a --network-alias b busybox
--network name=x,ip=10.0.0.1 --ip 10.0.0.2 busybox
--network host --network-alias b busybox
--network host --network x busybox
--network x --network x busybox
--network-alias x busybox
--mac-address x busybox
--mac-address 02:42 busybox
--add-host a busybox
--add-host a:b busybox
--add-host :10.0.0.1 busybox
--dns x busybox
--dns-search 1 busybox
--link '' busybox
--link a:b:c busybox
--sysctl a=b busybox
--sysctl net.x busybox
--device a busybox
--device /a:b busybox
--device /a:/b:q busybox
--device /a:/b:r:w busybox
--device-cgroup-rule x busybox
--gpus x busybox
--gpus a=b busybox
--gpus 1,count=2 busybox
--gpus '' busybox
--security-opt x busybox
--security-opt seccomp=missing.json busybox
--security-opt seccomp=not.json busybox
--log-driver none --log-opt a=b busybox
--storage-opt x busybox
--restart :3 busybox
--restart on-failure:x busybox
--restart always --rm busybox
-a x busybox
-a stdout -d busybox
-e '' busybox
-e =x busybox
-e= busybox
--env-file missing.env busybox
--env-file bad.env busybox
--env-file nameless.env busybox
--env-file longer.env busybox
--env-file longer-end.env busybox
--env-file script.env busybox
--env-file settings.yaml busybox
--label-file bad.env busybox
--label-file missing.labels busybox
-l =x busybox
-l 'a b=c' busybox
--pid x busybox
--pid container: busybox
--uts x busybox
--userns x busybox
--cgroupns x busybox
--pull x busybox
--health-interval x busybox
--health-interval 5 busybox
--health-interval 5y busybox
--health-interval -5s busybox
--health-retries -1 busybox
--health-timeout '' busybox
--no-healthcheck --health-retries 3 busybox
--stop-timeout x busybox
--cpu-count 3 busybox
"""
OWN_WORDS = {
    # Nothing of a file is quoted, and the line is named.
    "--env-file bad.env busybox": "invalid env file (bad.env): ",
    "--label-file bad.env busybox": "invalid env file (bad.env): ",
    "--env-file script.env busybox": "invalid env file (script.env): ",
    "--env-file settings.yaml busybox": "invalid env file (settings.yaml): ",
    "--env-file nameless.env busybox": "invalid env file (nameless.env): no variable name on line ",
    "--env-file longer.env busybox": "",
    "--env-file longer-end.env busybox": "",
    # The JSON reader's words are Python's, not Go's.
    "--security-opt seccomp=not.json busybox": "compacting json for",
    # The CLI goes on about which engine it found.
    "--cpu-count 3 busybox": '"--cpu-count" is only',
}
"""How much of the CLI's words we say in these cases."""


@pytest.mark.parametrize("line", [line for line in BAD_LINES.splitlines() if line])
def test_what_the_cli_refuses_is_refused_in_its_words(line: str, oracle: Cli, files: Path) -> None:
    words = shlex.split(line)
    sent = oracle.run(words, cwd=files)
    assert sent.body is None
    with pytest.raises(FlagProblem) as caught:
        line_of(words, files)
    theirs = sent.stderr.splitlines()[0].removeprefix("docker: ").removesuffix(".")
    kept = OWN_WORDS.get(line, theirs)
    assert theirs.lower().startswith(kept.lower())
    assert str(caught.value).lower().startswith(kept.lower())


def test_no_image(oracle: Cli, files: Path) -> None:
    theirs = oracle.run([], cwd=files).stderr
    with pytest.raises(FlagProblem, match="requires at least 1 argument"):
        line_of([], files)
    assert "requires at least 1 argument" in theirs


def listed(text: str) -> dict[str, tuple[str, str]]:
    """Take the list of flags apart that `docker run --help` prints: name → (letter, kind of value)."""
    flags = {}
    for line in text.partition("Options:")[2].splitlines():
        words = line.split()
        if not words or not words[0].startswith("-") or not line.startswith(("  -", "      --")):
            continue
        short = words.pop(0).strip("-,") if not words[0].startswith("--") else ""
        kind = (
            words[1]
            if line[len(line) - len(line.lstrip()) :].partition("  ")[0].count(" ") > bool(short)
            else ""
        )
        flags[words[0].removeprefix("--")] = (short, kind)
    return flags


def test_every_flag_that_help_lists_has_its_row(installed: Cli) -> None:
    flags = listed(installed.help())
    assert len(flags) > 90
    rows = {name: (FLAGS[name].short, FLAGS[name].type) for name in flags if name in FLAGS}
    assert rows == flags


def test_every_command_that_help_lists_is_known(installed: Cli) -> None:
    names = re.findall(r"^  ([a-z]+)\*? +[A-Z]", installed.help(""), re.MULTILINE)
    assert len(names) > 50
    assert set(names) <= COMMANDS | PLUGINS


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_one_of_the_cli(name: str, oracle: Cli) -> None:
    usage = oracle.help(name)
    # `docker help` is about all of them, and an alias about what it stands for.
    assert re.search(rf"docker {name}\b", usage) or (name == "help" and "docker [OPTIONS] COMMAND" in usage)


def test_rows_that_help_does_not_list_are_known_to_the_cli(oracle: Cli, files: Path) -> None:
    flags = listed(oracle.help())
    for name in sorted(set(FLAGS) - set(flags)):
        row = FLAGS[name]
        value = [] if row.is_switch else [row.example or "1"]
        sent = oracle.run([f"--{name}", *value, "busybox"], cwd=files)
        assert "unknown flag" not in sent.stderr, name


NUMBERS = st.from_regex(r"[-+]?[0-9.]{0,4}[ kKmMgGtTpPbBiIx]{0,3}", fullmatch=True)
DURATIONS = st.from_regex(r"[-+]?([0-9]{0,2}\.?[0-9]{0,2}(ns|us|µs|ms|s|m|h|x|)){0,3}", fullmatch=True)
PORTS = st.from_regex(
    r"(\[?(1\.2\.3\.4|::1)?\]?:)?([0-9]{0,5}(-[0-9]{0,5})?:)?[0-9]{0,5}(-[0-9]{0,5})?(/[tudcpTx]{0,3})?",
    fullmatch=True,
)
VOLUMES = st.from_regex(r"[./~a\\]{0,3}(:[/ab]{0,3}){0,3}(:ro,z)?", fullmatch=True)
INTEGERS = st.from_regex(r"[-+]?(0[xXbBoO]?)?[0-9a-f_]{0,6}", fullmatch=True)
PATHS = st.from_regex(r"[/a.]{1,6}(:[/a.rwm]{0,4}){0,2}", fullmatch=True)
KEYS = st.sampled_from(
    ["type=bind", "type=tmpfs", "src=/a", "src=v", "dst=/b", "ro", "ro=f", "volume-nocopy", '"dst=/c,d"']
)
MOUNTS = st.lists(KEYS, max_size=4).map(",".join)
VALUES = st.one_of(
    st.tuples(st.sampled_from(["-m", "--shm-size", "--memory-swap"]), NUMBERS),
    st.tuples(
        st.sampled_from(["--cpus"]),
        st.from_regex(r"[-+]?[0-9.]{0,3}(/[0-9]{0,2}|e[-+]?[0-6])?", fullmatch=True),
    ),
    st.tuples(st.sampled_from(["--health-interval"]), DURATIONS),
    st.tuples(st.sampled_from(["-p", "--expose"]), PORTS),
    st.tuples(st.sampled_from(["-v"]), VOLUMES),
    st.tuples(st.sampled_from(["-c", "--pids-limit", "--blkio-weight", "--health-retries"]), INTEGERS),
    st.tuples(st.sampled_from(["--device"]), PATHS),
    st.tuples(st.sampled_from(["--mount"]), MOUNTS),
)


OVERFLOWED = {-(1 << 63), (1 << 63) - 1}
"""What Go makes of a size for which an int64 has no room, on amd64 and on arm64."""


def agree(sent: Sent, words: list[str], files: Path) -> None:
    """Both refuse `words`, or both ask for the same; we refuse sizes that overflow."""
    if sent.body is None or any(
        isinstance(value, int) and value in OVERFLOWED for value in sent.body["HostConfig"].values()
    ):
        with pytest.raises(FlagProblem):
            line_of(words, files)
    else:
        assert comparable(body_of(line_of(words, files))) == comparable(sent.body)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(VALUES, min_size=1, max_size=3))
@example([("-m", "8192P")])
@example([("--memory-swap", "8200P")])
@example([("--shm-size", "8191P")])
@example([("--cpus", "0/08")])
@example([("--cpus", "010/1")])
@example([("--cpus", "1/0x10")])
def test_random_values_are_read_alike(oracle: Cli, files: Path, flags: list[tuple[str, str]]) -> None:
    words = [*(word for pair in flags for word in pair), "busybox"]
    sent = oracle.run(words, cwd=files)
    agree(sent, words, files)


SWITCHES = sorted(flag.short for flag in SHORT.values() if flag.is_switch and not flag.refused)
BUNDLES = st.lists(st.sampled_from([*SWITCHES, "p", "e", "=", "8", "X=1", "false"]), min_size=1, max_size=4)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(BUNDLES.map(lambda parts: "-" + "".join(parts)), min_size=1, max_size=2))
def test_random_bundles_are_read_alike(oracle: Cli, files: Path, bundles: list[str]) -> None:
    words = [*bundles, "busybox", "x"]
    sent = oracle.run(words, cwd=files)
    if "not a TTY" not in sent.stderr:
        agree(sent, words, files)
