"""Cancelling a docker-py request from another thread, by shutting down its connection."""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from docker import DockerClient


class Connections:
    """Tracks the connections of `client`: neither docker-py nor requests can cancel a request.

    With every transport, requests asks docker-py's adapter for a pool of urllib3's, and the pool creates the
    connections: there they are tracked.
    """

    def __init__(self, client: DockerClient) -> None:
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[Any] = weakref.WeakSet()
        self._pools: weakref.WeakSet[Any] = weakref.WeakSet()
        self._is_cut = False
        adapter: Any = client.api.get_adapter(f"{client.api.base_url}/")
        ask = adapter.get_connection_with_tls_context

        def pool_of(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - requests' own
            return self._watched(ask(*arguments, **named))

        adapter.get_connection_with_tls_context = pool_of

    def cut(self) -> None:
        """Shut down all connections, and all later ones: threads that wait for a response get an error."""
        with self._lock:
            self._is_cut = True
            sockets = list(self._sockets)
        for each in sockets:
            _shut(each)

    def _watched(self, pool: Any) -> Any:  # noqa: ANN401 - one of urllib3's pools
        with self._lock:
            if pool in self._pools:
                return pool
            self._pools.add(pool)
        make: Callable[[], Any] = pool._new_conn  # noqa: SLF001 - docker-py's transports have their own

        def made() -> Any:  # noqa: ANN401 - one of urllib3's connections
            connection = make()
            connect = connection.connect

            def connected() -> None:
                connect()
                self._note(connection.sock)

            connection.connect = connected
            return connection

        pool._new_conn = made  # noqa: SLF001 - as above
        return pool

    def _note(self, made: Any) -> None:  # noqa: ANN401 - a socket, or a transport's substitute for one
        with self._lock:
            with suppress(TypeError):  # an ssh channel may not support weak references
                self._sockets.add(made)
            is_cut = self._is_cut
        if is_cut:
            _shut(made)


def _shut(each: Any) -> None:  # noqa: ANN401 - as above
    with suppress(OSError, AttributeError):
        each.shutdown(socket.SHUT_RDWR)
