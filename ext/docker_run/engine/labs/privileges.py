"""What a lab may do on the machine that hosts it: the least with which an engine works inside.

Measured with engines 20.10 and 28.5 around it, and cgroup v1 and v2: the manual's page on labs has the
table. All labs have the same rights, also where an engine could give more, so that pages print the same.
"""

from __future__ import annotations

from docker_run.model import LabSettings

CAPABILITIES = ("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE")
"""In addition to those that Docker gives to all containers: for networks and the firewall; for mounts,
namespaces and control groups; for looking at processes of other users."""

ALL_DEVICES = "all"
"""In `LabSettings.devices`: whatever device there is."""

_TUNNELS = "c 10:200 rwm"
"""The device `net/tun`: some versions of runc allow it to all containers, so an engine inside has to be
allowed it. Interfaces that are made with it belong to the lab's own network."""


def rights(settings: LabSettings) -> dict[str, object]:
    """Return the part of the request's `HostConfig` that says what a lab may do."""
    every_device = ALL_DEVICES in settings.devices
    return {
        "CapAdd": sorted({*CAPABILITIES, *settings.capabilities}),
        # Each of the profiles refuses mounts. On machines without AppArmor or SELinux that means nothing.
        "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined", "label=disable"],
        # What the CLI calls `--security-opt systempaths=unconfined`: the engine inside writes to
        # /proc/sys, and the kernel lets nobody mount a fresh /proc who sees only part of one.
        "MaskedPaths": [],
        "ReadonlyPaths": [],
        "DeviceCgroupRules": ["a *:* rwm"] if every_device else [_TUNNELS],
        "Devices": [
            {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rwm"}
            for path in settings.devices
            if path != ALL_DEVICES
        ],
    }
