"""`couler cache key`, `restore`, `save` and `fetch`: one result after the other."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from couler_plugins.caching.artifacts import Meta
from couler_plugins.caching.dataplane.contents import resolved
from couler_plugins.caching.dataplane.datasets import Dataset
from couler_plugins.caching.dataplane.deadline import time_limit
from couler_plugins.caching.dataplane.downloads import fetch as download
from couler_plugins.caching.dataplane.outputs import restore as restore_outputs
from couler_plugins.caching.dataplane.outputs import save as save_outputs
from couler_plugins.caching.dataplane.places import Places
from couler_plugins.caching.keys import key as key_of
from couler_plugins.caching.row_keys import check_rows, declared_dataset
from couler_plugins.cli.cache_arguments import inputs_of, outputs_of, place_option, places_of, program_options, spec_of
from couler_plugins.cli.cache_options import (
    AGE,
    TEXT,
    capacity_option,
    fail_open_options,
    harmless,
    long_work,
    max_age_option,
    opened,
    provenance_options,
    store_options,
    tidy,
    timeout_option,
    wait_option,
)
from couler_plugins.cli.records import print_json
from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.errors import EngineError, InvalidInput, restating
from couler_plugins.options.config import Config
from couler_plugins.options.rows import Row

SPEC = re.compile(r"v\d+:[0-9a-f]{64}")
MISS = 1
NOT_KEPT = "the result is not kept"
log = logging.getLogger(__name__)


@click.command(
    "key",
    epilog="""\b
Examples:
  couler cache key --program train.py rate=0.1 --file data=data.csv
  couler cache key --spec v1:9f86d0…0a08 depth=3 \\
    workflow.namespace=ml workflow.serviceAccountName=default

\b
With --spec, the key is the one that `couler optimize` writes for Argo:
  inputs by their names, `couler-lineage` among them; then what is read of the
  run: workflow.namespace, workflow.parameters.NAME for each that the template
  reads, and workflow.serviceAccountName. The hash of a template is in the
  document's annotation couler.io/key-spec.
""",
)
@click.option("--spec", metavar="HASH", help="The hash of the program: v1:… with 64 hexadecimal digits.")
@program_options
@place_option
@click.argument("values", nargs=-1, type=TEXT, metavar="[NAME=VALUE]...")
@json_option
@with_settings
def key(
    *,
    config: Config,
    spec: str | None,
    programs: tuple[str, ...],
    files: tuple[str, ...],
    places: tuple[str, ...],
    values: tuple[str, ...],
    output_format: str,
) -> None:
    """Prints the cache key of a program and its inputs.

    The order of values does not matter, nor do the places and times of files and folders.
    """
    if bool(spec) is bool(programs):
        raise click.UsageError("Give either --spec or --program.")
    if spec is not None and not SPEC.fullmatch(spec):
        raise InvalidInput(f"{spec!r} is no hash of what is run", hint="it is v1: and 64 hexadecimal digits")
    inputs = inputs_of(values, files, Places(places))
    content = spec or spec_of(programs, inputs)
    digest = key_of(content, inputs.values.values())
    if output_format == "json":
        print_json("couler.cache-key/v1", {"key": digest, "spec": content, "values": inputs.values})
    else:
        click.echo(digest)


@click.command(
    "restore",
    epilog="""\b
Examples:
  couler cache restore "$key" model=out/model.bin metrics=out/metrics
  couler cache restore --timeout 60s "$key" model=model.bin || python train.py

\b
Exit codes:
  0    a hit: every output is in place, whole and verified
  1    a miss: all is as it was; also where the store is away, or what was
       read cannot be written, unless with --strict
  2    wrong usage or bad input
  3    the same, with --strict; and where what an output has replaced could
       not be put back: the error says what is where
""",
)
@click.argument("key")
@click.argument("outputs", nargs=-1, required=True, metavar="NAME=PATH...")
@place_option
@max_age_option
@fail_open_options
@store_options
@with_settings
@click.pass_context
def restore(
    ctx: click.Context,
    *,
    config: Config,
    key: str,
    outputs: tuple[str, ...],
    places: tuple[str, ...],
    max_age: float | None,
    timeout: float | None,
    strict: bool,
) -> None:
    """Restores the outputs of a result, as files and folders.

    Replaces what is at a path; of a link, its target. Does not restore links that lead out of a folder, nor modes
    other than the executable bit.
    """
    wanted, at = {name: resolved(path) for name, path in places_of(outputs).items()}, Places(places)
    outcome = None
    working = long_work(config, "restoring")
    with working, harmless("nothing was restored", strict=strict), tidy(), time_limit(timeout), opened(config) as cache:
        outcome = restore_outputs(cache, key, wanted, max_age=max_age, accepts=at.holds)
    log.info("%s", "restored" if outcome is not None else "there is nothing of this key")
    ctx.exit(0 if outcome is not None else MISS)


@click.command(
    "save",
    epilog="""\b
Examples:
  couler cache save "$key" model=out/model.bin metrics=out/metrics
  couler cache save --step train --seconds 12m "$key" model=model.bin

\b
Exit codes:
  0    the result is kept; also where it could not be, unless with --strict
  2    wrong usage or bad input
  3    the result is not kept, with --strict
""",
)
@click.argument("key")
@click.argument("outputs", nargs=-1, required=True, metavar="NAME=PATH...")
@place_option
@click.option("--seconds", type=AGE, metavar="TIME", help="How long the result took to compute: 90s, 12m.")
@click.option("--max-age", type=AGE, metavar="TIME", help="Replace a result that is older: 30m, 24h, 7d.")
@provenance_options
@fail_open_options
@capacity_option
@store_options
@with_settings
def save(
    *,
    config: Config,
    key: str,
    outputs: tuple[str, ...],
    places: tuple[str, ...],
    seconds: float | None,
    max_age: float | None,
    meta: Meta,
    timeout: float | None,
    strict: bool,
) -> None:
    """Stores files and folders as the outputs of a result. A key that has a result keeps it, up to --max-age.

    Others see the result once all of it is stored. A failure is a warning, so it never fails a step.
    """
    kept, at = {name: resolved(path) for name, path in outputs_of(outputs).items()}, Places(places)
    meta = msgspec.structs.replace(meta, seconds=seconds)
    with (
        long_work(config, "saving"),
        harmless(NOT_KEPT, strict=strict),
        tidy(),
        time_limit(timeout),
        opened(config, writing=True) as cache,
    ):
        if refusal := save_outputs(cache, key, kept, meta, max_age=max_age, places=at):
            raise EngineError(refusal)


@click.command(
    "fetch",
    epilog="""\b
Examples:
  couler cache fetch https://example.org/x.csv --sha256 9f86d0…0a08 -o x.csv
  couler cache fetch s3://bucket/tables/sales --version 2026-11-24 -o sales
  couler cache fetch https://example.org/x.csv -o x.csv    # a row declares it

\b
Exit codes:
  0    it is in place; also where the store is away, with a warning
  2    wrong usage or bad input
  3    it cannot be read where it is, is not what was declared, or was
       changed each time that it was read
""",
)
@click.argument("url")
@click.option("--version", type=TEXT, metavar="TEXT", default="", help="A version name of your choice.")
@click.option("--etag", type=TEXT, metavar="TEXT", default="", help="The ETag that the server must send.")
@click.option("--sha256", metavar="HEX", default="", help="The SHA-256 that the bytes must have.")
@click.option("-o", "--output", required=True, metavar="PATH", help="Where to write it.")
@click.option(
    "--stall",
    type=AGE,
    default="60s",
    show_default=True,
    metavar="TIME",
    help="Give up if the URL sends nothing for this long.",
)
@wait_option("10m")
@timeout_option
@capacity_option
@store_options
@with_settings
def fetch(
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
    """Downloads a file or folder, once per version.

    Identify the version by one of --version, --etag and --sha256, or by a row `url` of [[cache.declare]] in the
    settings. Another version is another entry. So is another URL, except with --sha256. A URL that is `-` is read
    from the standard input: one with a password in it is no argument that other users see.
    """
    url = sys.stdin.read().strip() if url == "-" else url
    dataset = None if version or etag or sha256 else declared_dataset(_rows(config), url)
    dataset = dataset or Dataset(url=url, version=version, etag=etag, sha256=sha256.lower())
    opening = opened(config, writing=True) if config.cache_store else None
    if opening is None:
        log.warning("no store is given, so nothing is kept: give --store URL, or set COULER_CACHE_STORE")
    with (
        restating(OSError, "it cannot be written", EngineError, file=output),
        long_work(config, "fetching"),
        tidy(),
    ):
        download(dataset, Path(output), opening, wait=wait, timeout=timeout, stall=stall)


def _rows(config: Config) -> Sequence[Row]:
    """Return the rows of the settings that declare what is cached; they are checked."""
    check_rows(rows := config.rows.get("cache", ()))
    return rows
