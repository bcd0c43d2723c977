"""Validation of an engine's responses: docker-py accepts anything with a successful status.

A proxy in between may respond with a web page, a redirect, or an error of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import requests
from docker import APIClient
from requests.adapters import BaseAdapter

_QUOTED_LENGTH = 200
"""Limit of a response's quotation in a message, in characters."""


class NotAnEngine(requests.RequestException):
    """The response does not come from an engine, but from something in between."""


def guard(api: APIClient) -> None:
    """Send all requests of `api` through an `EngineAdapter`."""
    for prefix, adapter in list(api.adapters.items()):
        api.mount(prefix, EngineAdapter(adapter))


class EngineAdapter(BaseAdapter):
    """Wraps a transport adapter, and validates its responses.

    Raises `NotAnEngine`, and what the wrapped adapter raises.
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
        """Send `request`, and return the response."""
        response = self.adapter.send(
            request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=proxies
        )
        problem = _problem(response)
        if problem:
            response.close()
            raise NotAnEngine(problem, request=request, response=response)
        return response

    def close(self) -> None:
        """Close the connections of the wrapped adapter."""
        self.adapter.close()


def _problem(response: requests.Response) -> str:
    """Return why `response` can't come from an engine; empty if it can.

    An engine sends no redirects and no HTML, and reports each error as JSON with a `message`:
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
    """Return the beginning of a response, on one line."""
    text = " ".join(response.content[: 4 * _QUOTED_LENGTH].decode(errors="replace").split())
    return text if len(text) <= _QUOTED_LENGTH else f"{text[:_QUOTED_LENGTH]} …"
