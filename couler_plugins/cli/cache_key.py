"""`couler cache key`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from couler_plugins.cli.cache_options import named
from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.config import Config
from couler_plugins.errors import InvalidInput

__all__ = ["command"]

SPEC = re.compile(r"v\d+:[0-9a-f]{64}")
OF_THE_RUN = "workflow."
"""How the names of values begin that belong to the whole run: keys cover them after a step's own inputs."""


@click.command(
    "key",
    epilog="""\b
Examples:
  couler cache key --program train.py rate=0.1 --file data=data.csv
  couler cache key --spec v1:9f86d0…0a08 depth=3 workflow.serviceAccountName=default

\b
The key is the one that `couler optimize` writes for Argo, for the same values:
  inputs by their names, `couler-lineage` among them; then what the template reads of
  the run, as workflow.parameters.NAME; then workflow.serviceAccountName. The hash of a
  template is in the document's annotation couler.io/key-spec.
""",
)
@click.option("--spec", metavar="HASH", help="What is run, as the hash of it: v1:… with 64 hexadecimal digits.")
@click.option("--program", "programs", metavar="PATH", multiple=True, help="What is run, as a file or a folder.")
@click.option("--file", "files", metavar="NAME=PATH", multiple=True, help="A file or folder as a value.")
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
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
    given = [*(named(text) for text in values), *((name, _read(path)) for name, path in map(named, files))]
    if len({name for name, _ in given}) < len(given):
        raise click.UsageError("A name is given twice.")
    by_name = dict(sorted(given, key=lambda item: (item[0].startswith(OF_THE_RUN), item[0])))
    content = spec or _spec_of(programs, list(by_name))
    found = key(content, by_name.values())
    if output_format == "json":
        print_json("couler.cache-key/v1", {"key": found, "spec": content, "values": by_name})
    else:
        click.echo(found)


def _read(path: str) -> str:
    from couler_plugins.caching.dataplane.contents import content_of

    try:
        return content_of(Path(path))
    except OSError as error:
        raise InvalidInput(f"this cannot be read: {error.strerror or error}", file=path) from error


def _spec_of(programs: tuple[str, ...], names: list[str]) -> str:
    """The hash of programs; of the names of values as well, which a template's hash covers by itself."""
    from couler_plugins.caching.keys import spec_hash

    return spec_hash({"programs": [_read(path) for path in programs], "inputs": names})
