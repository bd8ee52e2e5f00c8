"""What a lake keeps of real workflows can be read again, and put together again."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from couler_plugins.driver.conversion import to_portable_plan
from couler_plugins.driver.session import lift_inputs, session
from couler_plugins.errors import CoulerError
from couler_plugins.generation.composition import compose
from couler_plugins.generation.lake import Item
from couler_plugins.generation.lifting import kept
from couler_plugins.inputs.sources import read_source
from couler_plugins.ir import verify
from couler_plugins.options.config import load_config
from support import at_least, corpus_paths

FLOORS = [
    ("argo", at_least(30, 230), at_least(5, 45)),
    ("kfp", at_least(10, 50), at_least(5, 20)),
    ("tekton", at_least(6, 56), at_least(5, 45)),
]


@pytest.mark.parametrize(("engine", "workflows", "shapes"), FLOORS)
def test_shapes_are_put_together_again(engine: str, workflows: int, shapes: int) -> None:
    work = session(load_config(), engine=engine)
    adapter = work.plugins.adapter(engine)
    items: list[Item] = []
    for path in corpus_paths(engine):
        try:
            plan = lift_inputs(read_source(path, 10**8), work, lambda *_: None)
        except CoulerError:
            continue
        for workflow in plan.workflows:
            try:
                items += map(kept, to_portable_plan(replace(plan, workflows=(workflow,)), adapter, adapter).workflows)
            except CoulerError:
                continue
    assert len(items) >= workflows
    assert sum(item.shape is not None for item in items) >= shapes
    for item in items:
        assert msgspec.json.decode(msgspec.json.encode(item), type=Item) == item
        own = {step.name: step for step in item.steps}
        assert len(own) == len(item.steps)
        if item.shape is not None:
            assert verify(compose(item.shape, own)) == []
