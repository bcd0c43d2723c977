"""Removing one object from an engine: a container, an image, a volume or a network."""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum

import requests
from docker import APIClient
from docker.errors import APIError

_GONE = (404, 409)
"""An engine's status for an object that is gone, is being removed, or is in use."""
_ACTIVE = 403
"""Docker's status for a network that has containers."""
_HELD = ("has dependent containers", "network is being used", "volume is being used")
"""Podman's messages, with the status of an internal error, for an object that others depend on."""
_REMOVING = "already in progress"


class Resource(StrEnum):
    """The kinds of Docker objects, in order of removal.

    Objects in use can't be removed, and leases (volumes) name objects without labels.
    """

    CONTAINER = "container"
    IMAGE = "image"
    NETWORK = "network"
    VOLUME = "volume"


def remove(api: APIClient, kind: Resource, identity: str) -> bool:
    """Remove an object of a `kind`; return whether this call removed it.

    False if it is gone already, or if an object that uses it has to be removed first: Podman keeps a
    container whose network, PID namespace or volumes another one shares.
    Raises docker-py's `APIError` if the engine fails.
    """
    try:
        match kind:
            case Resource.CONTAINER:
                _remove_container(api, identity)
            case Resource.IMAGE:
                api.remove_image(identity, noprune=True)
            case Resource.VOLUME:
                # Not by force: Podman would also remove the containers that use it, whoever created them.
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
    # Without this, Podman 5 stops it first, and waits up to ten seconds.
    with suppress(APIError):
        api.kill(container)
        killed = True
    try:
        api.remove_container(container, v=True, force=True)
    except APIError as error:
        # A container with `--rm` is removed by the engine when it is killed.
        goes = error.status_code == requests.codes.not_found or _REMOVING in str(error.explanation)
        if not (killed and goes):
            raise


def _is_held(error: APIError) -> bool:
    return error.status_code in _GONE or any(sign in str(error.explanation) for sign in _HELD)
