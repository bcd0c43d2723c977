"""A registry's storage on disk, read through the engine.

Its HTTP API can only be reached from the engine's machine, which may not be this one. Versions 2 and 3 have
the same layout (https://github.com/distribution/distribution, `registry/storage/paths.go`):

    docker/registry/v2/repositories/NAME/_manifests/tags/TAG/current/link   the digest of TAG
    docker/registry/v2/blobs/sha256/AB/ABC…/data                            the content with that digest
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterable
from typing import NamedTuple

from docker import APIClient
from docker.errors import NotFound

_LINK = re.compile(r"repositories/(.+)/_manifests/tags/([^/]+)/current/link")
_DIGEST = re.compile("sha256:([0-9a-f]{64})")


class RepositoryTag(NamedTuple):
    """The name of an image in a mirror of Docker Hub."""

    repository: str
    """E.g. `library/busybox`."""
    tag: str

    @property
    def name(self) -> str:
        """Its short name, e.g. `busybox` or `debian:trixie`."""
        repository = self.repository.removeprefix("library/")
        return repository if self.tag == "latest" else f"{repository}:{self.tag}"


class RegistryFiles:
    """The files below `root` of a registry in the container `container`.

    All methods raise what docker-py raises.
    """

    def __init__(self, api: APIClient, container: str, root: str) -> None:
        self._api = api
        self._container = container
        self._root = f"{root}/docker/registry/v2"

    def tags(self) -> dict[RepositoryTag, str]:
        """Return the digest of each tag."""
        found = {}
        for path, content in self._read("repositories"):
            link = _LINK.fullmatch(path)
            if link and (digest := _linked(content)):
                found[RepositoryTag(link[1], link[2])] = digest
        return found

    def digest(self, image: RepositoryTag) -> str:
        """Return the digest of a tag; empty if it does not exist."""
        path = f"repositories/{image.repository}/_manifests/tags/{image.tag}/current/link"
        return next((_linked(content) for _, content in self._read(path)), "")

    def identities(self, digest: str) -> tuple[str, ...]:
        """Return the IDs that an engine may give to the image whose manifest has this digest.

        An image's ID is the digest of its configuration or, in containerd's store, that of its manifest.
        """
        found = _DIGEST.fullmatch(digest)
        if not found:
            return ()
        for _, content in self._read(f"blobs/sha256/{found[1][:2]}/{found[1]}/data"):
            try:
                manifest = json.loads(content)
            except ValueError:
                return ()
            return digest, str((manifest.get("config") or {}).get("digest", ""))
        return ()

    def remove(self, images: Iterable[RepositoryTag]) -> None:
        """Remove tags; manifests and blobs stay."""
        paths = [f"{self._root}/repositories/{name}/_manifests/tags/{tag}" for name, tag in images]
        if paths:
            run = self._api.exec_create(self._container, ["rm", "-rf", "--", *paths], user="0")["Id"]
            self._api.exec_start(run)

    def _read(self, path: str) -> list[tuple[str, bytes]]:
        """Return all files at and below `path`: (path relative to the parent of `path`, content)."""
        try:
            pieces, _ = self._api.get_archive(self._container, f"{self._root}/{path}")
        except NotFound:
            return []
        with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
            return [
                (member.name, file.read())
                for member in archive
                if member.isfile() and (file := archive.extractfile(member)) is not None
            ]


def _linked(content: bytes) -> str:
    """Return the digest in a link file; empty if the file is incomplete because it is being written."""
    digest = content.decode("ascii", errors="replace").strip()
    return digest if _DIGEST.fullmatch(digest) else ""
