"""A large pipeline as KFP's compiler writes it, for the benchmarks.

KFP reads annotations as they are when a function is decorated: they must not be postponed here.
"""

import tempfile
from pathlib import Path
from typing import Any

from kfp import compiler, dsl

__all__ = ["compiled"]


@dsl.container_component
def work(value: str, out: dsl.OutputPath(str)):  # type: ignore[no-untyped-def,valid-type]  # KFP's own way
    return dsl.ContainerSpec(image="work:1", command=["work"], args=[value, out])


def compiled(tasks: int) -> str:
    """The document of a pipeline of chains and conditions; each task has a component of its own in it."""

    @dsl.pipeline(name="large")
    def large(mode: str = "full") -> None:
        last: Any = None
        for number in range(tasks):
            value = last.outputs["out"] if number % 10 else f"part-{number}"
            if number % 25 == 24:
                with dsl.If(mode == "full"):  # type: ignore[arg-type]  # a channel by then
                    work(value=value)
            else:
                last = work(value=value)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.yaml")
        compiler.Compiler().compile(large, str(path))
        return path.read_text()
