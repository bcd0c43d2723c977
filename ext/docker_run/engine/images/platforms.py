"""Platforms: parsing `--platform`, and matching images.

The rules are the engine's: https://github.com/containerd/platforms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_OTHER_NAMES = {
    "macos": ("darwin", ""),
    "i386": ("386", ""),
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_SYSTEMS = re.compile(
    "aix|android|darwin|dragonfly|freebsd|hurd|illumos|ios|js|linux|nacl|netbsd|openbsd|plan9|solaris|windows|zos"
)
_ARCHITECTURES = re.compile(
    "386|amd64(p32)?|arm(64)?(be)?|loong64|mips(64)?(p32)?(le)?|ppc|ppc64(le)?|riscv(64)?|s390x?|sparc(64)?|wasm"
)
_SYSTEM = r"^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.-]*)\))?$"
_WORD = "^[A-Za-z0-9_.-]+$"


class Platform(NamedTuple):
    """An operating system, a CPU architecture, and its variant; empty where unspecified."""

    system: str = ""
    architecture: str = ""
    variant: str = ""

    def __str__(self) -> str:
        """Return its specifier, e.g. `linux/arm64`."""
        return "/".join(filter(None, self))

    @property
    def query(self) -> dict[str, str]:
        """Its form in the Engine API."""
        names = ("os", "architecture", "variant")
        return {name: value for name, value in zip(names, self, strict=True) if value}

    def is_of(self, image: Platform) -> bool:
        """Return whether the platform of an image matches, as far as both are specified."""
        return all(not mine or not theirs or mine == theirs for mine, theirs in zip(self, image, strict=True))


def parse_platform(text: str) -> Platform:
    """Parse `OS`, `ARCHITECTURE`, or `OS/ARCHITECTURE[/VARIANT]`.

    Raises `ValueError` with the engine's message.
    """
    words = text.lower().split("/")
    if len(words) > 3:
        raise ValueError(f'"{text}": cannot parse platform specifier: invalid argument')
    for number, word in enumerate(words):
        what, form = (" OS", _SYSTEM) if number == 0 else ("", _WORD)
        if not re.fullmatch(form, word):
            kind, quoted = "OSAndVersion" if what else "platform", form.replace("\\", "\\\\")
            raise ValueError(
                f'"{word}" is an invalid{what} component of "{text}": '
                f'{kind} specifier component must match "{quoted}": invalid argument'
            )
    if len(words) > 1:
        architecture, variant = _OTHER_NAMES.get(words[1], (words[1], ""))
        system = _OTHER_NAMES.get(words[0], (words[0], ""))[0].partition("(")[0]
        return Platform(system, architecture, "".join(words[2:]) or variant)
    name, variant = _OTHER_NAMES.get(words[0], (words[0], ""))
    if _SYSTEMS.fullmatch(name):
        return Platform(system=name)
    if _ARCHITECTURES.fullmatch(name):
        return Platform("linux", name, variant)
    raise ValueError(f'"{text}": unknown operating system or architecture: invalid argument')


def platform_of(attributes: Mapping[str, object]) -> Platform:
    """Return the platform of an image or an engine, from its attributes in the Engine API."""
    words = [str(attributes.get(name) or "").lower() for name in ("Os", "Architecture", "Variant")]
    return Platform(*words)
