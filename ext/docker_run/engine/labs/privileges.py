"""The privileges of a lab on the machine that hosts it: the least with which an engine works inside.

Measured on engines 20.10 and 28.5, with cgroup v1 and v2: the manual's page on labs has the table. All labs
have the same privileges, even if an engine could grant more, so that pages print the same everywhere.
"""

from __future__ import annotations

from docker_run.model import LabSettings

CAPABILITIES = ("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE")
"""In addition to Docker's default capabilities: for networks and the firewall; for mounts, namespaces and
cgroups; for inspecting processes of other users."""

ALL_DEVICES = "all"
"""In `LabSettings.devices`: all devices."""

_TUNNELS = "c 10:200 rwm"
"""The device `net/tun`: some versions of runc allow it to all containers, so it has to be allowed to an
engine inside. Interfaces that are created with it belong to the lab's own network namespace."""


def rights(settings: LabSettings) -> dict[str, object]:
    """Return the part of the request's `HostConfig` with the privileges of a lab."""
    every_device = ALL_DEVICES in settings.devices
    return {
        "CapAdd": sorted({*CAPABILITIES, *settings.capabilities}),
        # Each of the profiles denies mounts. On machines without AppArmor or SELinux, these have no effect.
        "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined", "label=disable"],
        # The CLI's `--security-opt systempaths=unconfined`: the engine inside writes to /proc/sys, and the
        # kernel forbids mounting a new /proc where parts of the existing one are masked.
        "MaskedPaths": [],
        "ReadonlyPaths": [],
        "DeviceCgroupRules": ["a *:* rwm"] if every_device else [_TUNNELS],
        "Devices": [
            {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rwm"}
            for path in settings.devices
            if path != ALL_DEVICES
        ],
    }
