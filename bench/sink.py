"""A push service that does as little as it can, so that it is never what limits the sender.

It reads a request's head and body over TLS, counts it, waits as long as it is told and answers 201.
What it can take is measured by `bench.send` itself, with a client that only replays bytes.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path

import click

ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


class Sink(asyncio.Protocol):
    """One connection; requests come one after another, as HTTP/1.1 clients without pipelining send them."""

    taken = 0
    latency = 0.0

    def __init__(self) -> None:
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end])
            whole = end + 4 + _length(head)
            if len(self._buffer) < whole:
                return
            del self._buffer[:whole]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        if head.startswith(b"POST /control/latency/"):
            Sink.latency = int(head.split(b" ")[1].rsplit(b"/", 1)[1]) / 1000
            self._transport.write(ANSWER)
        elif head.startswith(b"POST /control/count"):
            body = json.dumps({"taken": Sink.taken}).encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        else:
            Sink.taken += 1
            if Sink.latency:
                asyncio.get_running_loop().call_later(Sink.latency, self._late)
            else:
                self._transport.write(ANSWER)

    def _late(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(ANSWER)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def _serve(port: int, certificate: Path, key: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.get_running_loop().create_server(
        Sink, "127.0.0.1", port, ssl=context, backlog=1024
    )
    click.echo(server.sockets[0].getsockname()[1])
    await server.serve_forever()


@click.command()
@click.option("--port", default=0)
@click.option("--certificate", type=click.Path(path_type=Path), required=True)
@click.option("--key", type=click.Path(path_type=Path), required=True)
def main(port: int, certificate: Path, key: Path) -> None:
    """Serve on loopback and print the port."""
    asyncio.run(_serve(port, certificate, key))


if __name__ == "__main__":
    main()
