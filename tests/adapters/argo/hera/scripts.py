"""The Python functions that the programs run as scripts."""

# ruff: noqa: T201  # a script's output is what it prints

# Hera reads annotations when a function is decorated; texts, as with `annotations` from `__future__`, tell it nothing.

from pathlib import Path
from typing import Annotated

from hera.workflows import Artifact, ArtifactLoader, Parameter, script

__all__ = ["collect", "flip", "list_items", "load_rows", "shout", "train_inline"]


@script(image="python:3.12")
def shout(text: str, times: int) -> None:
    for _ in range(times):
        print(text.upper())


@script(image="python:3.12", constructor="inline", name="shout-copy")
def train_inline(text: str, times: int) -> None:
    for _ in range(times):
        print(text.upper())


@script(image="python:3.12")
def flip() -> None:
    import random

    print(random.choice(["heads", "tails"]))


@script(image="python:3.12")
def list_items(count: int) -> None:
    import json

    print(json.dumps(list(range(count))))


@script(constructor="runner", image="registry.example.com/shop/jobs:9")
def load_rows(
    table: str,
    rows: Annotated[Path, Artifact(name="rows", output=True)],
    count: Annotated[Path, Parameter(name="count", output=True)],
    limit: Annotated[int, Parameter(description="how many")] = 100,
) -> None:
    rows.write_text(f"{table}\n" * limit)
    count.write_text(str(limit))


@script(constructor="runner", image="registry.example.com/shop/jobs:9")
def collect(rows: Annotated[str, Artifact(name="rows", loader=ArtifactLoader.file)], count: int) -> str:
    return rows * count
