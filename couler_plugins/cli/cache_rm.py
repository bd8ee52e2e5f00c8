"""`couler cache rm`."""

from __future__ import annotations

import logging

import click

from couler_plugins.cli.cache_options import complete_key, opened, store_options
from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.config import Config

__all__ = ["command"]

log = logging.getLogger(__name__)


@click.command(
    "rm",
    epilog="""\b
Examples:
  couler cache rm "$key"
  couler cache ls --format json |
    jq -r '.entries[] | select(.step == "train") | .key' | xargs couler cache rm
""",
)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@json_option
@store_options
@with_settings
def command(*, config: Config, keys: tuple[str, ...], output_format: str) -> None:
    """Removes results, also pinned ones; who reads one just now reads on. One that is not there is warned of.

    A key of 64 hexadecimal digits may be cut to its first six or more, as long as no other begins like that.
    """
    from couler_plugins.cli.records import print_json

    with opened(config) as cache:
        whole = [complete_key(cache, key) for key in keys]  # before any is removed
        removed = {key: cache.remove(key) for key in dict.fromkeys(whole)}
    for key, done in removed.items():
        if not done:
            log.warning("%s is not there", key)
    if output_format == "json":
        print_json("couler.cache-rm/v1", {"removed": [key for key, done in removed.items() if done]})
