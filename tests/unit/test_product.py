"""Which engine it is, by its own answer."""

from __future__ import annotations

from typing import Any

import pytest

from docker_run.engine.connection.product import Product, product_of


@pytest.mark.parametrize(
    ("answer", "product"),
    [
        ({"Components": [{"Name": "Podman Engine"}, {"Name": "Conmon"}]}, Product.PODMAN),
        ({"Components": [{"Name": "Engine"}, {"Name": "containerd"}]}, Product.DOCKER),
        ({"Components": None}, Product.DOCKER),
        ({}, Product.DOCKER),
    ],
)
def test_an_engine_names_itself(answer: dict[str, Any], product: Product) -> None:
    assert product_of(answer) is product
