"""A private Docker engine, for a machine on which none answers.

It is isolated: it has its own data, runtime files, bridge and addresses, and reads or writes no file of the
machine's Docker. Its data is kept, so that the next build finds its images. It ends when the last process
that uses it has ended, in whatever way (see `docker_run.engine.private.supervisor`).
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from docker_run.errors import EngineProblem
from docker_run.protocols import Progress
from docker_run.system.locks import FileLock, holder_of, is_held, wait_until

if sys.platform != "win32":  # on Windows, `start` raises before it needs these
    import fcntl

    from docker_run.engine.private import supervisor
from docker_run.engine.private.apt import Installation

DATA_ROOT = Path("/var/lib/docker-run")
RUN_ROOT = Path("/run/docker-run")

_PACKAGES = ("docker.io", "iptables", "ca-certificates")
_SYSTEM_PATHS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
"""The capabilities that dockerd needs, and their numbers: linux/capability.h."""
_POOLS = tuple(
    ipaddress.IPv4Network(f"10.{second}.0.0/16") for second in (214, *range(200, 214), *range(215, 250))
)
_LONGEST_SOCKET = 107
"""Limit of a Unix socket's path, in bytes: unix(7)."""
_TURN_SECONDS = 600
"""How long to wait for another process to install and start the engine."""
_END_SECONDS = 60
"""How long to wait for an engine that is ending."""


@dataclass(frozen=True, slots=True)
class PrivateEngine:
    """A private engine, identified by its paths; only tests use other paths than the defaults."""

    data_root: Path = DATA_ROOT
    run_root: Path = RUN_ROOT
    may_install: bool = True
    """Whether Docker may be installed if it is missing."""

    @property
    def url(self) -> str:
        """The URL at which it listens when it runs."""
        return f"unix://{(self.run_root / 'docker.sock').as_posix()}"

    @property
    def bridge(self) -> str:
        """The name of its network interface: at most 15 characters, different for each run root."""
        if self.run_root == RUN_ROOT:
            return "docker-run0"
        return "dr-" + hashlib.sha256(str(self.run_root).encode()).hexdigest()[:12]

    def start(self, progress: Progress) -> str:
        """Register this process as a user of the engine, start it if it is not running, and return its URL.

        The process stays a user until it ends; further calls change nothing. Its child processes do not
        count as users. `progress` gets a notice when something is installed or started.
        Raises `EngineProblem`, which says in one line why there can't be one.
        """
        _check_machine(self.run_root)
        self.run_root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with start_lock(self.run_root / "start", say=progress.note):
            self._join()
            if self._is_supervised() and supervisor.answers(self.run_root / "docker.sock"):
                return self.url
            self._installation.restore()
            environ = _environment()
            if not shutil.which("dockerd", path=environ["PATH"]):
                self._install(environ, progress)
            progress.note(
                "starting a private Docker engine, which ends with this command; "
                f"its images are kept in {self.data_root}"
            )
            self._wait_for_previous()
            self._supervise(environ)
        return self.url

    def _join(self) -> None:
        """Acquire the shared lock that a user holds until it ends.

        A POSIX lock (fcntl(2)), since child processes would inherit one of flock and keep it. Closing any
        descriptor of the file releases it, so the file is opened once.
        """
        path = self.run_root.resolve() / "users"
        descriptor = _open_descriptor(path)
        if descriptor is None:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(lambda: fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB), _END_SECONDS)
        except TimeoutError as error:
            raise EngineProblem(
                f"the last private engine does not end; see {self.run_root / 'log'}"
            ) from error

    def _install(self, environ: Mapping[str, str], progress: Progress) -> None:
        if not self.may_install:
            raise EngineProblem("no private engine: there is no dockerd")
        if not is_debian(Path("/etc/os-release")) or not shutil.which("apt-get", path=environ["PATH"]):
            raise EngineProblem(
                "no private engine: there is no dockerd, and this is not Debian or Ubuntu to install it"
            )
        progress.note(f"installing {' '.join(_PACKAGES)} with apt: there is no Docker engine on this machine")
        _apt_get(environ, self.run_root / "apt.log", self._installation)

    @property
    def _installation(self) -> Installation:
        # With the data, since it has to survive a reboot, as the links do.
        self.data_root.mkdir(parents=True, exist_ok=True)
        return Installation(self.data_root / "services-before-installation")

    def _is_supervised(self) -> bool:
        return is_held(self.run_root / "supervisor")

    def _wait_for_previous(self) -> None:
        end = time.monotonic() + _END_SECONDS
        while self._is_supervised():
            if time.monotonic() > end:
                raise EngineProblem(
                    f"the last private engine neither answers nor ends; see {self.run_root / 'log'}"
                )
            time.sleep(0.05)

    def _leftover_addresses(self) -> ipaddress.IPv4Network | None:
        """Return the addresses of an engine that crashed; they are freed before the next one starts."""
        with suppress(FileNotFoundError, ValueError):
            return ipaddress.IPv4Network((self.run_root / "addresses").read_text(encoding="ascii").strip())
        return None

    def _supervise(self, environ: Mapping[str, str]) -> None:
        pool = free_pool(
            routes(Path("/proc/net/route").read_text(encoding="ascii")), but=self._leftover_addresses()
        )
        arguments = {
            "--data-root": self.data_root,
            "--run-root": self.run_root,
            "--bridge": self.bridge,
            "--subnet": f"{pool.network_address + 1}/24",
            "--pool": list(pool.subnets())[1],
            "--rules": json.dumps(rules(pool, bridges_are_filtered=bridges_are_filtered())),
        }
        words = [str(word) for pair in arguments.items() for word in pair]
        enable_cgroup_controllers(Path("/sys/fs/cgroup"))
        # -I: independent of the caller's Python settings; the file needs the standard library only.
        done = subprocess.run(  # noqa: S603 - our own program and arguments
            [sys.executable, "-I", supervisor.__file__, *words],
            env=environ,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stdout.strip().splitlines() or [f"exit status {done.returncode}"]
            log = self.run_root / "log"
            if said[-1] == supervisor.ENDED:
                said = [last_error(log.read_text(encoding="utf-8", errors="replace"))]
            raise EngineProblem(f"a private engine did not start: {said[-1]} (log: {log})")


def last_error(log: str) -> str:
    """Return the message in the engine's log that says why it ended."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    for line in reversed(lines):
        if re.search(r"^failed to start|level=(fatal|error)", line):
            message = re.search(r'msg="((?:[^"\\]|\\.)*)"(?:.* error="((?:[^"\\]|\\.)*)")?', line)
            return ": ".join(filter(None, message.groups())) if message else line
    return lines[-1] if lines else "dockerd ended without a word"


def enable_cgroup_controllers(root: Path) -> None:
    """Enable resource limits of containers where this machine is itself a container with cgroup v2.

    A cgroup can enable controllers for its children only while it has no processes of its own
    (https://docs.kernel.org/admin-guide/cgroup-v2.html#no-internal-process-constraint). The file
    `cgroup.type` exists in all cgroups but the root, which is exempt from that rule.
    """
    if not (root / "cgroup.type").exists() or (root / "cgroup.subtree_control").read_text().strip():
        return
    with suppress(OSError):  # if it fails, containers run without limits
        (root / "init").mkdir(exist_ok=True)
        for process in (root / "cgroup.procs").read_text().split():
            with suppress(OSError):  # it has ended
                (root / "init" / "cgroup.procs").write_text(process)
        controllers = (root / "cgroup.controllers").read_text().split()
        (root / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))


def free_pool(
    taken: Iterable[ipaddress.IPv4Network], *, but: ipaddress.IPv4Network | None = None
) -> ipaddress.IPv4Network:
    """Choose a network of 65,536 private addresses that overlaps none of the networks `taken`.

    Networks within `but` are ignored. Raises `EngineProblem` if none is free.
    """
    others = [network for network in taken if but is None or not network.subnet_of(but)]
    for pool in _POOLS:
        if not any(pool.overlaps(other) for other in others):
            return pool
    raise EngineProblem(
        "a private engine did not start: all of its address ranges (10.200-249.x.x) are in use"
    )


def rules(whole: ipaddress.IPv4Network, *, bridges_are_filtered: bool) -> list[tuple[str, ...]]:
    """Return the firewall rules for containers with addresses in `whole`, in order.

    Containers reach the outside under the machine's address; from outside they get replies only, and
    connections to published ports, which the engine's userland proxy serves; networks are isolated from each
    other. `bridges_are_filtered` says that traffic within a network passes these rules, too.
    """
    pool = str(whole)
    answers_only = ("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED")
    within = [("FORWARD", "-s", pool, "-d", pool, "-m", "physdev", "--physdev-is-bridged", "-j", "ACCEPT")]
    return [
        *(within if bridges_are_filtered else []),
        ("FORWARD", "-s", pool, "-d", pool, "-j", "DROP"),
        ("FORWARD", "-s", pool, "-j", "ACCEPT"),
        ("FORWARD", "-d", pool, *answers_only, "-j", "ACCEPT"),
        ("FORWARD", "-d", pool, "-j", "DROP"),
        ("POSTROUTING", "-s", pool, "!", "-d", pool, "-j", "MASQUERADE"),
    ]


def bridges_are_filtered() -> bool:
    """Return whether traffic within a network of containers passes the firewall rules."""
    switch = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    return switch.exists() and switch.read_text(encoding="ascii").strip() == "1"


def routes(table: str) -> tuple[ipaddress.IPv4Network, ...]:
    """Parse `/proc/net/route` (proc(5)): the networks with a route other than the default one."""
    networks = []
    for line in table.splitlines()[1:]:
        _, destination, _, _, _, _, _, mask = line.split()[:8]
        # Hexadecimal numbers in the machine's own byte order.
        address, bits = (int(field, 16).to_bytes(4, sys.byteorder) for field in (destination, mask))
        if any(bits):
            networks.append(ipaddress.IPv4Network((address, str(ipaddress.IPv4Address(bits)))))
    return tuple(networks)


def _check_machine(run_root: Path) -> None:
    longest = run_root / "exec/containerd/containerd-debug.sock"
    if len(os.fsencode(longest)) > _LONGEST_SOCKET:
        raise EngineProblem(f"no private engine: {run_root} is too long for the path of a socket")
    if not sys.platform.startswith("linux"):
        raise EngineProblem("no private engine: this is not Linux")
    if os.geteuid() != 0:
        raise EngineProblem("no private engine: this is not root; start Docker, or build as root")
    lacking = lacking_capabilities(Path("/proc/self/status").read_text(encoding="utf-8"))
    if lacking:
        raise EngineProblem(f"no private engine: this process lacks {' and '.join(lacking)}")


def lacking_capabilities(status: str) -> tuple[str, ...]:
    """Return the capabilities that an engine needs and `/proc/PID/status` lacks."""
    effective = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0")
    return tuple(name for name, bit in _CAPABILITIES.items() if not int(effective, 16) >> bit & 1)


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM_PATHS))}


def _apt_get(environ: Mapping[str, str], log: Path, installation: Installation) -> None:
    """Install the engine. Raises `EngineProblem` with apt's last error."""
    with log.open("wb") as output, installation.without_services():
        for words in (
            ("update",),
            ("install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", *_PACKAGES),
        ):
            done = subprocess.run(  # noqa: S603 - constant arguments
                ["apt-get", *words],  # noqa: S607 - wherever the machine has it
                env={**environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
    if done.returncode or not shutil.which("dockerd", path=environ["PATH"]):
        raise EngineProblem(f"no private engine: apt-get did not install it: {_apt_error(log)} (log: {log})")


def _apt_error(log: Path) -> str:
    lines = [
        line.strip()
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip()
    ]
    errors = [line for line in lines if line.startswith("E:")]
    return (errors or lines or ["it printed nothing"])[-1]


def is_debian(release: Path) -> bool:
    """Return whether the os-release(5) file is that of Debian or of a derivative such as Ubuntu."""
    with suppress(FileNotFoundError):
        for line in release.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            if name in ("ID", "ID_LIKE") and "debian" in value.strip("\"'").split():
                return True
    return False


@contextmanager
def start_lock(path: Path, *, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock for installing and starting; `say` gets a notice that names its holder."""
    lock = FileLock(path)
    what = "its turn to start the private engine"
    if not wait_until(
        lock.try_acquire, what=what, say=say, holder=lambda: holder_of(path), seconds=_TURN_SECONDS
    ):
        raise EngineProblem(f"another process has been starting the private engine for {_TURN_SECONDS} s")
    try:
        yield
    finally:
        lock.release()


def _lock(attempt: Callable[[], None], seconds: float) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            attempt()
        except BlockingIOError:
            if time.monotonic() > end:
                raise TimeoutError from None
            time.sleep(0.05)
        else:
            return


def _open_descriptor(path: Path) -> int | None:
    """Return this process's open descriptor of `path`, if it has one."""
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if entry.readlink() == path:
                return int(entry.name)
    return None
