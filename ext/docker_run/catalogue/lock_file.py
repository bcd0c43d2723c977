"""The lock file of an image catalogue: the digests of public images by their names.

    # docs/images/lock.toml
    [images]
    "busybox:latest" = "sha256:…"

A tag can be moved in its registry; a digest is one image for good. Nothing here uses an engine.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from docker_run.catalogue.reference import REFERENCE
from docker_run.errors import ImageProblem
from docker_run.system.files import replace

NAME = "lock.toml"
"""The name of the file, in the catalogue's directory."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEAD = """\
# Which public images are meant, by digest: `python -m docker_run lock` renews this file.
# A name that isn't here is whatever its tag means on the day of the build.

[images]
"""


def read_lock(catalogue: Path | None) -> dict[str, str]:
    """Return the digest of each image in the lock file, by its full name (see `full_name`).

    Empty without a lock file. Raises `ImageProblem` if it is invalid.
    """
    if catalogue is None:
        return {}
    path = catalogue / NAME
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ImageProblem(f"{path} can't be read: {error}") from error
    images = content.get("images", {})
    if not isinstance(images, dict) or content.keys() - {"images"}:
        raise ImageProblem(f"{path}: one table is expected, `[images]`, with a line `NAME = DIGEST` for each")
    for name, digest in images.items():
        if full_name(name) != name:
            raise ImageProblem(f"{path}: {name!r} is not NAME:TAG, as in busybox:latest")
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise ImageProblem(f"{path}: the digest of {name} must be `sha256:` and 64 hexadecimal digits")
    return dict(images)


def write_lock(catalogue: Path, digests: Mapping[str, str]) -> None:
    """Write `digests`, by full name, to the lock file. Raises `OSError`."""
    # A JSON string of these characters is a TOML string, too.
    lines = (f"{json.dumps(name)} = {json.dumps(digests[name])}\n" for name in sorted(digests))
    replace(catalogue / NAME, [_HEAD.encode(), *(line.encode() for line in lines)])


def full_name(name: str) -> str:
    """Return `name` with its tag, and without the prefixes that are implied for Docker Hub.

    Empty if it is not an image's name, or has a digest, which needs no lock.
    """
    found = REFERENCE.fullmatch(name)
    if not found or found["digest"]:
        return ""
    repository = found["repository"].removeprefix("docker.io/")
    if repository.startswith("library/") and "/" not in repository.removeprefix("library/"):
        repository = repository.removeprefix("library/")
    return f"{repository}:{found['tag'] or 'latest'}"


def locked_reference(name: str, lock: Mapping[str, str]) -> str:
    """Return the reference to pull for `name`, with its digest in `lock`; empty if it isn't in there."""
    full = full_name(name)
    return f"{full.rpartition(':')[0]}@{lock[full]}" if full in lock else ""
