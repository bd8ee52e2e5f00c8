"""`couler cache`: the artifact cache from the command line."""

from __future__ import annotations

import click

from couler_plugins.cli.lazy import LazyGroup

__all__ = ["command"]

MODULES = {
    "key": "cache_key",
    "run": "cache_run",
    "restore": "cache_restore",
    "save": "cache_save",
    "fetch": "cache_fetch",
    "ls": "cache_ls",
    "stats": "cache_stats",
    "verify": "cache_verify",
    "rm": "cache_rm",
    "evict": "cache_evict",
    "install": "cache_install",
    "pod-restore": "cache_pod_restore",
    "pod-save": "cache_pod_save",
}


@click.group(
    "cache",
    cls=LazyGroup,
    modules=MODULES,
    epilog="""\b
Examples:
  export COULER_CACHE_STORE=s3://bucket/cache
  key=$(couler cache key --program train.py rate=0.1 --file data=data.csv)
  couler cache run --key "$key" --output model=model.bin -- python train.py

\b
Exit codes:
  0    all is well; what `restore` asked for was there
  1    `restore`: there is nothing of that key; `verify`: something is wrong
  2    wrong usage or bad input
  3    the store failed; `restore`, `save` and `run` only warn of that, unless with --strict
  `run` exits with what its command exits with.
""",
)
def command() -> None:
    """Keeps results of steps in a store, and gives them back: to any engine, script or container."""
