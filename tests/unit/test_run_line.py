"""A `docker run` line becomes what the CLI would send, or an error in the CLI's words."""

from __future__ import annotations

import pickle
import shlex
from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docker_run.docker_cli.container_options import (
    ClientOptions,
    HealthCheck,
    NetworkOptions,
    ProcessOptions,
    ResourceOptions,
    RunLine,
    SecurityOptions,
    StorageOptions,
)
from docker_run.docker_cli.flag import Flag
from docker_run.docker_cli.flag_table import FLAGS, SHORT
from docker_run.docker_cli.run_line import parse
from docker_run.docker_cli.values.devices import DeviceRequest
from docker_run.docker_cli.values.mounts import Mount, Volume
from docker_run.docker_cli.values.networks import Attachment
from docker_run.docker_cli.values.ports import Binding
from docker_run.docker_cli.values.rates import Ulimit
from docker_run.errors import FlagProblem, SyntaxProblem

PATIENTLY = settings(deadline=None)  # a busy machine is no failure

FILES = {
    "web.env": b"A=1\nB=x y\n# no\nHERE\nGONE\n",
    "web.labels": b"a=1\nbare\n",
    "profile.json": b'{ "x y": [1,\n 2] }',
    "latin.env": b"A=\xe9\n",
    "bad.json": b"{",
}


def read(name: str) -> str:
    if name not in FILES:
        raise FileNotFoundError(2, "No such file or directory", name)
    return FILES[name].decode()


def line(text: str) -> RunLine:
    return parse(text, allow=None, read=read, environ={"HERE": "h"}, directory="/docs")


def message(text: str) -> str:
    with pytest.raises(FlagProblem) as caught:
        line(text)
    return str(caught.value)


def test_the_image_ends_the_flags() -> None:
    taken = line("-it --rm busybox ls --rm -- -l")
    assert (taken.image, taken.command) == ("busybox", ("ls", "--rm", "--", "-l"))
    assert (taken.interactive, taken.tty, taken.detach, taken.auto_remove) == (True, True, False, True)


def test_two_dashes_end_the_flags() -> None:
    assert line("-- -it x") == RunLine(image="-it", command=("x",))
    assert line("--rm - x").image == "-"


def test_without_flags_all_is_as_the_cli_has_it() -> None:
    assert line("busybox") == RunLine("busybox")
    assert line("busybox").client == ClientOptions(
        detach_keys="", sig_proxy=True, pull="missing", quiet=False, id_file="", api_versions=()
    )


@pytest.mark.parametrize(
    ("text", "asked", "streams"),
    [
        ("", (), {"stdout", "stderr"}),
        ("-i", (), {"stdin", "stdout", "stderr"}),
        ("-d -i", (), set()),
        ("-a STDOUT", ("stdout",), {"stdout"}),
        ("-i -a stderr", ("stderr",), {"stdin", "stderr"}),
        ("-a stderr -a stdin -a stderr", ("stdin", "stderr"), {"stdin", "stderr"}),
    ],
)
def test_attached_streams(text: str, asked: tuple[str, ...], streams: set[str]) -> None:
    taken = line(f"{text} busybox")
    assert (taken.attach, taken.streams) == (asked, streams)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-itd", "-i -t -d"),
        ("-p80:80", "-p 80:80"),
        ("-p=80:80", "--publish=80:80"),
        ("-itp 80:80", "--interactive --tty --publish 80:80"),
        ("--rm=false --rm", "--rm=T"),
        ("-m 64m", "--memory 67108864"),
        ("--net back --net-alias a", "--network back --network-alias a"),
        ("--dns-opt x", "--dns-option x"),
        ("-e A=1 -e A=2", "-e A=2"),
        ("--name a --name b", "--name b"),
        ("-l a -l b=", "-l a= -l b"),
        ("-v data:/d -v data:/d", "-v data:/d"),
        ("-v ./x:/y", "-v /docs/x:/y"),
        ("--cap-drop chown --cap-drop CAP_CHOWN", "--cap-drop CHOWN"),
    ],
)
def test_the_same_in_other_words(one: str, other: str) -> None:
    assert line(f"{one} busybox") == line(f"{other} busybox")


def test_variables_without_a_value_come_from_the_build_machine_or_not_at_all() -> None:
    assert line("--env-file web.env busybox").process.environment == ("A=1", "B=x y", "HERE=h")
    assert line("-e HERE -e GONE busybox").process.environment == ("HERE=h", "GONE")


def test_where_things_go() -> None:
    taken = line(
        "--name web -h web -e A=1 -e HERE -e GONE --env-file web.env -l x=y --label-file web.labels "
        "-p 80:80 --expose 81 -v /anon -v data:/d --mount type=bind,src=../x,dst=/y --tmpfs /t:size=1m "
        "--network back --network-alias db --ip 172.30.0.9 --link a:b --mac-address 02:42:ac:11:00:02 "
        "--security-opt systempaths=unconfined --security-opt seccomp=profile.json --health-cmd true "
        "--annotation a=b --cidfile web.cid --gpus 1 --ulimit nofile=2 --entrypoint '' --cpus 0.5 busybox"
    )
    assert taken == RunLine(
        image="busybox",
        name="web",
        labels=(("a", "1"), ("x", "y")),
        annotations=(("a", "b"),),
        health=HealthCheck("true"),
        client=ClientOptions(id_file="web.cid", api_versions=(("annotation", "1.43"),)),
        process=ProcessOptions(
            entrypoint="", environment=("A=1", "B=x y", "HERE=h", "A=1", "HERE=h", "GONE")
        ),
        resources=ResourceOptions(nano_cpus=500_000_000, ulimits=(Ulimit("nofile", soft=2, hard=2),)),
        storage=StorageOptions(
            volumes=(Volume("", "/anon"), Volume("data", "/d")),
            mounts=(Mount("bind", source="/x", target="/y"),),
            tmpfs=(("/t", "size=1m"),),
        ),
        network=NetworkOptions(
            hostname="web",
            attachments=(
                Attachment(
                    "back",
                    aliases=("db",),
                    links=(("a", "b"),),
                    ipv4="172.30.0.9",
                    mac="02:42:ac:11:00:02",
                ),
            ),
            mac_address="02:42:ac:11:00:02",
            links=(("a", "b"),),
            published=(Binding("80/tcp", "", "80"),),
            exposed=("81/tcp",),
        ),
        security=SecurityOptions(
            options=('seccomp={"x y":[1,2]}',),
            has_system_paths=True,
            device_requests=(DeviceRequest(count=1, capabilities=("gpu",), options=()),),
        ),
    )


def test_the_first_network_decides_the_mode() -> None:
    taken = line("--network a --network b --ip 172.30.0.9 busybox").network
    assert taken.mode == "a"
    assert taken.attachments == (Attachment("a", ipv4="172.30.0.9"), Attachment("b"))
    assert line("busybox").network.mode == "default"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'docker run' requires at least 1 argument: name the image"),
        ("--rm", "'docker run' requires at least 1 argument: name the image"),
        ("--name busybox", "(--name took busybox as its value)"),
        ("--rmm busybox", "unknown flag: --rmm. Did you mean --rm?"),
        ("--intractive busybox", "Did you mean --interactive?"),
        ("--zzz busybox", "unknown flag: --zzz. `docker run --help` lists the flags"),
        ("-name=x busybox", "unknown shorthand flag: 'n' in -name=x. Did you mean --name?"),
        ("-itz busybox", "unknown shorthand flag: 'z' in -z"),
        ("--name", "flag needs an argument: --name. Try e.g. --name web"),
        ("-itp", "flag needs an argument: 'p' in -p. Try e.g. --publish 8080:80"),
        ("--=x busybox", "bad flag syntax: --=x"),
        (
            "-m x busybox",
            'invalid argument "x" for "-m, --memory" flag: invalid size: \'x\'. Try e.g. --memory 64m',
        ),
        ("--rm=x busybox", 'invalid argument "x" for "--rm" flag: strconv.ParseBool'),
        ("-v '' busybox", "invalid empty volume spec. Try e.g. --volume data:/var/lib/data"),
        ("--rm --restart always busybox", "cannot specify both --restart and --rm. Leave one of the two out"),
        ("-d -a stdin busybox", "cannot specify both --attach and --detach. Leave one of the two out"),
        ("--no-healthcheck --health-cmd x busybox", "--no-healthcheck conflicts with --health-* options"),
        ("--network-alias x busybox", "only supported for user-defined networks. Add --network NAME"),
        ("--network a --network bridge busybox", "both user-defined and non-user-defined network-modes"),
        ("--env-file gone.env busybox", "open gone.env: no such file or directory. The file has to be where"),
        ("--env-file latin.env busybox", "invalid utf8 bytes at line 1. Save the file as UTF-8"),
        ("--security-opt seccomp=gone busybox", "opening seccomp profile (gone) failed"),
        ("--security-opt seccomp=bad.json busybox", "compacting json for seccomp profile (bad.json) failed"),
        ("--pid x busybox", "--pid: invalid PID mode. Try --pid container:NAME"),
        ("--network name=x,gw-priority=1 busybox", "gw-priority=1"),
    ],
)
def test_mistakes(text: str, says: str) -> None:
    assert says in message(text)


def test_shell_syntax_is_found_first() -> None:
    with pytest.raises(SyntaxProblem, match="pipe"):
        line("--zzz busybox | wc")


@pytest.mark.parametrize(
    "flags",
    [
        " ".join(flags)
        for size in range(6)
        for flags in combinations(("-d", "-i", "-t", "--rm", "--name=web"), size)
    ],
)
def test_a_line_with_only_common_flags_is_parsed_like_any_other(flags: str) -> None:
    # With another flag, even one that changes nothing, all groups of options are assembled.
    assert line(f"{flags} busybox ls") == line(f"{flags} --quiet=false busybox ls")


def test_a_line_can_be_sent_to_another_process() -> None:
    taken = line("-p 80:80 --mount type=tmpfs,dst=/x --gpus all --cap-add ALL busybox")
    assert pickle.loads(pickle.dumps(taken)) == taken  # noqa: S301 - our own bytes
    assert hash(taken) == hash(pickle.loads(pickle.dumps(taken)))  # noqa: S301


# Any flags with any text, written in any of pflag's ways, are the same flags.

USABLE = [flag for flag in FLAGS.values() if not flag.refused]
FREE = [
    flag
    for flag in USABLE
    if not flag.is_switch
    and flag.convert is str
    and flag.name not in {"pid", "uts", "userns", "cgroupns", "pull"}
    and flag.name
    not in {"env-file", "label-file", "security-opt", "network-alias", "net-alias", "mac-address"}
]
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
EXAMPLES = [flag for flag in USABLE if flag.example and flag not in FREE]
APART = {
    "network-alias",
    "link-local-ip",
    "ip",
    "ip6",
    "network",
    "net",
    "net-alias",
    "mac-address",
    "rm",
    "restart",
}
ANY_FLAG = st.one_of(
    st.tuples(st.sampled_from(FREE), TEXT),
    st.sampled_from([flag for flag in EXAMPLES if flag.name not in APART]).map(
        lambda flag: (flag, shlex.split(flag.example)[0])
    ),
    st.tuples(
        st.sampled_from(
            [flag for flag in USABLE if flag.is_switch and flag.name not in {"no-healthcheck", "detach"}]
        ),
        st.sampled_from(["true", "false", "1", "F"]),
    ),
)
GIVEN = st.lists(ANY_FLAG, max_size=6)


def read_anything(name: str) -> str:
    return f"A={len(name)}\n"


def taken(words: list[str]) -> RunLine | str:
    try:
        return parse(shlex.join(words), allow=None, read=read_anything)
    except FlagProblem as problem:
        return str(problem)


def plain(flags: list[tuple[Flag, str]]) -> list[str]:
    return [f"--{flag.name}={text}" for flag, text in flags]


def written(flag: Flag, text: str, way: int) -> list[str]:
    """Write a flag in one of the ways that there are."""
    long, short = f"--{flag.name}", f"-{flag.short}"
    if flag.is_switch:
        ways = [[f"{long}={text}"]]
        ways += [[long]] if text in ("true", "1") else []
        ways += [[f"{short}={text}"]] if flag.short else []
    else:
        ways = [[f"{long}={text}"], [long, text]]
        ways += [[short, text]] if flag.short else []
        # `-e=` is the text `=` to pflag, and `-e==x` loses one of its signs.
        ways += [[f"{short}{text}"]] if flag.short and text and not text.startswith("=") else []
        ways += [[f"{short}={text}"]] if flag.short and text else []
    return ways[way % len(ways)]


@PATIENTLY
@given(GIVEN, st.lists(st.integers(0, 9), min_size=6, max_size=6))
def test_round_trip(flags: list[tuple[Flag, str]], ways: list[int]) -> None:
    words = [
        word for (flag, text), way in zip(flags, ways, strict=False) for word in written(flag, text, way)
    ]
    assert taken([*words, "busybox", "--rm", ""]) == taken([*plain(flags), "busybox", "--rm", ""])


@PATIENTLY
@given(
    st.lists(ANY_FLAG, max_size=6, unique_by=lambda pair: pair[0].spelling_of or pair[0].name), st.randoms()
)
def test_the_order_of_different_flags_does_not_matter(flags: list[tuple[Flag, str]], random: object) -> None:
    shuffled = list(flags)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = taken([*plain(flags), "busybox"]), taken([*plain(shuffled), "busybox"])
    if isinstance(first, RunLine) or isinstance(second, RunLine):
        assert first == second


@PATIENTLY
@given(st.lists(st.sampled_from(sorted(flag.short for flag in SHORT.values() if flag.is_switch)), min_size=1))
def test_a_bundle_is_its_flags_apart(letters: list[str]) -> None:
    bundle = "-" + "".join(letters)
    assert taken([bundle, "busybox"]) == taken([*(f"-{letter}" for letter in letters), "busybox"])
    assert taken([f"{bundle}e", "A=1", "busybox"]) == taken([bundle, "-eA=1", "busybox"])


LISTS: dict[str, Callable[[RunLine], tuple[str, ...]]] = {
    "dns-option": lambda taken: taken.network.dns_options,
    "group-add": lambda taken: taken.process.groups,
    "volumes-from": lambda taken: taken.storage.volumes_from,
}
SPELLINGS = [flag for flag in FREE if (flag.spelling_of or flag.name) in LISTS]


@PATIENTLY
@given(st.lists(st.sampled_from(SPELLINGS), min_size=1), TEXT)
def test_repeated_flags_keep_their_order(flags: list[Flag], text: str) -> None:
    words = [f"--{flag.name}={text}{place}" for place, flag in enumerate(flags)]
    result = taken([*words, "busybox"])
    assert isinstance(result, RunLine)
    for name, values in LISTS.items():
        assert values(result) == tuple(
            f"{text}{place}" for place, flag in enumerate(flags) if name in {flag.name, flag.spelling_of}
        )


@PATIENTLY
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text, allow=(), read=read)
    except SyntaxProblem as problem:
        assert str(problem)  # noqa: PT017 - a message is all there has to be
