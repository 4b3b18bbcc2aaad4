"""A bare TCP server that answers with given bytes: for what a well-behaved server can't be made to do."""

from __future__ import annotations

import random
import socket
import ssl
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Seen:
    """One request that was read whole."""

    path: str
    headers: dict[str, str]
    body: bytes


class Wire:
    """Answers each request with `answer`.

    `close_after` closes a connection after so many requests, unannounced; `capricious` closes some of them
    before an answer instead. `silent` accepts connections and says nothing. `tls` makes it https.
    """

    def __init__(
        self,
        answer: bytes,
        *,
        close_after: int | None = None,
        capricious: bool = False,
        silent: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._answer, self._close_after, self._silent, self._tls = answer, close_after, silent, tls
        self._random = random.Random(7) if capricious else None
        self._open: list[socket.socket] = []
        self.requests: list[Seen] = []
        self.unanswered: list[Seen] = []

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        scheme = "https" if self._tls else "http"
        self.origin = f"{scheme}://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # closed: the test is over
                return
            self._open.append(connection)
            if not self._silent:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._exchange(self._tls.wrap_socket(connection, server_side=True) if self._tls else connection)
        except OSError:  # the other side went away, or didn't trust us
            pass
        finally:
            connection.close()

    def _exchange(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        served = 0
        while line := stream.readline():
            pairs = [pair.decode().split(":", 1) for pair in iter(stream.readline, b"\r\n")]
            headers = {name.lower(): value.strip() for name, value in pairs}
            body = stream.read(int(headers.get("content-length", 0)))
            seen = Seen(line.decode().split()[1], headers, body)
            self.requests.append(seen)
            if self._random and self._random.random() < 0.2:
                self.unanswered.append(seen)
                return
            connection.sendall(self._answer)
            served += 1
            if served == self._close_after:
                return
