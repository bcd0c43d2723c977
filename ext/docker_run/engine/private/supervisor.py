"""Start a private Docker engine, and end it when the last process that uses it is gone.

Run as a program of its own by `docker_run.engine.private.private_engine`, with the path of this file, so that
nothing of the package need be imported; it uses the standard library only, and needs root.

    supervisor.py --data-root DIR --run-root DIR --bridge NAME --subnet A.B.C.1/24 --pool A.B.128.0/17
        --rules JSON

It answers when the engine does (exit status 0), or has failed (status 1, with the reason on standard
output); by then a process of its own, detached from the caller, watches over the engine. Users hold
a shared lock on `users` in the run root; one process at a time, this one, holds the lock `supervisor`.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import ipaddress
import json
import os
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

READY_SECONDS = 60
"""How long the engine may take for its first answer."""
STOP_SECONDS = 20
"""How long the engine may take to end in good order, before it is killed."""
ENDED = "dockerd ended"
"""What is said of an engine that has; its log says why."""
_LOOK_SECONDS = 0.25
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_MADE_BY_ANY = ("/run/containerd/s", "/run/containerd", "/run/docker/plugins", "/run/docker")
"""Folders that every containerd and every dockerd makes, whatever it is told; the inner ones first."""

# linux/sockios.h, linux/if.h, linux/if_arp.h, linux/prctl.h, sys/mount.h
_SIOCBRADDBR, _SIOCBRDELBR, _SIOCSIFHWADDR, _ARPHRD_ETHER = 0x89A0, 0x89A1, 0x8924, 1
_SIOCSIFFLAGS, _SIOCGIFADDR, _SIOCSIFADDR, _SIOCSIFNETMASK = 0x8914, 0x8915, 0x8916, 0x891C
_IFF_UP, _PR_SET_PDEATHSIG, _MNT_DETACH = 1, 1, 2


@dataclass(frozen=True)
class Settings:
    """Where the engine keeps its things, and its addresses."""

    data_root: Path
    run_root: Path
    bridge: str
    subnet: ipaddress.IPv4Interface
    """The address of the bridge, and the network of the containers that ask for no other."""
    pool: ipaddress.IPv4Network
    """What networks made later take their addresses from."""
    rules: list[list[str]]
    """The firewall rules for its containers, the first first; each begins with the name of its chain."""

    @property
    def socket(self) -> Path:
        """Where the engine listens."""
        return self.run_root / "docker.sock"

    @property
    def log(self) -> Path:
        """What the engine prints."""
        return self.run_root / "log"

    @property
    def addresses(self) -> Path:
        """Names the addresses that are in use, for who has to clean up after a crash."""
        return self.run_root / "addresses"

    @property
    def mark(self) -> str:
        """The comment on our firewall rules, by which they are found again."""
        return f"docker-run:{self.bridge}"

    def command(self) -> list[str]:
        """Return the engine's command line: nothing of the machine's own Docker is read or written."""
        return [
            "dockerd",
            f"--config-file={self.run_root / 'daemon.json'}",
            f"--data-root={self.data_root}",
            f"--exec-root={self.run_root / 'exec'}",
            f"--pidfile={self.run_root / 'docker.pid'}",
            f"--host=unix://{self.socket}",
            "--group=root",
            f"--bridge={self.bridge}",
            # The rules of two engines would get into each other's way: ours are `rules`.
            "--iptables=false",
            "--ip6tables=false",
            f"--default-address-pool=base={self.pool},size=24",
            "--shutdown-timeout=5",
            "--log-level=warn",
        ]


def main(arguments: list[str]) -> int:
    """Start an engine and the process that watches over it; return the exit status."""
    settings = _settings(arguments)
    settings.run_root.mkdir(parents=True, exist_ok=True)
    # This lock passes to the forked process and is held until that ends.
    lock = os.open(settings.run_root / "supervisor", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    answer, tell = os.pipe()
    if os.fork() == 0:
        os.close(answer)
        _watch_over(settings, tell)
        os._exit(0)
    os.close(tell)
    with os.fdopen(answer, encoding="utf-8") as stream:
        said = stream.read().strip()
    if said == "ready":
        return 0
    print(said or "the process that watches over the engine ended")  # noqa: T201 - the answer to the caller
    return 1


def _settings(arguments: list[str]) -> Settings:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--run-root", type=Path, required=True)
    parser.add_argument("--bridge", required=True)
    parser.add_argument("--subnet", type=ipaddress.IPv4Interface, required=True)
    parser.add_argument("--pool", type=ipaddress.IPv4Network, required=True)
    parser.add_argument("--rules", type=json.loads, required=True)
    return Settings(**vars(parser.parse_args(arguments)))


def _watch_over(settings: Settings, tell: int) -> None:
    """Start the engine, say so on `tell`, and stay until it is needed no more or has ended itself."""
    os.setsid()
    os.chdir("/")
    with settings.log.open("w", encoding="utf-8") as log:
        for stream in (0, 1, 2):
            os.dup2(log.fileno() if stream else os.open(os.devnull, os.O_RDONLY), stream)
        end_leftovers(settings)
        try:
            engine = _start(settings, log)
            said = _wait_until_ready(settings, engine)
        except OSError as error:
            os.write(tell, str(error).encode())
            end_leftovers(settings)
            return
        os.write(tell, said.encode())
        os.close(tell)
        if said == "ready":
            _wait_until_unused(settings, engine)
        _stop(settings, engine)


def _start(settings: Settings, log: TextIO) -> subprocess.Popen[bytes]:
    for folder in (settings.data_root, settings.run_root / "exec"):
        folder.mkdir(parents=True, exist_ok=True)
    # An engine that remembers networks and is given an address pool removes the interface `docker0`
    # when it starts (moby, `configureNetworking`), although here that can only be another engine's.
    shutil.rmtree(settings.data_root / "network", ignore_errors=True)
    (settings.run_root / "daemon.json").write_text("{}\n", encoding="utf-8")
    settings.addresses.write_text(f"{settings.pool.supernet()}\n", encoding="ascii")
    # dockerd switches it on, and makes the folders.
    absent = [folder for folder in _MADE_BY_ANY if not Path(folder).exists()]
    before = [_FORWARDING.read_text().strip(), *_interfaces(), *absent]
    (settings.run_root / "before").write_text(" ".join(before))
    _add_bridge(settings)
    _add_rules(settings)
    ignored = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID")
    environment = {name: value for name, value in os.environ.items() if name not in ignored}
    libc = ctypes.CDLL(None)

    def die_with_parent() -> None:
        # Where this process is killed, the engine gets the signal that ends it in good order.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return subprocess.Popen(  # noqa: S603 - our own arguments
        settings.command(),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
    )


def _wait_until_ready(settings: Settings, engine: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        if engine.poll() is not None:
            return ENDED
        if answers(settings.socket):
            return "ready"
        time.sleep(0.05)
    return f"dockerd did not answer within {READY_SECONDS} s; see {settings.log}"


def answers(path: Path) -> bool:
    """Tell whether an engine at the socket `path` answers a ping."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(path))
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
            return b" 200 " in connection.recv(64)
        except OSError:
            return False


def _wait_until_unused(settings: Settings, engine: subprocess.Popen[bytes]) -> None:
    users = os.open(settings.run_root / "users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    while engine.poll() is None:
        with contextlib.suppress(BlockingIOError):
            # Held until this process ends: who comes now waits for that, and starts a new engine.
            fcntl.lockf(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_LOOK_SECONDS)


def _stop(settings: Settings, engine: subprocess.Popen[bytes]) -> None:
    engine.terminate()
    try:
        engine.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.wait()
    end_leftovers(settings)


def end_leftovers(settings: Settings) -> None:
    """End what an engine that did not end in good order left behind, and remove its files and bridge."""
    parents = _processes()
    exec_root = str(settings.run_root / "exec") + "/"
    ours = {
        process for process in parents if _is_ours(process, exec_root, f"--data-root={settings.data_root}")
    }
    # Containers are children of theirs: processes that know nothing of the engine.
    while more := {child for child, parent in parents.items() if parent in ours} - ours:
        ours |= more
    sockets = _shims_sockets(settings)
    for process in sorted(ours - {os.getpid()}):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    for path in ("docker.pid", "docker.sock", "exec/containerd/containerd.pid", *sockets):
        (settings.run_root / path).unlink(missing_ok=True)
    _unmount_below(settings.data_root.resolve(), settings.run_root.resolve() / "exec")
    _remove_rules(settings)
    _remove_bridges(settings)
    note = settings.run_root / "before"
    with contextlib.suppress(OSError, ValueError):
        value, *before = note.read_text().split()
        # Another engine that has come meanwhile needs it, and has interfaces of its own.
        if value == "0" and not _interfaces() - set(before):
            _FORWARDING.write_text(value)
        for folder in before:
            if folder in _MADE_BY_ANY:
                with contextlib.suppress(OSError):  # somebody else has put something there meanwhile
                    Path(folder).rmdir()
        note.unlink()


def _shims_sockets(settings: Settings) -> set[str]:
    """Return the sockets of containers' shims, which have them in a folder that all engines share.

    containerd writes down which is whose: up to 1.7 in `address`, then in `bootstrap.json`.
    """
    found = set()
    for path in (settings.run_root / "exec/containerd/daemon").glob("io.containerd.runtime.v2.task/*/*/*"):
        if path.name in ("address", "bootstrap.json"):
            with contextlib.suppress(OSError):
                found |= set(re.findall(r"/run/containerd/s/[0-9a-f]+", path.read_text(errors="replace")))
    return found


def _unmount_below(*folders: Path) -> None:
    """Unmount what a killed engine left there, the innermost first; but no disk that somebody mounted."""
    libc = ctypes.CDLL(None)
    for line in reversed(Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()):
        # proc_pid_mountinfo(5): what is mounted of its file system, and where.
        part, point = (field.encode().decode("unicode_escape") for field in line.split()[3:5])
        if any(point.startswith(f"{each}/") or (point == str(each) and part != "/") for each in folders):
            libc.umount2(os.fsencode(point), _MNT_DETACH)


def _interfaces() -> set[str]:
    return {name for _, name in socket.if_nameindex() if not name.startswith("veth")}


def _processes() -> dict[int, int]:
    """Return all processes and the parent of each."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # The second field is the command's name in parentheses, and may hold anything.
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1])
    return parents


def _is_ours(process: int, exec_root: str, data_root: str) -> bool:
    try:
        words = (Path("/proc") / str(process) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    program = Path(words[0]).name
    if program == "dockerd":
        return data_root in words
    return program.startswith("containerd") and any(word.startswith(exec_root) for word in words)


def _add_bridge(settings: Settings) -> None:
    """Make the bridge of the default network: dockerd's own choice could be another engine's `docker0`."""
    _change_bridge(_SIOCBRADDBR, settings.bridge)
    # Or it takes over the lowest of those that come and go, and who has learnt it speaks to nobody.
    hardware = struct.pack("H6s", _ARPHRD_ETHER, b"\x02\x42" + settings.subnet.ip.packed)
    _configure(_SIOCSIFHWADDR, settings.bridge, hardware)
    for request, address in ((_SIOCSIFADDR, settings.subnet.ip), (_SIOCSIFNETMASK, settings.subnet.netmask)):
        _configure(request, settings.bridge, struct.pack("HH4s", socket.AF_INET, 0, address.packed))
    _configure(_SIOCSIFFLAGS, settings.bridge, struct.pack("H", _IFF_UP))


def _remove_bridges(settings: Settings) -> None:
    """Remove the bridges that the last engine used: its own, and those of networks made later."""
    names = {settings.bridge}
    with contextlib.suppress(FileNotFoundError, ValueError):
        ours = ipaddress.IPv4Network(settings.addresses.read_text(encoding="ascii").strip())
        names |= {
            name for _, name in socket.if_nameindex() if name.startswith("br-") and _address(name) in ours
        }
    for name in sorted(names):
        with contextlib.suppress(OSError):
            _remove_ports(name)
            _configure(_SIOCSIFFLAGS, name, struct.pack("H", 0))
            _change_bridge(_SIOCBRDELBR, name)
    settings.addresses.unlink(missing_ok=True)


def _remove_ports(bridge: str) -> None:
    """Remove the pairs of interfaces that were made for containers when the engine was killed."""
    for port in Path("/sys/class/net", bridge, "brif").glob("veth*"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as control:
            # rtnetlink(7): the head of a request (1) to delete (RTM_DELLINK, 17) a link, and its index.
            index = socket.if_nametoindex(port.name)
            control.send(struct.pack("=IHHIIBxHiII", 32, 17, 1, 0, 0, 0, 0, index, 0, 0))


def _address(interface: str) -> ipaddress.IPv4Address:
    with contextlib.suppress(OSError):
        return ipaddress.IPv4Address(_configure(_SIOCGIFADDR, interface, b"")[20:24])
    return ipaddress.IPv4Address(0)  # it has none


def _change_bridge(request: int, name: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, request, name.encode() + b"\0")


def _configure(request: int, name: str, value: bytes) -> bytes:
    """Set, or get, a property of a network interface: netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        return fcntl.ioctl(control, request, struct.pack("16s24s", name.encode(), value))


def _add_rules(settings: Settings) -> None:
    for chain, *rule in reversed(settings.rules):
        _iptables(chain, "-I", chain, "-m", "comment", "--comment", settings.mark, *rule)


def _remove_rules(settings: Settings) -> None:
    for chain in ("FORWARD", "POSTROUTING"):
        with contextlib.suppress(OSError):
            for line in _iptables(chain, "-S", chain).splitlines():
                words = shlex.split(line)
                if settings.mark in words:
                    _iptables(chain, "-D", *words[1:])


def _iptables(chain: str, *words: str) -> str:
    table = "nat" if chain == "POSTROUTING" else "filter"
    done = subprocess.run(  # noqa: S603 - our own arguments
        ["iptables", "-w", "30", "-t", table, *words],  # noqa: S607 - wherever the machine has it
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OSError(f"iptables {shlex.join(words)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
