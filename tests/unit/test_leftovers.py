"""What a dead build left, as engines list it."""

from __future__ import annotations

from typing import Any

from docker import APIClient

from docker_run.engine.cleanup.labels import BUILD
from docker_run.engine.cleanup.leftovers import labelled_objects


class _Listing(APIClient):
    """An engine that has one volume, of a driver that does not say when it was made."""

    def __init__(self, **volume: object) -> None:
        self._volume = {"Name": "data", "Labels": {BUILD: "one"}, **volume}

    def containers(self, **_: Any) -> Any:  # noqa: ANN401 - docker-py's own
        return []

    def networks(self, **_: Any) -> Any:  # noqa: ANN401
        return []

    def volumes(self, **_: Any) -> Any:  # noqa: ANN401
        return {"Volumes": [self._volume], "Warnings": None}


def test_a_volume_need_not_say_when_it_was_made() -> None:
    for unknown in ({}, {"CreatedAt": ""}, {"CreatedAt": None}):
        (volume,) = labelled_objects(_Listing(**unknown))
        assert (volume.id, volume.created) == ("data", 0.0)
    (volume,) = labelled_objects(_Listing(CreatedAt="1970-01-01T00:01:00Z"))
    assert volume.created == 60.0
