"""An engine that can say its version, and no more, for tests of how an engine is found."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class _Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class _Tcp(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True


class _Version(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"ApiVersion": "1.47", "MinAPIVersion": "1.24"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "a client"

    def log_message(self, *_: object) -> None: ...


@contextmanager
def answering(address: Path | tuple[str, int]) -> Iterator[str]:
    """Answer at a Unix socket or at a host and port; give the URL."""
    if isinstance(address, Path):
        address.parent.mkdir(parents=True, exist_ok=True)
    server = _Unix(str(address), _Version) if isinstance(address, Path) else _Tcp(address, _Version)
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield (
            f"unix://{address}"
            if isinstance(address, Path)
            else f"tcp://{address[0]}:{server.server_address[1]}"
        )
        server.shutdown()
        thread.join()
