"""A registry on this thread's loopback that answers as Docker Hub does, with look-alikes of its images.

It is an engine's registry mirror, so images have the names that they have on Docker Hub. Like that, it asks
for a token, has an index of platforms for each image, and denies what it does not have.
See https://distribution.github.io/distribution/spec/api/ and `.../spec/auth/token/`.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any, ClassVar
from urllib.parse import urlsplit

_TYPE = "application/vnd.oci.image."
_TOKEN = "for anybody"  # noqa: S105 (of a registry for tests)


class Answer(Enum):
    """How it answers."""

    SERVES = "as on a good day"
    LIMITED = "429: somebody has pulled too much"
    DOWN = "not at all: it hangs up"


class LoopbackHub:
    """Its images, and how it answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answer = Answer.SERVES
        self.asked: list[str] = []
        """The paths of all requests for an image."""
        self._blobs: dict[str, tuple[str, bytes]] = {}
        self._tags: dict[tuple[str, str], str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publish(self, name: str, layer: bytes, *, architecture: str, command: list[str]) -> str:
        """Let the tag `NAME:TAG` mean an image of one layer (a tar archive); return its index's digest."""
        diff = f"sha256:{hashlib.sha256(layer).hexdigest()}"
        platform = {"os": "linux", "architecture": architecture}
        config: dict[str, Any] = {
            **platform,
            "rootfs": {"type": "layers", "diff_ids": [diff]},
            "config": {"Cmd": command},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{_TYPE}manifest.v1+json",
            "config": self._add(json.dumps(config).encode(), "config.v1+json"),
            "layers": [self._add(layer, "layer.v1.tar")],
        }
        described = self._add(json.dumps(manifest).encode(), "manifest.v1+json")
        # Of another platform, nobody asks for more than is in the index.
        other = {
            **described,
            "digest": "sha256:" + "e" * 64,
            "platform": {"os": "linux", "architecture": "s390x"},
        }
        index = {
            "schemaVersion": 2,
            "mediaType": f"{_TYPE}index.v1+json",
            "manifests": [other, {**described, "platform": platform}],
        }
        digest = str(self._add(json.dumps(index).encode(), "index.v1+json")["digest"])
        repository, _, tag = name.partition(":")
        self._tags[f"library/{repository}", tag or "latest"] = digest
        return digest

    def _add(self, content: bytes, kind: str) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._blobs[digest] = (f"{_TYPE}{kind}", content)
        return {"mediaType": f"{_TYPE}{kind}", "digest": digest, "size": len(content)}

    def find(self, path: str) -> tuple[str, str, bytes] | None:
        """Return the digest, the type and the content of `/v2/NAME/manifests|blobs/REFERENCE`."""
        _, _, *name, kind, reference = path.split("/")
        digest = self._tags.get(("/".join(name), reference), "") if kind == "manifests" else ""
        digest = digest or reference
        return (digest, *self._blobs[digest]) if digest in self._blobs else None

    def has(self, path: str) -> bool:
        return any(path.startswith(f"/v2/{repository}/") for repository, _ in self._tags)


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers requests; `hub` is set by `loopback_hub`."""

    hub: ClassVar[LoopbackHub]
    # containerd begins in TLS, and learns by the form of an answer that it should not.
    default_request_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if self.hub.answer is Answer.DOWN:
            self.close_connection = True
        elif path == "/token":
            self._send(200, json.dumps({"token": _TOKEN, "expires_in": 300}).encode())
        elif self.headers.get("Authorization") != f"Bearer {_TOKEN}":
            realm = f'Bearer realm="{self.hub.url}/token",service="registry.tests"'
            self._refuse(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": realm})
        elif path in {"/v2", "/v2/"}:
            self._send(200, b"{}")
        else:
            self._serve(path)

    do_HEAD = do_GET  # noqa: N815 (the name that http.server looks for)

    def _serve(self, path: str) -> None:
        self.hub.asked.append(path)
        if self.hub.answer is Answer.LIMITED:
            self._refuse(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.", {})
        elif not self.hub.has(path):
            self._refuse(401, "UNAUTHORIZED", "requested access to the resource is denied", {})
        elif (found := self.hub.find(path)) is None:
            self._refuse(404, "MANIFEST_UNKNOWN", "manifest unknown", {})
        else:
            digest, kind, content = found
            self._send(200, content, {"Content-Type": kind, "Docker-Content-Digest": digest})

    def _refuse(self, status: int, code: str, message: str, headers: Mapping[str, str]) -> None:
        self._send(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), headers)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        given = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
        for name, value in given.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def loopback_hub(port: int = 0) -> Iterator[LoopbackHub]:
    """Run one on the loopback interface of this thread's network."""
    hub = LoopbackHub(port)
    handler = type("Handler", (_Handler,), {"hub": hub})
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        hub.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield hub
        finally:
            server.shutdown()
