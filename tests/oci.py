"""Images for several platforms, as archives that `docker load` takes.

See https://github.com/opencontainers/image-spec (`image-layout.md`).
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Collection, Mapping

_TYPE = "application/vnd.oci.image."


def archive(name: str, architectures: Collection[str], *, without: Collection[str] = ()) -> bytes:
    """Return an image called `name`; of the platforms `without`, the index has nothing but the name.

    Each has one program, `/program`, which is none that any processor could run.
    """
    blobs: dict[str, bytes] = {}
    manifests = []
    for architecture in architectures:
        own: dict[str, bytes] = {}
        manifests.append(_manifest(architecture, own))
        blobs |= {} if architecture in without else own
    index = {"schemaVersion": 2, "mediaType": f"{_TYPE}index.v1+json", "manifests": manifests}
    top = _add(blobs, index, "index.v1+json") | {"annotations": {"io.containerd.image.name": name}}
    files = {f"blobs/sha256/{digest.partition(':')[2]}": blob for digest, blob in blobs.items()}
    files |= {
        "oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode(),
        "index.json": json.dumps({"schemaVersion": 2, "manifests": [top]}).encode(),
    }
    return tar(files)


def tar(files: Mapping[str, bytes], *, mode: int = 0o644) -> bytes:
    """Return an archive of files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def _manifest(architecture: str, blobs: dict[str, bytes]) -> dict[str, object]:
    layer = tar({"program": f"for {architecture}".encode()}, mode=0o755)
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    platform = {"os": "linux", "architecture": architecture}
    config = platform | {
        "rootfs": {"type": "layers", "diff_ids": [digest]},
        "config": {"Cmd": ["/program"]},
    }
    blobs[digest] = layer
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_TYPE}manifest.v1+json",
        "config": _add(blobs, config, "config.v1+json"),
        "layers": [{"mediaType": f"{_TYPE}layer.v1.tar", "digest": digest, "size": len(layer)}],
    }
    return _add(blobs, manifest, "manifest.v1+json") | {"platform": platform}


def _add(blobs: dict[str, bytes], content: Mapping[str, object], kind: str) -> dict[str, object]:
    blob = json.dumps(content).encode()
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    blobs[digest] = blob
    return {"mediaType": f"{_TYPE}{kind}", "digest": digest, "size": len(blob)}
