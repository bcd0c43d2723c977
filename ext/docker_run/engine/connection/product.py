"""The product behind Docker's API: Docker Engine, or Podman, which differs in some responses."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any


class Product(Enum):
    """A product, by the name that readers see."""

    DOCKER = "Docker Engine"
    PODMAN = "Podman"


def product_of(version: Mapping[str, Any]) -> Product:
    """Return the product that sent the response `version` to `/version`.

    Podman is among its components; its API's version and paths are Docker's.
    """
    names = [str(part.get("Name", "")) for part in version.get("Components") or ()]
    return Product.PODMAN if any("Podman" in name for name in names) else Product.DOCKER
