"""Mounts: the values of `--volume`, `--mount` and `--tmpfs`.

Source of the rules: docker/cli, `cli/compose/loader/volume.go` and `opts/mount.go`. Engines are on Linux:
paths are POSIX paths.
"""

from __future__ import annotations

import ntpath
import posixpath
import re
from collections.abc import Callable
from typing import NamedTuple

from docker_run.docker_cli.values import csv_fields
from docker_run.docker_cli.values.scalars import BadValue, boolean, key_value, size

Pairs = tuple[tuple[str, str], ...]
"""(name, value), with unique names."""


class Volume(NamedTuple):
    """One `--volume`."""

    source: str
    """A volume's name, a path of the host, or empty for an anonymous volume."""
    target: str
    """The text after the source: a path in the container, then options."""

    @property
    def is_bind(self) -> bool:
        """Whether the source is a path of the host."""
        return _is_path(self.source)

    def resolved(self, directory: str) -> Volume:
        """Return it with a path of the host that begins with a dot made absolute (see `resolve`)."""
        return self._replace(source=resolve(self.source, directory)) if self.is_bind else self


class BindOptions(NamedTuple):
    """Options for mounting a path of the host."""

    propagation: str = ""
    non_recursive: bool = False
    read_only_non_recursive: bool = False
    read_only_force_recursive: bool = False


class VolumeOptions(NamedTuple):
    """Options for mounting a volume, and for creating it if it does not exist."""

    subpath: str = ""
    no_copy: bool = False
    labels: Pairs = ()
    driver: str = ""
    driver_options: Pairs = ()


class ImageOptions(NamedTuple):
    """Options for mounting an image."""

    subpath: str = ""


class TmpfsOptions(NamedTuple):
    """Options for mounting a tmpfs."""

    size: int = 0
    """In bytes; 0 for the kernel's own limit."""
    mode: int = 0
    """The permission bits; 0 for the engine's default."""


class Mount(NamedTuple):
    """One `--mount`. Options of a kind are None if none is given."""

    type: str = "volume"
    """`bind`, `volume`, `image`, `tmpfs`, or another type that the engine supports."""
    source: str = ""
    target: str = ""
    read_only: bool = False
    consistency: str = ""
    bind: BindOptions | None = None
    volume: VolumeOptions | None = None
    image: ImageOptions | None = None
    tmpfs: TmpfsOptions | None = None

    @property
    def reaches_host(self) -> bool:
        """Whether it can expose the host's files to the container.

        A volume can, too, through its driver: `volume-opt=type=none,volume-opt=o=bind`.
        """
        has_driver = self.volume is not None and bool(self.volume.driver or self.volume.driver_options)
        return self.type not in ("volume", "tmpfs", "image") or has_driver

    def resolved(self, directory: str) -> Mount:
        """Return it with a path of the host that begins with a dot made absolute (see `resolve`)."""
        return self._replace(source=resolve(self.source, directory))


def volume(text: str) -> Volume:
    """Parse `[SOURCE:]TARGET[:OPTIONS]`. Raises `BadValue`.

    A source that begins with a slash, dot or tilde is a path of the host; any other is the name of a volume.
    For the CLI, a single letter before a colon is a drive, and so belongs to what follows.
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
    """Make a path that begins with a dot absolute, relative to `directory`; return any other unchanged.

    `directory` may be on a drive or a share of Windows: engines for Windows users accept such paths.
    """
    if not path.startswith("."):
        return path
    if ntpath.splitdrive(directory)[0]:
        return ntpath.normpath(ntpath.join(directory, path))
    return posixpath.normpath(posixpath.join(directory, path))


def tmpfs(text: str) -> tuple[str, str]:
    """Parse `PATH[:OPTIONS]` for `--tmpfs`."""
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


def mount(text: str) -> Mount:
    """Parse `type=…,source=…,target=…[,…]`. Raises `BadValue`."""
    found = Mount()
    pairs: dict[str, dict[str, str]] = {"volume-label": {}, "volume-opt": {}}
    for part in csv_fields.fields(text):
        key, equals, value = part.partition("=")
        name = key.lower()
        if name not in _KEYS:
            if not equals:
                raise BadValue(f"invalid field '{part}' must be a key=value pair")
            raise BadValue(f"unexpected key '{name}' in '{part}'")
        if not equals and name not in _WITHOUT_VALUE:
            raise BadValue(f"invalid field '{part}' must be a key=value pair")
        found = _KEYS[name](found, name, value if equals else "true")
        if name in pairs and value.partition("=")[0]:
            pairs[name].update([key_value(value)])
    if found.volume:
        labels, options = (tuple(given.items()) for given in pairs.values())
        found = found._replace(volume=found.volume._replace(labels=labels, driver_options=options))
    _check(found)
    return found


def _check(found: Mount) -> None:
    if not found.type:
        raise BadValue("type is required")
    if not found.target:
        raise BadValue("target is required")
    options = {"volume": found.volume, "image": found.image, "bind": found.bind, "tmpfs": found.tmpfs}
    for kind, given in options.items():
        if given is not None and found.type != kind:
            raise BadValue(f"cannot mix '{kind}-*' options with mount type '{found.type}'")
    bind = found.bind or BindOptions()
    if bind.read_only_non_recursive and not found.read_only:
        raise BadValue("option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction")
    if bind.read_only_force_recursive:
        if not found.read_only:
            raise BadValue(
                "option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction"
            )
        if bind.propagation != "rprivate":
            raise BadValue(
                "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified "
                "in conjunction"
            )


_Setter = Callable[[Mount, str, str], Mount]
"""Takes the mount so far, a key and its value; returns the updated mount."""


def _true_or_false(key: str, value: str) -> bool:
    try:
        return boolean(value)
    except BadValue as error:
        raise BadValue(f"invalid value for {key}: {value}") from error


def _read_only(mount: Mount, key: str, value: str) -> Mount:
    return mount._replace(read_only=_true_or_false(key, value))


def _propagation(mount: Mount, _key: str, value: str) -> Mount:
    return mount._replace(bind=(mount.bind or BindOptions())._replace(propagation=value.lower()))


def _non_recursive(mount: Mount, key: str, value: str) -> Mount:
    options = mount.bind or BindOptions()
    return mount._replace(bind=options._replace(non_recursive=_true_or_false(key, value)))


def _bind_recursive(mount: Mount, key: str, value: str) -> Mount:
    options = mount.bind or BindOptions()
    match value:
        case "enabled":
            return mount
        case "disabled":
            return mount._replace(bind=options._replace(non_recursive=True))
        case "writable":
            return mount._replace(bind=options._replace(read_only_non_recursive=True))
        case "readonly":
            return mount._replace(bind=options._replace(read_only_force_recursive=True))
    raise BadValue(
        f'invalid value for {key}: {value} (must be "enabled", "disabled", "writable", or "readonly")'
    )


def _subpath(mount: Mount, _key: str, value: str) -> Mount:
    return mount._replace(volume=(mount.volume or VolumeOptions())._replace(subpath=value))


def _no_copy(mount: Mount, key: str, value: str) -> Mount:
    options = mount.volume or VolumeOptions()
    return mount._replace(volume=options._replace(no_copy=_true_or_false(key, value)))


def _driver(mount: Mount, _key: str, value: str) -> Mount:
    return mount._replace(volume=(mount.volume or VolumeOptions())._replace(driver=value))


def _volume_pair(mount: Mount, _key: str, _value: str) -> Mount:
    """Note that there are volume options; `mount` collects the pairs itself, since there may be thousands."""
    return mount._replace(volume=mount.volume or VolumeOptions())


def _tmpfs_size(mount: Mount, key: str, value: str) -> Mount:
    try:
        return mount._replace(tmpfs=(mount.tmpfs or TmpfsOptions())._replace(size=size(value)))
    except BadValue as error:
        raise BadValue(f"invalid value for {key}: {value}") from error


def _tmpfs_mode(mount: Mount, key: str, value: str) -> Mount:
    if not re.fullmatch(r"[0-7]+", value) or int(value, 8) >= 1 << 32:
        raise BadValue(f"invalid value for {key}: {value}")
    return mount._replace(tmpfs=(mount.tmpfs or TmpfsOptions())._replace(mode=int(value, 8)))


_KEYS: dict[str, _Setter] = {
    "type": lambda mount, _, value: mount._replace(type=value.lower()),
    **dict.fromkeys(("source", "src"), lambda mount, _, value: mount._replace(source=value)),
    **dict.fromkeys(("target", "dst", "destination"), lambda mount, _, value: mount._replace(target=value)),
    **dict.fromkeys(("readonly", "ro"), _read_only),
    "consistency": lambda mount, _, value: mount._replace(consistency=value.lower()),
    "bind-propagation": _propagation,
    "bind-nonrecursive": _non_recursive,
    "bind-recursive": _bind_recursive,
    "volume-subpath": _subpath,
    "volume-nocopy": _no_copy,
    "volume-driver": _driver,
    **dict.fromkeys(("volume-label", "volume-opt"), _volume_pair),
    "image-subpath": lambda mount, _, value: mount._replace(image=ImageOptions(value)),
    "tmpfs-size": _tmpfs_size,
    "tmpfs-mode": _tmpfs_mode,
}
_WITHOUT_VALUE = frozenset({"readonly", "ro", "volume-nocopy", "bind-nonrecursive"})
