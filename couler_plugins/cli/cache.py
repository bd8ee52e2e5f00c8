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
    "show": "cache_show",
    "stats": "cache_stats",
    "verify": "cache_verify",
    "rm": "cache_rm",
    "evict": "cache_evict",
    "install": "cache_install",
    "pod-restore": "cache_pod_restore",
    "pod-save": "cache_pod_save",
    "task-restore": "cache_task_restore",
    "task-save": "cache_task_save",
}


@click.group(
    "cache",
    cls=LazyGroup,
    modules=MODULES,
    epilog="""\b
Examples:
  export COULER_CACHE_STORE=s3://bucket/cache
  couler cache run --program train.py --file data=data.csv \\
    --output model=model.bin -- python train.py --rate 0.1
  couler cache fetch s3://bucket/sales --version 2026-11-24 -o sales

\b
Exit codes:
  0    all is well; what `restore` asked for was there
  1    `restore`: there is nothing of that key; `verify`: something is wrong
  2    wrong usage or bad input
  3    the store failed, where that is not only warned of; `fetch`: the data
       cannot be read, or is not what was declared
  `run` exits with what its command exits with.
""",
)
def command() -> None:
    """Keeps results of steps in a store, and gives them back: to any engine, script or container."""
