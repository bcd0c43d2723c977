"""What is mounted into a container: the values of `--volume`, `--mount` and `--tmpfs`.

Source of the rules: docker/cli, `cli/compose/loader/volume.go` and `opts/mount.go`. Pages are built
by engines on Linux: paths are POSIX paths.
"""

from __future__ import annotations

import ntpath
import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from docker_run.docker_cli.values import csv_fields
from docker_run.docker_cli.values.scalars import BadValue, boolean, key_value, size


@dataclass(frozen=True, slots=True)
class Volume:
    """One `--volume`."""

    source: str
    """A volume's name, a path of the host, or empty for an anonymous volume."""
    target: str
    """Everything after the source: a path in the container, then options."""

    @property
    def is_bind(self) -> bool:
        """Whether the source is a path of the host."""
        return _is_path(self.source)


def volume(text: str) -> Volume:
    """Read `[SOURCE:]TARGET[:OPTIONS]`. Raises `BadValue`.

    A source with a slash, dot or tilde at its start is a path of the host; any other is the name of
    a volume. A single letter before a colon belongs to what follows: the CLI takes it for a drive.
    """
    if not text:
        raise BadValue("invalid empty volume spec")
    if len(text.encode(errors="surrogateescape")) <= 2:
        return Volume("", text)
    sections = _sections(text)
    if not all(sections):
        raise BadValue(f"invalid spec: {text}: empty section between colons")
    if len(sections) > 3:
        raise BadValue(f"invalid spec: {text}: too many colons")
    if len(sections) == 1:
        return Volume("", text)
    source = sections[0]
    return Volume(source, text[len(source) + 1 :])


def resolve(path: str, directory: str) -> str:
    """Make a path that begins with a dot absolute, as seen from `directory`; leave any other as it is.

    `directory` may be one of Windows, on a drive or a share: an engine for Windows users takes such paths.
    """
    if not path.startswith("."):
        return path
    if ntpath.splitdrive(directory)[0]:
        return ntpath.normpath(ntpath.join(directory, path))
    return posixpath.normpath(posixpath.join(directory, path))


def tmpfs(text: str) -> tuple[str, str]:
    """Read `PATH[:OPTIONS]` for `--tmpfs`."""
    path, _, options = text.partition(":")
    return path, options


def _sections(text: str) -> list[str]:
    first, *others = text.split(":")
    sections = [first]
    for piece in others:
        if len(sections[-1]) == 1 and sections[-1].isalpha():  # a drive: the colon is part of it
            sections[-1] = f"{sections[-1]}:{piece}"
        else:
            sections.append(piece)
    return sections


def _is_path(source: str) -> bool:
    return source.startswith((".", "/", "~", "\\\\")) or bool(re.match(r"[^\W\d_]:", source))


@dataclass(slots=True)
class _Mount:
    """A mount that is being read, and its options by kind."""

    kind: str = "volume"
    fields: dict[str, object] = field(default_factory=dict)
    read_only: bool = False
    bind: dict[str, object] | None = None
    volume: dict[str, object] | None = None
    labels: dict[str, str] = field(default_factory=dict)
    driver: dict[str, object] = field(default_factory=dict)
    driver_options: dict[str, str] = field(default_factory=dict)
    image: dict[str, object] | None = None
    tmpfs: dict[str, object] | None = None

    def options(self, kind: str) -> dict[str, object]:
        """Return the options of `kind`, which are there from now on."""
        found: dict[str, object] | None = getattr(self, kind)
        if found is None:
            found = {}
            setattr(self, kind, found)
        return found


def mount(text: str) -> dict[str, object]:
    """Read `type=…,source=…,target=…[,…]`; return the Engine API's `Mount`. Raises `BadValue`."""
    taken = _Mount()
    for part in csv_fields.fields(text):
        key, equals, value = part.partition("=")
        name = key.lower()
        if name not in _KEYS:
            if not equals:
                raise BadValue(f"invalid field '{part}' must be a key=value pair")
            raise BadValue(f"unexpected key '{name}' in '{part}'")
        if not equals and name not in _WITHOUT_VALUE:
            raise BadValue(f"invalid field '{part}' must be a key=value pair")
        _KEYS[name](taken, name, value if equals else "true")
    _check(taken)
    return _api(taken)


def _check(taken: _Mount) -> None:
    if not taken.kind:
        raise BadValue("type is required")
    if not taken.fields.get("Target"):
        raise BadValue("target is required")
    for kind in ("volume", "image", "bind", "tmpfs"):
        if getattr(taken, kind) is not None and taken.kind != kind:
            raise BadValue(f"cannot mix '{kind}-*' options with mount type '{taken.kind}'")
    bind = taken.bind or {}
    if bind.get("ReadOnlyNonRecursive") and not taken.read_only:
        raise BadValue("option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction")
    if bind.get("ReadOnlyForceRecursive"):
        if not taken.read_only:
            raise BadValue(
                "option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction"
            )
        if bind.get("Propagation") != "rprivate":
            raise BadValue(
                "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified "
                "in conjunction"
            )


def _api(taken: _Mount) -> dict[str, object]:
    api: dict[str, object] = {"Type": taken.kind}
    api |= {key: value for key, value in taken.fields.items() if value}
    if taken.read_only:
        api["ReadOnly"] = True
    if taken.bind is not None:
        api["BindOptions"] = _without_empty(taken.bind)
    if taken.volume is not None:
        driver = _without_empty({**taken.driver, "Options": taken.driver_options})
        api["VolumeOptions"] = {
            **_without_empty({**taken.volume, "Labels": taken.labels}),
            "DriverConfig": driver,
        }
    if taken.image is not None:
        api["ImageOptions"] = _without_empty(taken.image)
    if taken.tmpfs is not None:
        api["TmpfsOptions"] = _without_empty(taken.tmpfs)
    return api


def _without_empty(mapping: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in mapping.items() if value}


_Setter = Callable[[_Mount, str, str], None]


def _kind(taken: _Mount, _key: str, value: str) -> None:
    taken.kind = value.lower()


def _field(name: str, *, lower: bool = False) -> _Setter:
    def put(taken: _Mount, _key: str, value: str) -> None:
        taken.fields[name] = value.lower() if lower else value

    return put


def _true_or_false(key: str, value: str) -> bool:
    try:
        return boolean(value)
    except BadValue as error:
        raise BadValue(f"invalid value for {key}: {value}") from error


def _read_only(taken: _Mount, key: str, value: str) -> None:
    taken.read_only = _true_or_false(key, value)


def _option(kind: str, name: str, *, lower: bool = False) -> _Setter:
    def put(taken: _Mount, _key: str, value: str) -> None:
        taken.options(kind)[name] = value.lower() if lower else value

    return put


def _switch(kind: str, name: str) -> _Setter:
    def put(taken: _Mount, key: str, value: str) -> None:
        taken.options(kind)[name] = _true_or_false(key, value)

    return put


def _bind_recursive(taken: _Mount, key: str, value: str) -> None:
    names = {
        "disabled": "NonRecursive",
        "writable": "ReadOnlyNonRecursive",
        "readonly": "ReadOnlyForceRecursive",
    }
    if value in names:
        taken.options("bind")[names[value]] = True
    elif value != "enabled":
        raise BadValue(
            f'invalid value for {key}: {value} (must be "enabled", "disabled", "writable", or "readonly")'
        )


def _volume_label(taken: _Mount, _key: str, value: str) -> None:
    taken.options("volume")
    _put_pair(taken.labels, value)


def _volume_driver(taken: _Mount, _key: str, value: str) -> None:
    taken.options("volume")
    taken.driver["Name"] = value


def _volume_opt(taken: _Mount, _key: str, value: str) -> None:
    taken.options("volume")
    _put_pair(taken.driver_options, value)


def _put_pair(mapping: dict[str, str], text: str) -> None:
    key, value = key_value(text)
    if key:
        mapping[key] = value


def _tmpfs_size(taken: _Mount, key: str, value: str) -> None:
    try:
        taken.options("tmpfs")["SizeBytes"] = size(value)
    except BadValue as error:
        raise BadValue(f"invalid value for {key}: {value}") from error


def _tmpfs_mode(taken: _Mount, key: str, value: str) -> None:
    if not re.fullmatch(r"[0-7]+", value) or int(value, 8) >= 1 << 32:
        raise BadValue(f"invalid value for {key}: {value}")
    taken.options("tmpfs")["Mode"] = int(value, 8)


_KEYS: dict[str, _Setter] = {
    "type": _kind,
    **dict.fromkeys(("source", "src"), _field("Source")),
    **dict.fromkeys(("target", "dst", "destination"), _field("Target")),
    **dict.fromkeys(("readonly", "ro"), _read_only),
    "consistency": _field("Consistency", lower=True),
    "bind-propagation": _option("bind", "Propagation", lower=True),
    "bind-nonrecursive": _switch("bind", "NonRecursive"),
    "bind-recursive": _bind_recursive,
    "volume-subpath": _option("volume", "Subpath"),
    "volume-nocopy": _switch("volume", "NoCopy"),
    "volume-label": _volume_label,
    "volume-driver": _volume_driver,
    "volume-opt": _volume_opt,
    "image-subpath": _option("image", "Subpath"),
    "tmpfs-size": _tmpfs_size,
    "tmpfs-mode": _tmpfs_mode,
}
_WITHOUT_VALUE = frozenset({"readonly", "ro", "volume-nocopy", "bind-nonrecursive"})


def mount_reaches_host(api: dict[str, object]) -> bool:
    """Tell whether a mount can show the container something of the host.

    A volume can as well, through its driver: `volume-opt=type=none,volume-opt=o=bind`.
    """
    options = api.get("VolumeOptions")
    driver = options.get("DriverConfig") if isinstance(options, dict) else None
    return api["Type"] not in ("volume", "tmpfs", "image") or bool(driver)
