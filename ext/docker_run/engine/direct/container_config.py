"""Conversion of a `RunLine` into the body of the request that creates its container.

Each function `to_…` converts one value into arguments of docker-py 7, which omits those that are None; or
into JSON of the Engine API, where docker-py has no argument, or would not send the same as the CLI.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from docker import APIClient
from docker.utils import version_lt

from docker_run.docker_cli.container_options import (
    HealthCheck,
    NetworkOptions,
    ResourceOptions,
    RunLine,
    SecurityOptions,
    StorageOptions,
)
from docker_run.docker_cli.values.choices import StandardStream
from docker_run.docker_cli.values.devices import Device, DeviceRequest
from docker_run.docker_cli.values.mounts import Mount
from docker_run.docker_cli.values.networks import Attachment
from docker_run.docker_cli.values.rates import DeviceRate
from docker_run.engine.direct.name_prefix import Json

_OWN_ADDRESSES_SINCE: Final = "1.44"
"""The first version of the Engine API in which a MAC address belongs to a network's endpoint."""


def to_body(line: RunLine, api: APIClient, *, reference: str) -> Json:
    """Return the body of the request that creates the container of `line`, as the CLI sends it.

    `reference` is the image's name on the engine. Of `api`, only the version is used.
    """
    host: Any = to_host_config(line, api)
    command: Any = list(line.command) or None
    body: Json = dict(
        api.create_container_config(
            reference,
            command,
            host_config=host,
            networking_config=to_networking_config(line.network, api),
            **to_container_arguments(line),
        )
    )
    body |= {
        "AttachStdin": StandardStream.STDIN in line.streams,
        "AttachStdout": StandardStream.STDOUT in line.streams,
        "AttachStderr": StandardStream.STDERR in line.streams,
        "StdinOnce": StandardStream.STDIN in line.streams and line.interactive,
    }
    if line.health:
        body["Healthcheck"] = to_health_check(line.health)
    if not version_lt(api.api_version, _OWN_ADDRESSES_SINCE):
        body["MacAddress"] = None  # such an engine uses that of the endpoint, and warns of this one
    return body


def to_container_arguments(line: RunLine) -> dict[str, Any]:
    """Return arguments of `APIClient.create_container_config`."""
    network, process = line.network, line.process
    ports = (*(binding.port for binding in network.published), *network.exposed)
    anonymous = [volume.target for volume in line.storage.volumes if not volume.source]
    return {
        "hostname": network.hostname or None,
        "domainname": network.domainname or None,
        "mac_address": network.mac_address or None,
        "ports": {port: {} for port in ports} or None,
        "volumes": anonymous or None,
        "user": process.user or None,
        "environment": list(process.environment) or None,
        "entrypoint": None if process.entrypoint is None else [process.entrypoint],
        "working_dir": process.directory or None,
        "stop_signal": process.stop_signal or None,
        "stop_timeout": process.stop_timeout,
        "labels": dict(line.labels) or None,
        "stdin_open": line.interactive,
        "tty": line.tty,
    }


def to_health_check(health: HealthCheck) -> Json:
    """Return the Engine API's `HealthConfig`; docker-py's lacks the start interval."""
    if health.is_disabled:
        return {"Test": ["NONE"]}
    return {
        "Test": ["CMD-SHELL", health.command] if health.command else None,
        "Interval": health.interval,
        "Timeout": health.timeout,
        "Retries": health.retries,
        "StartPeriod": health.start_period,
        **({"StartInterval": health.start_interval} if health.start_interval else {}),
    }


def to_host_config(line: RunLine, api: APIClient) -> Json:
    """Return the Engine API's `HostConfig`."""
    namespaces, security = line.namespaces, line.security
    arguments: dict[str, Any] = {
        "auto_remove": line.auto_remove,
        "restart_policy": _restart_policy(line),
        "log_config": {"type": line.log.driver, "config": dict(line.log.options)} if line.log else None,
        "init": line.process.init,
        "group_add": list(line.process.groups) or None,
        "runtime": line.runtime or None,
        "isolation": line.isolation or None,
        "pid_mode": namespaces.pid or None,
        "ipc_mode": namespaces.ipc or None,
        "uts_mode": namespaces.uts or None,
        "userns_mode": namespaces.user or None,
        "cgroupns": namespaces.cgroup or None,
        "cgroup_parent": namespaces.cgroup_parent or None,
    }
    host = api.create_host_config(
        **arguments,
        **to_resource_arguments(line.resources),
        **to_storage_arguments(line.storage),
        **to_network_arguments(line.network),
        **to_security_arguments(security),
    )
    without_argument: Json = {
        "Annotations": dict(line.annotations),
        "ContainerIDFile": line.client.id_file,
        "DeviceRequests": [to_device_request(request) for request in security.device_requests],
    }
    if line.network.mode == "host" and line.network.published:
        # docker-py refuses this; the engine accepts it, and warns that no port is published.
        without_argument["PortBindings"] = to_port_bindings(line.network)
    if security.has_system_paths:
        host |= {"MaskedPaths": [], "ReadonlyPaths": []}
    return {
        **_cli_defaults(),
        **host,
        **{name: value for name, value in without_argument.items() if value},
    }


def _cli_defaults() -> Json:
    """Return the values that the CLI always sends, and that `docker inspect` then shows.

    docker-py omits empty values.
    """
    lists = ("Devices", "Dns", "DnsOptions", "DnsSearch", "Ulimits", "BlkioWeightDevice")
    rates = (f"BlkioDevice{way}{unit}" for way in ("Read", "Write") for unit in ("Bps", "IOps"))
    return {
        **{name: [] for name in (*lists, *rates)},
        "MemorySwappiness": -1,
        "OomKillDisable": False,
        "PidsLimit": 0,
        "PortBindings": {},
    }


def _restart_policy(line: RunLine) -> Json | None:
    name, retries = line.restart
    return {"Name": name, "MaximumRetryCount": retries} if name else None


def to_resource_arguments(resources: ResourceOptions) -> dict[str, Any]:
    """Return arguments of `APIClient.create_host_config` for resource limits."""
    return {
        "mem_limit": resources.memory or None,
        "mem_reservation": resources.memory_reservation or None,
        "memswap_limit": resources.memory_swap or None,
        "mem_swappiness": resources.memory_swappiness,
        "kernel_memory": resources.kernel_memory or None,
        "shm_size": resources.shared_memory or None,
        "oom_kill_disable": resources.oom_kill_disable,
        "oom_score_adj": resources.oom_score or None,
        "pids_limit": resources.processes or None,
        "nano_cpus": resources.nano_cpus or None,
        "cpu_shares": resources.cpu_shares or None,
        "cpu_period": resources.cpu_period or None,
        "cpu_quota": resources.cpu_quota or None,
        "cpu_rt_period": resources.cpu_realtime_period or None,
        "cpu_rt_runtime": resources.cpu_realtime_runtime or None,
        "cpuset_cpus": resources.cpus or None,
        "cpuset_mems": resources.memory_nodes or None,
        "blkio_weight": resources.block_weight or None,
        "blkio_weight_device": [{"Path": path, "Weight": weight} for path, weight in resources.block_weights],
        "device_read_bps": to_rates(resources.read_bytes),
        "device_read_iops": to_rates(resources.read_operations),
        "device_write_bps": to_rates(resources.write_bytes),
        "device_write_iops": to_rates(resources.write_operations),
        "ulimits": [
            {"Name": limit.name, "Soft": limit.soft, "Hard": limit.hard} for limit in resources.ulimits
        ],
    }


def to_rates(rates: Iterable[DeviceRate]) -> list[Json]:
    """Return the Engine API's `ThrottleDevice` for each of `rates`."""
    return [{"Path": path, "Rate": rate} for path, rate in rates]


def to_storage_arguments(storage: StorageOptions) -> dict[str, Any]:
    """Return arguments of `APIClient.create_host_config` for volumes and the file system."""
    return {
        "binds": [f"{one.source}:{one.target}" for one in storage.volumes if one.source] or None,
        "mounts": [to_mount(mount) for mount in storage.mounts] or None,
        "tmpfs": dict(storage.tmpfs) or None,
        "volumes_from": list(storage.volumes_from) or None,
        "volume_driver": storage.volume_driver or None,
        "read_only": storage.read_only or None,
        "storage_opt": dict(storage.driver_options) or None,
    }


def to_mount(mount: Mount) -> Json:
    """Return the Engine API's `Mount`, without empty values, except the option objects themselves."""
    api: Json = {"Type": mount.type} | _without_empty(
        Source=mount.source, Target=mount.target, ReadOnly=mount.read_only, Consistency=mount.consistency
    )
    if bind := mount.bind:
        api["BindOptions"] = _without_empty(
            Propagation=bind.propagation,
            NonRecursive=bind.non_recursive,
            ReadOnlyNonRecursive=bind.read_only_non_recursive,
            ReadOnlyForceRecursive=bind.read_only_force_recursive,
        )
    if volume := mount.volume:
        driver = _without_empty(Name=volume.driver, Options=dict(volume.driver_options))
        options = _without_empty(Subpath=volume.subpath, NoCopy=volume.no_copy, Labels=dict(volume.labels))
        api["VolumeOptions"] = options | {"DriverConfig": driver}
    if image := mount.image:
        api["ImageOptions"] = _without_empty(Subpath=image.subpath)
    if tmpfs := mount.tmpfs:
        api["TmpfsOptions"] = _without_empty(SizeBytes=tmpfs.size, Mode=tmpfs.mode)
    return api


def _without_empty(**fields: object) -> Json:
    return {name: value for name, value in fields.items() if value}


def to_network_arguments(network: NetworkOptions) -> dict[str, Any]:
    """Return arguments of `APIClient.create_host_config` for the container's network."""
    return {
        "network_mode": network.mode,
        "port_bindings": to_port_bindings(network) if network.mode != "host" else None,
        "publish_all_ports": network.publishes_all,
        "links": list(network.links) or None,
        "extra_hosts": list(network.extra_hosts) or None,
        "dns": list(network.dns),
        "dns_opt": list(network.dns_options),
        "dns_search": list(network.dns_search),
    }


def to_port_bindings(network: NetworkOptions) -> Json:
    """Return the Engine API's `PortMap`."""
    ports: Json = {}
    for port, address, host_port in network.published:
        ports.setdefault(port, []).append({"HostIp": address, "HostPort": host_port})
    return ports


def to_networking_config(network: NetworkOptions, api: APIClient) -> Any:  # noqa: ANN401 - docker-py's type is a guess
    """Return the Engine API's `NetworkingConfig`; None for a single network without options."""
    if len(network.attachments) == 1 and network.attachments[0].is_plain:
        return None
    endpoints: Any = {
        attachment.target: api.create_endpoint_config(**to_endpoint_arguments(attachment))
        for attachment in network.attachments
    }
    return api.create_networking_config(endpoints)


def to_endpoint_arguments(attachment: Attachment) -> dict[str, Any]:
    """Return arguments of `APIClient.create_endpoint_config`."""
    return {
        "aliases": list(attachment.aliases) or None,
        "links": list(attachment.links) or None,
        "ipv4_address": attachment.ipv4 or None,
        "ipv6_address": attachment.ipv6 or None,
        "link_local_ips": list(attachment.link_local) or None,
        "driver_opt": dict(attachment.driver_options) or None,
        "mac_address": attachment.mac or None,
    }


def to_security_arguments(security: SecurityOptions) -> dict[str, Any]:
    """Return arguments of `APIClient.create_host_config` for privileges and devices."""
    return {
        "privileged": security.privileged,
        "cap_add": list(security.cap_add) or None,
        "cap_drop": list(security.cap_drop) or None,
        "security_opt": list(security.options) or None,
        "sysctls": dict(security.sysctls) or None,
        "devices": [to_device(device) for device in security.devices],
        "device_cgroup_rules": list(security.device_cgroup_rules) or None,
    }


def to_device(device: Device) -> Json:
    """Return the Engine API's `DeviceMapping`."""
    return {
        "PathOnHost": device.host_path,
        "PathInContainer": device.path,
        "CgroupPermissions": device.permissions,
    }


def to_device_request(request: DeviceRequest) -> Json:
    """Return the Engine API's `DeviceRequest`. docker-py would send empty lists where the CLI sends null."""
    return {
        "Driver": request.driver,
        "Count": request.count,
        "DeviceIDs": None if request.ids is None else list(request.ids),
        "Capabilities": None if request.capabilities is None else [list(request.capabilities)],
        "Options": None if request.options is None else dict(request.options),
    }
