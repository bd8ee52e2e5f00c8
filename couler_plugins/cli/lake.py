"""`couler lake`: workflows that others are generated of."""

from __future__ import annotations

import click

from couler_plugins.cli.lazy import LazyGroup

__all__ = ["command"]


@click.group(
    "lake",
    cls=LazyGroup,
    modules={"add": "lake_add", "ls": "lake_ls", "rm": "lake_rm"},
    epilog="""\b
Examples:
  couler lake add workflows/ --description "Nightly jobs of the churn team."
  couler lake ls
  couler generate "…" --model qwen3 --url http://localhost:8000/v1
""",
)
def command() -> None:
    """Keeps your workflows as a source of steps and examples for `couler generate`."""
