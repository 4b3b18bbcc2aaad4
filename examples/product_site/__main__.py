"""`make product-site`: a page of a product that subscribes a browser and shows reminders.

It does what docs/embedding.md says and no more. Beside a running demo it works on that demo's database.
"""

from __future__ import annotations

import os

import click
import uvicorn

from examples.product_site.site import build_site
from reengagement import settings
from reengagement.demo import beside

PORT = 8701


@click.command()
@click.option("--port", default=PORT, show_default=True)
def main(port: int) -> None:
    """Serve the product's site on loopback."""
    beside.take_its_environment("The product's site")
    os.environ["REENGAGEMENT_SITE_URL"] = f"http://localhost:{port}"
    settings.load.cache_clear()
    click.echo(f"\n  The product's site: http://localhost:{port}\n")
    uvicorn.run(build_site(settings.load()), host="127.0.0.1", port=port, log_level="warning")


main()
