"""Removing one thing from an engine: a container, an image, a volume or a network."""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum

import requests
from docker import APIClient
from docker.errors import APIError

_GONE = (404, 409)
"""What an engine answers about something that is gone already, is just being removed, or is in use."""
_ACTIVE = 403
"""What Docker answers about a network that has containers."""
_HELD = ("has dependent containers", "network is being used", "volume is being used")
"""What Podman answers, as an error of its own, about something that others must go before."""
_REMOVING = "already in progress"


class Resource(StrEnum):
    """The kinds of things on an engine, in the order in which they can be removed.

    What is in use can't be, and volumes tell of what has no labels.
    """

    CONTAINER = "container"
    IMAGE = "image"
    NETWORK = "network"
    VOLUME = "volume"


def remove(api: APIClient, kind: Resource, identity: str) -> bool:
    """Remove something of a `kind`; say whether that was done.

    It was not where it is gone already, or where something else that uses it has to go first: Podman
    keeps a container whose network, process space or volumes another one shares.
    Raises docker-py's `APIError` where the engine fails.
    """
    try:
        match kind:
            case Resource.CONTAINER:
                _remove_container(api, identity)
            case Resource.IMAGE:
                api.remove_image(identity, noprune=True)
            case Resource.VOLUME:
                # Not by force: Podman would remove the containers that use it as well, whoever made them.
                api.remove_volume(identity)
            case Resource.NETWORK:
                api.remove_network(identity)
    except APIError as error:
        if _is_held(error) or (kind is Resource.NETWORK and error.status_code == _ACTIVE):
            return False
        raise
    return True


def _remove_container(api: APIClient, container: str) -> None:
    killed = False
    # Podman 5 asks it to stop first, and waits for ten seconds.
    with suppress(APIError):
        api.kill(container)
        killed = True
    try:
        api.remove_container(container, v=True, force=True)
    except APIError as error:
        # One with `--rm` goes by itself when it is killed.
        goes = error.status_code == requests.codes.not_found or _REMOVING in str(error.explanation)
        if not (killed and goes):
            raise


def _is_held(error: APIError) -> bool:
    return error.status_code in _GONE or any(sign in str(error.explanation) for sign in _HELD)
