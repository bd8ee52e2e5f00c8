"""`couler cache fetch`."""

from __future__ import annotations

from pathlib import Path

import click

from couler_plugins.cli.cache_options import (
    AGE,
    TEXT,
    capacity_option,
    long_work,
    opened,
    store_options,
    tidy,
    timeout_option,
    wait_option,
)
from couler_plugins.cli.settings import with_settings
from couler_plugins.config import Config

__all__ = ["command"]


@click.command(
    "fetch",
    epilog="""\b
Examples:
  couler cache fetch https://example.org/x.csv --sha256 9f86d0…0a08 -o x.csv
  couler cache fetch s3://bucket/tables/sales --version 2026-11-24 -o sales

\b
Exit codes:
  0    it is in place
  2    wrong usage or bad input
  3    it cannot be read where it is, is not what was declared, or was
       changed each time that it was read
""",
)
@click.argument("url")
@click.option(
    "--version", type=TEXT, metavar="TEXT", default="", help="A name that its owner gives to what is there now."
)
@click.option("--etag", type=TEXT, metavar="TEXT", default="", help="The server's name for it, which is compared.")
@click.option("--sha256", metavar="HEX", default="", help="The sha256 of its bytes, which is compared.")
@click.option("-o", "--output", required=True, metavar="PATH", help="Where it goes.")
@click.option(
    "--stall",
    type=AGE,
    default="60s",
    show_default=True,
    metavar="TIME",
    help="Give up where nothing comes from the URL for this long.",
)
@wait_option("10m")
@timeout_option
@capacity_option
@store_options
@with_settings
def command(
    *,
    config: Config,
    url: str,
    version: str,
    etag: str,
    sha256: str,
    output: str,
    stall: float,
    wait: float,
    timeout: float | None,
) -> None:
    """Fetches a file or folder from outside once, for all steps and runs that read the same version.

    Say what tells versions apart: one of --version, --etag and --sha256. Another version is something else; so is
    another URL, but for --sha256.
    """
    from couler_plugins.caching.dataplane.datasets import Dataset
    from couler_plugins.caching.dataplane.downloads import fetch
    from couler_plugins.errors import EngineError

    dataset = Dataset(url=url, version=version, etag=etag, sha256=sha256.lower())
    try:
        with long_work(config, "fetching"), tidy():
            fetch(dataset, Path(output), opened(config, writing=True), wait=wait, timeout=timeout, stall=stall)
    except OSError as error:
        raise EngineError(f"it cannot be written: {error.strerror or error}", file=output) from error
