"""`couler cache key`."""

from __future__ import annotations

import re

import click

from couler_plugins.cli.cache_arguments import inputs_of, program_options, spec_of
from couler_plugins.cli.cache_options import TEXT
from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.config import Config
from couler_plugins.errors import InvalidInput

__all__ = ["command"]

SPEC = re.compile(r"v\d+:[0-9a-f]{64}")


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
@click.option("--spec", metavar="HASH", help="What is run, as the hash of it: v1:… with 64 hexadecimal digits.")
@program_options
@click.argument("values", nargs=-1, type=TEXT, metavar="[NAME=VALUE]...")
@json_option
@with_settings
def command(
    *,
    config: Config,
    spec: str | None,
    programs: tuple[str, ...],
    files: tuple[str, ...],
    values: tuple[str, ...],
    output_format: str,
) -> None:
    """Prints the key of a result: a hash of what is run and of the values that it is run on.

    Neither the order in which values are given matters, nor where files and folders are, nor their times.
    """
    from couler_plugins.caching.keys import key
    from couler_plugins.cli.records import print_json

    if bool(spec) is bool(programs):
        raise click.UsageError("Give either --spec or --program.")
    if spec is not None and not SPEC.fullmatch(spec):
        raise InvalidInput(f"{spec!r} is no hash of what is run", hint="it is v1: and 64 hexadecimal digits")
    inputs = inputs_of(values, files)
    content = spec or spec_of(programs, inputs)
    found = key(content, inputs.values.values())
    if output_format == "json":
        print_json("couler.cache-key/v1", {"key": found, "spec": content, "values": inputs.values})
    else:
        click.echo(found)
