"""Lines of `docker run`, which have to print the same in whichever way they are run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """A line that runs on both sides.

    `{name}` and `{other}` in a line are names of the case's own. What is to be inspected has to be
    there still when the line is done: without `--rm`, or running.
    """

    line: str
    typed: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    """Lines that run first, on both sides."""
    files: dict[str, str] = field(default_factory=dict)
    network: bool = False
    """Whether it needs a network, called `{other}`."""
    api: str = "1.40"
    """The first version of the Engine API with which the CLI sends it."""

    @property
    def terminal(self) -> bool:
        """Whether the CLI wants a terminal for it."""
        flags = [word for word in self.line.partition(" busybox")[0].split() if re.fullmatch("-[a-z]+", word)]
        return "t" in "".join(flags) and "d" not in "".join(flags)

    def __str__(self) -> str:
        return self.line


ENV_FILE = {"web.env": "# comment\nA=1\nB=x y\n"}
SLEEPER = "-d --name {other} busybox sleep 60"

CASES = [
    # Output, status.
    Case("busybox echo hello"),
    Case("--rm busybox echo hello"),
    Case("busybox sh -c 'echo out; echo err >&2; exit 3'"),
    Case("busybox"),
    Case("busybox printf 'a\\000b\\377'"),
    Case("-a stdout busybox sh -c 'echo out; echo err >&2'"),
    Case("-a stderr busybox sh -c 'echo out; echo err >&2'"),
    Case("-a stdin -i busybox cat", typed=("unseen",)),
    Case("-a stdin busybox true"),
    Case("-a stdin -a stdout busybox echo hello"),
    Case("--rm busybox sh -c 'kill -9 $$'"),
    # Standard input, terminals.
    Case("-i busybox cat", typed=("one", "", "zwei ✓")),
    Case("-i --rm busybox wc -l", typed=("one", "two")),
    Case("-i busybox cat"),
    Case("busybox cat"),
    Case("-t busybox sh -c 'tty; echo $TERM'"),
    Case("-t --rm busybox echo hello"),
    Case("-it busybox sh", typed=("echo $((6 * 7))", "exit 5")),
    Case("-it --rm -h box busybox", typed=("hostname", "<C-d>")),
    Case("-it --rm busybox cat", typed=("one", "<C-d>")),
    Case("-it busybox sh", typed=("echo hello", "<C-p><C-q>")),
    Case("-it --detach-keys ctrl-x,x busybox sh", typed=("echo hello", "<C-x>", "x")),
    Case("-it -e PS1='box $ ' busybox sh", typed=("ls /bin/nothing", "false", "exit")),
    # Detached.
    Case("-d busybox sleep 60"),
    Case("-dit busybox"),
    Case("-d --rm busybox sleep 60"),
    Case("-d --init busybox sleep 60"),
    Case("-d --restart unless-stopped busybox sleep 60"),
    Case("-d --restart on-failure:2 busybox sleep 60"),
    # Names and identity.
    Case("--name {name} busybox true"),
    Case("--name /{name} busybox true"),
    Case("-h web --domainname example.com busybox hostname"),
    Case("-u 1000:1000 -w /tmp busybox sh -c 'id; pwd'"),
    Case("-w /made/on/the/way busybox pwd"),
    Case("--group-add 7 --group-add 8 busybox id"),
    Case("-l a=b -l bare --label c=d=e busybox true"),
    Case("--label-file web.env busybox true", files=ENV_FILE),
    Case("--entrypoint echo busybox hello"),
    Case("--entrypoint '' busybox echo hello"),
    Case("--stop-signal INT --stop-timeout 3 busybox true"),
    # Environment.
    Case("-e A=1 -e B= -e 'C=x y' -e A=2 busybox sh -c 'echo \"$A$B$C\"'"),
    Case("-e NOT_SET_ANYWHERE busybox sh -c 'echo ${NOT_SET_ANYWHERE-unset}'"),
    Case("-e PATH busybox true"),
    Case("--env-file web.env -e A=3 busybox env", files=ENV_FILE),
    # Network.
    Case("--network none busybox ip -o link"),
    Case("--network host busybox true"),
    Case("--network bridge busybox true"),
    Case("--network container:{other} busybox true", before=(SLEEPER,)),
    Case("-d --network {other} --network-alias db busybox sleep 60", network=True),
    Case("-d --name {name} --network {other} busybox sleep 60", network=True),
    Case("-d --network name={other},alias=db,alias=sql busybox sleep 60", network=True),
    Case("--link {other}:db busybox cat /etc/hostname", before=(SLEEPER,)),
    Case(
        "--add-host db:10.0.0.5 --add-host six=[::1] busybox sh -c 'grep 10.0.0.5 /etc/hosts'".replace(
            "six=[::1]", "'six=[::1]'"
        )
    ),
    Case("--dns 10.0.0.2 --dns-search example.com --dns-option ndots:2 busybox cat /etc/resolv.conf"),
    Case("--dns 127.0.0.1 busybox cat /etc/resolv.conf"),
    Case("-d -p 80 --expose 90-91/udp busybox sleep 60"),
    Case("-d -p 127.0.0.1::80/udp -p 127.0.0.1:28471:81 busybox sleep 60"),
    Case("-d -P --expose 80 busybox sleep 60"),
    Case("--network host -p 28472:80 busybox true"),
    # Volumes and mounts.
    Case("-v /anonymous busybox sh -c 'mount | grep -c anonymous'"),
    Case("-v {other}:/data busybox sh -c 'echo x > /data/y; cat /data/y'"),
    Case("-v {other}:/data:ro busybox touch /data/x"),
    Case("-v /etc:/host/etc:ro busybox ls -d /host/etc"),
    Case("-v ./:/page:ro busybox ls /page/web.env", files=ENV_FILE),
    Case(
        "--volumes-from {other} busybox ls -d /shared",
        before=("-d -v /shared --name {other} busybox sleep 60",),
    ),
    Case("--tmpfs /scratch:size=1m,mode=1777 busybox df -k /scratch"),
    Case("--mount type=tmpfs,target=/scratch,tmpfs-size=1m busybox df -k /scratch"),
    Case("--mount type=volume,src={other},dst=/data,volume-nocopy busybox touch /data/x"),
    Case("--mount type=bind,src=/etc,dst=/host,readonly,bind-propagation=rslave busybox ls -d /host"),
    Case("--read-only busybox touch /x"),
    # Resources.
    Case("-m 64m --memory-swap 64m --memory-reservation 32m busybox true"),
    Case("--memory-swappiness 10 -m 64m busybox true"),
    Case("--cpus 0.5 busybox true"),
    Case("-c 512 --cpuset-cpus 0 busybox true"),
    Case("--cpu-period 50000 --cpu-quota 25000 busybox true"),
    Case("--pids-limit 50 busybox true"),
    Case("--pids-limit 0 busybox true"),
    Case("--ulimit nofile=64:128 --ulimit core=0 busybox sh -c 'ulimit -n; ulimit -Hn'"),
    Case("--shm-size 8m busybox df -k /dev/shm"),
    Case("--blkio-weight 300 busybox true"),
    Case("--blkio-weight-device /dev/null:300 --device-read-bps /dev/null:1mb busybox true"),
    Case("--oom-score-adj 500 --oom-kill-disable -m 64m busybox cat /proc/self/oom_score_adj"),
    Case("--kernel-memory 64m -m 64m busybox true"),
    Case("--cpu-rt-runtime 1000 busybox true"),
    # Security and the host.
    Case("--cap-drop ALL --cap-add chown busybox grep CapEff /proc/self/status"),
    Case("--privileged busybox true"),
    Case("--security-opt no-new-privileges busybox grep NoNewPrivs /proc/self/status"),
    Case("--security-opt seccomp=unconfined --security-opt systempaths=unconfined busybox true"),
    Case(
        "--security-opt seccomp=profile.json busybox grep Seccomp: /proc/self/status",
        files={"profile.json": '{\n  "defaultAction": "SCMP_ACT_ALLOW"\n}\n'},
    ),
    Case("--device /dev/null:/dev/nothing:r busybox ls /dev/nothing"),
    Case("--device-cgroup-rule 'c 1:3 rw' busybox true"),
    Case("--pid host --uts host --ipc host busybox true"),
    Case("--pid container:{other} busybox ps -o comm", before=(SLEEPER,)),
    Case("--ipc shareable busybox true"),
    Case("--cgroupns private busybox true"),
    Case("--userns host busybox true"),
    Case("--sysctl net.ipv4.ip_forward=0 busybox cat /proc/sys/net/ipv4/ip_forward"),
    Case("--runtime runc busybox true"),
    Case("--gpus all busybox true"),
    Case("--storage-opt size=1G busybox true"),
    Case("--log-driver none busybox echo hello"),
    Case("--log-driver json-file --log-opt max-size=1m --log-opt max-file=2 busybox echo hello"),
    Case("--cgroup-parent /docker-run-oracle busybox true"),
    # Health.
    Case("-d --health-cmd true --health-interval 1h --health-retries 2 --health-timeout 5s busybox sleep 60"),
    Case("-d --no-healthcheck busybox sleep 60"),
    # What only newer engines take.
    Case("-d --mac-address 02:42:ac:11:00:99 busybox sleep 60", api="1.44"),
    Case(
        "-d --network name={other},mac-address=02:42:ac:11:00:99 busybox sleep 60", network=True, api="1.44"
    ),
    Case("--annotation org.x=y busybox true", api="1.43"),
    Case("-d --health-cmd true --health-start-interval 2h busybox sleep 60", api="1.44"),
    Case("--mount type=volume,src={other},dst=/x,volume-subpath=no/such busybox true", api="1.45"),
    Case("--mount type=image,src=busybox,dst=/x busybox ls -d /x/bin", api="1.48"),
    # The rest.
    Case("--platform linux/amd64 busybox true"),
    Case("--pull never -q --sig-proxy=false busybox true"),
    Case("--isolation default busybox true"),
    Case("busybox -- ls"),
    Case("-- busybox echo --rm"),
    # What the engine refuses, and what can't be started.
    Case("--name {name} busybox true", before=("--name {name} busybox true",)),
    Case("--name {name}! busybox true"),
    Case("--name x busybox true"),
    Case("busybox no-such-program"),
    Case("--rm busybox no-such-program"),
    Case("busybox /etc/passwd"),
    Case("busybox /bin"),
    Case("-d busybox no-such-program"),
    Case("-it busybox no-such-program"),
    Case("-w relative busybox true"),
    Case("-u nobody-knows busybox true"),
    Case("--network no-such-network-{name} busybox true"),
    Case("--network container:no-such-{name} busybox true"),
    Case("--link no-such-{name} busybox true"),
    Case("--volumes-from no-such-{name} busybox true"),
    Case("-v {other}:relative busybox true"),
    Case("-v /a:/b:bad busybox true"),
    Case("--mount type=bind,src=/no/such/path,dst=/x busybox true"),
    Case("--mount type=nonsense,src=/x,dst=/x busybox true"),
    Case("-m 1m busybox true"),
    Case("--cpus 9999 busybox true"),
    Case("--runtime nonsense busybox true"),
    Case("--restart nonsense busybox true"),
    Case("--ipc nonsense busybox true"),
    Case("--cap-add nonsense busybox true"),
    Case("--sysctl net.nonsense=1 busybox true"),
    Case("--device /dev/no-such-device busybox true"),
    Case("--security-opt nonsense=1 busybox true"),
    Case("--ip 10.0.0.1 busybox true"),
    Case("-h 'not a name' busybox hostname"),
]
