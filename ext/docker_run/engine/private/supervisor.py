"""Start a private Docker engine, and end it when the last process that uses it is gone.

Run as a program by `docker_run.engine.private.private_engine`, by the path of this file, so that nothing of
the package has to be imported; it uses the standard library only, and needs root.

    supervisor.py --data-root DIR --run-root DIR --bridge NAME --subnet A.B.C.1/24 --pool A.B.128.0/17
        --rules JSON

It returns once the engine answers (exit status 0) or has failed (status 1, with the reason on standard
output); by then a daemon, detached from the caller, supervises the engine. Users hold a shared lock on
`users` in the run root; the supervisor holds an exclusive lock on `supervisor`.
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
"""Timeout of the engine's first response."""
STOP_SECONDS = 20
"""How long the engine may take to shut down before it is killed."""
ENDED = "dockerd ended"
"""The report for an engine that has ended; its log says why."""
_POLL_SECONDS = 0.25
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_SHARED_DIRECTORIES = ("/run/containerd/s", "/run/containerd", "/run/docker/plugins", "/run/docker")
"""Directories that every containerd and dockerd creates, whatever its settings; inner ones first."""

# linux/sockios.h, linux/if.h, linux/if_arp.h, linux/prctl.h, sys/mount.h
_SIOCBRADDBR, _SIOCBRDELBR, _SIOCSIFHWADDR, _ARPHRD_ETHER = 0x89A0, 0x89A1, 0x8924, 1
_SIOCSIFFLAGS, _SIOCGIFADDR, _SIOCSIFADDR, _SIOCSIFNETMASK = 0x8914, 0x8915, 0x8916, 0x891C
_IFF_UP, _PR_SET_PDEATHSIG, _MNT_DETACH = 1, 1, 2


@dataclass(frozen=True)
class Settings:
    """The engine's directories and addresses."""

    data_root: Path
    run_root: Path
    bridge: str
    subnet: ipaddress.IPv4Interface
    """The address of the bridge, and the default network of containers."""
    pool: ipaddress.IPv4Network
    """The address pool of networks that are created later."""
    rules: list[list[str]]
    """The firewall rules for its containers, in order; each begins with the name of its chain."""

    @property
    def socket(self) -> Path:
        """The socket on which the engine listens."""
        return self.run_root / "docker.sock"

    @property
    def log(self) -> Path:
        """The file with the engine's output."""
        return self.run_root / "log"

    @property
    def addresses(self) -> Path:
        """The file with the addresses in use, for the cleanup after a crash."""
        return self.run_root / "addresses"

    @property
    def mark(self) -> str:
        """The comment of our firewall rules, by which they are found again."""
        return f"docker-run:{self.bridge}"

    def command(self) -> list[str]:
        """Return the engine's command line: it neither reads nor writes files of the machine's own Docker."""
        return [
            "dockerd",
            f"--config-file={self.run_root / 'daemon.json'}",
            f"--data-root={self.data_root}",
            f"--exec-root={self.run_root / 'exec'}",
            f"--pidfile={self.run_root / 'docker.pid'}",
            f"--host=unix://{self.socket}",
            "--group=root",
            f"--bridge={self.bridge}",
            # The rules of two engines would conflict: ours are `rules`.
            "--iptables=false",
            "--ip6tables=false",
            f"--default-address-pool=base={self.pool},size=24",
            "--shutdown-timeout=5",
            "--log-level=warn",
        ]


def main(arguments: list[str]) -> int:
    """Start an engine and its supervisor; return the exit status."""
    settings = _settings(arguments)
    settings.run_root.mkdir(parents=True, exist_ok=True)
    # The forked process inherits this lock, and holds it until it ends.
    lock = os.open(settings.run_root / "supervisor", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    answer, tell = os.pipe()
    if os.fork() == 0:
        os.close(answer)
        _supervise(settings, tell)
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


def _supervise(settings: Settings, tell: int) -> None:
    """Start the engine, report on `tell`, and stay until the engine is unused or has ended."""
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
    for directory in (settings.data_root, settings.run_root / "exec"):
        directory.mkdir(parents=True, exist_ok=True)
    # With stored networks and an address pool, an engine removes the interface `docker0` when it starts
    # (moby, `configureNetworking`), although here that can only be another engine's.
    shutil.rmtree(settings.data_root / "network", ignore_errors=True)
    (settings.run_root / "daemon.json").write_text("{}\n", encoding="utf-8")
    settings.addresses.write_text(f"{settings.pool.supernet()}\n", encoding="ascii")
    # dockerd switches forwarding on, and creates the directories: `end_leftovers` restores what was before.
    absent = [directory for directory in _SHARED_DIRECTORIES if not Path(directory).exists()]
    before = [_FORWARDING.read_text().strip(), *_interfaces(), *absent]
    (settings.run_root / "before").write_text(" ".join(before))
    _add_bridge(settings)
    _add_rules(settings)
    ignored = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID")
    environment = {name: value for name, value in os.environ.items() if name not in ignored}
    libc = ctypes.CDLL(None)

    def die_with_parent() -> None:
        # If this process is killed, the engine gets the signal for an orderly shutdown.
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
    """Return whether an engine at the socket `path` answers a ping."""
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
            # Held until this process ends: a new user waits for that, and starts a new engine.
            fcntl.lockf(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_POLL_SECONDS)


def _stop(settings: Settings, engine: subprocess.Popen[bytes]) -> None:
    engine.terminate()
    try:
        engine.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.wait()
    end_leftovers(settings)


def end_leftovers(settings: Settings) -> None:
    """Kill what an engine left running, and remove its files, mounts, rules and bridges."""
    parents = _processes()
    exec_root = str(settings.run_root / "exec") + "/"
    ours = {
        process for process in parents if _is_ours(process, exec_root, f"--data-root={settings.data_root}")
    }
    # Containers' processes are their descendants, and can't be recognised by their command lines.
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
        # Another engine that was started meanwhile needs it; it has brought interfaces of its own.
        if value == "0" and not _interfaces() - set(before):
            _FORWARDING.write_text(value)
        for directory in before:
            if directory in _SHARED_DIRECTORIES:
                with contextlib.suppress(OSError):  # another program uses it meanwhile
                    Path(directory).rmdir()
        note.unlink()


def _shims_sockets(settings: Settings) -> set[str]:
    """Return the sockets of containers' shims, which are in a directory that all engines share.

    containerd records which is whose: up to 1.7 in `address`, later in `bootstrap.json`.
    """
    found = set()
    for path in (settings.run_root / "exec/containerd/daemon").glob("io.containerd.runtime.v2.task/*/*/*"):
        if path.name in ("address", "bootstrap.json"):
            with contextlib.suppress(OSError):
                found |= set(re.findall(r"/run/containerd/s/[0-9a-f]+", path.read_text(errors="replace")))
    return found


def _unmount_below(*directories: Path) -> None:
    """Unmount what a killed engine left there, innermost first, but not a disk that is mounted there."""
    libc = ctypes.CDLL(None)
    for line in reversed(Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()):
        # proc_pid_mountinfo(5): the root of the mount within its file system, and the mount point.
        part, point = (field.encode().decode("unicode_escape") for field in line.split()[3:5])
        if any(point.startswith(f"{each}/") or (point == str(each) and part != "/") for each in directories):
            libc.umount2(os.fsencode(point), _MNT_DETACH)


def _interfaces() -> set[str]:
    return {name for _, name in socket.if_nameindex() if not name.startswith("veth")}


def _processes() -> dict[int, int]:
    """Return the parent of each process, by PID."""
    parents = {}
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # The second field is the command's name in parentheses, and may contain any character.
            fields = (directory / "stat").read_text(errors="replace").rpartition(")")[2].split()
            parents[int(directory.name)] = int(fields[1])
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
    """Create the bridge of the default network: dockerd's own could be another engine's `docker0`."""
    _change_bridge(_SIOCBRADDBR, settings.bridge)
    # Without an address of its own, a bridge has the lowest of its ports', which come and go: containers that
    # have cached the old one would lose their connection.
    hardware = struct.pack("H6s", _ARPHRD_ETHER, b"\x02\x42" + settings.subnet.ip.packed)
    _configure(_SIOCSIFHWADDR, settings.bridge, hardware)
    for request, address in ((_SIOCSIFADDR, settings.subnet.ip), (_SIOCSIFNETMASK, settings.subnet.netmask)):
        _configure(request, settings.bridge, struct.pack("HH4s", socket.AF_INET, 0, address.packed))
    _configure(_SIOCSIFFLAGS, settings.bridge, struct.pack("H", _IFF_UP))


def _remove_bridges(settings: Settings) -> None:
    """Remove the bridges of the last engine: its own, and those of networks that were created later."""
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
    """Remove the veth pairs that existed for containers when the engine was killed."""
    for port in Path("/sys/class/net", bridge, "brif").glob("veth*"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as control:
            # rtnetlink(7): the header of a request (1) to delete (RTM_DELLINK, 17) a link, and its index.
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
    """Set or get a property of a network interface: netdevice(7)."""
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
