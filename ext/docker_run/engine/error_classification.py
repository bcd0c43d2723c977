"""Classification of an engine's errors for a `docker run`: a refusal, which a page may show, or a failure.

A refusal is caused by the command line: the name is taken, the program does not exist. It is the same on
every attempt, and on every machine with the same setup. A failure is caused by the engine: its disk is full,
its containerd is gone. It is never recorded as a command's output. Pure.

The status of the response alone does not distinguish them. An engine responds with 400 to 409 if moby has
classified an error as the caller's (https://pkg.go.dev/github.com/docker/docker/errdefs), and with 500 for
every unclassified error, refusals among them. moby classifies the errors of containerd and runc by their
words ("no such file or directory", "permission denied"), so that a missing runc is reported with 400, and the
CLI's exit status is 127. So the message is checked first, and what is in neither table is a failure.

The tables were derived from the responses of engines 20.10.24 and 28.5.2 in
`tests/unit/engine_answers.json`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

FAILED = 125
"""The CLI's exit status if Docker itself fails, rather than the program that it runs."""


class Error(NamedTuple):
    """A known error, by its message."""

    pattern: str
    """A regular expression, case-insensitive."""
    source: str
    """Where the message comes from: a package of moby, containerd, runc or Go, or the system."""


_RUNTIME_DIED = (
    Error(r"waiting for init preliminary setup|can't get final child's PID", "runc: its `init` died"),
)
"""Failures of the runtime before it executed the container's program, which seldom happen twice in a row.

Seen under load: "waiting for init preliminary setup: read init-p: connection reset by peer", about once in
some thousand containers and execs of engine 28.5.
"""
_FAILURES = (
    # The machine has run out of a resource.
    Error(r"no space left on device", "ENOSPC: a full disk, or no inodes left"),
    Error(r"disk quota exceeded", "EDQUOT"),
    Error(r"input/output error", "EIO"),
    Error(r"too many open files", "EMFILE, ENFILE: create, on 20.10 and 28.5"),
    Error(r"cannot allocate memory|out of memory", "ENOMEM"),
    Error(r"resource temporarily unavailable", "EAGAIN of fork: no more processes, start, on 28.5"),
    # The runtime is missing or broken.
    Error(
        r"failed to start shim|ttrpc: (?:closed|server closed)", "containerd: its shim is missing or has died"
    ),
    Error(r"unable to retrieve OCI runtime error", "containerd-shim: runc did not even begin"),
    Error(r"did not terminate successfully", "go-runc: runc has crashed, or was killed"),
    *_RUNTIME_DIED,
    Error(r"reading from parent failed|EOF: unknown", "runc: its own process died"),
    Error(r"error while dialing|transport is closing|code = Unavailable|^Unavailable: ", "grpc: containerd"),
    Error(r"error reading from server|unexpected EOF", "grpc: containerd"),
    Error(
        r"context (?:deadline exceeded|canceled)|i/o timeout", "Go: nobody answers, or the engine is ending"
    ),
    # The container that was just created: no page could name it by its ID.
    Error(r"no such container: [0-9a-f]{64}", "moby daemon/errors.go: somebody has removed it"),
    Error(r"marked for removal|removal .* is already in progress", "moby daemon/start.go, delete.go"),
    # The engine's internal state.
    Error(r"could not find bridge|layer does not exist|database not open", "libnetwork, layer store, bolt"),
)
"""Failures of an engine, whatever the status of its response."""

_REFUSALS = (
    Error(r"port is already allocated", "libnetwork portallocator: start, on 20.10 and 28.5"),
    Error(r"address already in use|cannot assign requested address", "EADDRINUSE, EADDRNOTAVAIL: a port"),
    Error(r"unable to find (?:user|group) .*no matching entries", "moby daemon/oci_linux.go: start, on both"),
    Error(
        r"^invalid (?:volume specification|mount config|mode|tmpfs option|IPC mode|isolation|--security-opt)",
        "moby volume/mounts, runconfig, daemon: create or start, on both",
    ),
    Error(r"Cannot mkdir: .* is not a directory", "moby container: create with `-w`, on both"),
    Error(r"error gathering device information", "moby daemon: start with `--device`, on both"),
    Error(r"could not select device driver", "moby daemon/devices.go: start with `--gpus`, on both"),
    Error(r"--storage-opt is supported only for", "moby graphdriver/overlay2: create, on 20.10"),
    Error(r"joining (?:network|IPC|PID) namespace of container", "moby daemon: start, on 28.5"),
    Error(r"cannot join (?:network|IPC|PID) .*container", "moby daemon/container_operations.go"),
    Error(r"is not a shared (?:or slave )?mount", "moby daemon/oci_linux.go: `bind-propagation=`, on 20.10"),
    Error(r"failed to initialize logging driver", "moby daemon/logs.go: start with `--log-driver`, on both"),
    Error(
        r"write /sys/fs/cgroup/\S+: (?:invalid argument|no such device|numerical result out of range)",
        "runc: a limit that the kernel does not take, on both",
    ),
    Error(r"write \S*proc\S*/sys/\S+: invalid argument", "runc: start with `--sysctl`, on both"),
    Error(r"unable to apply caps: operation not permitted", "runc: `--privileged`, where the engine may not"),
    Error(r"error setting rlimit type \d+: operation not permitted", "runc: start with `--ulimit`, on both"),
    Error(r"sethostname: invalid argument", "runc: start with a long `--hostname`, on both"),
    Error(r"error mounting \"", "runc: a mount that can't be, of `-v`, `--mount` or `--tmpfs`"),
    Error(
        r"exec: \".*(?:executable file not found|no such file or directory|permission denied|is a directory)",
        "runc: no program of that name (answered as 400 by 20.10.24 and 28.5.2)",
    ),
    # Podman 4.3.1 and 5.8.6, which answer nearly everything with 500.
    Error(
        r"OCI runtime attempted to invoke a command that was not found|OCI permission denied",
        "crun, at attach",
    ),
    Error(r"that name is already in use|network not found|no container with name or ID", "podman: create"),
    Error(r"exists on container .*, but is not a directory", "podman: `-w`, at attach"),
    Error(r"unable to find user .*no matching entries", "podman: `-u`, at attach"),
)
"""Refusals with the status 500."""

_REFUSAL_STATUSES = frozenset({400, 403, 404, 409, 501})
"""Statuses of refusals."""
_UNCLASSIFIED = 500
"""The status of an error that the engine has not classified."""

_SEARCHED = 4000
"""Characters searched at either end of a message: a program on a lab prints lines of any length."""

_NOT_FOUND = (
    "executable file not found",
    "attempted to invoke a command that was not found",
    "no such file or directory",
    "system cannot find the file specified",
)
_NOT_EXECUTABLE = ("permission denied", "is a directory")


def is_failure(message: str) -> bool:
    """Return whether `message` reports a failure of the engine, rather than a refusal."""
    return _is_among(_FAILURES, message)


def is_before_program(message: str) -> bool:
    """Return whether the runtime died before it executed the program: trying again repeats nothing."""
    return _is_among(_RUNTIME_DIED, message)


def exit_status(answer: int | None, message: str) -> int | None:
    """Return the exit status of a `docker run` that an engine refuses; None if the engine has failed.

    `answer` is the status of the response to the request that creates or starts the container, None if
    there is none; `message` is its message. 125 is an error of Docker itself, 126 a command that can't be
    invoked, 127 one that can't be found (https://docs.docker.com/engine/containers/run/#exit-status). The
    CLI distinguishes them by words: see `toStatusError` in docker/cli, `cli/command/container/run.go`.
    """
    refuses = answer in _REFUSAL_STATUSES or (answer == _UNCLASSIFIED and _is_among(_REFUSALS, message))
    if is_failure(message) or not refuses:
        return None
    if any(words in message for words in _NOT_FOUND):
        return 127
    if any(words in message for words in _NOT_EXECUTABLE):
        return 126
    return FAILED


def _is_among(signs: tuple[Error, ...], message: str) -> bool:
    if len(message) > 2 * _SEARCHED:
        message = f"{message[:_SEARCHED]} … {message[-_SEARCHED:]}"
    return any(re.search(sign.pattern, message, re.IGNORECASE | re.MULTILINE) for sign in signs)
