"""The answers of an engine, held to be its own: docker-py takes for one whatever has a good status.

A proxy in between may show a page, send elsewhere, or say in its own way that it has lost the engine.
"""

from __future__ import annotations

from collections.abc import Mapping

import requests
from docker import APIClient
from requests.adapters import BaseAdapter

_SHOWN = 200
"""Characters of an answer that a message quotes."""


class NotAnEngine(requests.RequestException):
    """The answer is not an engine's: something in between has made it."""


def guard(api: APIClient) -> None:
    """Let all requests of `api` go through an `EngineAdapter`."""
    for prefix, adapter in list(api.adapters.items()):
        api.mount(prefix, EngineAdapter(adapter))


class EngineAdapter(BaseAdapter):
    """Hands requests to another adapter, and looks at the answers.

    Raises `NotAnEngine`, and what the other adapter raises.
    """

    def __init__(self, adapter: BaseAdapter) -> None:
        super().__init__()
        self.adapter = adapter

    def send(  # noqa: PLR0917 - requests' own interface
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - the same
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002 - the same
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send `request`, and return the answer."""
        response = self.adapter.send(
            request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=proxies
        )
        problem = _problem(response)
        if problem:
            response.close()
            raise NotAnEngine(problem, request=request, response=response)
        return response

    def close(self) -> None:
        """Close the connections of the other adapter."""
        self.adapter.close()


def _problem(response: requests.Response) -> str:
    """Say why `response` can't be an engine's; empty where it can.

    An engine redirects nobody, shows no pages, and explains each error as JSON, with a `message`:
    https://docs.docker.com/reference/api/engine/version/v1.41/#section/Errors.
    """
    status = response.status_code
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if status >= requests.codes.bad_request:
        try:
            is_engines = isinstance(response.json()["message"], str)
        except (ValueError, KeyError, TypeError):
            is_engines = False
    else:
        is_engines = kind != "text/html" and not response.is_redirect
    if is_engines:
        return ""
    said = response.headers.get("Location") if response.is_redirect else _beginning(response)
    return (
        f"the answer, HTTP {status} ({kind or 'of no type'}), is not an engine's"
        + (f": {said}" if said else "")
        + "; is there a proxy in between?"
    )


def _beginning(response: requests.Response) -> str:
    """Return the beginning of an answer, on one line."""
    text = " ".join(response.content[: 4 * _SHOWN].decode(errors="replace").split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
