"""Somebody who is told of alerts: a real HTTP server on loopback, for Apprise's `json://`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Receiver:
    """What was received, and how to answer: `status` may be changed meanwhile."""

    def __init__(self, port: int) -> None:
        self.url = f"json://user:hidden@127.0.0.1:{port}/secret-path"
        self.messages: list[dict[str, Any]] = []
        self.status = 200


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Yield a receiver that takes messages until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.messages.append(content)
            self.send_response(received.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Receiver(server.server_port)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
