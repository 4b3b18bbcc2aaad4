"""How fast reminders leave, side by side in one run: naive, npm, ours through the whole path, the ceiling."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import trustme

from bench import product
from reengagement import database
from reengagement.demo import phone
from reengagement.vapid import make_vapid_keys, public_key_of

HERE = Path(__file__).parent
DIFFERENT_KEYS = 4_000
PAYLOAD = json.dumps({"title": "Рекс скучает", "body": "Пять минут сегодня. " * 6, "tag": "t" * 32})
SUBJECT = "mailto:bench@example.org"


@dataclass(frozen=True)
class Took:
    """What a contestant took for `messages`: seconds of its own CPU, and of the clock."""

    name: str
    messages: int
    cpu: float
    wall: float

    @property
    def per_cpu_second(self) -> float:
        return self.messages / self.cpu

    @property
    def per_second(self) -> float:
        return self.messages / self.wall


@contextmanager
def sink(folder: Path) -> Iterator[str]:
    """Run the do-little push service in a process of its own; yield its origin."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.sink", "--certificate", folder / "certificate.pem",
         "--key", folder / "key.pem"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield f"https://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()


async def _replay(origin: str, folder: Path, connections: int, each: int) -> None:
    """Post the same bytes over and over: what the sink alone can take."""
    host, port = origin.removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=folder / "authority.pem")
    request = b"POST /push/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n" + b"x" * 400

    async def one() -> None:
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
        for _ in range(each):
            writer.write(request)
            await reader.readuntil(b"\r\n\r\n")
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))


def sink_alone(origin: str, folder: Path, connections: int = 50, each: int = 400) -> float:
    """Return how many requests a second the sink takes from a client that encrypts nothing."""
    started = time.monotonic()
    asyncio.run(_replay(origin, folder, connections, each))
    return connections * each / (time.monotonic() - started)


def set_latency(origin: str, folder: Path, milliseconds: int) -> None:
    """Let the sink answer so much later."""

    async def tell() -> None:
        host, port = origin.removeprefix("https://").split(":")
        context = ssl.create_default_context(cafile=folder / "authority.pem")
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
        writer.write(b"POST /control/latency/%d HTTP/1.1\r\n\r\n" % milliseconds)
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    asyncio.run(tell())


class Arena:
    """Where the contestants meet: one sink, one set of keys, one machine, one after another."""

    def __init__(self, folder: Path, origin: str) -> None:
        self.folder, self.origin = folder, origin
        self.private_key, _ = make_vapid_keys()
        self.keys = [phone.subscription_of(origin, f"user-{n}")[1] for n in range(DIFFERENT_KEYS)]
        authority = str(folder / "authority.pem")
        trusted = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"), authority)
        self.environment = {**os.environ, **trusted}

    def config(self, messages: int, database_url: str | None = None) -> str:
        config = {
            "subscriptions": [
                {"endpoint": f"{self.origin}/push/{n}", "keys": self.keys[n % DIFFERENT_KEYS]}
                for n in range(0 if database_url else messages)
            ],
            "payload": PAYLOAD,
            "private_key": self.private_key,
            "privateKey": self.private_key,
            "publicKey": public_key_of(self.private_key),
            "subject": SUBJECT,
            "origin": self.origin,
            "concurrency": 5,
            "database_url": database_url,
        }
        path = self.folder / "config.json"
        path.write_text(json.dumps(config))
        return str(path)

    def _run(self, name: str, messages: int, command: list[str]) -> Took:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"{name}: {done.stderr.strip()[-2000:]}")
        took: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        if took["accepted"] != messages:
            raise click.ClickException(f"{name}: {took['accepted']} of {messages} were accepted")
        return Took(name, messages, took["cpu"], took["wall"])

    def python(self, name: str, messages: int) -> Took:
        """Run a contestant that needs no database."""
        config = self.config(messages)
        return self._run(name, messages, [sys.executable, "-m", "bench.contestants", name, config])

    def npm(self, messages: int) -> Took | None:
        """Run npm web-push, five at a time; None, said aloud, where there is no node."""
        if shutil.which("node") is None or shutil.which("npm") is None:
            click.echo("SKIPPED: npm web-push, since node or npm isn't installed")
            return None
        modules = self.folder / "node"
        if not modules.exists():
            shutil.copytree(HERE / "node", modules)
            subprocess.run(["npm", "install", "--silent", "--no-audit"], cwd=modules, check=True)
        return self._run("npm web-push", messages, ["node", str(modules / "send.js"), self.config(messages)])

    def ours(self, messages: int) -> Took:
        """Run a whole drain, with its database."""
        with product.empty_database() as url:
            engine = database.make_engine(url)
            product.fill(engine, self.origin, self.keys, messages)
            engine.dispose()
            config = self.config(messages, url)
            return self._run("ours", messages, [sys.executable, "-m", "bench.contestants", "ours", config])


def _table(rows: list[Took], base: Took | None) -> str:
    lines = [f"{'':<16}{'messages':>9}{'a CPU-second':>14}{'a second':>10}{'× npm, CPU':>12}{'× npm':>8}"]
    for row in rows:
        cpu = f"{row.per_cpu_second / base.per_cpu_second:.2f}" if base else "-"
        wall = f"{row.per_second / base.per_second:.1f}" if base else "-"
        lines.append(
            f"{row.name:<16}{row.messages:>9}{row.per_cpu_second:>14.0f}{row.per_second:>10.0f}{cpu:>12}{wall:>8}"
        )
    return "\n".join(lines)


@click.command()
@click.option("--messages", default=20_000, show_default=True, help="Reminders through the whole path.")
def main(messages: int) -> None:
    """Compare ways of sending: at no latency, then at 30 ms. CPU is the sender's process, all threads."""
    with tempfile.TemporaryDirectory() as name, sink(Path(name)) as origin:
        folder = Path(name)
        arena = Arena(folder, origin)
        click.echo(f"The push service alone takes {sink_alone(origin, folder):.0f} requests a second.")
        for latency, naive in ((0, 200), (30, 60)):
            set_latency(origin, folder, latency)
            npm = arena.npm(messages // 10 if latency else messages // 4)
            rows = [
                arena.python("naive", naive),
                *([npm] if npm else []),
                arena.ours(messages),
                *([arena.python("encryption", messages)] if not latency else []),
            ]
            click.echo(f"\nWith {latency} ms until the answer:\n{_table(rows, npm)}")


if __name__ == "__main__":
    main()
