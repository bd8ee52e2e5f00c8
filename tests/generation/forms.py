"""Forms and a catalogue for tests."""

from __future__ import annotations

from typing import Any

import msgspec

from couler_plugins.generation.form import Form
from couler_plugins.hookspecs import CatalogueStep, StepInput, StepOutput
from couler_plugins.steps import container_step

__all__ = ["CATALOGUE", "CHURN", "form"]

IMAGE = "registry.example.com/ml:1"


def _step(
    name: str, description: str, inputs: dict[str, Any], outputs: dict[str, Any], tags: tuple[str, ...] = ()
) -> CatalogueStep:
    return container_step(
        name=name,
        description=description,
        image=IMAGE,
        command=(name,),
        tags=tags,
        inputs=[StepInput(name=key, description=f"The {key}.", **value) for key, value in inputs.items()],
        outputs=[StepOutput(name=key, description=f"The {key}.", type=value) for key, value in outputs.items()],
    )


CATALOGUE: dict[str, CatalogueStep] = {
    step.name: step
    for step in (
        _step("load-table", "Reads a table of the warehouse.", {"table": {}}, {"data": "artifact", "rows": "int"}),
        _step(
            "train-model",
            "Trains a classifier on a table.",
            {
                "data": {"type": "artifact"},
                "rate": {"type": "float", "default": 0.1},
                "kind": {"choices": ("forest", "linear"), "default": "forest"},
                "workers": {"type": "int", "default": 1, "constant": True},
            },
            {"model": "artifact", "accuracy": "float"},
            ("training", "fit"),
        ),
        _step("evaluate-model", "Measures a model.", {"model": {"type": "artifact"}}, {"accuracy": "float"}),
        _step("publish-model", "Hands a model to its users.", {"model": {"type": "artifact"}}, {}, ("deploy",)),
        _step("send-mail", "Tells somebody by mail.", {"to": {}, "text": {"default": ""}}, {}, ("notify",)),
        _step("list-tables", "Lists the tables of the warehouse.", {}, {"tables": "list"}),
    )
}

CHURN: dict[str, Any] = {
    "name": "churn",
    "inputs": [{"name": "table", "value": "usage"}],
    "steps": [
        {"name": "load", "use": "load-table", "inputs": [{"name": "table", "from": "inputs.table"}]},
        {
            "name": "train",
            "use": "train-model",
            "inputs": [{"name": "data", "from": "load.data"}, {"name": "rate", "value": 0.3}],
            "retries": 2,
        },
        {"name": "check", "use": "evaluate-model", "inputs": [{"name": "model", "from": "train.model"}]},
        {
            "name": "publish",
            "use": "publish-model",
            "inputs": [{"name": "model", "from": "train.model"}],
            "when": {"left": "check.accuracy", "op": ">", "right": 0.9},
        },
    ],
}


def form(document: dict[str, Any]) -> Form:
    return msgspec.convert(document, Form)
