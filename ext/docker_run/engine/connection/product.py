"""Which engine speaks Docker's API: Docker's own, or Podman, which answers some of it in another way."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any


class Product(Enum):
    """An engine, by the name that readers see."""

    DOCKER = "Docker Engine"
    PODMAN = "Podman"


def product_of(version: Mapping[str, Any]) -> Product:
    """Tell which engine has given the answer `version` to `/version`.

    Podman names itself among its components; its API's version and path are Docker's.
    """
    names = [str(part.get("Name", "")) for part in version.get("Components") or ()]
    return Product.PODMAN if any("Podman" in name for name in names) else Product.DOCKER
