"""python -m bench: what there is to measure."""

import click

from bench import chaos, clicks, consumers, listing, memory, overview, proof, send

cli = click.Group(
    help="Benchmarks; each prints what it measured and how.",
    commands={
        "chaos": chaos.main,
        "clicks": clicks.main,
        "consumers": consumers.main,
        "listing": listing.main,
        "memory": memory.main,
        "overview": overview.main,
        "proof": proof.main,
        "send": send.main,
    },
)

if __name__ == "__main__":
    cli(prog_name="python -m bench")
