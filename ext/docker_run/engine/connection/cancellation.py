"""The connections of a docker-py client, so that another thread can end a request that is under way."""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from docker import DockerClient


class Connections:
    """Notes each connection that `client` makes; neither docker-py nor requests can end one by itself.

    Whatever way leads to the engine, requests asks docker-py's transport for a pool of urllib3's, and
    that makes connections: there they are noted.
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
        """End all connections, and each that will be made: who waits for an answer gets an error."""
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

    def _note(self, made: Any) -> None:  # noqa: ANN401 - a socket, or what a transport has in its place
        with self._lock:
            with suppress(TypeError):  # no weak references: an ssh channel may be anything
                self._sockets.add(made)
            is_cut = self._is_cut
        if is_cut:
            _shut(made)


def _shut(each: Any) -> None:  # noqa: ANN401 - as above
    with suppress(OSError, AttributeError):
        each.shutdown(socket.SHUT_RDWR)
