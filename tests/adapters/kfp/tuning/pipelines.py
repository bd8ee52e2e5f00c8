"""A pipeline with a training in it that writes down with what it was called.

Without postponed annotations: KFP reads types off functions; see `adapters.kfp.sources`.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["TASK", "training"]

TASK: dict[str, Any] = {
    "data": {"name": "bowl", "metric": "loss", "direction": "minimize"},
    "metric_from": "Output",
    "space": {
        "rate": {"type": "float", "low": 0, "high": 1},
        "depth": {"type": "int", "low": 1, "high": 8},
        "kind": {"type": "categorical", "choices": ["deep", "wide"]},
    },
}


def training(task: Mapping[str, Any] | None = None) -> Any:
    """A training between what prepares its data and what reports on its model.

    Args:
        task: what `marks.tune` is told of it; None for no mark.
    """
    from kfp import dsl

    from couler_kfp import marks

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def prepare(text: str, out: dsl.Output[dsl.Dataset]) -> None:
        with open(out.path, "w") as file:  # noqa: PTH123  # a component has nothing but its own imports
            file.write(text)

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def train(
        data: dsl.Input[dsl.Dataset],
        log: str,
        rate: float,
        depth: int,
        model: dsl.Output[dsl.Model],
        kind: str = "deep",
    ) -> float:
        with open(log, "a") as file:  # noqa: PTH123  # as above
            file.write(f"{rate} {depth} {kind}\n")
        with open(model.path, "w") as file:  # noqa: PTH123  # as above
            file.write(f"{rate} {depth} {kind}")
        with open(data.path) as file:  # noqa: PTH123  # as above
            return abs(rate - float(file.read())) + 0.1 * abs(depth - 5) + (kind == "wide")

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def report(model: dsl.Input[dsl.Model], loss: float) -> str:
        with open(model.path) as file:  # noqa: PTH123  # as above
            return f"{file.read()}: {loss}"

    @dsl.pipeline(name="churn", description="Trains.")
    def pipeline(log: str) -> str:
        made = train(data=prepare(text="0.3").outputs["out"], log=log, rate=0.9, depth=3)
        if task is not None:
            marks.tune(made, **task)
        return report(model=made.outputs["model"], loss=made.outputs["Output"]).output

    return pipeline
